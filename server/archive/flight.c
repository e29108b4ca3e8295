/*
 * One fetch and everybody who waits for it. The fetcher's thread brings bytes in, any worker takes them out,
 * a thread of the store tells when they are safe. The temporary file is the buffer: who waits reads it
 * outside the lock.
 *
 * Must never: block under the lock; give out the last bytes before the digest is right; start over once
 * something was promised.
 */
#include "server/archive/flight.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/admin/metrics.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

enum flight_state { FLIGHT_SEEKING, FLIGHT_COMING, FLIGHT_SEALING, FLIGHT_LANDED, FLIGHT_FAILED };

/* The drawing in flight.h as a table: to which states one may go from each. */
static const unsigned allowed_moves[] = {
        [FLIGHT_SEEKING] = 1u << FLIGHT_COMING | 1u << FLIGHT_LANDED | 1u << FLIGHT_FAILED,
        [FLIGHT_COMING] = 1u << FLIGHT_SEEKING | 1u << FLIGHT_SEALING | 1u << FLIGHT_FAILED,
        [FLIGHT_SEALING] = 1u << FLIGHT_LANDED | 1u << FLIGHT_FAILED,
        [FLIGHT_LANDED] = 0,
        [FLIGHT_FAILED] = 0,
};

struct flight {
	struct flight_plan plan; /* constant */
	atomic_int references;

	pthread_mutex_t mutex; /* guards what follows */
	enum flight_state state;
	struct intake
	        *intake;    /* of the current try; read outside the lock once promised, since then it stays */
	uint64_t announced; /* bytes; 0: the origin does not say */
	uint64_t appended;  /* bytes that are in */
	uint64_t woken_at;  /* appended when all were last woken */
	bool promised;      /* somebody was told the size: no starting over */
	bool pass_through;  /* the disk is full: the next try goes through memory */
	bool in_store;      /* LANDED, and kept */
	struct digests landed; /* SEALING and LANDED: what the bytes are */
	struct err failure;
	TAILQ_HEAD(, waiter) parked;
	struct attempts attempts;
};

struct flight *
flight_create(const struct flight_plan *plan)
{
	struct flight *flight = xcalloc(1, sizeof *flight);

	flight->plan = *plan;
	atomic_init(&flight->references, 1);
	pthread_mutex_init(&flight->mutex, NULL);
	flight->failure = ERR_NONE;
	TAILQ_INIT(&flight->parked);
	return flight;
}

void
flight_hold(struct flight *flight)
{
	atomic_fetch_add_explicit(&flight->references, 1, memory_order_relaxed);
}

