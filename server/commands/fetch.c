/*
 * `larder fetch`: downloads what is named and not stored. The main thread joins up to FETCH_WINDOW flights
 * and waits for them in a mailbox; the fetcher's own limits decide how many of them go out at once. A line
 * "stored …" is written only when the archive is durable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/archive/flights.h"
#include "server/commands/command.h"
#include "server/work/order.h"
#include "server/work/json.h"
#include "server/commands/progress.h"
#include "server/commands/reading.h"
#include "server/commands/table.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "server/upstream/fetcher.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/source.h"

#define FETCH_WINDOW  512 /* archives asked for at once */
#define FETCH_TICK_MS 200

/*
 * At least this long before each further try of what failed for now; longer where hosts rest that may be
 * asked again soon.
 */
static const int64_t pauses_ms[] = {1000, 4000};

/* The whole of one run. Main thread. */
struct fetching {
	const struct invocation *invocation;
	struct larder larder;
	struct wants wants;
	struct order *orders; /* those not stored, one for each */
	size_t n_orders;
	struct orders office;
	struct progress progress;
	json_t *stored_list; /* NULL: text */
	uint64_t present, stored, stored_bytes;
	bool stopped; /* by a signal */
};

/* --- what is asked for --- */

/* A lockfile is learned first, so that its own URLs are origins. */
static bool
learn_file(struct fetching *fetching, const char *path, struct err *err)
{
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	enum source_form form;
	bool done;

	done = source_read(path, harvest, &form, err) &&
	       catalog_learn(store_catalog(fetching->larder.store), harvest, path, &learned, err);
	if (done) {
		reading_say_problems(harvest);
		wants_add_harvest(&fetching->wants, harvest);
	}
	harvest_destroy(harvest);
	return done;
}

static bool
collect_wants(struct fetching *fetching, struct err *err)
{
	const struct invocation *invocation = fetching->invocation;

	for (size_t i = 0; i < invocation->n_arguments; i++) {
		const char *argument = invocation->arguments[i];

		if (!(wants_is_file(argument)
		                    ? learn_file(fetching, argument, err)
		                    : wants_add(&fetching->wants, &fetching->larder, argument, err)))
			return false;
	}
	return !invocation_has(invocation, FLAG_ALL) ||
	       wants_add_catalog(&fetching->wants, &fetching->larder, err);
}

/* An order for every want that is not stored. */
static bool
plan_orders(struct fetching *fetching, struct err *err)
{
	fetching->orders = xcalloc(fetching->wants.count + 1, sizeof fetching->orders[0]);
	for (size_t i = 0; i < fetching->wants.count; i++) {
		struct archive archive;

		switch (store_has(fetching->larder.store, &fetching->wants.items[i].digests, &archive, err)) {
		case STORE_HIT:
			fetching->present++;
			break;
		case STORE_MISS:
			order_init(&fetching->orders[fetching->n_orders++], &fetching->office,
			        &fetching->wants.items[i]);
			break;
		case STORE_FAILED:
			return false;
		}
	}
	return true;
}

/* --- going --- */

static void
report_stored(struct fetching *fetching, const struct order *order)
{
	char text[DIGEST_TEXT_MAX];

	fetching->stored++;
	fetching->stored_bytes += order->archive.size_bytes;
	wants_best_text(&order->archive.digests, text);
	progress_clear(&fetching->progress);
	if (fetching->stored_list == NULL)
		printf("stored %s%s%s\n", text, order->want->package[0] != '\0' ? " " : "",
		        order->want->package);
	else
		json_array_append_new(fetching->stored_list,
		        json_pack("{s:o, s:o, s:I}", "package", json_text(order->want->package), "digests",
		                json_digests(&order->archive.digests), "size",
		                (json_int_t)order->archive.size_bytes));
	fflush(stdout);
}

static void
take_home(struct fetching *fetching, const struct order *order, bool last_try)
{
	if (order->state == ORDER_STORED)
		report_stored(fetching, order);
	if (order->state == ORDER_STORED || last_try || !order_is_transient(order))
		progress_step(&fetching->progress, order->archive.size_bytes);
}

/* Ctrl-C: nothing new, and what is under way comes back at once; what is being stored is finished. */
static void
heed_signals(struct fetching *fetching)
{
	if (fetching->stopped || signals_poll() != SIGNALS_STOP)
		return;
	fetching->stopped = true;
	progress_clear(&fetching->progress);
	command_say("stopping; another signal ends it at once");
	signals_release();
	flights_refuse(fetching->larder.flights);
	fetcher_stop(fetching->larder.fetcher);
}

