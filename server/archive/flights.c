/*
 * The table of flights. Any worker joins, the flight itself leaves when it is over. A flight stands in the
 * table under every digest that its archive is known by, so that whoever asks by another one finds it too.
 *
 * One mutex, the first of the lock order; nothing blocks under it: the index is asked before and after.
 */
#include "server/archive/flights.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "storage/base/clock.h"
#include "storage/base/table.h"
#include "storage/base/text.h"
#include "storage/index/tombstone_rows.h"
#include "storage/store.h"

/* One name of a flight. */
struct seat {
	struct digest name;
	struct flight *flight; /* the table's reference is held once, by the seat of the digest asked for */
	UT_hash_handle hh;
};

/* What was found nowhere, and until when nobody asks again. */
struct nowhere {
	struct digest name; /* as it was asked for */
	struct digests
	        names; /* all that its origins were asked by: who knows it by one of these finds nothing else */
	int64_t until_ms; /* clock_ms */
	struct err why;
	UT_hash_handle hh; /* in the order of insertion, and so of time */
};

struct flights {
	struct flights_options options;
	flights_submit_fn *submit;
	void *context;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t empty;  /* count became 0 */
	struct seat *seats;
	struct nowhere *nowhere;
	int64_t count;
	bool refusing;
};

struct flights *
flights_create(const struct flights_options *options, flights_submit_fn *submit, void *context)
{
	struct flights *flights = xcalloc(1, sizeof *flights);

	flights->options = *options;
	flights->submit = submit;
	flights->context = context;
	pthread_mutex_init(&flights->mutex, NULL);
	pthread_cond_init(&flights->empty, NULL);
	return flights;
}

void
flights_destroy(struct flights *flights)
{
	if (flights == NULL)
		return;
	assert(flights->seats == NULL);
	flights_forget_nowhere(flights);
	pthread_cond_destroy(&flights->empty);
	pthread_mutex_destroy(&flights->mutex);
	free(flights);
}

/* --- under the lock --- */

static struct seat *
find_seat(struct flights *flights, const struct digest *name)
{
	struct seat *seat;

	HASH_FIND(hh, flights->seats, name, sizeof *name, seat);
	return seat;
}

/* The first flight that has one of these names; NULL: none. */
static struct flight *
find_flight(struct flights *flights, const struct digests *names)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest name;
		struct seat *seat = digests_get(names, algo, &name) ? find_seat(flights, &name) : NULL;

		if (seat != NULL)
			return seat->flight;
	}
	return NULL;
}

static void
seat_flight(struct flights *flights, struct flight *flight, const struct digests *names)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct seat *seat;
		struct digest name;

		if (!digests_get(names, algo, &name))
			continue;
		seat = xcalloc(1, sizeof *seat);
		seat->name = name;
		seat->flight = flight;
		HASH_ADD(hh, flights->seats, name, sizeof seat->name, seat);
	}
	flights->count++;
}

static void
unseat_flight(struct flights *flights, const struct digests *names)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest name;
		struct seat *seat = digests_get(names, algo, &name) ? find_seat(flights, &name) : NULL;

		if (seat == NULL)
			continue;
		HASH_DEL(flights->seats, seat);
		free(seat);
	}
	flights->count--;
	if (flights->count == 0)
		pthread_cond_broadcast(&flights->empty);
}

static const struct nowhere *
find_nowhere(struct flights *flights, const struct digest *name)
{
	struct nowhere *nowhere;

	HASH_FIND(hh, flights->nowhere, name, sizeof *name, nowhere);
	return nowhere != NULL && clock_ms() < nowhere->until_ms ? nowhere : NULL;
}

static void
tell_nowhere(struct flights *flights, const struct nowhere *nowhere, struct err *err)
{
	*err = nowhere->why;
	metrics_add(flights->options.metrics, METRIC_NEGATIVE_HITS, 1);
}

/*
 * Lately found nowhere by one of these names. It counts only where all of them were known then: by another one, or by
 * sets that contradict each other, it may be somewhere else.
 */
static bool
was_nowhere(struct flights *flights, const struct digests *names, struct err *err)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest name;
		const struct nowhere *nowhere =
		        digests_get(names, algo, &name) ? find_nowhere(flights, &name) : NULL;

		if (nowhere == NULL || !digests_satisfy(&nowhere->names, names))
			continue;
		tell_nowhere(flights, nowhere, err);
		return true;
	}
	return false;
}

static void
forget(struct flights *flights, struct nowhere *nowhere)
{
	HASH_DEL(flights->nowhere, nowhere);
	free(nowhere);
}

/* Who could have it and did not say no asked to be left alone. */
static bool
is_held(const struct flight *flight)
{
	return flight_failed_until(flight) != 0;
}

