/*
 * Fetching: downloads what is named and not stored. The thread that works joins up to FETCH_WINDOW flights and
 * waits for them in a mailbox; the fetcher's own limits decide how many of them go out at once. "stored" is
 * told only when the archive is durable.
 */
#include <inttypes.h>
#include <string.h>

#include "server/archive/flights.h"
#include "server/config.h"
#include "server/upstream/fetcher.h"
#include "server/jobs/asked.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/json.h"
#include "server/jobs/order.h"
#include "server/jobs/wants.h"
#include "server/jobs/work.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

#define FETCH_WINDOW                                                                                         \
	512 /* archives asked for at once; at most half of limits.flights: others want some too */
#define FETCH_TICK_MS 200

/*
 * At least this long before each further try of what failed for now; longer where hosts rest that may be
 * asked again soon.
 */
static const int64_t pauses_ms[] = {1000, 4000};

/* The whole of one run. */
struct fetching {
	struct work *work;
	struct wants wants;
	struct order *orders; /* those not stored, one for each */
	size_t n_orders;
	struct orders office;
	json_t *stored;                 /* what the result says of each */
	uint64_t present, stored_bytes; /* stored before; stored now */
	uint64_t done, done_bytes;      /* for the progress */
	bool stopped;
};

/* --- what is asked for --- */

static bool
read_entries(const json_t *asked, struct harvest *harvest, struct err *err)
{
	const json_t *entries = json_object_get(asked, "entries");
	size_t index;
	json_t *entry;

	if (entries != NULL && !json_is_array(entries))
		return err_set(err, ERR_BAD_REQUEST, "\"entries\" is an array of objects");
	json_array_foreach (entries, index, entry) {
		if (!harvest_entry_read(entry, harvest, "entries", (unsigned)index + 1, err))
			return err_wrap(err, "entry %zu", index + 1);
		if (harvest->problems_in_all > 0)
			return err_set(
			        err, ERR_SYNTAX, "entry %zu: %s", index + 1, harvest->problems[0].text);
	}
	return true;
}

static bool
check_names(const json_t *asked, struct err *err)
{
	const json_t *names = json_object_get(asked, "names"), *all = json_object_get(asked, "all");
	size_t index;
	json_t *name;

	if (names != NULL && !json_is_array(names))
		return err_set(err, ERR_BAD_REQUEST, "\"names\" is an array of strings");
	json_array_foreach (names, index, name) {
		if (!json_is_string(name))
			return err_set(err, ERR_BAD_REQUEST, "\"names\" is an array of strings");
	}
	if (all != NULL && !json_is_boolean(all))
		return err_set(err, ERR_BAD_REQUEST, "\"all\" is true or false");
	return true;
}

/* "digests", into ret; which is to be finished in any case. */
static bool
read_digests(const json_t *asked, struct asked *ret, struct err *err)
{
	const json_t *digests = json_object_get(asked, "digests");

	*ret = ASKED_EMPTY;
	return digests == NULL || asked_read_digests(digests, ret, err);
}

static bool
check_digests(const json_t *asked, struct err *err)
{
	struct asked digests;
	bool good = read_digests(asked, &digests, err);

	asked_finish(&digests);
	return good;
}

bool
work_fetch_check(const json_t *asked, struct err *err)
{
	struct harvest *harvest;
	bool good;

	if (!json_is_object(asked))
		return err_set(err, ERR_BAD_REQUEST,
		        "what to fetch is an object with \"names\", \"entries\" or \"all\"");
	if (!check_names(asked, err) || !check_digests(asked, err))
		return false;
	harvest = harvest_create();
	good = read_entries(asked, harvest, err);
	harvest_destroy(harvest);
	if (!good)
		return false;
	/* A lockfile that names nothing is an order all the same, done at once: it has entries, if none. */
	if (json_array_size(json_object_get(asked, "names")) == 0 && !json_flag_of(asked, "all") &&
	        json_object_get(asked, "entries") == NULL &&
	        json_array_size(json_object_get(asked, "digests")) == 0)
		return err_set(err, ERR_BAD_REQUEST,
		        "nothing to fetch is named: \"names\", \"digests\", \"entries\" or \"all\" says "
		        "what");
	return true;
}

