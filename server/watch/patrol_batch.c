/*
 * The batch: the origins that are due, in memory until each was asked. Runs on the patrol's thread. Must never hold more than
 * PATROL_BATCH of them, nor ask a host sooner than it likes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/upstream/origins.h"
#include "server/watch/patrol_parts.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/site.h"

#define FRESH_MS         VERDICT_APART_MS /* asked so lately, by whomever: it is not asked again */
#define FRESH_UNHEARD_MS 60000ll          /* the same, for a failure that did not count */

/* --- into the batch and out of it --- */

static struct asking *
find(struct patrol *patrol, int64_t id)
{
	struct asking *asking;

	HASH_FIND(hh, patrol->by_id, &id, sizeof id, asking);
	return asking;
}

/* The one that its URL leads to after rewriting: that is whose patience is spent. */
static struct host *
host_asked_for(struct patrol *patrol, const struct origin_row *origin)
{
	AUTO_FREE char *url = origins_rewrite(patrol->options.config, origin->url);
	struct site site;

	if (!site_of(url, &site))
		return hosts_get(patrol->hosts, origin->site, site_host_length(origin->site));
	return hosts_get(patrol->hosts, site.host, strlen(site.host));
}

static struct asking *
add(struct patrol *patrol, const struct patrol_row *row, struct host *host)
{
	const struct origin_row *origin = &row->origin;
	struct asking *asking = xcalloc(1, sizeof *asking);

	asking->patrol = patrol;
	asking->host = host;
	asking->id = origin->id;
	asking->length = origin->length;
	asking->url = xstrdup(origin->url);
	asking->site = xstrdup(origin->site);
	asking->digests = row->digests;
	asking->name = digests_best(&row->digests);
	asking->memory = origin->memory;
	asking->last_result = origin->result;
	/* HEAD may say that all is well where GET does not: it acquits nobody. */
	asking->kind = origin->memory.failures > 0 ? PROBE_RANGE : host_kind(host);
	snprintf(asking->etag, sizeof asking->etag, "%s", origin->etag);
	snprintf(asking->modified, sizeof asking->modified, "%s", origin->modified);
	host_queue(host);
	HASH_ADD(hh, patrol->by_id, id, sizeof asking->id, asking);
	patrol->count++;
	return asking;
}

void
patrol_release(struct patrol *patrol, struct asking *asking)
{
	TAILQ_REMOVE(&patrol->batch, asking, link);
	HASH_DEL(patrol->by_id, asking);
	patrol->count--;
	patrol->witnesses -= asking->reason == ASKED_AS_WITNESS; /* nobody waits for who is not here */
	host_leave(asking->host);
	free(asking->url);
	free(asking->site);
	free(asking);
}

/* --- who is due --- */

/* What came of reading those that are due. */
struct filling {
	struct patrol *patrol;
	struct moment now;
	struct later later[PATROL_BATCH];
	size_t n_later;
};

static void
put_later(struct filling *filling, int64_t id, int64_t at_ms)
{
	int64_t horizon_ms = schedule_horizon(&filling->patrol->schedule, filling->now.wall_ms);

	filling->later[filling->n_later++] =
	        (struct later){.id = id, .at_ms = at_ms < horizon_ms ? at_ms : horizon_ms};
}

/* The mirror is configured: its URL begins like those of one. */
static bool
is_current_mirror(const struct config *config, const char *url)
{
	for (size_t i = 0; i < config->n_mirrors; i++)
		if (strncmp(config->mirrors[i].url, url, strcspn(config->mirrors[i].url, "{")) == 0)
			return true;
	return false;
}

/*
 * Not asked: what is no http; what the row of a fuller entry is asked for; mirrors of an earlier configuration, and what a
 * mirror never had.
 */
static bool
is_passed_over(const struct filling *filling, const struct patrol_row *row)
{
	const struct origin_row *origin = &row->origin;

	if (origin->site[0] == '\0' || row->rank == ROW_LESSER)
		return true;
	return origin->kind == ORIGIN_OF_MIRROR &&
	       (origin->memory.served_at_ms == 0 ||
	               !is_current_mirror(filling->patrol->options.config, origin->url));
}

/* Somebody asked it since it was planned, or just before. */
static bool
is_fresh(const struct filling *filling, const struct origin_row *origin)
{
	int64_t now_ms = filling->now.wall_ms, ago_ms = now_ms - origin->tried_at_ms;
	bool unheard = origin->memory.failures > 0 && origin->memory.counted == 0;

	if (origin->tried_at_ms == 0 || ago_ms < 0)
		return false;
	return origin->tried_at_ms >= origin->check_at_ms || ago_ms < (unheard ? FRESH_UNHEARD_MS : FRESH_MS);
}

static int64_t
after_contact(const struct filling *filling, const struct origin_row *origin)
{
	struct schedule_contact contact = {.origin = origin->id,
	        .tried_at_ms = origin->tried_at_ms,
	        .result = origin->result,
	        .memory = &origin->memory};

	return schedule_next(&filling->patrol->schedule, &contact, filling->now.wall_ms);
}

