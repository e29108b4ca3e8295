/*
 * The course of a fetch: the fetcher's thread brings bytes in, those of the store tell whether they are right and when they
 * are safe.
 * The temporary file is the buffer: who waits (flight_waiters.c) reads it outside the lock.
 *
 * The fetcher works without the lock, and meanwhile somebody else may bring the archive into the store: every
 * end is decided once, under the lock, and whoever comes later finds the flight over.
 *
 * Must never: block under the lock; start over once something was promised.
 */
#include "server/archive/flight_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "server/admin/metrics.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

#define COMPARE_BYTES (16u << 10)

/* The drawing in flight.h as a table: to which states one may go from each. */
static const unsigned allowed_moves[] = {
        [FLIGHT_SEEKING] = 1u << FLIGHT_COMING | 1u << FLIGHT_ENDING,
        [FLIGHT_COMING] = 1u << FLIGHT_SEEKING | 1u << FLIGHT_SEALING | 1u << FLIGHT_ENDING,
        [FLIGHT_SEALING] = 1u << FLIGHT_ENDING,
        [FLIGHT_ENDING] = 1u << FLIGHT_LANDED | 1u << FLIGHT_FAILED,
        [FLIGHT_LANDED] = 0,
        [FLIGHT_FAILED] = 0,
};

struct flight *
flight_create(const struct flight_plan *plan)
{
	struct flight *flight = xcalloc(1, sizeof *flight);

	flight->plan = *plan;
	atomic_init(&flight->references, 1);
	pthread_mutex_init(&flight->mutex, NULL);
	flight->failure = flight->unkept = ERR_NONE;
	TAILQ_INIT(&flight->parked);
	return flight;
}

void
flight_hold(struct flight *flight)
{
	atomic_fetch_add_explicit(&flight->references, 1, memory_order_relaxed);
}

/* What flight_land refused, out of the flight; NULL: there is nothing to be looked at. */
static struct intake *
take_rejected(struct flight *flight)
{
	struct intake *intake = flight->intake;

	if (!flight->rejected || intake_keeping(intake) != INTAKE_KEEP)
		return NULL;
	flight->intake = NULL;
	flight->rejected = false;
	return intake;
}

void
flight_release(struct flight *flight)
{
	if (atomic_fetch_sub_explicit(&flight->references, 1, memory_order_acq_rel) > 1)
		return;
	assert(TAILQ_EMPTY(&flight->parked));
	if (flight->heir != NULL)
		flight->heir(flight->heir_context, take_rejected(flight));
	intake_close(flight->intake);
	attempts_finish(&flight->attempts);
	pthread_mutex_destroy(&flight->mutex);
	free(flight);
}

/* --- under the lock --- */

static void
move_to(struct flight *flight, enum flight_state state)
{
	assert((allowed_moves[flight->state] & 1u << state) != 0);
	flight->state = state;
}

static bool
is_ended(const struct flight *flight)
{
	return flight->state == FLIGHT_ENDING || flight->state == FLIGHT_LANDED ||
	       flight->state == FLIGHT_FAILED;
}

/* --- for the fetcher --- */

/* Its work is not needed any more. False, as what it tried. */
static bool
came_too_late(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "the archive was stored by other means meanwhile");
}

/* The store did not take it, and memory may. False: it failed for what holds there, too. */
static bool
turns_to_memory(struct flight *flight, const struct err *err)
{
	if (!intake_may_pass_through(err))
		return false;
	flight->unkept = *err;
	return true;
}

/* On the disk, or in memory when the disk has no room or takes no writes. */
static struct intake *
open_intake(struct flight *flight, const struct flight_head *head, struct err *err)
{
	struct intake_plan plan = {.expected_size = head->size_bytes,
	        .max_size = flight->plan.max_archive,
	        .came_from = head->url,
	        .hashing = INTAKE_HASHES_BEHIND};
	struct intake *intake = NULL;

	if (!flight->pass_through)
		intake = intake_open(flight->plan.store, INTAKE_KEEP, &plan, err);
	if (intake == NULL && (flight->pass_through || turns_to_memory(flight, err)))
		intake = intake_open(flight->plan.store, INTAKE_PASS_THROUGH, &plan, err);
	if (intake == NULL && err->code == ERR_NO_SPACE)
		metrics_add(flight->plan.metrics, METRIC_LIMIT_PASS_THROUGH, 1);
	return intake;
}

bool
flight_announce(struct flight *flight, const struct flight_head *head, struct err *err)
{
	struct intake *previous, *intake;
	bool ended;

	if (head->size_bytes > flight->plan.max_archive) {
		metrics_add(flight->plan.metrics, METRIC_LIMIT_MAX_ARCHIVE, 1);
		return err_set(err, ERR_TOO_LARGE, "it has %llu bytes, more than fetch.max_archive allows",
		        (unsigned long long)head->size_bytes);
	}
	pthread_mutex_lock(&flight->mutex);
	assert(flight->state == FLIGHT_SEEKING || is_ended(flight));
	previous = flight->intake;
	flight->intake = NULL;
	flight->rejected = false;
	flight->appended = flight->woken_at = 0;
	flight->announced = head->size_bytes;
	pthread_mutex_unlock(&flight->mutex);

	intake_close(previous);
	intake = open_intake(flight, head, err);
	if (intake == NULL)
		return err_wrap(err, "making room for it");
	pthread_mutex_lock(&flight->mutex);
	flight->intake = intake; /* goes with the last reference if it came too late */
	ended = is_ended(flight);
	if (!ended)
		move_to(flight, FLIGHT_COMING);
	pthread_mutex_unlock(&flight->mutex);
	return !ended || came_too_late(err);
}

