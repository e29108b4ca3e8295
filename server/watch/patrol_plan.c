/*
 * What the patrol writes: when origins are asked next, and which hosts rest. Posted by the patrol's thread, run on the index
 * writer's. Must ask nobody.
 */
#include <string.h>

#include "server/watch/patrol_parts.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/site.h"

/* What of a row its plan needs. */
struct planned {
	int64_t id, entry, tried_at_ms;
	enum origin_result result;
	struct origin_memory memory;
	char *url, *site;
};

struct planned_list {
	struct planned *items;
	size_t count;
};

static void
keep_planned(void *context, const struct origin_row *row)
{
	struct planned_list *list = context;

	list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = (struct planned){.id = row->id,
	        .entry = row->entry,
	        .tried_at_ms = row->tried_at_ms,
	        .result = row->result,
	        .memory = row->memory,
	        .url = xstrdup(row->url),
	        .site = xstrdup(row->site)};
}

static void
finish_planned(struct planned_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].url);
		free(list->items[i].site);
	}
	free(list->items);
}

/* --- who shares its fate --- */

struct ids {
	int64_t items[PATROL_COPIES + PATROL_SIBLINGS + PATROL_NEIGHBOURS];
	size_t count;
};

static void
keep_id(void *context, int64_t id)
{
	struct ids *ids = context;

	if (ids->count < COUNT_OF(ids->items))
		ids->items[ids->count++] = id;
}

/* It said that it is gone, which counts, and there is no verdict yet. */
static bool
is_going(const struct planned *planned)
{
	return planned->result == ORIGIN_GONE && planned->memory.gone > 0 &&
	       planned->memory.state != ORIGIN_IS_VANISHED;
}

/* And it said so for the first time. */
static bool
has_just_gone(const struct planned *planned)
{
	return is_going(planned) && planned->memory.gone == 1 &&
	       planned->memory.gone_since_ms == planned->tried_at_ms;
}

/*
 * Each time, other places of its archive are asked soon, so that it is kept while one still serves it, and people hear how many do;
 * the first time, others of its site and of its host too, so that what vanishes together is judged together. Each of those that is
 * gone brings others in turn.
 */
static bool
find_concerned(const struct planned *planned, struct writing *writing, int64_t now_ms, struct ids *ids,
        struct err *err)
{
	struct origin_row origin = {
	        .id = planned->id, .entry = planned->entry, .url = planned->url, .site = planned->site};
	struct sibling_wish wish = {
	        .tried_before_ms = now_ms - PATROL_APART_MS, .due_after_ms = now_ms + PATROL_SOON_MS};

	wish.max = PATROL_COPIES;
	if (!patrol_rows_of_archive(writing, &origin, &wish, keep_id, ids, err))
		return false;
	if (!has_just_gone(planned))
		return true;
	wish.max = PATROL_SIBLINGS;
	wish.tried_before_ms = now_ms - PATROL_BEFORE_MS;
	if (!patrol_rows_of_site(writing, &origin, &wish, keep_id, ids, err))
		return false;
	wish.tried_before_ms = now_ms - PATROL_APART_MS;
	wish.max = PATROL_NEIGHBOURS;
	return patrol_rows_of_host(writing, &origin, &wish, keep_id, ids, err);
}

static bool
bring_concerned(const struct schedule *schedule, const struct planned *planned, struct writing *writing,
        int64_t now_ms, struct err *err)
{
	struct ids ids = {0};

	if (!find_concerned(planned, writing, now_ms, &ids, err))
		return false;
	for (size_t i = 0; i < ids.count; i++) {
		int64_t soon_ms = schedule_chance(schedule, ids.items[i], now_ms, PATROL_SOON_MS);

		if (!patrol_row_plan(writing, ids.items[i], now_ms + soon_ms, err))
			return false;
	}
	return true;
}

static bool
plan_one(const struct schedule *schedule, const struct planned *planned, struct writing *writing,
        int64_t now_ms, struct err *err)
{
	struct schedule_contact contact = {.origin = planned->id,
	        .tried_at_ms = planned->tried_at_ms,
	        .result = planned->result,
	        .memory = &planned->memory};
	int64_t at_ms = planned->tried_at_ms == 0 ? schedule_first(schedule, planned->id, now_ms)
	                                          : schedule_next(schedule, &contact, now_ms);

	if (!patrol_row_plan(writing, planned->id, at_ms, err))
		return false;
	return !is_going(planned) || bring_concerned(schedule, planned, writing, now_ms, err);
}

/* --- all that is not planned --- */

struct plan_chore {
	struct chore chore;
	const struct schedule *schedule;
	int64_t now_ms;
	size_t count;
};

