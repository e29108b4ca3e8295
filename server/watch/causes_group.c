/*
 * What becomes of a group of changes that is to be told: those that come under an open cause join its event, and of the rest there are new
 * ones, of the host, of a site or of the single archive. The notifier's thread; reads the index only. Must never leave a change out.
 */
#include <string.h>

#include "server/watch/causes_parts.h"
#include "server/jobs/json.h"
#include "storage/drift/drift.h"

/* --- what an event is made of --- */

/* An event of a host stays that; one of a site, or of a single archive, becomes what its cause is. */
static enum event_scope
scope_of(const struct event *event)
{
	const char *scope = event->before != NULL ? json_text_of(event->before->data, "scope") : "";

	return strcmp(scope, "host") == 0 ? SCOPE_HOST : event->scope;
}

static bool
complete(struct turn *turn, struct event *event, struct err *err)
{
	struct event_place place = {.scope = scope_of(event)};
	enum reach reach = place.scope == SCOPE_HOST ? REACH_HOST : REACH_SITE;
	AUTO_FREE char *name = change_place(event->group.items[0], reach);
	struct site_states states;

	if (!causes_read_states(turn, event->group.items[0], reach, &states, err))
		return false;
	place.name = name;
	place.whole = states.all > 0 && states.alike == states.all;
	event_complete(event, &place, turn->now_ms);
	return true;
}

/* --- what is new --- */

static bool
is_one_archive(const struct group *group)
{
	for (size_t i = 1; i < group->count; i++)
		if (strcmp(group->items[i]->archive, group->items[0]->archive) != 0)
			return false;
	return true;
}

/* A new event of these, with a cause for each of what they reach. */
static bool
tell_new(struct turn *turn, const struct group *group, enum reach reach, enum event_scope scope,
        struct err *err)
{
	struct event *event = events_add(&turn->events, NULL, scope);
	const struct cause_row unknown = {0};

	for (size_t i = 0; i < group->count; i++)
		event_add(event, group->items[i], reach, &unknown);
	return complete(turn, event, err);
}

/* What was packed anew was so by the host, whoever's it is; other files in a single archive are its author's doing. */
static bool
tell_changed(struct turn *turn, const struct group *group, struct err *err)
{
	bool authors = drift_kind_find(group->items[0]->drift_kind) == DRIFT_CONTENT && is_one_archive(group);

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
	size_t sites = causes_count_sites(group);

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

/* --- what joins --- */

static void
keep_event(void *context, const struct event_row *event)
{
	struct known_event *ret = context;

	ret->there = true;
	ret->level = event->level;
	ret->data = json_loads(event->data, 0, NULL);
}

static bool
find_event(struct turn *turn, int64_t id, struct known_event **ret, struct err *err)
{
	struct known_event *event;

	for (size_t i = 0; i < turn->n_known; i++) {
		*ret = turn->known[i];
		if ((*ret)->id == id)
			return true;
	}
	event = xcalloc(1, sizeof *event);
	event->id = id;
	turn->known = xrealloc(turn->known, (turn->n_known + 1) * sizeof *turn->known);
	turn->known[turn->n_known++] = *ret = event;
	return event_row_find(turn->index, id, keep_event, event, err);
}

/* The open cause that a change comes under. */
struct fit {
	const struct known_event *event; /* of it; NULL: there is none */
	struct cause_row cause;          /* without its texts */
	enum reach reach;
};

static bool
find_fit(struct turn *turn, const struct change *change, struct fit *ret, struct err *err)
{
	*ret = (struct fit){0};
	for (int reach = REACH_HOST; reach <= REACH_ARCHIVE; reach++) {
		AUTO_FREE char *what = change_what(change, (enum reach)reach);
		struct known_event *event;
		struct cause_row cause;

		switch (cause_row_find(turn->index, what, &cause, err)) {
		case ROW_NONE:
			continue;
		case ROW_FAILED:
			return false;
		case ROW_FOUND:
			break;
		}
		if (!find_event(turn, cause.event, &event, err))
			return false;
		if (event->there && causes_is_open(turn, &cause)) {
			*ret = (struct fit){.event = event, .cause = cause, .reach = (enum reach)reach};
			return true;
		}
	}
	return true;
}

/* first: of the group's events. */
static void
join(struct events *events, size_t first, struct change *change, const struct fit *fit)
{
	struct event *event = NULL;

	for (size_t i = first; i < events->count && event == NULL; i++)
		if (events->items[i].before == fit->event)
			event = &events->items[i];
	if (event == NULL)
		event = events_add(events, fit->event, fit->reach == REACH_HOST ? SCOPE_HOST : SCOPE_SITE);
	event_add(event, change, fit->reach, &fit->cause);
}

static bool
join_what_fits(struct turn *turn, const struct group *group, struct group *ret_rest, struct err *err)
{
	const size_t first = turn->events.count;

	for (size_t i = 0; i < group->count; i++) {
		struct change *change = group->items[i];
		struct fit fit;

		if (!change_judge(turn->options->store, turn->options->config, change, err) ||
		        !find_fit(turn, change, &fit, err))
			return false;
		if (fit.event != NULL)
			join(&turn->events, first, change, &fit);
		else
			group_add(ret_rest, change);
	}
	for (size_t i = first; i < turn->events.count; i++)
		if (!complete(turn, &turn->events.items[i], err))
			return false;
	return true;
}

bool
causes_tell_group(struct turn *turn, const struct group *group, struct err *err)
{
	struct group rest = {0};
	bool told = join_what_fits(turn, group, &rest, err);

	if (told && rest.count > 0)
		told = tell_rest(turn, &rest, err);
	free(rest.items);
	return told;
}