void
flight_release(struct flight *flight)
{
	if (atomic_fetch_sub_explicit(&flight->references, 1, memory_order_acq_rel) > 1)
		return;
	assert(TAILQ_EMPTY(&flight->parked));
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

static void
wake(struct flight *flight, struct waiter *waiter)
{
	TAILQ_REMOVE(&flight->parked, waiter, link);
	waiter->parked = false;
	waiter->wake(waiter);
}

static void
wake_all(struct flight *flight)
{
	while (!TAILQ_EMPTY(&flight->parked))
		wake(flight, TAILQ_FIRST(&flight->parked));
	flight->woken_at = flight->appended;
}

/* Under the lock, so that a wake cannot slip in between finding nothing and being parked. */
static enum flight_news
park(struct flight *flight, struct waiter *waiter)
{
	assert(!waiter->parked);
	waiter->park(waiter);
	waiter->parked = true;
	TAILQ_INSERT_TAIL(&flight->parked, waiter, link);
	return NEWS_PARKED;
}

static enum flight_news
tell_failure(const struct flight *flight, struct err *err)
{
	*err = flight->failure;
	return NEWS_FAILED;
}

/* Bytes go out while they come: the length is known, and the archive too large to be verified first. */
static bool
is_streaming(const struct flight *flight)
{
	return (flight->state == FLIGHT_COMING || flight->state == FLIGHT_SEALING) && flight->appended > 0 &&
	       flight->announced > flight->plan.verify_before_send;
}

/* How much of the bytes may go out now. */
static uint64_t
readable(const struct flight *flight)
{
	uint64_t held_back = flight->announced > FLIGHT_TAIL ? flight->announced - FLIGHT_TAIL : 0;

	if (flight->state == FLIGHT_LANDED)
		return flight->appended;
	return flight->appended < held_back ? flight->appended : held_back;
}

/* The archive has landed, but under the digest this waiter asked for it is another one. */
static bool
is_for(const struct flight *flight, const struct waiter *waiter, struct err *err)
{
	if (digests_have(&flight->landed, &waiter->asked))
		return true;
	return err_set(err, ERR_CHANGED,
	        "the catalog lists this digest with those of another archive, which is what its origins "
	        "serve");
}

/* --- for who waits --- */

enum flight_news
flight_head(struct flight *flight, struct waiter *waiter, uint64_t *ret_size, struct err *err)
{
	enum flight_news news;

	pthread_mutex_lock(&flight->mutex);
	if (flight->state == FLIGHT_FAILED) {
		news = tell_failure(flight, err);
	} else if (flight->state == FLIGHT_LANDED && flight->in_store) {
		news = NEWS_STORED; /* the store knows by itself whether it is for this digest */
	} else if (flight->state == FLIGHT_LANDED && !is_for(flight, waiter, err)) {
		news = NEWS_FAILED;
	} else if (flight->state == FLIGHT_LANDED || is_streaming(flight)) {
		flight->promised = flight->promised || waiter->wish == WAITER_READS;
		*ret_size = flight->state == FLIGHT_LANDED ? flight->appended : flight->announced;
		news = NEWS_READY;
	} else if (waiter->give_up_at_ms != 0 && clock_ms() >= waiter->give_up_at_ms) {
		err_set(err, ERR_TIMEOUT,
		        "not here yet: the download goes on and will be kept; ask again later");
		news = NEWS_FAILED;
	} else {
		news = park(flight, waiter);
	}
	pthread_mutex_unlock(&flight->mutex);
	return news;
}

/* Outside the lock: the intake of a promised flight stays until the last reference is gone. */
static enum flight_news
read_bytes(
        struct flight *flight, uint64_t position, void *ret, size_t max, size_t *ret_length, struct err *err)
{
	ssize_t length = intake_pread(flight->intake, ret, max, position, err);

	if (length < 0)
		return NEWS_FAILED;
	if (length == 0) {
		err_set(err, ERR_IO, "the temporary file is shorter than what was written to it");
		return NEWS_FAILED;
	}
	*ret_length = (size_t)length;
	return NEWS_READY;
}

enum flight_news
flight_read(struct flight *flight, struct waiter *waiter, uint64_t position, void *ret, size_t max,
        size_t *ret_length, struct err *err)
{
	enum flight_news news;
	uint64_t available;

	pthread_mutex_lock(&flight->mutex);
	available = readable(flight);
	if (flight->state == FLIGHT_FAILED)
		news = tell_failure(flight, err);
	else if (flight->state == FLIGHT_LANDED && !is_for(flight, waiter, err))
		news = NEWS_FAILED;
	else if (position < available)
		news = NEWS_READY;
	else if (flight->state == FLIGHT_LANDED)
		news = NEWS_END;
	else
		news = park(flight, waiter);
	pthread_mutex_unlock(&flight->mutex);

	if (news != NEWS_READY)
		return news;
	if (max > available - position)
		max = (size_t)(available - position);
	return read_bytes(flight, position, ret, max, ret_length, err);
}

void
flight_leave(struct flight *flight, struct waiter *waiter)
{
	pthread_mutex_lock(&flight->mutex);
	if (waiter->parked) {
		TAILQ_REMOVE(&flight->parked, waiter, link);
		waiter->parked = false;
	}
	pthread_mutex_unlock(&flight->mutex);
	flight_release(flight);
}

/* --- for the fetcher --- */

/* On the disk, or in memory when the disk has no room. */
static struct intake *
open_intake(struct flight *flight, const struct flight_head *head, struct err *err)
{
	struct intake_plan plan = {.expected_size = head->size_bytes,
	        .max_size = flight->plan.max_archive,
	        .came_from = head->url};
	struct intake *intake = NULL;

	if (!flight->pass_through)
		intake = intake_open(flight->plan.store, INTAKE_KEEP, &plan, err);
	if (intake == NULL && (flight->pass_through || err->code == ERR_NO_SPACE))
		intake = intake_open(flight->plan.store, INTAKE_PASS_THROUGH, &plan, err);
	if (intake == NULL && err->code == ERR_NO_SPACE)
		metrics_add(flight->plan.metrics, METRIC_LIMIT_PASS_THROUGH, 1);
	return intake;
}

bool
flight_announce(struct flight *flight, const struct flight_head *head, struct err *err)
{
	struct intake *previous, *intake;

	if (head->size_bytes > flight->plan.max_archive) {
		metrics_add(flight->plan.metrics, METRIC_LIMIT_MAX_ARCHIVE, 1);
		return err_set(err, ERR_TOO_LARGE, "it has %llu bytes, more than fetch.max_archive allows",
		        (unsigned long long)head->size_bytes);
	}
	pthread_mutex_lock(&flight->mutex);
	assert(flight->state == FLIGHT_SEEKING);
	previous = flight->intake;
	flight->intake = NULL;
	flight->appended = flight->woken_at = 0;
	flight->announced = head->size_bytes;
	pthread_mutex_unlock(&flight->mutex);

	intake_close(previous);
	intake = open_intake(flight, head, err);
	if (intake == NULL)
		return err_wrap(err, "making room for it");
	pthread_mutex_lock(&flight->mutex);
	flight->intake = intake;
	move_to(flight, FLIGHT_COMING);
	pthread_mutex_unlock(&flight->mutex);
	return true;
}

/* Why an append failed, remembered for the next try. False, as the append. */
static bool
append_failed(struct flight *flight, const struct err *err)
{
	if (err->code == ERR_NO_SPACE)
		flight->pass_through = true;
	if (err->code == ERR_TOO_LARGE)
		metrics_add(flight->plan.metrics, METRIC_LIMIT_MAX_ARCHIVE, 1);
	return false;
}

bool
flight_append(struct flight *flight, const void *bytes, size_t length, struct err *err)
{
	if (flight->announced > 0 && flight->appended + length > flight->announced)
		return err_set(err, ERR_MISMATCH, "it goes on after the %llu bytes that were announced",
		        (unsigned long long)flight->announced);
	if (!intake_append(flight->intake, bytes, length, err))
		return append_failed(flight, err);
	pthread_mutex_lock(&flight->mutex);
	flight->appended += length;
	if (is_streaming(flight) && flight->appended - flight->woken_at >= FLIGHT_WAKE_BYTES)
		wake_all(flight);
	pthread_mutex_unlock(&flight->mutex);
	return true;
}

bool
flight_start_over(struct flight *flight)
{
	bool promised;

	pthread_mutex_lock(&flight->mutex);
	promised = flight->promised;
	if (!promised && flight->state == FLIGHT_COMING)
		move_to(flight, FLIGHT_SEEKING);
	pthread_mutex_unlock(&flight->mutex);
	return !promised;
}

/*
 * The end, either way. The table first, without a lock held towards it: who is woken and asks again finds the
 * store or the memory of what is nowhere, and not this flight once more.
 */
static void
finish(struct flight *flight, enum flight_state state, const struct err *failure)
{
	metrics_add(flight->plan.metrics,
	        state == FLIGHT_LANDED ? METRIC_FLIGHTS_LANDED : METRIC_FLIGHTS_FAILED, 1);
	flight->failure = *failure; /* before FAILED, which others see only through the lock */
	flight_hold(flight);
	flight->plan.over(flight->plan.context, flight);
	pthread_mutex_lock(&flight->mutex);
	move_to(flight, state);
	wake_all(flight);
	pthread_mutex_unlock(&flight->mutex);
	flight_release(flight);
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
		finish(flight, FLIGHT_LANDED, &ERR_NONE);
		break;
	case INTAKE_REFUSED:
		if (err->code == ERR_COLLISION) {
			log_warning("an archive is right but not kept: %s; it is passed through to who asked",
			        err->text);
			metrics_add(flight->plan.metrics, METRIC_PASSED_THROUGH, 1);
			finish(flight, FLIGHT_LANDED, &ERR_NONE);
		} else {
			/* What a disk did not take cannot be trusted to be read back. */
			flight_fail(flight, err);
		}
		break;
	}
	flight_release(flight);
}