static enum chore_result
run_plan(struct chore *chore, struct writing *writing, struct err *err)
{
	struct plan_chore *plan = (struct plan_chore *)chore;
	struct unplanned_page page = {
	        .horizon_ms = schedule_horizon(plan->schedule, plan->now_ms), .max = PATROL_PLANNED_MAX};
	struct planned_list list = {0};
	bool done = patrol_rows_to_plan(writing, &page, keep_planned, &list, err);

	for (size_t i = 0; done && i < list.count; i++)
		done = plan_one(plan->schedule, &list.items[i], writing, plan->now_ms, err);
	plan->count = list.count;
	finish_planned(&list);
	return done ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
patrol_plan(struct patrol *patrol, struct moment now)
{
	struct plan_chore plan = {.chore = {.kind = CHORE_PROMPT, .run = run_plan},
	        .schedule = &patrol->schedule,
	        .now_ms = now.wall_ms};
	struct index *index = store_index(patrol->options.store);
	struct err err = ERR_NONE;
	bool unplanned;

	if (!patrol_rows_unplanned(index, schedule_horizon(&patrol->schedule, now.wall_ms), &unplanned, &err))
		goto failed;
	if (!unplanned)
		return true;
	if (!index_write(index, &plan.chore, &err))
		goto failed;
	patrol->news = true; /* the catalog has grown, most likely */
	return plan.count < PATROL_PLANNED_MAX;
failed:
	patrol_trouble(patrol, &err, now);
	return true;
}

/* --- one that was asked --- */

static enum chore_result
run_settle(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct asking *asking = (struct asking *)chore;
	struct planned_list list = {0};
	bool done;

	if (asking->plan_at_ms != 0)
		return patrol_row_plan(writing, asking->id, asking->plan_at_ms, err) ? CHORE_WRITTEN
		                                                                     : CHORE_FAILED;
	done = origin_row_by_id(writing, asking->id, keep_planned, &list, err) != ROW_FAILED;
	if (done && list.count > 0)
		done = plan_one(&asking->patrol->schedule, &list.items[0], writing, asking->now_ms, err);
	finish_planned(&list);
	return done ? CHORE_WRITTEN : CHORE_FAILED;
}

/* The index writer's thread. */
static void
settled(struct chore *chore, const struct err *err)
{
	struct asking *asking = (struct asking *)chore;

	asking->err = err != NULL ? *err : ERR_NONE;
	mailbox_post(&asking->patrol->mailbox, &asking->chore.letter);
}

void
patrol_settle(struct patrol *patrol, struct asking *asking, int64_t plan_at_ms, struct moment now)
{
	int64_t horizon_ms = schedule_horizon(&patrol->schedule, now.wall_ms);

	if (asking->state == ASKING_WAITS)
		patrol->outstanding++;
	asking->state = ASKING_SETTLES;
	asking->now_ms = now.wall_ms;
	asking->plan_at_ms = plan_at_ms < horizon_ms ? plan_at_ms : horizon_ms;
	asking->chore = (struct chore){.kind = CHORE_LAZY, .run = run_settle, .done = settled};
	writer_post(index_writer(store_index(patrol->options.store)), &asking->chore);
}

/* --- several that are not asked --- */

struct later_chore {
	struct chore chore;
	const struct later *items;
	size_t count;
};

static enum chore_result
run_later(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct later_chore *later = (struct later_chore *)chore;

	for (size_t i = 0; i < later->count; i++)
		if (!patrol_row_plan(writing, later->items[i].id, later->items[i].at_ms, err))
			return CHORE_FAILED;
	return CHORE_WRITTEN;
}

bool
patrol_plan_later(struct patrol *patrol, const struct later *items, size_t count, struct err *err)
{
	struct later_chore chore = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_later}, .items = items, .count = count};

	return count == 0 || index_write(store_index(patrol->options.store), &chore.chore, err);
}

/* --- hosts that rest --- */

struct rest_chore {
	struct chore chore;
	char *host;
	int64_t until_ms, now_ms;
};

static enum chore_result
run_rest(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct rest_chore *rest = (struct rest_chore *)chore;

	return host_row_rest(writing, rest->host, rest->until_ms, rest->now_ms, err) ? CHORE_WRITTEN
	                                                                             : CHORE_FAILED;
}

/* The index writer's thread. */
static void
rest_written(struct chore *chore, const struct err *err)
{
	struct rest_chore *rest = (struct rest_chore *)chore;

	if (err != NULL && err->code != ERR_STOPPING)
		log_warning("that %s is to be left alone is not remembered over a restart: %s", rest->host,
		        err->text);
	free(rest->host);
	free(rest);
}

void
patrol_remember_rest(struct patrol *patrol, const char *host, int64_t until_ms, struct moment now)
{
	struct rest_chore *rest = xcalloc(1, sizeof *rest);

	rest->chore = (struct chore){.kind = CHORE_LAZY, .run = run_rest, .done = rest_written};
	rest->host = xstrdup(host);
	rest->until_ms = until_ms;
	rest->now_ms = now.wall_ms;
	writer_post(index_writer(store_index(patrol->options.store)), &rest->chore);
}
