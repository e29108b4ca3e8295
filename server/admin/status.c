/*
 * Status for machines: small JSON documents and the metrics. Worker threads; nothing here waits or walks the
 * store.
 */
#include "server/admin/status.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "server/admin/gauges.h"
#include "server/admin/metrics.h"
#include "server/http/reply.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"

enum outcome
status_healthz(struct request *request)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add(&body, "ok\n");
	return reply_text(request, 200, "text/plain; charset=utf-8", &body);
}

enum outcome
status_metrics(struct request *request)
{
	AUTO_TEXT body = TEXT_EMPTY;

	metrics_render(request->larder, &body);
	return reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static json_t *
number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

enum outcome
status_version(struct request *request)
{
	return reply_json(request, 200, json_pack("{s:s, s:s}", "name", "larder", "version", LARDER_VERSION));
}

static void
add_problem(json_t *problems, const char *part, const char *what)
{
	json_array_append_new(problems, json_pack("{s:s, s:s}", "part", part, "problem", what));
}

static void
find_store_problem(const struct store_figures *figures, json_t *problems)
{
	switch (figures->health) {
	case STORE_FINE:
		break;
	case STORE_FULL:
		add_problem(problems, "free space", figures->health_text);
		break;
	case STORE_READ_ONLY:
		add_problem(problems, "store writable", figures->health_text);
		break;
	case STORE_BROKEN:
		add_problem(problems, "index", figures->health_text);
		break;
	}
}

static void
find_problems(const struct larder *larder, const struct gauges *gauges, json_t *problems)
{
	if (larder->store != NULL)
		find_store_problem(&gauges->store, problems);
	if (larder->fetcher != NULL && clock_ms() - gauges->fetcher.last_turn_ms > FETCHER_TURN_MAX_MS)
		add_problem(problems, "fetcher", "its thread does not answer; misses are not fetched");
	if (gauges->listener.stopping)
		add_problem(problems, "larder", "it is stopping");
}

/* A store that recovers is ready: what it has found so far is served. */
enum outcome
status_readyz(struct request *request)
{
	json_t *problems = json_array();
	struct gauges gauges;
	bool ready;

	gauges_collect(request->larder, &gauges);
	find_problems(request->larder, &gauges, problems);
	ready = json_array_size(problems) == 0;
	return reply_json(request, ready ? 200 : 503,
	        json_pack("{s:b, s:b, s:o}", "ready", (int)ready, "recovering", (int)gauges.store.recovering,
	                "problems", problems));
}

static json_t *
store_document(const struct store_figures *store)
{
	static const char *const healths[] = {[STORE_FINE] = "fine",
	        [STORE_FULL] = "full",
	        [STORE_READ_ONLY] = "read-only",
	        [STORE_BROKEN] = "broken"};

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "archives",
	        number(store->archives), "bytes", number(store->bytes), "free_bytes",
	        number(store->free_bytes), "min_free_bytes", number(store->min_free_bytes), "max_bytes",
	        number(store->max_bytes), "health", healths[store->health], "health_text", store->health_text,
	        "recovering", (int)store->recovering, "quarantined", number(store->quarantined), "collisions",
	        number(store->collisions), "removed", number(store->removed), "evicted",
	        number(store->evicted));
}

static json_t *
counters_document(struct metrics *metrics)
{
	static const struct {
		const char *name;
		enum metric metric;
	} told[] = {{"hits", METRIC_HITS}, {"misses", METRIC_MISSES}, {"misses_served", METRIC_MISSES_SERVED},
	        {"body_bytes", METRIC_BODY_BYTES}, {"flights", METRIC_FLIGHTS},
	        {"flights_landed", METRIC_FLIGHTS_LANDED}, {"flights_failed", METRIC_FLIGHTS_FAILED},
	        {"upstream_bytes", METRIC_UPSTREAM_BYTES}, {"wrong_bytes", METRIC_WRONG_BYTES},
	        {"uploads_stored", METRIC_UPLOADS_STORED}, {"uploads_known", METRIC_UPLOADS_KNOWN},
	        {"uploads_refused", METRIC_UPLOADS_REFUSED}, {"upload_bytes", METRIC_UPLOAD_BYTES},
	        {"wrong_tokens", METRIC_AUTH_FAILURES}};
	json_t *document = json_object();

	for (size_t i = 0; i < COUNT_OF(told); i++)
		json_object_set_new(document, told[i].name, number(metrics_get(metrics, told[i].metric)));
	return document;
}

enum outcome
status_status(struct request *request)
{
	struct gauges gauges;
	json_t *document = json_object();

	gauges_collect(request->larder, &gauges);
	json_object_set_new(document, "version", json_string(LARDER_VERSION));
	json_object_set_new(document, "uptime_seconds", json_integer(gauges.uptime_ms / 1000));
	json_object_set_new(document, "store", store_document(&gauges.store));
	json_object_set_new(document, "scrub", json_scrub(&gauges.scrub));
	json_object_set_new(document, "catalog",
	        json_pack("{s:o, s:o, s:o, s:o}", "archives", number(gauges.catalog.archives), "digests",
	                number(gauges.catalog.digests), "origins", number(gauges.catalog.origins), "packages",
	                number(gauges.catalog.packages)));
	json_object_set_new(document, "fetcher",
	        json_pack("{s:o, s:o, s:o, s:I}", "transfers", number(gauges.fetcher.transfers), "queued",
	                number(gauges.fetcher.queued), "resting_hosts", number(gauges.fetcher.resting_hosts),
	                "flights", (json_int_t)gauges.flights));
	json_object_set_new(document, "http",
	        json_pack("{s:I, s:I, s:I}", "connections", (json_int_t)gauges.listener.connections,
	                "requests", (json_int_t)gauges.listener.requests, "parked",
	                (json_int_t)gauges.listener.parked));
	json_object_set_new(document, "jobs",
	        json_pack("{s:o, s:o, s:o}", "waiting", number(gauges.jobs.waiting), "running",
	                number(gauges.jobs.running), "ended", number(gauges.jobs.ended)));
	json_object_set_new(document, "counters", counters_document(request->larder->metrics));
	return reply_json(request, 200, document);
}
