/*
 * From changes of one cause to an event: new, or one that grows. The watch's thread; reads the index only.
 */
#include "server/watch/causes_parts.h"

#include <string.h>

#include "server/work/json.h"

void
group_add(struct group *group, struct change *change)
{
	group->items = xrealloc(group->items, (group->count + 1) * sizeof *group->items);
	group->items[group->count++] = change;
}

void
bundle_finish(struct bundle *bundle)
{
	free(bundle->group.items);
	for (size_t i = 0; i < bundle->n_causes; i++) {
		free((char *)bundle->causes[i].what);
		free((char *)bundle->causes[i].site);
	}
	free(bundle->causes);
}

/* A cause is there once. */
static void
add_cause_row(
        struct bundle *bundle, const struct change *change, enum reach reach, const struct cause_row *row)
{
	char *what = change_what(change, reach);

	for (size_t i = bundle->n_causes; i > 0; i--) {
		if (strcmp(bundle->causes[i - 1].what, what) != 0)
			continue;
		free(what);
		return;
	}
	bundle->causes = xrealloc(bundle->causes, (bundle->n_causes + 1) * sizeof *bundle->causes);
	bundle->causes[bundle->n_causes] = *row;
	bundle->causes[bundle->n_causes].what = what;
	bundle->causes[bundle->n_causes].kind = cause_kind_name(change->kind);
	bundle->causes[bundle->n_causes++].site = change_place(change, reach);
}

void
bundle_add(struct bundle *bundle, struct change *change, enum reach reach, const struct cause_row *row)
{
	group_add(&bundle->group, change);
	add_cause_row(bundle, change, reach, row);
}

/* The gravest first, then in the order of their news. */
static int
compare_gravity(const void *a, const void *b)
{
	const struct change *left = *(struct change *const *)a, *right = *(struct change *const *)b;

	if (left->level != right->level)
		return left->level > right->level ? -1 : 1;
	return (left->first_id > right->first_id) - (left->first_id < right->first_id);
}

static json_t *
describe(const struct bundle *bundle, const json_t *before, const struct event_place *place)
{
	AUTO_TEXT cause = TEXT_EMPTY;
	struct event_data *data;

	change_add_cause(bundle->group.items[0], &cause);
	data = event_data_create(text_string(&cause), before);
	for (size_t i = 0; i < bundle->group.count; i++) {
		const struct change *change = bundle->group.items[i];
		struct event_archive archive = {.package = change->package,
		        .digests = &change->digests,
		        .url = change->url,
		        .stored = change->stored,
		        .copies = change->copies,
		        .drift = change->kind == CAUSE_CHANGED ? change->drift : NULL};

		event_data_add(data, &archive);
	}
	return event_data_finish(data, place);
}

/* An event that tells of several archives stays what it is; one of a single archive becomes what its cause is. */
static enum event_scope
scope_of(const struct bundle *bundle)
{
	const char *scope = bundle->before != NULL ? json_text_of(bundle->before->data, "scope") : "";

	if (strcmp(scope, "host") == 0)
		return SCOPE_HOST;
	return strcmp(scope, "site") == 0 ? SCOPE_SITE : bundle->scope;
}

static void
write_texts(struct telling *telling, const struct bundle *bundle, json_t *data)
{
	const struct change *first = bundle->group.items[0];
	struct text subject = TEXT_EMPTY, detail = TEXT_EMPTY;

	event_text_subject(data, &subject);
	event_text_sentence(data, &detail);
	telling->event.kind = cause_kind_name(first->kind);
	telling->event.who = "larder";
	telling->event.came_from = "";
	telling->event.result = origin_state_name(first->is);
	telling->event.subject = text_take(&subject);
	telling->event.detail = text_take(&detail);
	telling->event.data = json_dumps(data, JSON_COMPACT);
	json_decref(data);
}

bool
bundle_tell(struct turn *turn, struct bundle *bundle, struct err *err)
{
	struct group *group = &bundle->group;
	struct event_place place = {.scope = scope_of(bundle)};
	enum reach reach = place.scope == SCOPE_HOST ? REACH_HOST : REACH_SITE;
	AUTO_FREE char *name = change_place(group->items[0], reach);
	struct site_states states;
	struct telling *telling;
	enum event_level level;

	if (!causes_read_states(turn, group->items[0], reach, &states, err))
		return false;
	place.name = name;
	place.whole = states.all > 0 && states.alike == states.all;
	qsort(group->items, group->count, sizeof *group->items, compare_gravity);
	level = group->items[0]->level;
	if (bundle->before != NULL && level > bundle->before->level)
		bundle->before = NULL;
	telling = tellings_add(&turn->tellings);
	write_texts(telling, bundle,
	        describe(bundle, bundle->before != NULL ? bundle->before->data : NULL, &place));
	telling->news = bundle->before != NULL ? TELLING_MORE : TELLING_NEW;
	telling->event.id = bundle->before != NULL ? bundle->before->id : 0;
	telling->event.level = level;
	telling->event.at_ms = turn->now_ms;
	telling->causes = bundle->causes;
	telling->n_causes = bundle->n_causes;
	telling->changes = group->items;
	telling->n_changes = group->count;
	*bundle = (struct bundle){0};
	return true;
}
