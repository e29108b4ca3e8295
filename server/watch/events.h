/*
 * Telling: events, the causes they are of, and the news they tell, written together: in one transaction, so that no news is told twice
 * or never, whatever ends the process when.
 */
#ifndef SERVER_WATCH_EVENTS_H
#define SERVER_WATCH_EVENTS_H

#include "server/watch/changes.h"
#include "storage/index/cause_rows.h"

/* One event, new or grown; its texts are its own. */
struct telling {
	enum { TELLING_NEW, TELLING_MORE } news; /* MORE: the event is there and grows */
	struct event_row event;
	struct cause_row *causes; /* that it is of; the texts, but for kind, are their own */
	size_t n_causes;
	struct change **changes; /* what it tells; borrowed */
	size_t n_changes;
};

struct tellings {
	struct telling *items;
	size_t count, capacity;
};
struct telling *tellings_add(struct tellings *tellings);
void tellings_finish(struct tellings *tellings);

/*
 * Writes all of them; drops what they tell, and the changes that came to nothing. Causes that nothing came under since forget_before_ms
 * are forgotten. Blocks. On success the new events have their ids.
 */
struct telling_plan {
	struct tellings *tellings;
	const struct changes *changes;
	int64_t now_ms, forget_before_ms;
};
bool tellings_write(struct index *index, const struct telling_plan *plan, struct err *err) MUST_CHECK;

#endif