/* Sends out every order that is still to be done and waits for all of them. */
static void
go(struct fetching *fetching, enum order_try try)
{
	size_t window = FETCH_WINDOW, next = 0;

	if ((uint64_t)fetching->invocation->config->limits.flights < window)
		window = (size_t)fetching->invocation->config->limits.flights;
	for (;;) {
		struct order *home;

		while (!fetching->stopped && next < fetching->n_orders &&
		        orders_under_way(&fetching->office) < window) {
			struct order *order = &fetching->orders[next++];

			if (order->state == ORDER_WAITING || (try != TRY_FIRST && order_is_transient(order)))
				order_send(order);
		}
		if (orders_under_way(&fetching->office) == 0 &&
		        (fetching->stopped || next == fetching->n_orders))
			return;
		home = orders_next(&fetching->office, FETCH_TICK_MS);
		if (home != NULL)
			take_home(fetching, home, try == TRY_LAST);
		heed_signals(fetching);
		progress_tick(&fetching->progress);
	}
}

static size_t
count_transient(const struct fetching *fetching)
{
	size_t count = 0;

	for (size_t i = 0; i < fetching->n_orders; i++)
		count += order_is_transient(&fetching->orders[i]);
	return count;
}

/* Not before the hosts that rest may be asked, or it would ask nobody. */
static int64_t
later_of(const struct fetching *fetching, int64_t until_ms)
{
	struct fetcher_figures figures;

	fetcher_figures(fetching->larder.fetcher, &figures);
	return figures.rests_over_at_ms > until_ms ? figures.rests_over_at_ms : until_ms;
}

static void
pause_before_retry(struct fetching *fetching, int64_t pause_ms, size_t count)
{
	int64_t until_ms = later_of(fetching, clock_ms() + pause_ms);

	progress_clear(&fetching->progress);
	if (!invocation_has(fetching->invocation, FLAG_QUIET))
		command_say("%zu could not be had for now; trying them again in %" PRId64 " s", count,
		        (until_ms - clock_ms() + 999) / 1000);
	while (!fetching->stopped && clock_ms() < until_ms) {
		if (orders_next(&fetching->office, FETCH_TICK_MS) != NULL)
			abort(); /* nothing is under way */
		heed_signals(fetching);
		until_ms = later_of(fetching, until_ms);
	}
	flights_forget_nowhere(fetching->larder.flights);
}

static void
fetch_all(struct fetching *fetching)
{
	go(fetching, TRY_FIRST);
	for (size_t i = 0; i < COUNT_OF(pauses_ms); i++) {
		size_t transient = count_transient(fetching);

		if (transient == 0 || fetching->stopped)
			return;
		pause_before_retry(fetching, pauses_ms[i], transient);
		go(fetching, i + 1 == COUNT_OF(pauses_ms) ? TRY_LAST : TRY_AGAIN);
	}
}

/* --- the end --- */

/*
 * A row for each origin that was asked, the archive's name beside the first; one row with the error where
 * none was.
 */
static void
add_missing_rows(struct table *table, const struct order *order)
{
	const char *reason = err_reason(order->err.code), *name = order->want->package;
	char digest[DIGEST_TEXT_MAX];

	wants_best_text(&order->want->digests, digest);
	if (name[0] == '\0')
		name = digest;
	if (order->attempts.count == 0)
		table_add(table, (const char *const[]){name, reason, order->err.text});
	for (size_t i = 0; i < order->attempts.count; i++) {
		const struct attempt *attempt = &order->attempts.items[i];
		AUTO_TEXT said = TEXT_EMPTY;

		text_addf(&said, "%s: %s%s%s", attempt->url, origin_result_name(attempt->result),
		        attempt->detail[0] != '\0' ? ", " : "", attempt->detail);
		table_add(table,
		        (const char *const[]){i == 0 ? name : "", i == 0 ? reason : "", text_string(&said)});
	}
}

/* Tried, and not to be had: not one that a signal left undone. */
static bool
is_missing(const struct order *order)
{
	return order->state == ORDER_FAILED && order->err.code != ERR_STOPPING;
}

static void
print_missing(const struct fetching *fetching)
{
	struct table table;
	AUTO_TEXT text = TEXT_EMPTY;

	table_init(&table, (const char *const[]){"archive", "reason", "what was said"}, 3);
	for (size_t i = 0; i < fetching->n_orders; i++)
		if (is_missing(&fetching->orders[i]))
			add_missing_rows(&table, &fetching->orders[i]);
	if (table.n_rows > 1) {
		table_render(&table, &text);
		printf("\nnot to be had:\n%s", text_string(&text));
	}
	table_finish(&table);
}

