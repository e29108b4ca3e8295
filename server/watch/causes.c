/*
 * A turn of the causes: reads the news, groups what has settled, finds or opens the cause of each, and has all of it written at once. The
 * watch's thread. Must never drop news that no event tells.
 */
#include "server/watch/causes.h"

#include <string.h>

#include "server/watch/causes_parts.h"
#include "storage/base/log.h"

static size_t
count_sites(const struct group *group)
{
	size_t sites = 0;

	for (size_t i = 0; i < group->count; i++)
		sites += i == 0 || strcmp(group->items[i]->site, group->items[i - 1]->site) != 0;
	return sites;
}

static bool
is_one_archive(const struct group *group)
{
	for (size_t i = 1; i < group->count; i++)
		if (strcmp(group->items[i]->archive, group->items[0]->archive) != 0)
			return false;
	return true;
}

/* --- what is new --- */

/* A new event of these, with a cause for each of what they reach. */
static bool
tell_new(struct turn *turn, const struct group *group, enum reach reach, enum event_scope scope,
        struct err *err)
{
	struct bundle bundle = {.scope = scope};
	struct cause_row row = {0};
	bool told;

	for (size_t i = 0; i < group->count; i++)
		bundle_add(&bundle, group->items[i], reach, &row);
	told = bundle_tell(turn, &bundle, err);
	bundle_finish(&bundle);
	return told;
}

/* What was packed anew was so by the host, whoever's it is; other files in a single archive are its author's doing. */
static bool
tell_changed(struct turn *turn, const struct group *group, struct err *err)
{
	bool authors = strcmp(group->items[0]->drift_kind, "content") == 0 && is_one_archive(group);

	return tell_new(
	        turn, group, authors ? REACH_ARCHIVE : REACH_HOST, authors ? SCOPE_SITE : SCOPE_HOST, err);
}

/* Something else there was seen to serve since this one does not: it alone is concerned. */
static bool
tell_site(struct turn *turn, const struct group *group, struct err *err)
{
	const struct change *first = group->items[0];
	enum reach reach = REACH_SITE;
	struct site_states states;

	if (!causes_read_states(turn, first, REACH_SITE, &states, err))
		return false;
	if (first->kind != CAUSE_BACK && first->since_ms != 0 && states.served_at_ms >= first->since_ms &&
	        is_one_archive(group))
		reach = REACH_ARCHIVE;
	return tell_new(turn, group, reach, SCOPE_SITE, err);
}

static bool
tell_sites(struct turn *turn, const struct group *group, struct err *err)
{
	for (size_t i = 0, next; i < group->count; i = next) {
		struct group part = {.items = &group->items[i]};

		for (next = i; next < group->count; next++)
			if (strcmp(group->items[next]->site, group->items[i]->site) != 0)
				break;
		part.count = next - i;
		if (!tell_site(turn, &part, err))
			return false;
	}
	return true;
}

/* All that is known of the host went this way, and enough of it is known. */
static bool
is_whole_host(const struct site_states *states)
{
	uint64_t asked = states->all - states->untried;

	return asked > 0 && states->alike == asked && asked * CAUSES_ASKED_MIN >= states->all;
}

static bool
tell_rest(struct turn *turn, const struct group *group, struct err *err)
{
	struct site_states states;
	size_t sites = count_sites(group);

	if (group->items[0]->kind == CAUSE_CHANGED)
		return tell_changed(turn, group, err);
	if (sites < 2)
		return tell_site(turn, group, err);
	if (!causes_read_states(turn, group->items[0], REACH_HOST, &states, err))
		return false;
	if (is_whole_host(&states))
		return tell_new(turn, group, REACH_HOST, SCOPE_HOST, err);
	if (sites > CAUSES_SITES_MAX)
		return tell_new(turn, group, REACH_SITE, SCOPE_HOST, err);
	return tell_sites(turn, group, err);
}

/* --- a group --- */

/* Those that join events, each event's together; and those that do not. */
struct sorted {
	struct bundle *bundles;
	size_t n_bundles;
	struct group rest;
};

