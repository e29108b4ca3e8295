/*
 * A turn of the causes: reads the news, groups what has settled, finds or opens the cause of each, and has all of it written at once. The
 * notifier's thread. Must never drop news that no event tells.
 */
#include "server/watch/causes.h"

#include <string.h>

#include "server/watch/causes_parts.h"
#include "storage/base/log.h"
#include "storage/drift/drift.h"

/* --- what the index says --- */

/* A clock that was set back by more than the span is no reason to wait. */
static bool
is_over(int64_t since_ms, int64_t span_ms, int64_t now_ms)
{
	return now_ms - since_ms >= span_ms || since_ms - now_ms >= span_ms;
}

bool
causes_is_open(const struct turn *turn, const struct cause_row *cause)
{
	return cause->last_at_ms != 0 && !is_over(cause->last_at_ms, CAUSES_OPEN_MS, turn->now_ms);
}

bool
causes_read_states(struct turn *turn, const struct change *of, enum reach reach, struct site_states *ret,
        struct err *err)
{
	AUTO_FREE char *place = change_place(of, reach);
	AUTO_TEXT first = TEXT_EMPTY, last = TEXT_EMPTY;
	struct site_range range = {.state = of->is};

	/* Every site has a slash behind its host; '0' is the character that follows it. */
	text_addf(&first, "%s%s", place, reach == REACH_HOST ? "/" : "");
	text_addf(&last, "%s%s", place, reach == REACH_HOST ? "0" : "");
	range.first = text_string(&first);
	range.last = text_string(&last);
	return site_rows_states(turn->index, &range, ret, err);
}

/* --- which changes may be told --- */

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

/* What changed and was not compared in all that time is told as it is. */
static bool
is_compared(const struct turn *turn, struct change *change)
{
	if (change->kind != CAUSE_CHANGED || *change->drift_kind != '\0')
		return true;
	if (!is_over(change->first_at_ms, CAUSES_WAIT_MS, turn->now_ms))
		return false;
	change->drift_kind = drift_kind_name(DRIFT_UNKNOWN);
	return true;
}

/* Not told yet, since people were told the same of this archive a short while ago, and the contrary in between. */
static bool
waits_for_its_week(struct turn *turn, struct change *change, bool *ret, struct err *err)
{
	AUTO_FREE char *what = change_what(change, REACH_ARCHIVE);
	struct cause_row cause;

	*ret = false;
	switch (cause_row_find(turn->index, what, &cause, err)) {
	case ROW_NONE:
		return true;
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		break;
	}
	if (causes_is_open(turn, &cause) || is_over(cause.told_at_ms, CAUSES_AGAIN_MS, turn->now_ms))
		return true;
	if (!change_judge(turn->options->store, turn->options->config, change, err))
		return false;
	*ret = change->level <= cause.level;
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
		if (!waits_for_its_week(turn, change, &waits, err))
			return false;
		if (!waits)
			group_add(ret, change);
	}
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof *ret->items, compare_changes);
	return true;
}

/* --- which groups of them are told now --- */

static bool
same_host(const struct change *a, const struct change *b)
{
	return a->host_length == b->host_length && strncmp(a->site, b->site, a->host_length) == 0;
}

static bool
same_group(const struct change *a, const struct change *b)
{
	return a->kind == b->kind && strcmp(a->drift_kind, b->drift_kind) == 0 && same_host(a, b);
}

size_t
causes_count_sites(const struct group *group)
{
	size_t sites = 0;

	for (size_t i = 0; i < group->count; i++)
		sites += i == 0 || strcmp(group->items[i]->site, group->items[i - 1]->site) != 0;
	return sites;
}

/* More of it may be about to be judged so: what is of the same site, or of the host where several of its sites went. */
static bool
is_more_suspected(struct turn *turn, const struct group *group, bool *ret, struct err *err)
{
	const enum reach reach = causes_count_sites(group) > 1 ? REACH_HOST : REACH_SITE;
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
	*ret = is_over(first_ms, CAUSES_WAIT_MS, turn->now_ms);
	if (*ret || !is_over(last_ms, CAUSES_QUIET_MS, turn->now_ms))
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
		if (settled && !causes_tell_group(turn, &group, err))
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

/* Whether there is anything to write. */
static bool
is_to_write(const struct turn *turn, bool *ret, struct err *err)
{
	const struct event_telling more = {.now_ms = turn->now_ms, .every_ms = EVENTS_MORE_MS};

	*ret = true;
	return turn->events.count > 0 || came_to_nothing(&turn->changes) ||
	       event_rows_behind(turn->index, &more, ret, err);
}

static bool
take_turn(struct turn *turn, struct err *err)
{
	struct events_plan plan = {.events = &turn->events,
	        .changes = &turn->changes,
	        .now_ms = turn->now_ms,
	        .forget_before_ms = turn->now_ms - CAUSES_OPEN_MS};
	struct group ready = {0};
	bool done, some;

	if (!changes_read(turn->index, &turn->changes, err))
		return false;
	done = choose_ready(turn, &ready, err) && tell_groups(turn, &ready, err) &&
	       is_to_write(turn, &some, err) && (!some || events_write(turn->index, &plan, err));
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

/* The log says nothing of what grew; how many are new. */
static size_t
speak(const struct turn *turn)
{
	size_t told = 0;

	for (size_t i = 0; i < turn->events.count; i++) {
		const struct event *event = &turn->events.items[i];

		if (event->grows)
			metrics_event_grew(
			        turn->options->metrics, event->group.items[0]->kind, event->row.level);
		if (event->before != NULL)
			continue;
		log_event(&event->row);
		metrics_event(turn->options->metrics, event->group.items[0]->kind, event->row.level);
		told++;
	}
	return told;
}

static void
finish_turn(struct turn *turn)
{
	events_finish(&turn->events);
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
