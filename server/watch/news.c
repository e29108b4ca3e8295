/*
 * The thread of the news: a turn a minute, and at once when somebody wakes it. Must never hold up whoever wakes it.
 */
#include "server/watch/news.h"

#include <pthread.h>
#include <string.h>

#include "server/config.h"
#include "server/watch/causes.h"
#include "server/watch/drifts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

struct news {
	struct larder *larder;
	struct drifts *drifts;
	news_told_fn *told;
	void *context;
	pthread_t thread;
	pthread_mutex_t mutex; /* over these two; a leaf */
	pthread_cond_t changed;
	bool woken, stopping;
	int64_t last_turn_ms; /* the thread's, by the wall clock */
};

static void *run(void *context);

static void
wake(void *context)
{
	news_wake(context);
}

static void
free_news(struct news *news)
{
	drifts_destroy(news->drifts);
	pthread_cond_destroy(&news->changed);
	pthread_mutex_destroy(&news->mutex);
	free(news);
}

struct news *
news_start(struct larder *larder, news_told_fn *told, void *context, struct err *err)
{
	struct news *news = xcalloc(1, sizeof *news);
	struct drifts_options options = {.store = larder->store,
	        .metrics = larder->metrics,
	        .max_bytes = larder->config->watch.max_drift_bytes,
	        .compare = compare_archives,
	        .wake = wake,
	        .context = news};
	pthread_condattr_t attributes;
	int cause;

	news->larder = larder;
	news->told = told;
	news->context = context;
	news->drifts = drifts_create(&options);
	pthread_mutex_init(&news->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&news->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	cause = pthread_create(&news->thread, NULL, run, news);
	if (cause == 0) {
		pthread_setname_np(news->thread, "news");
		return news;
	}
	err_set(err, ERR_IO, "the thread that tells of what changed cannot be started: %s", strerror(cause));
	free_news(news);
	return NULL;
}

void
news_quiet(struct news *news)
{
	if (news != NULL)
		drifts_stop(news->drifts);
}

void
news_stop(struct news *news)
{
	if (news == NULL)
		return;
	news_quiet(news);
	pthread_mutex_lock(&news->mutex);
	news->stopping = true;
	pthread_cond_signal(&news->changed);
	pthread_mutex_unlock(&news->mutex);
	pthread_join(news->thread, NULL);
	free_news(news);
}

void
news_wake(struct news *news)
{
	pthread_mutex_lock(&news->mutex);
	news->woken = true;
	pthread_cond_signal(&news->changed);
	pthread_mutex_unlock(&news->mutex);
}

struct drifts *
news_drifts(struct news *news)
{
	return news->drifts;
}

/* --- the thread --- */

static void
take_turn(struct news *news)
{
	struct causes_options options = {.store = news->larder->store, .metrics = news->larder->metrics};
	struct err err = ERR_NONE;
	size_t told = 0;

	news->last_turn_ms = clock_wall_ms();
	drifts_turn(news->drifts);
	if (!causes_turn(&options, clock_wall_ms(), &told, &err) && err.code != ERR_STOPPING)
		log_warning(
		        "what changed at the origins is not told: %s; the next try is in a minute", err.text);
	if (told > 0)
		news->told(news->context);
}

/* A minute has gone by, or the clock was set back. */
static bool
is_due(const struct news *news)
{
	int64_t now_ms = clock_wall_ms();

	return now_ms - news->last_turn_ms >= NEWS_TURN_MS || now_ms < news->last_turn_ms;
}

/* False: it stops. */
static bool
wait_for_turn(struct news *news)
{
	bool stopping, due = false;

	pthread_mutex_lock(&news->mutex);
	while (!news->stopping && !news->woken && !due) {
		int64_t until_ms = clock_ms() + NEWS_LOOK_MS;
		struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

		due = is_due(news);
		if (!due)
			pthread_cond_timedwait(&news->changed, &news->mutex, &until);
	}
	news->woken = false;
	stopping = news->stopping;
	pthread_mutex_unlock(&news->mutex);
	return !stopping;
}

static void *
run(void *context)
{
	struct news *news = context;

	while (wait_for_turn(news))
		take_turn(news);
	return NULL;
}
