/*
 * Gauges: how much there is of everything right now, asked from the parts of larder that are there. One
 * collection for /metrics, /status and the page, so that they never disagree.
 */
#ifndef SERVER_ADMIN_GAUGES_H
#define SERVER_ADMIN_GAUGES_H

#include "server/http/listener.h"
#include "server/larder.h"
#include "server/upstream/fetcher.h"
#include "server/watch/patrol.h"
#include "server/jobs/jobs.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/scrub.h"
#include "storage/store.h"

/* All zero for parts that are not there. */
struct gauges {
	struct store_figures store;
	struct catalog_figures catalog;
	struct fetcher_figures fetcher;
	struct listener_figures listener;
	struct jobs_figures jobs;
	struct patrol_figures patrol;
	struct scrub_round scrub;
	enum network_trust network;
	int64_t flights;
	int64_t uptime_ms;
};

/* Costs one small query (the catalog's counts); never walks the store. */
void gauges_collect(struct larder *larder, struct gauges *ret);
/* As Prometheus text. */
void gauges_render(struct larder *larder, struct text *ret);

#endif