static bool
join(struct turn *turn, struct sorted *sorted, struct change *change, const struct fate *fate,
        struct err *err)
{
	struct bundle *bundle = NULL;
	struct known_event *event;

	for (size_t i = 0; i < sorted->n_bundles && bundle == NULL; i++)
		if (sorted->bundles[i].before->id == fate->cause.event)
			bundle = &sorted->bundles[i];
	if (bundle == NULL) {
		if (!causes_find_event(turn, fate->cause.event, &event, err))
			return false;
		sorted->bundles =
		        xrealloc(sorted->bundles, (sorted->n_bundles + 1) * sizeof *sorted->bundles);
		bundle = &sorted->bundles[sorted->n_bundles++];
		*bundle = (struct bundle){
		        .before = event, .scope = fate->reach == REACH_HOST ? SCOPE_HOST : SCOPE_SITE};
	}
	bundle_add(bundle, change, fate->reach, &fate->cause);
	return true;
}

static bool
sort_group(struct turn *turn, const struct group *group, struct sorted *ret, struct err *err)
{
	for (size_t i = 0; i < group->count; i++) {
		struct change *change = group->items[i];
		struct fate fate;

		if (!change_judge(turn->options->store, change, err))
			return false;
		if (!causes_find_fate(turn, change, &fate, err))
			return false;
		if (fate.of == FATE_JOINS && !join(turn, ret, change, &fate, err))
			return false;
		if (fate.of == FATE_NEW)
			group_add(&ret->rest, change);
	}
	return true;
}

static bool
tell_group(struct turn *turn, const struct group *group, struct err *err)
{
	struct sorted sorted = {0};
	bool told = sort_group(turn, group, &sorted, err);

	for (size_t i = 0; told && i < sorted.n_bundles; i++)
		told = bundle_tell(turn, &sorted.bundles[i], err);
	if (told && sorted.rest.count > 0)
		told = tell_rest(turn, &sorted.rest, err);
	for (size_t i = 0; i < sorted.n_bundles; i++)
		bundle_finish(&sorted.bundles[i]);
	free(sorted.bundles);
	free(sorted.rest.items);
	return told;
}

/* --- the turn --- */

static bool
same_host(const struct change *a, const struct change *b)
{
	return a->host_length == b->host_length && strncmp(a->site, b->site, a->host_length) == 0;
}

/* By kind, way of changing and site (which begins with the host), and in the order of their news. */
static int
compare_changes(const void *a, const void *b)
{
	const struct change *left = *(struct change *const *)a, *right = *(struct change *const *)b;
	int order = strcmp(left->drift_kind, right->drift_kind);

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (order == 0)
		order = strcmp(left->site, right->site);
	if (order != 0)
		return order;
	return (left->first_id > right->first_id) - (left->first_id < right->first_id);
}

static bool
same_group(const struct change *a, const struct change *b)
{
	return a->kind == b->kind && strcmp(a->drift_kind, b->drift_kind) == 0 && same_host(a, b);
}

/* What changed and was not compared in all that time is told as it is. */
static bool
is_compared(const struct turn *turn, struct change *change)
{
	if (change->kind != CAUSE_CHANGED || *change->drift_kind != '\0')
		return true;
	if (!causes_is_over(change->first_at_ms, CAUSES_WAIT_MS, turn->now_ms))
		return false;
	change->drift_kind = "unknown";
	return true;
}

/* Those that may be told as soon as their cause is quiet, in the order of groups. */
static bool
choose_ready(struct turn *turn, struct group *ret, struct err *err)
{
	for (size_t i = 0; i < turn->changes.count; i++) {
		struct change *change = &turn->changes.items[i];
		bool waits;

		if (change->was == change->is || !is_compared(turn, change))
			continue;
		if (!causes_waits(turn, change, &waits, err))
			return false;
		if (!waits)
			group_add(ret, change);
	}
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof *ret->items, compare_changes);
	return true;
}