/* Why writing or reading it back failed, remembered for the next try. False, as what failed. */
static bool
append_failed(struct flight *flight, const struct err *err)
{
	if (intake_keeping(flight->intake) == INTAKE_KEEP)
		flight->pass_through = turns_to_memory(flight, err);
	else if (err->code == ERR_NO_SPACE)
		metrics_add(flight->plan.metrics, METRIC_LIMIT_PASS_THROUGH, 1);
	if (err->code == ERR_TOO_LARGE)
		metrics_add(flight->plan.metrics, METRIC_LIMIT_MAX_ARCHIVE, 1);
	return false;
}

bool
flight_append(struct flight *flight, const void *bytes, size_t length, struct err *err)
{
	bool ended;

	if (flight->announced > 0 && flight->appended + length > flight->announced)
		return err_set(err, ERR_MISMATCH, "it goes on after the %llu bytes that were announced",
		        (unsigned long long)flight->announced);
	if (!intake_append(flight->intake, bytes, length, err))
		return append_failed(flight, err);
	pthread_mutex_lock(&flight->mutex);
	flight->appended += length;
	ended = is_ended(flight);
	if (flight_is_streaming(flight) &&
	        (flight->woken_at == 0 || flight->appended - flight->woken_at >= FLIGHT_WAKE_BYTES))
		flight_wake_all(flight);
	pthread_mutex_unlock(&flight->mutex);
	return !ended || came_too_late(err);
}

bool
flight_compare(struct flight *flight, uint64_t position, const void *bytes, size_t length, struct err *err)
{
	const char *again = bytes;
	char before[COMPARE_BYTES];

	while (length > 0) {
		size_t piece = length < sizeof before ? length : sizeof before;
		ssize_t got = intake_pread(flight->intake, before, piece, position, err);

		if (got == 0)
			err_set(err, ERR_IO, "the temporary file is shorter than what was written to it");
		if (got <= 0)
			return append_failed(flight, err);
		for (ssize_t i = 0; i < got; i++)
			if (before[i] != again[i])
				return err_set(err, ERR_MISMATCH, "byte %llu is not the one that came before",
				        (unsigned long long)position + (unsigned long long)i);
		again += got;
		position += (uint64_t)got;
		length -= (size_t)got;
	}
	return true;
}

bool
flight_start_over(struct flight *flight)
{
	bool may;

	pthread_mutex_lock(&flight->mutex);
	may = !flight->promised && !is_ended(flight);
	if (may && flight->state == FLIGHT_COMING)
		move_to(flight, FLIGHT_SEEKING);
	pthread_mutex_unlock(&flight->mutex);
	return may;
}

void
flight_hand_on(struct flight *flight, flight_rejected_fn *take, void *context)
{
	struct intake *intake = NULL;
	bool later;

	pthread_mutex_lock(&flight->mutex);
	assert(flight->heir == NULL);
	later = flight->state != FLIGHT_SEEKING; /* somebody may be reading it */
	if (later) {
		flight->heir = take;
		flight->heir_context = context;
	} else {
		intake = take_rejected(flight);
	}
	pthread_mutex_unlock(&flight->mutex);
	if (!later)
		take(context, intake);
}

/* Why it failed, if it did, and until when that stands. */
struct end {
	struct err failure;
	int64_t until_ms;
};

static const struct end good_end;

/*
 * The end of a flight that is ENDING, either way. The table first, without a lock held towards it: who is woken
 * and asks again finds the store or the memory of what is nowhere, and not this flight once more.
 */
static void
tell_end(struct flight *flight, enum flight_state state, const struct end *end)
{
	metrics_add(flight->plan.metrics,
	        state == FLIGHT_LANDED ? METRIC_FLIGHTS_LANDED : METRIC_FLIGHTS_FAILED, 1);
	flight->failure = end->failure; /* before FAILED, which others see only through the lock */
	flight->failed_until_ms = end->until_ms;
	flight_hold(flight);
	flight->plan.over(flight->plan.context, flight);
	pthread_mutex_lock(&flight->mutex);
	move_to(flight, state);
	flight_wake_all(flight);
	pthread_mutex_unlock(&flight->mutex);
	flight_release(flight);
}

/* Ends it, unless somebody else did already. */
static void
finish(struct flight *flight, enum flight_state state, const struct end *end)
{
	bool ended;

	pthread_mutex_lock(&flight->mutex);
	ended = is_ended(flight);
	if (!ended)
		move_to(flight, FLIGHT_ENDING);
	pthread_mutex_unlock(&flight->mutex);
	if (!ended)
		tell_end(flight, state, end);
}

