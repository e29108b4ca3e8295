/*
 * The table of events: what was done, by whom, from where, and how it ended. It only grows at its end; the
 * oldest make room.
 */
#ifndef STORAGE_INDEX_EVENT_ROWS_H
#define STORAGE_INDEX_EVENT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/index/index.h"

#define EVENT_ROWS_MAX 100000 /* kept */
#define EVENT_TEXT_MAX 512    /* bytes of each text; longer is cut */

struct event_row {
	int64_t id, at_ms;   /* since 1970 */
	const char *kind;    /* "upload", "remove", "token add" … */
	const char *subject; /* a digest, a name */
	const char *who, *came_from, *result, *detail;
};

/* Copies it; id and at_ms are set by the index. Returns at once; written later with others. Any thread. */
void event_row_add(struct index *index, const struct event_row *event);
/* The events behind this id, oldest first, at most max. The texts are borrowed for the call. */
typedef void event_row_visit_fn(void *context, const struct event_row *event);
bool event_rows_after(struct index *index, int64_t id, size_t max, event_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;

#endif
