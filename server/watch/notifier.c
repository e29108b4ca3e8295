/*
 * The notifier's thread: a turn a minute, and at once when there are other bytes to look at. Must never hold up whoever brings those, nor
 * deliver anything: that is the matter of feed and webhooks.
 */
#include "server/watch/notifier.h"

#include <pthread.h>
#include <string.h>

#include "server/config.h"
#include "server/watch/causes.h"
#include "server/watch/drifts.h"
#include "storage/base/bell.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

struct notifier {
	struct larder *larder;
	struct drifts *drifts;
	notifier_told_fn *told;
	void *context;
	pthread_t thread;
	struct bell bell;
	int64_t last_turn_ms; /* the thread's, by the wall clock */
};

static void *run(void *context);

static void
wake(void *context)
{
	struct notifier *notifier = context;

	bell_ring(&notifier->bell);
}

static void
free_notifier(struct notifier *notifier)
{
	drifts_destroy(notifier->drifts);
	bell_finish(&notifier->bell);
	free(notifier);
}

struct notifier *
notifier_start(struct larder *larder, notifier_told_fn *told, void *context, struct err *err)
{
	struct notifier *notifier = xcalloc(1, sizeof *notifier);
	struct drifts_options options = {.store = larder->store,
	        .metrics = larder->metrics,
	        .max_bytes = larder->config->watch.max_drift_bytes,
	        .compare = compare_archives,
	        .wake = wake,
	        .context = notifier};
	int cause;

	notifier->larder = larder;
	notifier->told = told;
	notifier->context = context;
	notifier->drifts = drifts_create(&options);
	bell_init(&notifier->bell);
	cause = pthread_create(&notifier->thread, NULL, run, notifier);
	if (cause == 0) {
		pthread_setname_np(notifier->thread, "notifier");
		return notifier;
	}
	err_set(err, ERR_IO, "the thread that tells of what changed cannot be started: %s", strerror(cause));
	free_notifier(notifier);
	return NULL;
}

void
notifier_quiet(struct notifier *notifier)
{
	if (notifier != NULL)
		drifts_stop(notifier->drifts);
}

void
notifier_stop(struct notifier *notifier)
{
	if (notifier == NULL)
		return;
	notifier_quiet(notifier);
	bell_stop(&notifier->bell);
	pthread_join(notifier->thread, NULL);
	free_notifier(notifier);
}

struct drifts *
notifier_drifts(struct notifier *notifier)
{
	return notifier->drifts;
}

/* --- the thread --- */

static void
take_turn(struct notifier *notifier)
{
	struct causes_options options = {.store = notifier->larder->store,
	        .config = notifier->larder->config,
	        .metrics = notifier->larder->metrics};
	struct err err = ERR_NONE;
	size_t told = 0;

	notifier->last_turn_ms = clock_wall_ms();
	drifts_turn(notifier->drifts);
	if (!causes_turn(&options, clock_wall_ms(), &told, &err) && err.code != ERR_STOPPING)
		log_warning(
		        "what changed at the origins is not told: %s; the next try is in a minute", err.text);
	if (told > 0)
		notifier->told(notifier->context);
}

/* A minute has gone by, or the clock was set back. */
static bool
is_due(const struct notifier *notifier)
{
	int64_t now_ms = clock_wall_ms();

	return now_ms - notifier->last_turn_ms >= NOTIFIER_TURN_MS || now_ms < notifier->last_turn_ms;
}

/* False: it stops. */
static bool
wait_for_turn(struct notifier *notifier)
{
	enum bell_answer answer = BELL_SILENT;

	while (answer == BELL_SILENT && !is_due(notifier))
		answer = bell_wait(&notifier->bell, clock_ms() + NOTIFIER_LOOK_MS);
	return !bell_is_stopped(&notifier->bell);
}

static void *
run(void *context)
{
	struct notifier *notifier = context;

	while (wait_for_turn(notifier))
		take_turn(notifier);
	return NULL;
}
