/*
 * `larder verify`: every stored byte against its digest, and the index against the files. Main thread; takes
 * the store for itself, since it moves what is wrong out of the way.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/archive/flights.h"
#include "server/commands/command.h"
#include "server/work/json.h"
#include "server/work/order.h"
#include "server/commands/progress.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "server/upstream/fetcher.h"
#include "storage/base/text.h"

#define REPAIR_TICK_MS 200

/* Of an archive, no more than is needed here: there may be millions. */
struct stored {
	struct digests digests;
	uint64_t size_bytes;
};

struct verifying {
	const struct invocation *invocation;
	struct larder larder;
	struct progress progress;
	struct stored *all; /* what the index says there is */
	size_t n_all, capacity;
	struct wants wrong; /* what was wrong, or gone */
	struct store_audit audit;
	uint64_t right, repaired;
	bool stopped;
};

static bool
remember(void *context, const struct archive *archive)
{
	struct verifying *verifying = context;

	if (verifying->n_all == verifying->capacity) {
		verifying->capacity = verifying->capacity * 2 + 256;
		verifying->all = xrealloc(verifying->all, verifying->capacity * sizeof verifying->all[0]);
	}
	verifying->all[verifying->n_all++] = (struct stored){archive->digests, archive->size_bytes};
	return true;
}

/* Notes an archive that must be fetched again, and says so. */
static void
note_wrong(struct verifying *verifying, const struct stored *archive, const char *what)
{
	char text[DIGEST_TEXT_MAX];

	progress_clear(&verifying->progress);
	wants_best_text(&archive->digests, text);
	if (!invocation_has(verifying->invocation, FLAG_JSON))
		printf("wrong %s: %s\n", text, what);
	fflush(stdout);
	wants_add_digests(&verifying->wrong, &archive->digests);
}

static bool
verify_one(struct verifying *verifying, const struct stored *archive, struct err *err)
{
	struct digest digest = wants_best(&archive->digests);
	AUTO_BLOB blob = BLOB_NONE;

	switch (store_find(verifying->larder.store, &digest, &blob, err)) {
	case STORE_HIT:
		break;
	case STORE_MISS:
		note_wrong(verifying, archive, "its file is gone, or has another size");
		return true;
	case STORE_FAILED:
		return false;
	}
	blob.trust = BLOB_UNPROVEN; /* a proof of yesterday is not enough here */
	if (store_prove(verifying->larder.store, &blob, err)) {
		verifying->right++;
	} else if (err->code == ERR_MISMATCH) {
		note_wrong(verifying, archive,
		        "its bytes are not those of its digest; the file is in quarantine/");
		*err = ERR_NONE;
	} else {
		return false;
	}
	return true;
}

static bool
verify_all(struct verifying *verifying, struct err *err)
{
	if (!store_walk(verifying->larder.store, remember, verifying, err))
		return false;
	progress_begin(&verifying->progress, progress_choose(verifying->invocation->flags), "verified",
	        verifying->n_all);
	for (size_t i = 0; i < verifying->n_all && !verifying->stopped; i++) {
		if (!verify_one(verifying, &verifying->all[i], err))
			return false;
		progress_step(&verifying->progress, verifying->all[i].size_bytes);
		verifying->stopped = signals_poll() == SIGNALS_STOP;
	}
	progress_clear(&verifying->progress);
	return verifying->stopped || store_reconcile(verifying->larder.store, &verifying->audit, err);
}

/* --- repair --- */

static void
report_order(struct verifying *verifying, const struct order *order)
{
	char text[DIGEST_TEXT_MAX];

	wants_best_text(&order->want->digests, text);
	if (order->state == ORDER_STORED)
		verifying->repaired++;
	else
		command_say("%s could not be fetched again: %s", text, order->err.text);
	if (order->state == ORDER_STORED && !invocation_has(verifying->invocation, FLAG_JSON))
		printf("repaired %s\n", text);
	fflush(stdout);
}

/* Nothing new goes out, and what is under way comes back at once. */
static void
break_off(struct verifying *verifying)
{
	verifying->stopped = true;
	signals_release();
	flights_refuse(verifying->larder.flights);
	fetcher_stop(verifying->larder.fetcher);
}

