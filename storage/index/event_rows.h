/*
 * The table of events: what was done, by whom, from where, and how it ended; and what larder noticed by itself. It only
 * grows at its end; the oldest make room.
 */
#ifndef STORAGE_INDEX_EVENT_ROWS_H
#define STORAGE_INDEX_EVENT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/index/index.h"

#define EVENT_ROWS_MAX 100000 /* kept */
#define EVENT_TEXT_MAX 512    /* bytes of each text; longer is cut */
#define EVENT_DETAIL_MAX                                                                                     \
	4096 /* bytes of the detail of what was noticed, which says what differs of several archives */
#define EVENT_DATA_MAX (256u << 10) /* bytes of the data; an event with more has none */

/* What was done by somebody; what larder noticed, and how much it matters. */
enum event_level { EVENT_AUDIT, EVENT_INFO, EVENT_WARNING, EVENT_URGENT };
#define EVENT_LEVELS 4
const char *event_level_name(enum event_level level); /* "audit", "info", "warning", "urgent" */
/* False: it is no name of a level. */
bool event_level_find(const char *name, enum event_level *ret);

struct event_row {
	int64_t id, at_ms; /* since 1970 */
	enum event_level level;
	const char *kind;    /* "upload", "remove", "token add", "vanished" … */
	const char *subject; /* a digest, a name, a site */
	const char *who, *came_from, *result, *detail;
	const char *data; /* JSON; NULL or "": none */
	/* set by the index; 0 of what people did */
	int64_t changed_at_ms; /* when it grew last; at_ms: it did not */
	int64_t revision;      /* the order in which events came and grew */
	int64_t telling;       /* the order in which receivers are told of them */
};

/* Copies it; id and at_ms are set by the index. Returns at once; written later with others. Any thread. */
void event_row_add(struct index *index, const struct event_row *event);
/* In a chore: the same, with the time it says. */
bool event_row_insert(
        struct writing *writing, const struct event_row *event, int64_t *ret_id, struct err *err) MUST_CHECK;
/*
 * In a chore: an event grew, at event->at_ms; its new subject, detail and data. Receivers are told by event_rows_tell. False with
 * ERR_UNKNOWN: it is not there any more.
 */
bool event_row_tell_more(struct writing *writing, const struct event_row *event, struct err *err) MUST_CHECK;

/*
 * Events that grew, and of which receivers were told every_ms ago or longer, are theirs to be told again. In a chore: makes them so, at
 * most EVENT_ROWS_TELL_MAX of them.
 */
#define EVENT_ROWS_TELL_MAX 64
struct event_telling {
	int64_t now_ms, every_ms;
};
bool event_rows_behind(
        struct index *index, const struct event_telling *telling, bool *ret, struct err *err) MUST_CHECK;
bool event_rows_tell(
        struct writing *writing, const struct event_telling *telling, struct err *err) MUST_CHECK;

/* Which of them: all; what people did; what larder noticed, of this level and graver ones. */
enum event_choice { EVENTS_ALL, EVENTS_AUDIT, EVENTS_INFO, EVENTS_WARNING, EVENTS_URGENT };
struct event_page {
	int64_t after; /* the id before the first */
	size_t max;
	enum event_choice choice;
};
/* Oldest first. The texts are borrowed for the call. */
typedef void event_row_visit_fn(void *context, const struct event_row *event);
bool event_rows_page(struct index *index, const struct event_page *page, event_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;
/* The events behind this id, all kinds of them. */
bool event_rows_after(struct index *index, int64_t id, size_t max, event_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;
/* Visited where it is there still. */
bool event_row_find(struct index *index, int64_t id, event_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;

/* The greatest revision: other than before when anything was noticed, or grew; 0: there is none. */
bool event_rows_revision(struct index *index, int64_t *ret, struct err *err) MUST_CHECK;
/* The last telling that was given; 0: none. */
bool event_rows_told(struct index *index, int64_t *ret, struct err *err) MUST_CHECK;
/* The event that a receiver is told next, of this level or graver, behind this telling; visited where there is one. */
bool event_row_to_tell(struct index *index, int64_t telling, enum event_level level,
        event_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/* The newest that larder noticed, newest first, at most max. */
bool event_rows_last(struct index *index, size_t max, event_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;

#endif
