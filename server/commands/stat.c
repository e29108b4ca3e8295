/*
 * `larder stat`: the figures of a store. Main thread, read-only, beside a running daemon.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/commands/command.h"
#include "server/jobs/json.h"
#include "server/signals.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/index/scrub_rows.h"

struct figures {
	struct store_figures store;
	struct catalog_figures catalog;
	uint64_t wanted;
	struct scrub_round scrub;
};

/* As of the last time that the daemon noted it. */
static void
print_scrub(const struct scrub_round *scrub)
{
	char when[TEXT_TIME_MAX];

	if (scrub->under_way) {
		text_time(scrub->began_at_ms, when);
		printf("scrub     %" PRIu64 " archives read again since %s, %" PRIu64 " damaged or gone\n",
		        scrub->archives, when, scrub->wrong);
	}
	if (scrub->ended_at_ms != 0) {
		text_time(scrub->ended_at_ms, when);
		printf("scrubbed  %s, %" PRIu64 " damaged or gone\n", when, scrub->ended_wrong);
	}
}

static void
print_figures(const char *directory, const struct figures *figures)
{
	char bytes[TEXT_SIZE_MAX], free_bytes[TEXT_SIZE_MAX], reserve[TEXT_SIZE_MAX];

	text_size(figures->store.bytes, bytes);
	text_size(figures->store.free_bytes, free_bytes);
	text_size(figures->store.min_free_bytes, reserve);
	printf("store     %s\n", directory);
	printf("stored    %" PRIu64 " archives, %s\n", figures->store.archives, bytes);
	printf("catalog   %" PRIu64 " archives, %" PRIu64 " digests, %" PRIu64 " origins, %" PRIu64
	       " packages\n",
	        figures->catalog.archives, figures->catalog.digests, figures->catalog.origins,
	        figures->catalog.packages);
	printf("wanted    %" PRIu64 " archives of the catalog are not stored\n", figures->wanted);
	printf("free      %s, of which %s stay free\n", free_bytes, reserve);
	print_scrub(&figures->scrub);
	if (figures->store.health != STORE_FINE)
		printf("health    %s\n", figures->store.health_text);
}

static json_t *
figures_json(const char *directory, const struct figures *figures)
{
	static const char *const health[] = {[STORE_FINE] = "fine",
	        [STORE_FULL] = "full",
	        [STORE_READ_ONLY] = "read-only",
	        [STORE_BROKEN] = "broken"};

	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I}}", "store",
	        json_text(directory), "archives", (json_int_t)figures->store.archives, "bytes",
	        (json_int_t)figures->store.bytes, "free_bytes", (json_int_t)figures->store.free_bytes,
	        "min_free_bytes", (json_int_t)figures->store.min_free_bytes, "health",
	        health[figures->store.health], "health_text", json_text(figures->store.health_text), "scrub",
	        json_scrub(&figures->scrub), "catalog", "archives", (json_int_t)figures->catalog.archives,
	        "digests", (json_int_t)figures->catalog.digests, "origins",
	        (json_int_t)figures->catalog.origins, "packages", (json_int_t)figures->catalog.packages,
	        "wanted", (json_int_t)figures->wanted);
}

static int
run(const struct invocation *invocation)
{
	const char *directory = invocation->config->store;
	struct figures figures;
	struct larder larder;
	struct err err = ERR_NONE;
	int status;
	bool counted;

	signals_release();
	status = command_start(invocation, LARDER_STORE_READ, &larder);
	if (status != EXIT_DONE)
		return status;
	store_figures(larder.store, &figures.store);
	counted = catalog_figures(store_catalog(larder.store), &figures.catalog, &err) &&
	          catalog_count_wanted(store_catalog(larder.store), &figures.wanted, &err) &&
	          scrub_round_find(store_index(larder.store), &figures.scrub, &err);
	larder_stop(&larder, 0);
	if (!counted)
		return command_fail(&err);
	if (invocation_has(invocation, FLAG_JSON))
		json_print(figures_json(directory, &figures));
	else
		print_figures(directory, &figures);
	return EXIT_DONE;
}

const struct command command_stat = {
        .name = "stat",
        .arguments = "",
        .summary = "figures: archives, bytes, catalog, wanted, free space, scrub",
        .help = "What the store holds, what the catalog knows, how much of it is not stored, how much room "
                "is left,\n"
                "and how far the daemon is that reads all archives again. Works beside a running daemon; "
                "what the daemon counts while it runs (hits, misses,\n"
                "transfers) is at its /metrics and /status.\n",
        .flags = FLAG_JSON,
        .run = run,
};