/* Ends well, though the store has not kept it. A full disk is told of elsewhere, and not once for each archive. */
static void
pass_through(struct flight *flight, const struct err *why)
{
	if (why->code != ERR_NO_SPACE)
		log_warning(
		        "an archive is right but not kept: %s; it is passed through to who asked", why->text);
	metrics_add(flight->plan.metrics, METRIC_PASSED_THROUGH, 1);
	finish(flight, FLIGHT_LANDED, &good_end);
}

/* The store's answer, on one of its threads. The reference taken for it ends here. */
static void
committed(void *context, enum intake_result result, const struct err *err)
{
	struct flight *flight = context;

	switch (result) {
	case INTAKE_STORED:
	case INTAKE_KNOWN:
		flight->in_store = true; /* before LANDED, which others see only through the lock */
		finish(flight, FLIGHT_LANDED, &good_end);
		break;
	case INTAKE_REFUSED:
		/* What a disk did not take cannot be trusted to be read back from it, only what is in memory. */
		if (err->code == ERR_COLLISION ||
		        (intake_may_pass_through(err) && intake_view(flight->intake, 0).bytes != NULL))
			pass_through(flight, err);
		else
			flight_fail(flight, err);
		break;
	}
	flight_release(flight);
}

/* These digests are what is wanted. */
static bool
check_digests(struct flight *flight, const struct digests *digests, struct err *err)
{
	struct digest sha256 = {0};
	char text[DIGEST_TEXT_MAX];

	if (catalog_is_right(&flight->plan.wanted, &flight->plan.asked, digests))
		return true;
	digests_get(digests, DIGEST_SHA256, &sha256);
	digest_text(&sha256, text);
	flight->rejected = true;
	return err_set(err, ERR_MISMATCH, "other bytes: %s", text);
}

/* The bytes are right: to the disk, and then to all who wait. */
static bool
keep(struct flight *flight, const struct digests *digests, struct err *err)
{
	bool ended;

	pthread_mutex_lock(&flight->mutex);
	ended = is_ended(flight);
	if (!ended) {
		flight->landed = *digests;
		move_to(flight, FLIGHT_SEALING);
	}
	pthread_mutex_unlock(&flight->mutex);

	if (ended)
		return came_too_late(err);
	if (intake_keeping(flight->intake) == INTAKE_PASS_THROUGH) {
		pass_through(flight, &flight->unkept);
		return true;
	}
	flight_hold(flight);
	intake_commit(flight->intake, committed, flight);
	return true;
}

/* On a thread of the store. The reference taken for it ends here. */
static void
sealed(void *context, const struct digests *digests, const struct err *why)
{
	struct flight *flight = context;
	struct err err = ERR_NONE;
	bool kept = false;

	if (digests == NULL) {
		err = *why;
		append_failed(flight, &err);
	} else {
		kept = check_digests(flight, digests, &err) && keep(flight, digests, &err);
	}
	flight->told(flight->told_context, kept ? NULL : &err);
	flight_release(flight);
}

void
flight_land(struct flight *flight, flight_told_fn *told, void *context)
{
	struct err err = ERR_NONE;

	if (flight->announced > 0 && flight->appended != flight->announced) {
		err_set(&err, ERR_MISMATCH, "%llu bytes came instead of %llu",
		        (unsigned long long)flight->appended, (unsigned long long)flight->announced);
		told(context, &err);
		return;
	}
	flight->told = told;
	flight->told_context = context;
	flight_hold(flight);
	intake_seal(flight->intake, sealed, flight);
}

/* Clients go on at once after a 404 and lose seconds on a 5xx: trouble with larder's disk is a miss to them. */
void
flight_fail_until(struct flight *flight, const struct err *err, int64_t until_ms)
{
	struct end end = {.failure = *err, .until_ms = until_ms};

	assert(err->code != ERR_OK);
	if (err->code == ERR_NO_SPACE)
		end.failure.code = ERR_LIMIT;
	if (err->code == ERR_IO || err->code == ERR_CORRUPT)
		end.failure.code = ERR_FAILING;
	finish(flight, FLIGHT_FAILED, &end);
}

void
flight_fail(struct flight *flight, const struct err *err)
{
	flight_fail_until(flight, err, 0);
}

void
flight_found_stored(struct flight *flight, const struct digests *digests)
{
	bool needless;

	pthread_mutex_lock(&flight->mutex);
	needless = digests_have(digests, &flight->plan.asked) && !flight->promised &&
	           (flight->state == FLIGHT_SEEKING || flight->state == FLIGHT_COMING);
	if (needless) {
		flight->in_store = true;
		flight->landed = *digests;
		move_to(flight, FLIGHT_ENDING);
	}
	pthread_mutex_unlock(&flight->mutex);
	if (needless)
		tell_end(flight, FLIGHT_LANDED, &good_end);
}

void
flight_note(struct flight *flight, const char *url, enum origin_result result, const char *detail)
{
	pthread_mutex_lock(&flight->mutex);
	if (!is_ended(flight)) /* from then on others read them */
		attempts_add(&flight->attempts, url, result, detail);
	pthread_mutex_unlock(&flight->mutex);
}