/* The entries are learned first, so that their own URLs are origins. */
static bool
learn_entries(struct fetching *fetching, struct err *err)
{
	struct larder *larder = fetching->work->larder;
	const char *name = json_text_of(fetching->work->asked, "name");
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	bool done = read_entries(fetching->work->asked, harvest, err);

	if (done && harvest->n_entries > 0) {
		done = catalog_learn(store_catalog(larder->store), harvest, name, &learned, err);
		flights_forget_nowhere(larder->flights);
	}
	if (done)
		wants_add_harvest(&fetching->wants, harvest);
	harvest_destroy(harvest);
	return done;
}

static bool
add_digests(struct fetching *fetching, struct err *err)
{
	struct asked digests;
	bool done = read_digests(fetching->work->asked, &digests, err);

	for (size_t i = 0; done && i < digests.wants.count; i++)
		wants_add_digests(&fetching->wants, &digests.wants.items[i].digests);
	asked_finish(&digests);
	return done;
}

static bool
collect_wants(struct fetching *fetching, struct err *err)
{
	const json_t *asked = fetching->work->asked, *names = json_object_get(asked, "names");
	struct larder *larder = fetching->work->larder;
	size_t index;
	json_t *name;

	if (!check_names(asked, err) || !learn_entries(fetching, err) || !add_digests(fetching, err))
		return false;
	json_array_foreach (names, index, name) {
		if (!wants_add(&fetching->wants, larder, json_string_value(name), err))
			return false;
	}
	return !json_flag_of(asked, "all") || wants_add_catalog(&fetching->wants, larder, err);
}

static size_t
window_of(const struct fetching *fetching)
{
	uint64_t half = (uint64_t)fetching->work->larder->config->limits.flights / 2;

	return half > FETCH_WINDOW ? FETCH_WINDOW : half > 0 ? (size_t)half : 1;
}

static void
add_order(struct fetching *fetching, const struct want *want)
{
	struct order *order = &fetching->orders[fetching->n_orders++];

	order_init(order, &fetching->office, want);
	if (orders_under_way(&fetching->office) < window_of(fetching))
		order_send(order);
}

/* An order for every want that is not stored. The first are under way while the others are looked up. */
static bool
plan_orders(struct fetching *fetching, struct err *err)
{
	fetching->orders = xcalloc(fetching->wants.count + 1, sizeof fetching->orders[0]);
	for (size_t i = 0; i < fetching->wants.count; i++) {
		const struct want *want = &fetching->wants.items[i];
		struct archive archive;

		switch (store_has(fetching->work->larder->store, &want->digests, &archive, err)) {
		case STORE_HIT:
			fetching->present++;
			break;
		case STORE_MISS:
			add_order(fetching, want);
			break;
		case STORE_FAILED:
			orders_abandon(&fetching->office, fetching->orders, fetching->n_orders);
			return false;
		}
	}
	return true;
}

/* --- going --- */

static void
tell_progress(struct fetching *fetching)
{
	fetching->work->progress(
	        fetching->work, "fetched", fetching->done, fetching->n_orders, fetching->done_bytes);
}

static void
tell_stored(struct fetching *fetching, const struct order *order)
{
	char text[DIGEST_TEXT_MAX];
	json_int_t size = (json_int_t)order->archive.size_bytes;

	fetching->stored_bytes += order->archive.size_bytes;
	digests_best_text(&order->archive.digests, text);
	json_array_append_new(
	        fetching->stored, json_pack("{s:o, s:o, s:I}", "package", json_text(order->want->package),
	                                  "digests", json_digests(&order->archive.digests), "size", size));
	fetching->work->tell(
	        fetching->work, json_pack("{s:s, s:s, s:o, s:I}", "event", "stored", "digest", text,
	                                "package", json_text(order->want->package), "size", size));
}

static void
take_home(struct fetching *fetching, const struct order *order, enum order_try try)
{
	if (order->state == ORDER_STORED)
		tell_stored(fetching, order);
	if (order->state == ORDER_STORED || try == TRY_LAST || !order_is_transient(order)) {
		fetching->done++;
		fetching->done_bytes += order->archive.size_bytes;
	}
}

