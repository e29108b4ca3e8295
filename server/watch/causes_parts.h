/*
 * What a turn of the causes is made of, for its own files.
 */
#ifndef SERVER_WATCH_CAUSES_PARTS_H
#define SERVER_WATCH_CAUSES_PARTS_H

#include "server/watch/event_data.h"
#include "server/watch/causes.h"
#include "server/watch/events.h"
#include "storage/index/cause_rows.h"

/* An event of the index that news may join. */
struct known_event {
	int64_t id;
	bool there; /* it was not forgotten yet */
	enum event_level level;
	json_t *data;
};

struct turn {
	const struct causes_options *options;
	struct index *index;
	int64_t now_ms;
	struct changes changes;
	struct known_event **known; /* those that were looked at */
	size_t n_known;
	struct tellings tellings;
};

/* Changes of one kind and host (and way of changing), by site and in the order of their news. */
struct group {
	struct change **items;
	size_t count;
};
void group_add(struct group *group, struct change *change);

/* A clock that was set back by more than the span is no reason to wait. */
bool causes_is_over(int64_t since_ms, int64_t span_ms, int64_t now_ms);

bool causes_find_event(struct turn *turn, int64_t id, struct known_event **ret, struct err *err) MUST_CHECK;
/* How the places of the host or the site of this change stand. */
bool causes_read_states(struct turn *turn, const struct change *of, enum reach reach, struct site_states *ret,
        struct err *err) MUST_CHECK;

/*
 * Whether a change is not told yet, since people were told the same of this archive a short while ago, and the contrary in between.
 */
bool causes_waits(struct turn *turn, struct change *change, bool *ret, struct err *err) MUST_CHECK;

/* What is to become of a change. */
struct fate {
	enum { FATE_NEW, FATE_JOINS } of;
	struct cause_row cause; /* JOINS: that of the event; its texts are missing */
	enum reach reach;
};
bool causes_find_fate(
        struct turn *turn, const struct change *change, struct fate *ret, struct err *err) MUST_CHECK;

/* One event to be. */
struct bundle {
	struct group group;
	const struct known_event *before; /* that it joins; NULL: it is new */
	struct cause_row *causes;
	size_t n_causes;
	enum event_scope scope; /* where there are several archives */
};
/* A change and the cause that it comes under; row: as it is known. */
void bundle_add(struct bundle *bundle, struct change *change, enum reach reach, const struct cause_row *row);
void bundle_finish(struct bundle *bundle);
/* Adds it to what the turn tells; takes what the bundle holds. */
bool bundle_tell(struct turn *turn, struct bundle *bundle, struct err *err) MUST_CHECK;

#endif
