/*
 * From changes of one cause to an event: new, or one that grows. The notifier's thread. Must never ask anybody: what it says is what it
 * was given.
 */
#include <string.h>

#include "server/watch/event_text.h"
#include "server/watch/events.h"
#include "server/jobs/json.h"

struct event *
events_add(struct events *events, const struct known_event *before, enum event_scope scope)
{
	if (events->count == events->capacity) {
		events->capacity = events->capacity > 0 ? 2 * events->capacity : 8;
		events->items = xrealloc(events->items, events->capacity * sizeof *events->items);
	}
	events->items[events->count] = (struct event){.before = before, .scope = scope};
	return &events->items[events->count++];
}

static void
finish_event(struct event *event)
{
	free((char *)event->row.subject);
	free((char *)event->row.detail);
	free((char *)event->row.data);
	for (size_t i = 0; i < event->n_causes; i++) {
		free((char *)event->causes[i].what);
		free((char *)event->causes[i].site);
	}
	free(event->causes);
	free(event->group.items);
}

void
events_finish(struct events *events)
{
	for (size_t i = 0; i < events->count; i++)
		finish_event(&events->items[i]);
	free(events->items);
	*events = (struct events){0};
}

static bool
is_of_cause(const struct event *event, const char *what)
{
	for (size_t i = 0; i < event->n_causes; i++)
		if (strcmp(event->causes[i].what, what) == 0)
			return true;
	return false;
}

void
event_add(struct event *event, struct change *change, enum reach reach, const struct cause_row *row)
{
	char *what = change_what(change, reach);
	struct cause_row *cause;

	group_add(&event->group, change);
	if (is_of_cause(event, what)) {
		free(what);
		return;
	}
	event->causes = xrealloc(event->causes, (event->n_causes + 1) * sizeof *event->causes);
	cause = &event->causes[event->n_causes++];
	*cause = *row;
	cause->what = what;
	cause->kind = cause_kind_name(change->kind);
	cause->site = change_place(change, reach);
}

/* --- its row --- */

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
gather_data(const struct event *event, const struct event_place *place)
{
	AUTO_TEXT cause = TEXT_EMPTY;
	struct event_data *data;

	change_add_cause(event->group.items[0], &cause);
	data = event_data_create(text_string(&cause), event->before != NULL ? event->before->data : NULL);
	for (size_t i = 0; i < event->group.count; i++) {
		const struct change *change = event->group.items[i];

		event_data_add(data, &(struct event_archive){.package = change->package,
		                             .digests = &change->digests,
		                             .url = change->url,
		                             .stored = change->stored,
		                             .copies = change->copies,
		                             .hosts = change->hosts,
		                             .left = change->left,
		                             .drift = change->kind == CAUSE_CHANGED ? change->drift : NULL});
	}
	return event_data_finish(data, place);
}

void
event_complete(struct event *event, const struct event_place *place, int64_t now_ms)
{
	struct text subject = TEXT_EMPTY, detail = TEXT_EMPTY;
	const struct change *gravest;
	json_t *data;

	qsort(event->group.items, event->group.count, sizeof *event->group.items, compare_gravity);
	gravest = event->group.items[0];
	if (event->before != NULL && gravest->level > event->before->level)
		event->before = NULL;
	data = gather_data(event, place);
	event_text_subject(data, &subject);
	event_text_sentence(data, &detail);
	event->grows = event->before != NULL && !json_equal(event->before->data, data);
	event->row = (struct event_row){.id = event->before != NULL ? event->before->id : 0,
	        .at_ms = now_ms,
	        .level = gravest->level,
	        .kind = cause_kind_name(gravest->kind),
	        .subject = text_take(&subject),
	        .who = "larder",
	        .came_from = "",
	        .result = origin_state_name(gravest->is),
	        .detail = text_take(&detail),
	        .data = json_dumps(data, JSON_COMPACT)};
	json_decref(data);
}
