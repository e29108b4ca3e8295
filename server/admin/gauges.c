/*
 * Gauges. Worker threads, when somebody asks. Must cost the same however large the store is.
 */
#include "server/admin/gauges.h"

#include <inttypes.h>

#include "server/archive/flights.h"
#include "server/config.h"
#include "server/watch/watch.h"
#include "storage/base/clock.h"

static void
add_gauge(struct text *ret, const char *name, const char *help, int64_t value)
{
	text_addf(ret, "# HELP larder_%s %s\n# TYPE larder_%s gauge\nlarder_%s %" PRId64 "\n", name, help,
	        name, name, value);
}

void
gauges_collect(struct larder *larder, struct gauges *ret)
{
	struct err err = ERR_NONE;

	*ret = (struct gauges){.uptime_ms = clock_wall_ms() - larder->started_at_ms};
	if (larder->store != NULL) {
		store_figures(larder->store, &ret->store);
		ret->network = catalog_network(store_catalog(larder->store));
		if (!catalog_figures(store_catalog(larder->store), &ret->catalog, &err))
			ret->catalog = (struct catalog_figures){0}; /* /readyz names the broken index */
	}
	if (larder->fetcher != NULL)
		fetcher_figures(larder->fetcher, &ret->fetcher);
	if (larder->listener != NULL)
		listener_figures(larder->listener, &ret->listener);
	if (larder->jobs != NULL)
		jobs_figures(larder->jobs, &ret->jobs);
	if (larder->watch != NULL)
		patrol_figures(larder->watch->patrol, &ret->patrol);
	scrub_figures(larder->scrub, &ret->scrub);
	if (larder->flights != NULL)
		ret->flights = flights_count(larder->flights);
}

static void
render_store(const struct gauges *gauges, struct text *ret)
{
	const struct store_figures *store = &gauges->store;

	add_gauge(ret, "archives", "archives stored", (int64_t)store->archives);
	add_gauge(ret, "archive_bytes", "bytes of archives stored", (int64_t)store->bytes);
	add_gauge(ret, "free_bytes", "bytes free on the store's filesystem", (int64_t)store->free_bytes);
	add_gauge(ret, "min_free_bytes", "bytes of it that are kept free", (int64_t)store->min_free_bytes);
	add_gauge(ret, "max_bytes", "space.max_size; 0: everything is kept", (int64_t)store->max_bytes);
	add_gauge(ret, "archives_removed", "archives removed by people since the start",
	        (int64_t)store->removed);
	add_gauge(ret, "archives_evicted", "archives evicted since the start, to keep to space.max_size",
	        (int64_t)store->evicted);
	add_gauge(ret, "archives_quarantined", "damaged archives moved aside since the start",
	        (int64_t)store->quarantined);
	add_gauge(ret, "archives_adopted", "archives found without a row in the index since the start",
	        (int64_t)store->adopted);
	add_gauge(ret, "archive_collisions",
	        "archives refused since the start: another has their md5 or sha1",
	        (int64_t)store->collisions);
	add_gauge(ret, "archives_refused_no_space", "archives refused since the start for want of space",
	        (int64_t)store->refused_no_space);
	add_gauge(ret, "index_rows_cached", "rows of archives in memory, so that the index is not asked",
	        (int64_t)store->rows_cached);
	add_gauge(ret, "index_rows_recalled", "rows found there since the start",
	        (int64_t)store->rows_recalled);
	add_gauge(
	        ret, "recovering", "1 while archives without a row are being looked for", store->recovering);
	add_gauge(ret, "store_healthy", "1 while the store takes archives in", store->health == STORE_FINE);
}

static void
render_scrub(const struct scrub_round *scrub, struct text *ret)
{
	add_gauge(ret, "scrub_under_way",
	        "1 while a round goes that reads all archives again; 0: it ended, or space.scrub_interval is "
	        "0",
	        scrub->under_way);
	add_gauge(ret, "scrub_archives", "archives read again in this round, of larder_archives",
	        (int64_t)scrub->archives);
	add_gauge(ret, "scrub_bytes", "bytes read again in this round, of larder_archive_bytes",
	        (int64_t)scrub->bytes);
	add_gauge(ret, "scrub_wrong", "archives found damaged or gone in this round", (int64_t)scrub->wrong);
	add_gauge(ret, "scrub_began_timestamp_seconds", "when this round began; 0: none did",
	        scrub->began_at_ms / 1000);
	add_gauge(ret, "scrub_ended_timestamp_seconds", "when the last whole round ended; 0: none has",
	        scrub->ended_at_ms / 1000);
	add_gauge(ret, "scrub_ended_wrong", "archives found damaged or gone in that one",
	        (int64_t)scrub->ended_wrong);
}