/* Fetches again what was wrong, as many at once as there may be flights. */
static void
repair(struct verifying *verifying)
{
	struct order *orders = xcalloc(verifying->wrong.count + 1, sizeof orders[0]);
	size_t window = (size_t)verifying->invocation->config->limits.flights, sent = 0;
	struct orders office;

	orders_init(&office, &verifying->larder);
	for (;;) {
		struct order *order;

		for (; sent < verifying->wrong.count && !verifying->stopped &&
		        orders_under_way(&office) < window;
		        sent++) {
			order_init(&orders[sent], &office, &verifying->wrong.items[sent]);
			order_send(&orders[sent]);
		}
		if (orders_under_way(&office) == 0)
			break;
		order = orders_next(&office, REPAIR_TICK_MS);
		if (order != NULL)
			report_order(verifying, order);
		if (!verifying->stopped && signals_poll() == SIGNALS_STOP)
			break_off(verifying);
	}
	for (size_t i = 0; i < sent; i++)
		order_finish(&orders[i]);
	orders_finish(&office);
	free(orders);
}

/* --- the end --- */

static void
print_summary(const struct verifying *verifying)
{
	const struct store_audit *audit = &verifying->audit;

	printf("%" PRIu64 " right, %zu wrong or gone", verifying->right, verifying->wrong.count);
	if (invocation_has(verifying->invocation, FLAG_REPAIR))
		printf(", %" PRIu64 " of them repaired", verifying->repaired);
	printf("; index against files: %" PRIu64 " files adopted, %" PRIu64 " quarantined, %" PRIu64
	       " rows dropped\n",
	        audit->adopted, audit->quarantined, audit->rows_dropped);
	if (verifying->stopped)
		command_say("stopped before the end: running it again looks at everything");
	else if (verifying->wrong.count > verifying->repaired)
		command_say("what is wrong is a miss from now on; `larder serve` fetches it when it is asked "
		            "for, `larder verify "
		            "--repair` at once, `larder add FILE` stores it if you have it");
}

static void
print_json(const struct verifying *verifying)
{
	json_t *wrong = json_array();

	for (size_t i = 0; i < verifying->wrong.count; i++)
		json_array_append_new(wrong, json_digests(&verifying->wrong.items[i].digests));
	json_print(json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:b}", "right", (json_int_t)verifying->right,
	        "wrong", wrong, "repaired", (json_int_t)verifying->repaired, "adopted",
	        (json_int_t)verifying->audit.adopted, "quarantined", (json_int_t)verifying->audit.quarantined,
	        "rows_dropped", (json_int_t)verifying->audit.rows_dropped, "stopped",
	        (int)verifying->stopped));
}

static int
verify(struct verifying *verifying)
{
	struct err err = ERR_NONE;

	if (!verify_all(verifying, &err)) {
		progress_clear(&verifying->progress);
		return command_fail(&err);
	}
	if (invocation_has(verifying->invocation, FLAG_REPAIR) && !verifying->stopped)
		repair(verifying);
	if (invocation_has(verifying->invocation, FLAG_JSON))
		print_json(verifying);
	else
		print_summary(verifying);
	if (verifying->stopped)
		return EXIT_FAILED;
	return verifying->wrong.count > verifying->repaired || verifying->audit.quarantined > 0 ? EXIT_MISSING
	                                                                                        : EXIT_DONE;
}

static int
run(const struct invocation *invocation)
{
	struct verifying verifying = {.invocation = invocation};
	enum larder_parts parts =
	        invocation_has(invocation, FLAG_REPAIR) ? LARDER_FETCHING : LARDER_STORE_WRITE;
	int status = command_start(invocation, parts, &verifying.larder);

	if (status != EXIT_DONE)
		return status;
	status = verify(&verifying);
	larder_stop(&verifying.larder, 0);
	wants_finish(&verifying.wrong);
	free(verifying.all);
	return status;
}

const struct command command_verify = {
        .name = "verify",
        .arguments = "",
        .summary = "re-read the store: every byte against its digest, index against files",
        .help = "Reads every stored archive and compares it with its digests, then the index with the files. "
                "What\n"
                "is wrong is moved to quarantine/ in the store and is a miss from then on; --repair fetches "
                "it\n"
                "again. Exit status 1 when anything was wrong and is not repaired. Not beside a running "
                "daemon.\n",
        .flags = FLAG_JSON | FLAG_REPAIR,
        .run = run,
};
