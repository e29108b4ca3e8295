/*
 * The news: a thread for what the watch tells and what takes its time: comparing what origins served instead of archives (drifts.h),
 * and telling people of what changed (causes.h).
 */
#ifndef SERVER_WATCH_NEWS_H
#define SERVER_WATCH_NEWS_H

#include "server/larder.h"
#include "storage/base/err.h"

struct drifts;
struct news;

#define NEWS_TURN_MS 60000 /* between two turns, by the wall clock */
#define NEWS_LOOK_MS 1000  /* how often the wall clock is looked at: it may be turned */

/* Called when there are new events, on the thread of the news; must not block. */
typedef void news_told_fn(void *context);

/* Starts the thread. Borrows larder, whose config, metrics and store are there. */
struct news *news_start(struct larder *larder, news_told_fn *told, void *context, struct err *err) MUST_CHECK;
/* Takes nothing more, and what is under way ends soon. NULL is nothing. */
void news_quiet(struct news *news);
/* After whoever hands anything to its parts; before the store closes. NULL is nothing. */
void news_stop(struct news *news);

/* A turn now. Any thread; returns at once. */
void news_wake(struct news *news);
struct drifts *news_drifts(struct news *news);

#endif
