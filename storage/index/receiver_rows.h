/*
 * The rows of receivers: how far each was told of events. Questions on the caller's thread, changes through the index writer.
 */
#ifndef STORAGE_INDEX_RECEIVER_ROWS_H
#define STORAGE_INDEX_RECEIVER_ROWS_H

#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

struct receiver_row {
	int64_t told;             /* the telling (event_rows.h) of the last event delivered or given up */
	int64_t failing_since_ms; /* when the one behind it was tried in vain first, since 1970; 0: it was not */
};

/* ROW_NONE: it is new. */
enum row_answer receiver_row_find(
        struct index *index, const char *name, struct receiver_row *ret, struct err *err) MUST_CHECK;
/* Durable when it returns. Blocks. */
bool receiver_row_set(
        struct index *index, const char *name, const struct receiver_row *row, struct err *err) MUST_CHECK;
/*
 * Forgets all but these: whoever is configured again is new then. Durable when it returns. Blocks. Where there is nothing to forget,
 * nothing is written: a daemon that starts on a full disk must not fail of it.
 */
bool receiver_rows_keep(
        struct index *index, const char *const *names, size_t count, struct err *err) MUST_CHECK;

#endif