static void
put_off(struct filling *filling, const struct origin_row *origin, struct host *host, int64_t not_before_ms)
{
	struct patrol *patrol = filling->patrol;

	put_later(
	        filling, origin->id, host_put_off(patrol->hosts, host, not_before_ms, filling->now.wall_ms));
}

static void
consider(void *context, const struct patrol_row *row)
{
	struct filling *filling = context;
	struct patrol *patrol = filling->patrol;
	const struct origin_row *origin = &row->origin;
	struct schedule_contact passed = {.origin = origin->id,
	        .tried_at_ms = filling->now.wall_ms,
	        .result = ORIGIN_UNTRIED,
	        .memory = &origin->memory};
	struct host *host;
	int64_t rests_until_ms;

	if (find(patrol, origin->id) != NULL)
		return;
	if (is_passed_over(filling, row)) {
		put_later(
		        filling, origin->id, schedule_next(&patrol->schedule, &passed, filling->now.wall_ms));
		return;
	}
	if (is_fresh(filling, origin)) {
		put_later(filling, origin->id, after_contact(filling, origin));
		return;
	}
	host = host_asked_for(patrol, origin);
	rests_until_ms = host_rests_until(host, filling->now.wall_ms);
	if (rests_until_ms != 0) {
		metrics_add(patrol->options.metrics, METRIC_WATCH_UNASKED, 1);
		put_off(filling, origin, host, rests_until_ms);
	} else if (host_queued(host) >= HOSTS_QUEUE_MAX) {
		metrics_add(patrol->options.metrics, METRIC_LIMIT_WATCH_QUEUE, 1);
		put_off(filling, origin, host,
		        filling->now.wall_ms +
		                HOSTS_QUEUE_MAX * patrol->options.config->watch.per_host_interval_ms);
	} else if (patrol->count < PATROL_BATCH) {
		struct asking *asking = add(patrol, row, host);

		TAILQ_INSERT_TAIL(&patrol->batch, asking, link);
	}
}

static bool
bring_due(struct patrol *patrol, struct moment now, struct err *err)
{
	struct filling *filling = xcalloc(1, sizeof *filling);
	struct due_page page = {.now_ms = now.wall_ms, .max = PATROL_BATCH};
	bool done;

	filling->patrol = patrol;
	filling->now = now;
	done = patrol_rows_due(store_index(patrol->options.store), &page, consider, filling, err) &&
	       patrol_plan_later(patrol, filling->later, filling->n_later, err);
	free(filling);
	return done;
}

/* --- witnesses --- */

static bool
is_suspect(const struct asking *asking)
{
	return asking->reason == ASKED_IN_TURN && asking->memory.failures > 0;
}

/* One that serves, and who may speak for the network. */
struct choosing {
	struct patrol *patrol;
	struct moment now;
	char after_site[SITE_MAX]; /* the search goes on behind all sites of this one's host */
	size_t chosen;
};

static void
choose(void *context, const struct patrol_row *row)
{
	struct choosing *choosing = context;
	struct patrol *patrol = choosing->patrol;
	size_t length = site_host_length(row->origin.site);
	struct host *host = host_asked_for(patrol, &row->origin);
	struct asking *asking = find(patrol, row->origin.id);

	snprintf(choosing->after_site, sizeof choosing->after_site, "%.*s0", (int)length, row->origin.site);
	if (host_standing(host, choosing->now.wall_ms) != HOST_IN_GOOD_STANDING ||
	        host_rests_until(host, choosing->now.wall_ms) != 0 || host_queued(host) >= HOSTS_QUEUE_MAX)
		return;
	if (asking == NULL)
		asking = add(patrol, row, host);
	else if (asking->state == ASKING_WAITS && asking->reason == ASKED_IN_TURN &&
	         asking->kind != PROBE_WHOLE) /* which may be put off for days */
		TAILQ_REMOVE(&patrol->batch, asking, link);
	else
		return;
	asking->reason = ASKED_AS_WITNESS;
	TAILQ_INSERT_HEAD(&patrol->batch, asking, link);
	patrol->witnesses++;
	choosing->chosen++;
}

/* From a letter chosen by chance on through the hosts in their order, once around at most. */
static bool
bring_witnesses(struct patrol *patrol, struct moment now, struct err *err)
{
	struct choosing choosing = {.patrol = patrol, .now = now};
	struct witness_wish wish = {
	        .after_site = choosing.after_site, .tried_before_ms = now.wall_ms - PATROL_WITNESS_MS};
	const struct asking *asking;
	unsigned around = 0;

	TAILQ_FOREACH (asking, &patrol->batch, link)
		if (is_suspect(asking))
			host_failed(asking->host, now.wall_ms); /* which cannot vouch for itself */
	choosing.after_site[0] = (char)('a' + schedule_chance(&patrol->schedule, 0, now.wall_ms, 26));
	choosing.after_site[1] = (char)('a' + schedule_chance(&patrol->schedule, 1, now.wall_ms, 26));
	while (choosing.chosen < PATROL_WITNESSES && around < 2) {
		switch (patrol_row_witness(
		        store_index(patrol->options.store), &wish, choose, &choosing, err)) {
		case ROW_FAILED:
			return false;
		case ROW_NONE:
			around++;
			choosing.after_site[0] = '\0';
			break;
		case ROW_FOUND:
			break;
		}
	}
	patrol->vouched_ms = now.wall_ms;
	patrol->failed = false;
	return true;
}

