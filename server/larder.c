/*
 * The parts and their order. Main thread only. The order of stopping is the point: nobody may be left waiting
 * when the HTTP side stops, and nothing that was begun to be stored may be dropped.
 */
#include "server/larder.h"

#include <string.h>

#include "server/admin/auth.h"
#include "server/admin/metrics.h"
#include "server/admin/upload.h"
#include "server/archive/flights.h"
#include "server/archive/mending.h"
#include "server/catalogs.h"
#include "server/config.h"
#include "server/http/desk.h"
#include "server/http/listener.h"
#include "server/upstream/fetcher.h"
#include "server/watch/watch.h"
#include "server/jobs/jobs.h"
#include "storage/base/clock.h"
#include "storage/scrub.h"

/*
 * For the 503 of those who were woken last: an answer is on its way in no time, a client that does not read
 * it gets none.
 */
#define LAST_ANSWERS_MS 1000

static bool
start_store(struct larder *larder, enum larder_parts parts, struct err *err)
{
	struct store_options options = {.directory = larder->config->store,
	        .mode = parts == LARDER_STORE_READ ? STORE_READ : STORE_WRITE,
	        .min_free_bytes = larder->config->space.min_free,
	        .max_bytes = larder->config->space.max_size};

	larder->store = store_open(&options, err);
	return larder->store != NULL;
}

static bool
submit_flight(void *context, struct flight *flight, struct err *err)
{
	struct larder *larder = context;

	return fetcher_submit(larder->fetcher, flight, err);
}

static bool
start_fetching(struct larder *larder, struct err *err)
{
	const struct config *config = larder->config;
	struct flights_options options = {.store = larder->store,
	        .metrics = larder->metrics,
	        .max_flights = config->limits.flights,
	        .negative_ttl_ms = config->fetch.negative_ttl_ms,
	        .verify_before_send = config->fetch.verify_before_send,
	        .max_archive = config->fetch.max_archive};

	larder->fetcher = fetcher_create(config, larder->store, larder->metrics, err);
	if (larder->fetcher == NULL)
		return false;
	larder->flights = flights_create(&options, submit_flight, larder);
	return true;
}

static bool
start_scrub(struct larder *larder, struct err *err)
{
	struct scrub_options options = {.store = larder->store,
	        .interval_ms = larder->config->space.scrub_interval_ms,
	        .wrong = mending_fetch,
	        .context = larder};

	larder->scrub = scrub_create(&options);
	return scrub_start(larder->scrub, err);
}

static bool
start_serving(struct larder *larder, struct sockets *sockets, struct err *err)
{
	larder->catalogs = catalogs_start(larder, err);
	if (larder->catalogs == NULL)
		return false;
	larder->auth = auth_create(larder);
	larder->uploads = uploads_create(larder);
	larder->desk = desk_create(larder->metrics, err);
	if (larder->desk == NULL)
		return false;
	larder->watch = watch_start(larder, err);
	if (larder->watch == NULL)
		return false;
	/* Behind the watch: what a kill left unfinished goes on at once, and what it finds changed is to be looked at. */
	larder->jobs = jobs_create(larder, err);
	if (larder->jobs == NULL || !start_scrub(larder, err))
		return false;
	larder->listener = listener_start(larder, sockets, err);
	return larder->listener != NULL;
}

bool
larder_start(struct larder *larder, const struct config *config, enum larder_parts parts, struct err *err)
{
	*larder = (struct larder){
	        .config = config, .metrics = metrics_create(), .started_at_ms = clock_wall_ms()};
	if (!start_store(larder, parts, err))
		goto failed;
	if (parts >= LARDER_FETCHING && !start_fetching(larder, err))
		goto failed;
	return true;
failed:
	larder_stop(larder, 0);
	return false;
}

bool
larder_serve(struct larder *larder, const struct config *config, struct sockets *sockets, struct err *err)
{
	if (!larder_start(larder, config, LARDER_FETCHING, err))
		return false;
	if (start_serving(larder, sockets, err))
		return true;
	larder_stop(larder, 0);
	return false;
}

void
larder_stop(struct larder *larder, int64_t grace_ms)
{
	jobs_refuse(larder->jobs); /* before what they wait for ends: a stop is no end of a job */
	if (larder->flights != NULL)
		flights_refuse(larder->flights);
	if (larder->listener != NULL) {
		listener_quiesce(larder->listener);
		listener_wait_idle(larder->listener, grace_ms);
	}
	desk_close(larder->desk); /* answers who waits for a clerk */
	uploads_close(larder->uploads);
	watch_stop(larder->watch); /* what it has under way ends with the fetcher */
	scrub_stop(larder->scrub); /* before what it has fetched again */
	catalogs_stop(larder->catalogs);
	if (larder->fetcher != NULL)
		fetcher_stop(larder->fetcher); /* fails and wakes who waits for bytes */
	/* What has its bytes is stored first; then nobody is suspended. */
	if (larder->flights != NULL)
		flights_wait_over(larder->flights);
	if (larder->listener != NULL)
		listener_wait_idle(larder->listener, LAST_ANSWERS_MS);
	listener_stop(larder->listener);
	desk_destroy(larder->desk);
	jobs_destroy(larder->jobs);
	uploads_destroy(larder->uploads);
	auth_destroy(larder->auth);
	fetcher_destroy(larder->fetcher);
	watch_destroy(larder->watch);
	scrub_destroy(larder->scrub);
	store_close(larder->store); /* finishes commits, which ends the last flights */
	flights_destroy(larder->flights);
	metrics_destroy(larder->metrics);
	*larder = (struct larder){0};
}
