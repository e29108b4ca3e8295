/*
 * The transaction of a turn. A chore on the index writer's thread; the watch's thread waits for it.
 */
#include "server/watch/events.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/index/watch_rows.h"

struct telling *
tellings_add(struct tellings *tellings)
{
	if (tellings->count == tellings->capacity) {
		tellings->capacity = tellings->capacity > 0 ? 2 * tellings->capacity : 8;
		tellings->items = xrealloc(tellings->items, tellings->capacity * sizeof *tellings->items);
	}
	tellings->items[tellings->count] = (struct telling){0};
	return &tellings->items[tellings->count++];
}

static void
finish_telling(struct telling *telling)
{
	free((char *)telling->event.subject);
	free((char *)telling->event.detail);
	free((char *)telling->event.data);
	for (size_t i = 0; i < telling->n_causes; i++) {
		free((char *)telling->causes[i].what);
		free((char *)telling->causes[i].site);
	}
	free(telling->causes);
	free(telling->changes);
}

void
tellings_finish(struct tellings *tellings)
{
	for (size_t i = 0; i < tellings->count; i++)
		finish_telling(&tellings->items[i]);
	free(tellings->items);
	*tellings = (struct tellings){0};
}

/* --- in the chore --- */

struct telling_chore {
	struct chore chore;
	const struct telling_plan *plan;
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

/* As what an origin was known that has gone another way; NULL: as nothing. */
static const char *
known_as(enum origin_state was)
{
	switch (was) {
	case ORIGIN_IS_SERVING:
		return cause_kind_name(CAUSE_BACK);
	case ORIGIN_IS_FAILING:
		return cause_kind_name(CAUSE_FAILING);
	case ORIGIN_IS_VANISHED:
		return cause_kind_name(CAUSE_VANISHED);
	case ORIGIN_IS_CHANGED:
		return cause_kind_name(CAUSE_CHANGED);
	case ORIGIN_IS_UNTRIED:
		break;
	}
	return NULL;
}

/*
 * Causes under which people may have been told of this origin are over, since they are told now that it has gone another way: if it
 * goes the same way again, that is news.
 */
static bool
close_causes(const struct change *change, struct writing *writing, struct err *err)
{
	AUTO_FREE char *host = xstrndup(change->site, change->host_length);
	const char *kind = known_as(change->was);

	return kind == NULL || (cause_rows_close(writing, kind, host, err) &&
	                               cause_rows_close(writing, kind, change->site, err));
}

static bool
alike(const struct change *a, const struct change *b)
{
	return a->was == b->was && strcmp(a->site, b->site) == 0;
}

static bool
write_changes(const struct telling_plan *plan, const struct telling *telling, struct writing *writing,
        struct err *err)
{
	for (size_t i = 0; i < telling->n_changes; i++) {
		const struct change *change = telling->changes[i];

		if (!drop_news(plan->changes, change, writing, err))
			return false;
		if (i > 0 && alike(change, telling->changes[i - 1]))
			continue;
		if (!close_causes(change, writing, err))
			return false;
	}
	return true;
}

static bool
write_event(const struct telling *telling, struct writing *writing, int64_t *ret_id, struct err *err)
{
	*ret_id = telling->event.id;
	if (telling->news == TELLING_MORE)
		return event_row_tell_more(writing, &telling->event, err);
	return event_row_insert(writing, &telling->event, ret_id, err);
}

/* What an event grows by opens no cause again that is over by what is told beside it. */
static bool
write_causes(const struct telling_plan *plan, const struct telling *telling, int64_t event,
        struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < telling->n_causes; i++) {
		struct cause_row cause = telling->causes[i];
		bool written;

		cause.event = event;
		cause.level = telling->event.level;
		cause.told_at_ms = cause.last_at_ms = plan->now_ms;
		if (telling->news == TELLING_NEW)
			written = cause_row_set(writing, &cause, err);
		else
			written = cause_row_grow(writing, cause.what, plan->now_ms, err);
		if (!written)
			return false;
	}
	return true;
}

static bool
drop_what_came_to_nothing(const struct telling_plan *plan, struct writing *writing, struct err *err)
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
write_archive_causes(const struct telling_plan *plan, const struct telling *telling, int64_t event,
        struct writing *writing, struct err *err)
{
	bool is_new = telling->news == TELLING_NEW;

	for (size_t i = 0; i < telling->n_changes; i++) {
		const struct change *change = telling->changes[i];
		AUTO_FREE char *what = change_what(change, REACH_ARCHIVE);
		struct cause_row cause = {.what = what,
		        .kind = cause_kind_name(change->kind),
		        .site = change->site,
		        .event = event,
		        .level = change->level,
		        .told_at_ms = is_new ? plan->now_ms : telling->causes[0].told_at_ms,
		        .last_at_ms = plan->now_ms};

		if (!cause_row_set(writing, &cause, err))
			return false;
	}
	return true;
}

/* All closings come before what is opened. */
static bool
write_all(struct telling_chore *writes, struct writing *writing, struct err *err)
{
	const struct telling_plan *plan = writes->plan;
	const struct telling *items = plan->tellings->items;

	if (!drop_what_came_to_nothing(plan, writing, err) ||
	        !cause_rows_forget(writing, plan->forget_before_ms, err))
		return false;
	for (size_t i = 0; i < plan->tellings->count; i++)
		if (!write_changes(plan, &items[i], writing, err))
			return false;
	for (size_t i = 0; i < plan->tellings->count; i++)
		if (!write_event(&items[i], writing, &writes->ids[i], err) ||
		        !write_archive_causes(plan, &items[i], writes->ids[i], writing, err) ||
		        !write_causes(plan, &items[i], writes->ids[i], writing, err))
			return false;
	return true;
}

static enum chore_result
run_telling(struct chore *chore, struct writing *writing, struct err *err)
{
	return write_all((struct telling_chore *)chore, writing, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
tellings_write(struct index *index, const struct telling_plan *plan, struct err *err)
{
	AUTO_FREE int64_t *ids = xcalloc(plan->tellings->count + 1, sizeof *ids);
	struct telling_chore writes = {
	        .chore = {.kind = CHORE_ALONE, .run = run_telling}, .plan = plan, .ids = ids};

	if (!index_write(index, &writes.chore, err))
		return false;
	for (size_t i = 0; i < plan->tellings->count; i++)
		plan->tellings->items[i].event.id = ids[i];
	return true;
}