bool
flight_land(struct flight *flight, struct err *err)
{
	const struct digests *digests = intake_digests(flight->intake);
	struct digest sha256 = {0};
	char text[DIGEST_TEXT_MAX];

	if (flight->announced > 0 && flight->appended != flight->announced)
		return err_set(err, ERR_MISMATCH, "%llu bytes came instead of %llu",
		        (unsigned long long)flight->appended, (unsigned long long)flight->announced);
	if (!catalog_is_right(&flight->plan.wanted, &flight->plan.asked, digests)) {
		digests_get(digests, DIGEST_SHA256, &sha256);
		digest_text(&sha256, text);
		return err_set(err, ERR_MISMATCH, "other bytes: %s", text);
	}
	pthread_mutex_lock(&flight->mutex);
	flight->landed = *digests;
	move_to(flight, FLIGHT_SEALING);
	pthread_mutex_unlock(&flight->mutex);

	if (intake_keeping(flight->intake) == INTAKE_PASS_THROUGH) {
		metrics_add(flight->plan.metrics, METRIC_PASSED_THROUGH, 1);
		finish(flight, FLIGHT_LANDED, &ERR_NONE);
		return true;
	}
	flight_hold(flight);
	intake_commit(flight->intake, committed, flight);
	return true;
}

/* Clients go on at once after a 404 and lose seconds on a 5xx: trouble with larder's disk is a miss to them. */
void
flight_fail(struct flight *flight, const struct err *err)
{
	struct err failure = *err;

	assert(err->code != ERR_OK);
	if (err->code == ERR_NO_SPACE)
		failure.code = ERR_LIMIT;
	if (err->code == ERR_IO || err->code == ERR_CORRUPT)
		failure.code = ERR_FAILING;
	finish(flight, FLIGHT_FAILED, &failure);
}

