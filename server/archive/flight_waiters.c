/*
 * Those who wait for a flight: what they are told, and when. Any worker asks; the fetcher's thread and those of
 * the store wake.
 *
 * Must never: block under the lock; give out the last bytes before the digest is right.
 */
#include "server/archive/flight_parts.h"

#include <assert.h>

#include "storage/base/clock.h"

static void
wake(struct flight *flight, struct waiter *waiter)
{
	TAILQ_REMOVE(&flight->parked, waiter, link);
	waiter->parked = false;
	waiter->wake(waiter);
}

void
flight_wake_all(struct flight *flight)
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

bool
flight_is_streaming(const struct flight *flight)
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
	} else if (flight->state == FLIGHT_LANDED || flight_is_streaming(flight)) {
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

/* Whether there are bytes at this position by now, and where those that may go out end. */
static enum flight_news
look(struct flight *flight, struct waiter *waiter, uint64_t position, uint64_t *ret_end, struct err *err)
{
	enum flight_news news;

	pthread_mutex_lock(&flight->mutex);
	*ret_end = readable(flight);
	if (flight->state == FLIGHT_FAILED)
		news = tell_failure(flight, err);
	else if (flight->state == FLIGHT_LANDED && !is_for(flight, waiter, err))
		news = NEWS_FAILED;
	else if (position < *ret_end)
		news = NEWS_READY;
	else if (flight->state == FLIGHT_LANDED)
		news = NEWS_END;
	else
		news = park(flight, waiter);
	pthread_mutex_unlock(&flight->mutex);
	return news;
}

enum flight_news
flight_read(struct flight *flight, struct waiter *waiter, uint64_t position, void *ret, size_t max,
        size_t *ret_length, struct err *err)
{
	uint64_t end;
	enum flight_news news = look(flight, waiter, position, &end, err);

	if (news != NEWS_READY)
		return news;
	if (max > end - position)
		max = (size_t)(end - position);
	return read_bytes(flight, position, ret, max, ret_length, err);
}

enum flight_news
flight_view(struct flight *flight, struct waiter *waiter, uint64_t position, struct flight_view *ret,
        struct err *err)
{
	uint64_t end;
	enum flight_news news = look(flight, waiter, position, &end, err);
	struct intake_view view;

	if (news != NEWS_READY)
		return news;
	/* Outside the lock, as read_bytes. */
	view = intake_view(flight->intake, position);
	*ret = (struct flight_view){.bytes = view.bytes, .fd = view.fd, .length = end - position};
	return NEWS_READY;
}

bool
flight_leave(struct flight *flight, struct waiter *waiter)
{
	bool was_parked;

	pthread_mutex_lock(&flight->mutex);
	was_parked = waiter->parked;
	if (was_parked)
		TAILQ_REMOVE(&flight->parked, waiter, link);
	waiter->parked = false;
	pthread_mutex_unlock(&flight->mutex);
	flight_release(flight);
	return was_parked;
}

void
flight_tick(struct flight *flight, int64_t now_ms)
{
	struct waiter *waiter, *next;

	pthread_mutex_lock(&flight->mutex);
	if (flight_is_streaming(flight) && flight->appended > flight->woken_at)
		flight_wake_all(flight);
	for (waiter = TAILQ_FIRST(&flight->parked); waiter != NULL; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!flight->promised && waiter->give_up_at_ms != 0 && now_ms >= waiter->give_up_at_ms)
			wake(flight, waiter);
	}
	pthread_mutex_unlock(&flight->mutex);
}
