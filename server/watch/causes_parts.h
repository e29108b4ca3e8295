/*
 * What a turn of the causes is made of, for its own files. The notifier's thread.
 */
#ifndef SERVER_WATCH_CAUSES_PARTS_H
#define SERVER_WATCH_CAUSES_PARTS_H

#include "server/watch/causes.h"
#include "server/watch/events.h"

struct turn {
	const struct causes_options *options;
	struct index *index;
	int64_t now_ms;
	struct changes changes;
	struct known_event **known; /* those that were looked at */
	size_t n_known;
	struct events events;
};

/* --- causes.c --- */

/* Something may come under it still. */
bool causes_is_open(const struct turn *turn, const struct cause_row *cause);
/* How the places of the host or the site of this change stand. */
bool causes_read_states(struct turn *turn, const struct change *of, enum reach reach, struct site_states *ret,
        struct err *err) MUST_CHECK;
size_t causes_count_sites(const struct group *group);

/* --- causes_group.c --- */

/* The events of changes of one kind and host (and way of changing), by site: those of open causes grow, of the others there are new ones. */
bool causes_tell_group(struct turn *turn, const struct group *group, struct err *err) MUST_CHECK;

#endif
