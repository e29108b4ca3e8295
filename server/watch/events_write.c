/*
 * The transaction of a turn: a chore on the index writer's thread, for which the notifier's waits. Must never drop news that no event
 * tells.
 */
#include "server/watch/events.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/index/watch_rows.h"

struct events_chore {
	struct chore chore;
	const struct events_plan *plan;
	int64_t *ids; /* of the events */
};

static bool
drop_news(
        const struct changes *changes, const struct change *change, struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < change->n_news; i++)
		if (!news_row_drop(writing, changes->news[change->first_news + i], err))
			return false;
	return true;
}

/*
 * Causes under which people may have been told of this origin are over, since they are told now that it has gone another way: if it
 * goes the same way again, that is news.
 */
static bool
close_causes(const struct change *change, struct writing *writing, struct err *err)
{
	AUTO_FREE char *host = change_place(change, REACH_HOST);
	const char *kind = cause_kind_name(cause_kind_of(change->was));

	if (change->was == ORIGIN_IS_UNTRIED)
		return true;
	return cause_rows_close(writing, kind, host, err) &&
	       cause_rows_close(writing, kind, change->site, err);
}

static bool
alike(const struct change *a, const struct change *b)
{
	return a->was == b->was && strcmp(a->site, b->site) == 0;
}

static bool
write_changes(
        const struct events_plan *plan, const struct event *event, struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < event->group.count; i++) {
		const struct change *change = event->group.items[i];

		if (!drop_news(plan->changes, change, writing, err))
			return false;
		if (i > 0 && alike(change, event->group.items[i - 1]))
			continue;
		if (!close_causes(change, writing, err))
			return false;
	}
	return true;
}

static bool
write_event(const struct event *event, struct writing *writing, int64_t *ret_id, struct err *err)
{
	*ret_id = event->row.id;
	if (event->before != NULL)
		return !event->grows || event_row_tell_more(writing, &event->row, err);
	return event_row_insert(writing, &event->row, ret_id, err);
}

/* What an event grows by opens no cause again that is over by what is told beside it. */
static bool
write_causes(const struct events_plan *plan, const struct event *event, int64_t id, struct writing *writing,
        struct err *err)
{
	for (size_t i = 0; i < event->n_causes; i++) {
		struct cause_row cause = event->causes[i];
		bool written;

		cause.event = id;
		cause.level = event->row.level;
		cause.told_at_ms = cause.last_at_ms = plan->now_ms;
		if (event->before == NULL)
			written = cause_row_set(writing, &cause, err);
		else
			written = cause_row_grow(writing, cause.what, plan->now_ms, err);
		if (!written)
			return false;
	}
	return true;
}

static bool
drop_what_came_to_nothing(const struct events_plan *plan, struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < plan->changes->count; i++) {
		const struct change *change = &plan->changes->items[i];

		if (change->was == change->is && !drop_news(plan->changes, change, writing, err))
			return false;
	}
	return true;
}

/* Of each archive, so that it is known when people were told of it last. */
static bool
write_archive_causes(const struct events_plan *plan, const struct event *event, int64_t id,
        struct writing *writing, struct err *err)
{
	bool is_new = event->before == NULL;

	for (size_t i = 0; i < event->group.count; i++) {
		const struct change *change = event->group.items[i];
		AUTO_FREE char *what = change_what(change, REACH_ARCHIVE);
		struct cause_row cause = {.what = what,
		        .kind = cause_kind_name(change->kind),
		        .site = change->site,
		        .event = id,
		        .level = change->level,
		        .told_at_ms = is_new ? plan->now_ms : event->causes[0].told_at_ms,
		        .last_at_ms = plan->now_ms};

		if (!cause_row_set(writing, &cause, err))
			return false;
	}
	return true;
}

/* All closings come before what is opened. */
static bool
write_all(struct events_chore *writes, struct writing *writing, struct err *err)
{
	const struct events_plan *plan = writes->plan;
	const struct event *items = plan->events->items;
	const struct event_telling more = {.now_ms = plan->now_ms, .every_ms = EVENTS_MORE_MS};

	if (!drop_what_came_to_nothing(plan, writing, err) ||
	        !cause_rows_forget(writing, plan->forget_before_ms, err))
		return false;
	for (size_t i = 0; i < plan->events->count; i++)
		if (!write_changes(plan, &items[i], writing, err))
			return false;
	for (size_t i = 0; i < plan->events->count; i++)
		if (!write_event(&items[i], writing, &writes->ids[i], err) ||
		        !write_archive_causes(plan, &items[i], writes->ids[i], writing, err) ||
		        !write_causes(plan, &items[i], writes->ids[i], writing, err))
			return false;
	return event_rows_tell(writing, &more, err);
}

static enum chore_result
run_writes(struct chore *chore, struct writing *writing, struct err *err)
{
	return write_all((struct events_chore *)chore, writing, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
events_write(struct index *index, const struct events_plan *plan, struct err *err)
{
	AUTO_FREE int64_t *ids = xcalloc(plan->events->count + 1, sizeof *ids);
	struct events_chore writes = {
	        .chore = {.kind = CHORE_ALONE, .run = run_writes}, .plan = plan, .ids = ids};

	if (!index_write(index, &writes.chore, err))
		return false;
	for (size_t i = 0; i < plan->events->count; i++)
		plan->events->items[i].row.id = ids[i];
	return true;
}