static void
remember_nowhere(struct flights *flights, const struct flight *flight, const struct digests *names)
{
	const struct digest *name = flight_asked(flight);
	struct nowhere *nowhere;

	HASH_FIND(hh, flights->nowhere, name, sizeof *name, nowhere);
	if (nowhere != NULL)
		forget(flights, nowhere);
	if (HASH_COUNT(flights->nowhere) >= FLIGHTS_NOWHERE_MAX)
		forget(flights, flights->nowhere);
	nowhere = xcalloc(1, sizeof *nowhere);
	nowhere->name = *name;
	nowhere->names = *names;
	nowhere->why = *flight_failure(flight);
	nowhere->until_ms = clock_ms() + flights->options.negative_ttl_ms;
	if (is_held(flight) && flight_failed_until(flight) < nowhere->until_ms)
		nowhere->until_ms = flight_failed_until(flight);
	HASH_ADD(hh, flights->nowhere, name, sizeof nowhere->name, nowhere);
}

/* --- joining --- */

/*
 * Every digest the wanted archive is known by. Sets that contradict each other tell only what was asked:
 * which of them will land is not known yet.
 */
static void
names_of(const struct digest *asked, const struct catalog_wanted *wanted, struct digests *ret)
{
	struct digests names = {0};

	digests_put(&names, asked);
	for (size_t i = 0; i < wanted->count; i++) {
		if (!digests_agree(&names, &wanted->sets[i])) {
			names = (struct digests){0};
			digests_put(&names, asked);
			break;
		}
		for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
			struct digest name;

			if (digests_get(&wanted->sets[i], algo, &name))
				digests_put(&names, &name);
		}
	}
	*ret = names;
}

/*
 * What is to be kept in mind: every origin said that it is not there, those aside that are left alone for now.
 * Anything else may be better in a moment.
 */
static bool
is_nowhere(const struct flight *flight)
{
	enum err_code code = flight_failure(flight)->code;

	return code == ERR_UNKNOWN || code == ERR_VANISHED || code == ERR_ABSENT || is_held(flight);
}

/* The flight is over: it leaves the table. On whichever thread ended it. */
static void
flight_over(void *context, struct flight *flight)
{
	struct flights *flights = context;
	struct digests names;

	names_of(flight_asked(flight), flight_wanted(flight), &names);
	pthread_mutex_lock(&flights->mutex);
	unseat_flight(flights, &names);
	if (is_nowhere(flight) && flights->options.negative_ttl_ms > 0)
		remember_nowhere(flights, flight, &names);
	pthread_mutex_unlock(&flights->mutex);
	flight_release(flight);
}

/* One under way by this digest or what was lately found; NULL with err untouched: neither. */
static struct flight *
join_by_digest(struct flights *flights, const struct digest *digest, struct err *err)
{
	const struct nowhere *nowhere;
	struct flight *flight = NULL;
	struct seat *seat;

	pthread_mutex_lock(&flights->mutex);
	seat = find_seat(flights, digest);
	nowhere = find_nowhere(flights, digest);
	if (seat != NULL) {
		flight = seat->flight;
		flight_hold(flight);
		metrics_add(flights->options.metrics, METRIC_FLIGHT_JOINS, 1);
	} else if (nowhere != NULL) {
		tell_nowhere(flights, nowhere, err);
	}
	pthread_mutex_unlock(&flights->mutex);
	return flight;
}

enum joined { JOINED_OTHER, JOINED_NEW, JOINED_NONE };

/*
 * Puts the new flight into the table unless there is one by then, or no room, or it was lately found nowhere by another
 * name. The result is held for the caller.
 */
static enum joined
enter(struct flights *flights, struct flight *fresh, const struct digests *names, struct flight **ret,
        struct err *err)
{
	enum joined joined = JOINED_NONE;
	struct flight *other;

	pthread_mutex_lock(&flights->mutex);
	other = find_flight(flights, names);
	if (other != NULL) {
		joined = JOINED_OTHER;
		flight_hold(other);
		*ret = other;
		metrics_add(flights->options.metrics, METRIC_FLIGHT_JOINS, 1);
	} else if (flights->refusing) {
		err_set(err, ERR_STOPPING, "larder is stopping; ask again in a moment");
	} else if (was_nowhere(flights, names, err)) {
		joined = JOINED_NONE;
	} else if (flights->count >= flights->options.max_flights) {
		err_set(err, ERR_OVERLOADED,
		        "%lld downloads are under way, as many as limits.flights allows; ask again in a "
		        "moment",
		        (long long)flights->count);
		metrics_add(flights->options.metrics, METRIC_LIMIT_FLIGHTS, 1);
	} else {
		joined = JOINED_NEW;
		seat_flight(flights, fresh, names);
		flight_hold(fresh);
		*ret = fresh;
		metrics_add(flights->options.metrics, METRIC_FLIGHTS, 1);
	}
	pthread_mutex_unlock(&flights->mutex);
	return joined;
}

