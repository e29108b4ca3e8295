/*
 * Events that a turn of the causes makes: new ones, and those that grow. They are written together with the causes they are of and
 * without the news they tell, in one transaction, so that no news is told twice or never, whatever ends the process when.
 */
#ifndef SERVER_WATCH_EVENTS_H
#define SERVER_WATCH_EVENTS_H

#include "server/watch/changes.h"
#include "server/watch/event_data.h"
#include "storage/index/cause_rows.h"

/* An event of the index. */
struct known_event {
	int64_t id;
	bool there; /* it was not forgotten yet */
	enum event_level level;
	json_t *data;
};

struct event {
	const struct known_event *before; /* it grows; NULL: it is new */
	enum event_scope scope;           /* where it tells of several archives */
	struct group group;               /* the changes it tells */
	struct cause_row *causes;         /* that it is of; the texts, but for kind, are their own */
	size_t n_causes;
	bool grows;           /* it was told of, and there is more to say now */
	struct event_row row; /* subject, detail and data are its own */
};

struct events {
	struct event *items;
	size_t count, capacity;
};
/* Valid until the next one is added. */
struct event *events_add(struct events *events, const struct known_event *before, enum event_scope scope);
void events_finish(struct events *events);

/* One more change, and the cause it comes under; row: as that is known. */
void event_add(struct event *event, struct change *change, enum reach reach, const struct cause_row *row);
/* Its row, of all that was added; it is new after all where it became graver. whole: all that is known of the place went this way. */
void event_complete(struct event *event, const struct event_place *place, int64_t now_ms);

#define EVENTS_MORE_MS (24 * 3600000ll) /* receivers are told again of one that grows, once in this time */

/*
 * Writes all of them, and gives receivers more of those that grew before; drops the news they tell, and the changes that came to nothing. Causes that nothing came under since
 * forget_before_ms are forgotten. Blocks. On success the new events have their ids.
 */
struct events_plan {
	struct events *events;
	const struct changes *changes;
	int64_t now_ms, forget_before_ms;
};
bool events_write(struct index *index, const struct events_plan *plan, struct err *err) MUST_CHECK;

#endif