void
flight_tick(struct flight *flight, int64_t now_ms)
{
	struct waiter *waiter, *next;

	pthread_mutex_lock(&flight->mutex);
	if (is_streaming(flight) && flight->appended > flight->woken_at)
		wake_all(flight);
	for (waiter = TAILQ_FIRST(&flight->parked); waiter != NULL; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!flight->promised && waiter->give_up_at_ms != 0 && now_ms >= waiter->give_up_at_ms)
			wake(flight, waiter);
	}
	pthread_mutex_unlock(&flight->mutex);
}

bool
flight_is_over(struct flight *flight)
{
	bool over;

	pthread_mutex_lock(&flight->mutex);
	over = flight->state == FLIGHT_LANDED || flight->state == FLIGHT_FAILED;
	pthread_mutex_unlock(&flight->mutex);
	return over;
}

/* --- facts and reports --- */

const struct digest *
flight_asked(const struct flight *flight)
{
	return &flight->plan.asked;
}

const struct catalog_wanted *
flight_wanted(const struct flight *flight)
{
	return &flight->plan.wanted;
}

const struct err *
flight_failure(const struct flight *flight)
{
	return &flight->failure;
}

void
flight_found_stored(struct flight *flight, const struct digests *digests)
{
	flight->in_store = true;
	flight->landed = *digests;
	finish(flight, FLIGHT_LANDED, &ERR_NONE);
}

void
flight_note(struct flight *flight, const char *url, enum origin_result result, const char *detail)
{
	attempts_add(&flight->attempts, url, result, detail);
}

const struct attempts *
flight_attempts(const struct flight *flight)
{
	return &flight->attempts;
}
