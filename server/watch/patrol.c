/*
 * The patrol's thread: turn after turn, at least once a second, since the wall clock that its schedule follows may be set. It
 * blocks on its mailbox and on the index only, and must never make anybody wait who waits for bytes.
 */
#include "server/watch/patrol.h"

#include <signal.h>
#include <string.h>

#include "server/config.h"
#include "server/watch/patrol_parts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

#define OVERDUE_MS 3600000ll

struct patrol *
patrol_create(const struct patrol_options *options)
{
	const struct config *config = options->config;
	struct patrol *patrol = xcalloc(1, sizeof *patrol);

	patrol->options = *options;
	patrol->schedule = (struct schedule){.interval_ms = config->watch.interval_ms, .seed = options->seed};
	patrol->budget.per_day = config->watch.full_per_day;
	patrol->hosts = hosts_create(config->watch.per_host_interval_ms);
	TAILQ_INIT(&patrol->batch);
	mailbox_init(&patrol->mailbox);
	pthread_mutex_init(&patrol->mutex, NULL);
	return patrol;
}

/* --- a turn --- */

void
patrol_trouble(struct patrol *patrol, const struct err *err, struct moment now)
{
	if (now.ms >= patrol->trouble_until_ms && err->code != ERR_STOPPING)
		log_warning("the patrol pauses for %lld minutes: %s", PATROL_TROUBLE_MS / 60000, err->text);
	patrol->trouble_until_ms = now.ms + PATROL_TROUBLE_MS;
}

static void
load_rest(void *context, const char *name, int64_t until_ms)
{
	struct patrol *patrol = context;

	host_rest(hosts_get(patrol->hosts, name, strlen(name)), until_ms);
}

/* On the thread that asks the index from then on. */
static void
load_rests(struct patrol *patrol, struct moment now)
{
	struct err err = ERR_NONE;

	if (patrol->rests_loaded)
		return;
	patrol->rests_loaded = host_rows_walk(store_index(patrol->options.store), load_rest, patrol, &err);
	if (!patrol->rests_loaded)
		patrol_trouble(patrol, &err, now);
}

static bool
is_time_to_count(const struct patrol *patrol, struct moment now)
{
	int64_t ago_ms = now.ms - patrol->counted_ms;

	return patrol->counted_ms == 0 || ago_ms >= PATROL_COUNT_MS ||
	       (patrol->news && ago_ms >= PATROL_NEWS_MS);
}

void
patrol_count(struct patrol *patrol, struct moment now)
{
	struct index *index = store_index(patrol->options.store);
	struct patrol_figures figures = {.resting_hosts = hosts_resting(patrol->hosts, now.wall_ms)};
	struct err err = ERR_NONE;

	if (!is_time_to_count(patrol, now))
		return;
	figures.counted = archive_counts(index, &figures.archives, &err) &&
	                  patrol_rows_overdue(index, now.wall_ms - OVERDUE_MS, &figures.overdue, &err);
	patrol->counted_ms = now.ms;
	patrol->news = false;
	if (!figures.counted) {
		log_warning("the archives of the catalog cannot be counted: %s; gauges stay as they were",
		        err.text);
		return;
	}
	pthread_mutex_lock(&patrol->mutex);
	patrol->figures = figures;
	pthread_mutex_unlock(&patrol->mutex);
}

/* One line when it begins and one when it ends; not where witnesses clear it up at once. */
static void
watch_network(struct patrol *patrol, struct moment now)
{
	if (catalog_network(store_catalog(patrol->options.store)) == NETWORK_TRUSTED) {
		if (patrol->suspicion_told)
			log_info("the network here is trusted again: what fails is held against its origin");
		patrol->suspected_ms = 0;
		patrol->suspicion_told = false;
		return;
	}
	if (patrol->suspected_ms == 0)
		patrol->suspected_ms = now.ms;
	if (patrol->suspicion_told || now.ms - patrol->suspected_ms < PATROL_SUSPICION_MS)
		return;
	log_warning(
	        "the network here is suspected: no other host answered well within an hour, or too many fail"
	        " at once; what fails is held against nobody meanwhile");
	patrol->suspicion_told = true;
}

static bool
asks(const struct patrol *patrol)
{
	const struct config *config = patrol->options.config;

	return config->watch.patrol && config->watch.interval_ms > 0 && patrol->options.ask.probe != NULL;
}

static int64_t
until_next(const struct patrol *patrol, struct moment now)
{
	int64_t next_ms = patrol_next_ms(patrol);

	if (next_ms >= now.ms + PATROL_LOOK_MS || now.ms < patrol->trouble_until_ms)
		return PATROL_LOOK_MS;
	return next_ms > now.ms ? next_ms - now.ms : 0;
}

int64_t
patrol_turn(struct patrol *patrol, struct moment now)
{
	bool planned;

	patrol_take_letters(patrol, now);
	watch_network(patrol, now);
	if (!asks(patrol) || now.ms < patrol->trouble_until_ms)
		return PATROL_LOOK_MS;
	load_rests(patrol, now);
	planned = patrol_plan(patrol, now);
	if (now.ms >= patrol->trouble_until_ms)
		patrol_fill(patrol, now);
	patrol_begin(patrol, now);
	return planned ? until_next(patrol, now) : 0;
}

void
patrol_figures(struct patrol *patrol, struct patrol_figures *ret)
{
	pthread_mutex_lock(&patrol->mutex);
	*ret = patrol->figures;
	pthread_mutex_unlock(&patrol->mutex);
}

/* --- the thread --- */

static void *
run(void *context)
{
	struct patrol *patrol = context;

	pthread_setname_np(pthread_self(), "patrol");
	while (!patrol->stopping) {
		struct moment now = {.wall_ms = clock_wall_ms(), .ms = clock_ms()};
		int64_t wait_ms = patrol_turn(patrol, now);
		struct letter *letter;

		patrol_count(patrol, now);
		letter = mailbox_take(&patrol->mailbox, wait_ms);
		if (letter != NULL)
			patrol_take_letter(patrol, letter, now);
	}
	return NULL;
}

/* Signals are the main thread's. */
bool
patrol_start(struct patrol *patrol, struct err *err)
{
	sigset_t all, before;
	int cause;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	cause = pthread_create(&patrol->thread, NULL, run, patrol);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (cause != 0)
		return err_set(err, ERR_IO, "the patrol's thread cannot be started: %s", strerror(cause));
	patrol->started = true;
	return true;
}

void
patrol_stop(struct patrol *patrol)
{
	if (patrol == NULL || !patrol->started || patrol->stopping)
		return;
	patrol->stopping = true;
	mailbox_post(&patrol->mailbox, &patrol->stop);
	pthread_join(patrol->thread, NULL);
}

void
patrol_destroy(struct patrol *patrol)
{
	if (patrol == NULL)
		return;
	patrol_stop(patrol);
	patrol_drain(patrol);
	while (!TAILQ_EMPTY(&patrol->batch))
		patrol_release(patrol, TAILQ_FIRST(&patrol->batch));
	while (mailbox_take(&patrol->mailbox, 0) != NULL)
		; /* the letter that stopped the thread */
	mailbox_finish(&patrol->mailbox);
	hosts_destroy(patrol->hosts);
	pthread_mutex_destroy(&patrol->mutex);
	free(patrol);
}
