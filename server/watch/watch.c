/*
 * The parts of the watch and their order. Main thread only.
 */
#include "server/watch/watch.h"

#include "server/upstream/fetcher.h"
#include "server/watch/drifts.h"
#include "server/watch/feed.h"
#include "server/watch/news.h"
#include "server/watch/webhook.h"
#include "storage/base/text.h"

/* On the thread of the news. */
static void
tell_receivers(void *context)
{
	const struct watch *watch = context;

	webhooks_wake(watch->webhooks);
}

/* On the fetcher's thread, or where the last reader of those bytes leaves. */
static void
take_drift(void *context, const struct contact *contact, struct intake *intake)
{
	const struct watch *watch = context;

	drifts_take(news_drifts(watch->news), contact, intake);
}

struct watch *
watch_start(struct larder *larder, struct err *err)
{
	struct watch *watch = xcalloc(1, sizeof *watch);

	watch->feed = feed_create(larder);
	watch->webhooks = webhooks_start(larder, err);
	if (watch->webhooks != NULL)
		watch->news = news_start(larder, tell_receivers, watch, err);
	if (watch->news != NULL) {
		fetcher_on_drift(larder->fetcher, take_drift, watch);
		return watch;
	}
	watch_destroy(watch);
	return NULL;
}

void
watch_stop(struct watch *watch)
{
	if (watch != NULL)
		news_quiet(watch->news);
}

void
watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch_stop(watch);
	news_stop(watch->news); /* which wakes the next */
	webhooks_stop(watch->webhooks);
	feed_destroy(watch->feed);
	free(watch);
}
