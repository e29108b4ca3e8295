/*
 * Beginning and ending a visit: its transfer, its place among those under way, its host's share. The fetcher's
 * thread; must never wait.
 */
#include "server/upstream/visit.h"

#include <assert.h>

#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"

void
visit_begin(struct visit *visit, size_t origin, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct upstream *upstream = errand->upstream;
	struct transfer_plan plan = {
	        .url = errand->origins.items[origin].url,
	        .limits = &upstream->config->fetch,
	        .policy = upstream->policy,
	        .if_range = "",
	        .context = visit,
	};

	assert(visit->transfer == NULL);
	*visit = (struct visit){.errand = errand, .origin = origin, .began_at_ms = now_ms};
	errand->kind->plan(visit, &plan);
	visit->transfer = transfer_begin(upstream->multi, &plan, now_ms);
	breaker_begin(upstream->breaker, errand->origins.items[origin].place.host, now_ms);
	TAILQ_INSERT_TAIL(&upstream->running, visit, run);
	upstream->n_running++;
}

void
visit_finish(struct visit *visit, CURLcode code, struct transfer_report *ret)
{
	struct errand *errand = visit->errand;
	struct upstream *upstream = errand->upstream;

	transfer_finish(upstream->multi, visit->transfer, code, ret);
	visit->transfer = NULL;
	TAILQ_REMOVE(&upstream->running, visit, run);
	upstream->n_running--;
	breaker_end(upstream->breaker, errand->origins.items[visit->origin].place.host);
	metrics_add(upstream->metrics, METRIC_UPSTREAM_BYTES, ret->received);
}

bool
visit_is_under_way(const struct visit *visit)
{
	return visit->transfer != NULL;
}
