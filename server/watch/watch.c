/*
 * The parts of the watch, started and stopped in order, and what they hand to each other. Main thread, but for what is handed. Must never
 * end a part that another still hands something to.
 */
#include "server/watch/watch.h"

#include <sys/random.h>

#include "server/upstream/fetcher.h"
#include "server/watch/drifts.h"
#include "server/watch/feed.h"
#include "server/watch/notifier.h"
#include "server/watch/patrol.h"
#include "server/watch/webhook.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

/* On the notifier's thread. */
static void
tell_receivers(void *context)
{
	const struct watch *watch = context;

	webhooks_wake(watch->webhooks);
}

/* On the patrol's thread, the fetcher's, or where the last reader of those bytes leaves. */
static void
take_drift(void *context, const struct contact *contact, struct intake *intake)
{
	const struct watch *watch = context;

	drifts_take(notifier_drifts(watch->notifier), contact, intake);
}

/* On the patrol's thread. */
static bool
ask(void *context, const struct probe_plan *plan, probe_done_fn *done, void *done_context, struct err *err)
{
	return fetcher_probe(context, plan, done, done_context, err);
}

static uint64_t
make_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = (uint64_t)clock_wall_ms();
	return seed;
}

static bool
start_patrol(struct watch *watch, struct larder *larder, struct err *err)
{
	struct patrol_options options = {.config = larder->config,
	        .store = larder->store,
	        .metrics = larder->metrics,
	        .ask = {.probe = ask, .context = larder->fetcher},
	        .drifted = take_drift,
	        .drifted_context = watch,
	        .seed = make_seed()};

	watch->patrol = patrol_create(&options);
	return patrol_start(watch->patrol, err);
}

struct watch *
watch_start(struct larder *larder, struct err *err)
{
	struct watch *watch = xcalloc(1, sizeof *watch);

	watch->feed = feed_create(larder);
	watch->webhooks = webhooks_start(larder, err);
	if (watch->webhooks != NULL)
		watch->notifier = notifier_start(larder, tell_receivers, watch, err);
	if (watch->notifier != NULL && start_patrol(watch, larder, err)) {
		fetcher_on_drift(larder->fetcher, take_drift, watch);
		return watch;
	}
	watch_destroy(watch);
	return NULL;
}

void
watch_stop(struct watch *watch)
{
	if (watch == NULL)
		return;
	patrol_stop(watch->patrol);
	notifier_quiet(watch->notifier);
}

void
watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch_stop(watch);
	patrol_destroy(watch->patrol);
	notifier_stop(watch->notifier); /* which wakes the next */
	webhooks_stop(watch->webhooks);
	feed_destroy(watch->feed);
	free(watch);
}