/* Something failed, or one that failed is to be asked again, and nobody vouched for the network lately. */
static bool
needs_witnesses(const struct patrol *patrol, struct moment now)
{
	const struct asking *asking;

	if (patrol->vouched_ms != 0 && llabs(now.wall_ms - patrol->vouched_ms) < PATROL_VOUCHED_MS)
		return false;
	if (patrol->failed)
		return true;
	TAILQ_FOREACH (asking, &patrol->batch, link)
		if (asking->state == ASKING_WAITS && is_suspect(asking))
			return true;
	return false;
}

void
patrol_fill(struct patrol *patrol, struct moment now)
{
	struct err err = ERR_NONE;

	if (patrol->count < PATROL_BATCH / 2 && !bring_due(patrol, now, &err))
		patrol_trouble(patrol, &err, now);
	else if (needs_witnesses(patrol, now) && !bring_witnesses(patrol, now, &err))
		patrol_trouble(patrol, &err, now);
}

/* --- asking --- */

/* Suspects wait until witnesses have spoken; one archive is downloaded at a time. */
static bool
may_begin(const struct patrol *patrol, const struct asking *asking, struct moment now)
{
	if (asking->state != ASKING_WAITS || host_free_at(asking->host) > now.ms)
		return false;
	if (asking->kind == PROBE_WHOLE)
		return patrol->whole == 0;
	return patrol->witnesses == 0 || !is_suspect(asking);
}

static void
begin_one(struct patrol *patrol, struct asking *asking, struct moment now)
{
	const struct patrol_ask *ask = &patrol->options.ask;
	struct probe_plan plan = {.origin_id = asking->id, .asked = asking->name, .url = asking->url};
	struct err err = ERR_NONE;

	if (asking->kind == PROBE_HEAD)
		asking->kind = host_kind(asking->host); /* which may have refused it since */
	plan.kind = asking->kind;
	/* Before it is asked: the answer may come at once, on another thread. */
	asking->state = ASKING_UNDER_WAY;
	host_begin(patrol->hosts, asking->host, now.ms);
	patrol->under_way++;
	patrol->outstanding++;
	patrol->whole += asking->kind == PROBE_WHOLE;
	if (ask->probe(ask->context, &plan, patrol_answered, asking, &err))
		return;
	asking->state = ASKING_WAITS;
	host_end(asking->host);
	patrol->under_way--;
	patrol->outstanding--;
	patrol->whole -= asking->kind == PROBE_WHOLE;
	budget_spend(&patrol->budget, -asking->spent);
	asking->spent = 0;
	patrol_trouble(patrol, &err, now);
}

/* False: the budget does not hold it now. Half of it is for what is more urgent than a check. */
static bool
take_from_budget(struct patrol *patrol, struct asking *asking, struct moment now)
{
	int64_t bytes = asking->heard.length >= 0 ? asking->heard.length : PATROL_GUESS_BYTES;
	uint64_t spared = asking->need == NEED_CHECK ? patrol->budget.per_day / 2 : 0;

	if (asking->kind != PROBE_WHOLE)
		return true;
	if (budget_ask(&patrol->budget, (uint64_t)bytes + spared, now.ms) == BUDGET_LACKS)
		return false;
	asking->spent = bytes;
	budget_spend(&patrol->budget, bytes);
	return true;
}

void
patrol_begin(struct patrol *patrol, struct moment now)
{
	struct asking *asking, *next;

	for (asking = TAILQ_FIRST(&patrol->batch); asking != NULL; asking = next) {
		next = TAILQ_NEXT(asking, link);
		if (patrol->under_way == PATROL_AT_ONCE || now.ms < patrol->trouble_until_ms)
			return;
		if (!may_begin(patrol, asking, now))
			continue;
		if (host_rests_until(asking->host, now.wall_ms) != 0)
			patrol_put_off(patrol, asking, host_rests_until(asking->host, now.wall_ms), now);
		else if (take_from_budget(patrol, asking, now))
			begin_one(patrol, asking, now);
		else
			patrol_lacks_budget(patrol, asking, now);
	}
}

int64_t
patrol_next_ms(const struct patrol *patrol)
{
	const struct asking *asking;
	int64_t next_ms = INT64_MAX;

	if (patrol->under_way == PATROL_AT_ONCE)
		return next_ms;
	TAILQ_FOREACH (asking, &patrol->batch, link) {
		bool held = asking->kind == PROBE_WHOLE ? patrol->whole > 0
		                                        : patrol->witnesses > 0 && is_suspect(asking);

		if (asking->state == ASKING_WAITS && !held && host_free_at(asking->host) < next_ms)
			next_ms = host_free_at(asking->host);
	}
	return next_ms;
}