/* More of it may be about to be judged so: what is of the same site, or of the host where several of its sites went. */
static bool
is_more_suspected(struct turn *turn, const struct group *group, bool *ret, struct err *err)
{
	const enum reach reach = count_sites(group) > 1 ? REACH_HOST : REACH_SITE;
	struct site_states states;

	*ret = false;
	if (group->items[0]->kind != CAUSE_VANISHED)
		return true;
	if (!causes_read_states(turn, group->items[0], reach, &states, err))
		return false;
	*ret = states.suspected > 0;
	return true;
}

static bool
has_settled(struct turn *turn, const struct group *group, bool *ret, struct err *err)
{
	int64_t first_ms = INT64_MAX, last_ms = INT64_MIN;
	bool more;

	for (size_t i = 0; i < group->count; i++) {
		const struct change *change = group->items[i];

		first_ms = change->first_at_ms < first_ms ? change->first_at_ms : first_ms;
		last_ms = change->last_at_ms > last_ms ? change->last_at_ms : last_ms;
	}
	*ret = causes_is_over(first_ms, CAUSES_WAIT_MS, turn->now_ms);
	if (*ret || !causes_is_over(last_ms, CAUSES_QUIET_MS, turn->now_ms))
		return true;
	if (!is_more_suspected(turn, group, &more, err))
		return false;
	*ret = !more;
	return true;
}

static bool
tell_groups(struct turn *turn, const struct group *ready, struct err *err)
{
	for (size_t i = 0, next; i < ready->count; i = next) {
		struct group group = {.items = &ready->items[i]};
		bool settled;

		for (next = i; next < ready->count; next++)
			if (!same_group(ready->items[next], ready->items[i]))
				break;
		group.count = next - i;
		if (!has_settled(turn, &group, &settled, err))
			return false;
		if (settled && !tell_group(turn, &group, err))
			return false;
	}
	return true;
}

static bool
came_to_nothing(const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		if (changes->items[i].was == changes->items[i].is)
			return true;
	return false;
}

static bool
take_turn(struct turn *turn, struct err *err)
{
	struct telling_plan plan = {.tellings = &turn->tellings,
	        .changes = &turn->changes,
	        .now_ms = turn->now_ms,
	        .forget_before_ms = turn->now_ms - CAUSES_OPEN_MS};
	struct group ready = {0};
	bool done;

	if (!changes_read(turn->index, &turn->changes, err))
		return false;
	done = choose_ready(turn, &ready, err) && tell_groups(turn, &ready, err);
	if (done && (turn->tellings.count > 0 || came_to_nothing(&turn->changes)))
		done = tellings_write(turn->index, &plan, err);
	free(ready.items);
	return done;
}

static void
log_event(const struct event_row *event)
{
	switch (event->level) {
	case EVENT_AUDIT:
	case EVENT_INFO:
		log_info("event %lld: %s", (long long)event->id, event->detail);
		break;
	case EVENT_WARNING:
		log_warning("event %lld: %s", (long long)event->id, event->detail);
		break;
	case EVENT_URGENT:
		log_error("event %lld: %s", (long long)event->id, event->detail);
		break;
	}
}

/* What grew says nothing; how many are new. */
static size_t
speak(const struct turn *turn)
{
	size_t told = 0;

	for (size_t i = 0; i < turn->tellings.count; i++) {
		const struct telling *telling = &turn->tellings.items[i];

		if (telling->news == TELLING_MORE)
			continue;
		log_event(&telling->event);
		metrics_event(turn->options->metrics, telling->changes[0]->kind, telling->event.level);
		told++;
	}
	return told;
}

static void
finish_turn(struct turn *turn)
{
	tellings_finish(&turn->tellings);
	for (size_t i = 0; i < turn->n_known; i++) {
		json_decref(turn->known[i]->data);
		free(turn->known[i]);
	}
	free(turn->known);
	changes_finish(&turn->changes);
}

bool
causes_turn(const struct causes_options *options, int64_t now_ms, size_t *ret_told, struct err *err)
{
	struct turn turn = {.options = options, .index = store_index(options->store), .now_ms = now_ms};
	bool done = take_turn(&turn, err);

	if (done)
		*ret_told = speak(&turn);
	finish_turn(&turn);
	return done;
}