/* Counted by the patrol's thread from time to time; nothing before it has. */
static void
render_watch(const struct patrol_figures *patrol, struct text *ret)
{
	static const char *const copies[ARCHIVE_COPIES] = {"0", "1", "2"};

	if (!patrol->counted)
		return;
	text_add(ret, "# HELP larder_catalog_archives_by_state archives the catalog knows by how they are\n"
	              "# TYPE larder_catalog_archives_by_state gauge\n");
	for (int state = 0; state < ARCHIVE_STATES; state++)
		text_addf(ret, "larder_catalog_archives_by_state{state=\"%s\"} %" PRIu64 "\n",
		        archive_state_name((enum archive_state)state), patrol->archives.by_state[state]);
	text_add(ret,
	        "# HELP larder_catalog_archives_by_copies the same by the number of hosts that serve them, "
	        "this one apart; 2: two or more\n"
	        "# TYPE larder_catalog_archives_by_copies gauge\n");
	for (int i = 0; i < ARCHIVE_COPIES; i++)
		text_addf(ret, "larder_catalog_archives_by_copies{copies=\"%s\"} %" PRIu64 "\n", copies[i],
		        patrol->archives.by_copies[i]);
	add_gauge(ret, "watch_overdue", "origins that should have been asked an hour ago",
	        (int64_t)patrol->overdue);
	add_gauge(ret, "watch_resting_hosts", "hosts that the patrol leaves alone, since they asked for it",
	        (int64_t)patrol->resting_hosts);
}

static void
render_limits(const struct config *config, struct text *ret)
{
	if (config == NULL)
		return;
	add_gauge(ret, "limit_connections", "limits.connections; 0: no limit", config->limits.connections);
	add_gauge(ret, "limit_connections_per_address", "limits.connections_per_address; 0: no limit",
	        config->limits.connections_per_address);
	add_gauge(ret, "limit_hot_bytes", "hot.memory", (int64_t)config->hot.memory);
	add_gauge(ret, "limit_hot_files", "hot.files", config->hot.files);
	add_gauge(ret, "limit_flights", "limits.flights", config->limits.flights);
	add_gauge(ret, "limit_transfers", "fetch.transfers", config->fetch.transfers);
}

void
gauges_render(struct larder *larder, struct text *ret)
{
	struct gauges gauges;

	gauges_collect(larder, &gauges);
	render_store(&gauges, ret);
	add_gauge(ret, "catalog_archives", "archives the catalog knows", (int64_t)gauges.catalog.archives);
	add_gauge(ret, "catalog_origins", "origins the catalog knows", (int64_t)gauges.catalog.origins);
	add_gauge(ret, "flights", "fetches under way for clients", gauges.flights);
	add_gauge(ret, "fetcher_transfers", "transfers running", (int64_t)gauges.fetcher.transfers);
	add_gauge(ret, "fetcher_queued", "fetches that wait for a free transfer or host",
	        (int64_t)gauges.fetcher.queued);
	add_gauge(ret, "fetcher_resting_hosts", "hosts that are not asked for a while",
	        (int64_t)gauges.fetcher.resting_hosts);
	add_gauge(ret, "connections", "clients connected", gauges.listener.connections);
	add_gauge(ret, "connection_addresses", "different addresses among them", gauges.listener.addresses);
	add_gauge(ret, "requests_under_way", "requests that are being answered", gauges.listener.requests);
	add_gauge(ret, "requests_parked", "requests that wait for a fetch", gauges.listener.parked);
	add_gauge(ret, "hot_answers", "answers kept ready", gauges.listener.hot.answers);
	add_gauge(ret, "hot_files", "files that are open for them", gauges.listener.hot.files);
	add_gauge(ret, "hot_watched",
	        "of those answers, the ones in memory of whose files the system tells changes",
	        gauges.listener.hot.answers - gauges.listener.hot.files);
	add_gauge(ret, "hot_bytes", "memory that they take", gauges.listener.hot.memory_bytes);
	add_gauge(ret, "jobs_waiting", "jobs that wait for their turn", (int64_t)gauges.jobs.waiting);
	add_gauge(ret, "jobs_running", "jobs that are being done", (int64_t)gauges.jobs.running);
	render_scrub(&gauges.scrub, ret);
	render_watch(&gauges.patrol, ret);
	add_gauge(ret, "watch_network_suspected",
	        "1 while failures are held against no origin, since nothing vouches for the network here",
	        gauges.network == NETWORK_SUSPECTED);
	add_gauge(ret, "uptime_seconds", "since the start", gauges.uptime_ms / 1000);
	render_limits(larder->config, ret);
}