static json_t *
missing_json(const struct order *order)
{
	json_t *attempts = json_array();

	for (size_t i = 0; i < order->attempts.count; i++)
		json_array_append_new(
		        attempts, json_pack("{s:o, s:s, s:o}", "url", json_text(order->attempts.items[i].url),
		                          "outcome", origin_result_name(order->attempts.items[i].result),
		                          "detail", json_text(order->attempts.items[i].detail)));
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "package", json_text(order->want->package), "digests",
	        json_digests(&order->want->digests), "reason", err_reason(order->err.code), "text",
	        json_text(order->err.text), "attempts", attempts);
}

static void
print_json(const struct fetching *fetching)
{
	json_t *missing = json_array();

	for (size_t i = 0; i < fetching->n_orders; i++)
		if (is_missing(&fetching->orders[i]))
			json_array_append_new(missing, missing_json(&fetching->orders[i]));
	json_print(json_pack("{s:I, s:I, s:I, s:o, s:o, s:b}", "named", (json_int_t)fetching->wants.count,
	        "present", (json_int_t)fetching->present, "stored_bytes", (json_int_t)fetching->stored_bytes,
	        "stored", fetching->stored_list, "missing", missing, "stopped", (int)fetching->stopped));
}

static void
say_summary(const struct fetching *fetching)
{
	uint64_t missing = fetching->n_orders - fetching->stored;
	char bytes[TEXT_SIZE_MAX];

	text_size(fetching->stored_bytes, bytes);
	if (!invocation_has(fetching->invocation, FLAG_QUIET))
		command_say("%zu named: %" PRIu64 " stored before, %" PRIu64 " stored now (%s), %" PRIu64
		            " missing",
		        fetching->wants.count, fetching->present, fetching->stored, bytes, missing);
	if (fetching->stopped)
		command_say(
		        "stopped before the end: what is listed as stored is safe; running it again goes on");
	else if (missing > 0 && fetching->stored_list == NULL)
		command_say("what is missing: `larder add FILE` if you have it; running this again asks once "
		            "more");
}

static int
fetch(struct fetching *fetching)
{
	struct err err = ERR_NONE;

	if (!collect_wants(fetching, &err) || !plan_orders(fetching, &err))
		return command_fail(&err);
	progress_begin(&fetching->progress, progress_choose(fetching->invocation->flags), "fetched",
	        fetching->n_orders);
	if (fetching->n_orders > 0)
		fetch_all(fetching);
	progress_clear(&fetching->progress);
	if (fetching->stored_list == NULL)
		print_missing(fetching);
	say_summary(fetching);
	if (fetching->stored_list != NULL)
		print_json(fetching);
	else
		json_decref(fetching->stored_list);
	fetching->stored_list = NULL; /* print_json has taken it */
	if (fetching->stopped)
		return EXIT_FAILED;
	return fetching->stored < fetching->n_orders ? EXIT_MISSING : EXIT_DONE;
}

static int
run(const struct invocation *invocation)
{
	struct fetching fetching = {.invocation = invocation};
	int status;

	if (invocation->n_arguments == 0 && !invocation_has(invocation, FLAG_ALL))
		return command_misuse(
		        invocation, "fetch what? name a lockfile, a package or a digest, or give --all");
	status = command_start(invocation, LARDER_FETCHING, &fetching.larder);
	if (status != EXIT_DONE)
		return status;
	orders_init(&fetching.office, &fetching.larder);
	if (invocation_has(invocation, FLAG_JSON))
		fetching.stored_list = json_array();
	status = fetch(&fetching);
	json_decref(fetching.stored_list);
	for (size_t i = 0; i < fetching.n_orders; i++)
		order_finish(&fetching.orders[i]);
	free(fetching.orders);
	orders_finish(&fetching.office);
	larder_stop(&fetching.larder, 0);
	wants_finish(&fetching.wants);
	return status;
}

const struct command command_fetch = {
        .name = "fetch",
        .arguments = "[LOCKFILE|PACKAGE[.VERSION]|DIGEST]...",
        .summary = "download what is named and not stored",
        .help = "Downloads from the origins the catalog names, and from the mirrors, whatever of the named "
                "archives\n"
                "is not stored yet: those of a lockfile (which is learned first), of a package, of a digest, "
                "or of the\n"
                "whole catalog. `stored sha256:<hex> PACKAGE` is printed once the archive would survive a "
                "power cut.\n"
                "What failed for now is tried twice more. Ends with a table of what could not be had and "
                "why, exit\n"
                "status 1 then. Running it again goes on where it stopped.\n",
        .flags = FLAG_JSON | FLAG_ALL,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