/* Nothing new goes out, and nobody waits for what is under way: its flights go on, and it is kept. */
static void
break_off(struct fetching *fetching, enum order_try try)
{
	struct order *home;

	fetching->stopped = true;
	for (home = orders_next(&fetching->office, 0); home != NULL; home = orders_next(&fetching->office, 0))
		take_home(fetching, home, try);
	orders_abandon(&fetching->office, fetching->orders, fetching->n_orders);
}

static bool
is_stopped(struct fetching *fetching, enum order_try try)
{
	if (!fetching->stopped && fetching->work->is_stopped(fetching->work))
		break_off(fetching, try);
	return fetching->stopped;
}

/* Sends out every order that is still to be done and waits for all of them. */
static void
go(struct fetching *fetching, enum order_try try)
{
	size_t window = window_of(fetching), next = 0;

	while (!is_stopped(fetching, try)) {
		const struct order *home;

		while (next < fetching->n_orders && orders_under_way(&fetching->office) < window) {
			struct order *order = &fetching->orders[next++];

			if (order->state == ORDER_WAITING || (try != TRY_FIRST && order_is_transient(order)))
				order_send(order);
		}
		if (orders_under_way(&fetching->office) == 0 && next == fetching->n_orders)
			return;
		home = orders_next(&fetching->office, FETCH_TICK_MS);
		if (home != NULL)
			take_home(fetching, home, try);
		tell_progress(fetching);
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

	fetcher_figures(fetching->work->larder->fetcher, &figures);
	return figures.rests_over_at_ms > until_ms ? figures.rests_over_at_ms : until_ms;
}

static void
pause_before_retry(struct fetching *fetching, int64_t pause_ms, size_t count)
{
	int64_t until_ms = later_of(fetching, clock_ms() + pause_ms);

	fetching->work->tell(
	        fetching->work, json_pack("{s:s, s:I, s:I}", "event", "retry", "count", (json_int_t)count,
	                                "seconds", (json_int_t)((until_ms - clock_ms() + 999) / 1000)));
	while (!is_stopped(fetching, TRY_AGAIN) && clock_ms() < until_ms) {
		if (orders_next(&fetching->office, FETCH_TICK_MS) != NULL)
			abort(); /* nothing is under way */
		until_ms = later_of(fetching, until_ms);
	}
	flights_forget_nowhere(fetching->work->larder->flights);
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

/* What was tried and is not to be had; one that the stop left undone is not missing. */
static json_t *
result_of(struct fetching *fetching)
{
	json_t *missing = json_array();

	for (size_t i = 0; i < fetching->n_orders; i++) {
		const struct order *order = &fetching->orders[i];

		if (order->state == ORDER_FAILED && order->err.code != ERR_STOPPING)
			json_array_append_new(missing, missing_json(order));
		else if (order->state == ORDER_FAILED)
			fetching->stopped = true; /* the fetcher stopped, whoever told it to */
	}
	return json_pack("{s:I, s:I, s:I, s:O, s:o, s:b}", "named", (json_int_t)fetching->wants.count,
	        "present", (json_int_t)fetching->present, "stored_bytes", (json_int_t)fetching->stored_bytes,
	        "stored", fetching->stored, "missing", missing, "stopped", (int)fetching->stopped);
}

json_t *
work_fetch(struct work *work, struct err *err)
{
	struct fetching fetching = {.work = work, .stored = json_array()};
	json_t *result = NULL;

	orders_init(&fetching.office, work->larder);
	if (collect_wants(&fetching, err) && plan_orders(&fetching, err)) {
		tell_progress(&fetching);
		if (fetching.n_orders > 0)
			fetch_all(&fetching);
		result = result_of(&fetching);
	}
	for (size_t i = 0; i < fetching.n_orders; i++)
		order_finish(&fetching.orders[i]);
	free(fetching.orders);
	orders_finish(&fetching.office);
	wants_finish(&fetching.wants);
	json_decref(fetching.stored);
	return result;
}