/*
 * The flight stands in the table: from here on nobody begins a second one. The store is asked once more,
 * since the archive may have been stored between the caller's miss and now; not the index alone, which may still tell of a file that is
 * gone or wrong.
 */
static void
depart(struct flights *flights, struct flight *flight)
{
	struct err err = ERR_NONE;
	AUTO_BLOB blob = BLOB_NONE;

	switch (store_find(flights->options.store, flight_asked(flight), &blob, &err)) {
	case STORE_HIT:
		flight_found_stored(flight, &blob.digests);
		return;
	case STORE_FAILED:
		flight_fail(flight, &err);
		return;
	case STORE_MISS:
		break;
	}
	flight_hold(flight);
	if (flights->submit(flights->context, flight, &err))
		return;
	flight_fail(flight, &err);
	flight_release(flight);
}

/* Somebody removed an archive that has one of these names; or the index does not tell. */
static bool
is_barred(struct flights *flights, const struct digests *names, struct err *err)
{
	struct index *index = store_index(flights->options.store);
	enum row_answer answer = ROW_NONE;
	struct tombstone tombstone;

	for (int algo = 0; algo < DIGEST_ALGOS && answer == ROW_NONE; algo++) {
		struct digest name;

		if (digests_get(names, algo, &name))
			answer = tombstone_row_find(index, &name, &tombstone, err);
	}
	if (answer == ROW_FOUND)
		tombstone_refuses(&tombstone, err);
	return answer != ROW_NONE;
}

struct flight *
flights_join(struct flights *flights, const struct digest *digest, struct err *err)
{
	struct flight_plan plan = {.store = flights->options.store,
	        .metrics = flights->options.metrics,
	        .asked = *digest,
	        .verify_before_send = flights->options.verify_before_send,
	        .max_archive = flights->options.max_archive,
	        .over = flight_over,
	        .context = flights};
	struct flight *flight = join_by_digest(flights, digest, err), *fresh;
	struct digests names;

	if (flight != NULL || err->code != ERR_OK)
		return flight;
	if (!catalog_wanted(store_catalog(flights->options.store), digest, &plan.wanted, err))
		return NULL;
	names_of(digest, &plan.wanted, &names);
	if (is_barred(flights, &names, err))
		return NULL;
	fresh = flight_create(&plan);
	switch (enter(flights, fresh, &names, &flight, err)) {
	case JOINED_NEW:
		depart(flights, fresh); /* the table's reference goes when it is over */
		return flight;
	case JOINED_OTHER:
	case JOINED_NONE:
		break;
	}
	flight_release(fresh);
	return flight;
}

/* The flight that has this name, held; and it is not nowhere any more. NULL: none. */
static struct flight *
flight_of_stored(struct flights *flights, const struct digest *name)
{
	struct flight *flight = NULL;
	struct nowhere *nowhere;
	struct seat *seat;

	pthread_mutex_lock(&flights->mutex);
	HASH_FIND(hh, flights->nowhere, name, sizeof *name, nowhere);
	if (nowhere != NULL)
		forget(flights, nowhere);
	seat = find_seat(flights, name);
	if (seat != NULL) {
		flight = seat->flight;
		flight_hold(flight);
	}
	pthread_mutex_unlock(&flights->mutex);
	return flight;
}

void
flights_stored(struct flights *flights, const struct digests *digests)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest name;
		struct flight *flight =
		        digests_get(digests, algo, &name) ? flight_of_stored(flights, &name) : NULL;

		if (flight == NULL)
			continue;
		flight_found_stored(flight, digests);
		flight_release(flight);
	}
}

void
flights_forget_nowhere(struct flights *flights)
{
	struct nowhere *nowhere, *next;

	pthread_mutex_lock(&flights->mutex);
	HASH_ITER (hh, flights->nowhere, nowhere, next)
		forget(flights, nowhere);
	pthread_mutex_unlock(&flights->mutex);
}

void
flights_refuse(struct flights *flights)
{
	pthread_mutex_lock(&flights->mutex);
	flights->refusing = true;
	pthread_mutex_unlock(&flights->mutex);
}

void
flights_wait_over(struct flights *flights)
{
	pthread_mutex_lock(&flights->mutex);
	while (flights->count > 0)
		pthread_cond_wait(&flights->empty, &flights->mutex);
	pthread_mutex_unlock(&flights->mutex);
}

int64_t
flights_count(struct flights *flights)
{
	int64_t count;

	pthread_mutex_lock(&flights->mutex);
	count = flights->count;
	pthread_mutex_unlock(&flights->mutex);
	return count;
}
