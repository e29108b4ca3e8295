/*
 * A ring of objects between two threads. They pass it on by whole batches: with every object anew, the one would sleep and be woken for
 * each, which costs more than to unpack it. The reader sleeps while the ring is full, the caller while there is no batch for him.
 */
#include "storage/catalog/git_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "storage/base/text.h"

#define BATCH      (GIT_AHEAD_OBJECTS / 2) /* objects */
#define LOOK_EVERY 64                      /* objects between two looks of the caller at whether to go on */

struct read_ahead {
	struct git_held held; /* nothing: err */
	struct err err;
};

struct git_ahead {
	struct git_ahead_wish wish;
	struct git_place place; /* for the reader, who is stopped by us */
	struct git_objects *objects;
	pthread_t thread;
	struct read_ahead ring[GIT_AHEAD_OBJECTS];
	size_t next, ready; /* the caller's: what he takes next, and how many are there for him */

	pthread_mutex_t mutex; /* over the rest */
	pthread_cond_t changed;
	size_t put, taken; /* of all, as far as the other one was told */
	atomic_bool ended;
};

/* The place's is_stopped of the reader. */
static bool
has_ended(void *ahead)
{
	return ((struct git_ahead *)ahead)->ended;
}

/* Room for a batch behind so many objects. False: it is over. */
static bool
wait_for_room(struct git_ahead *ahead, size_t count)
{
	pthread_mutex_lock(&ahead->mutex);
	while (count + BATCH - ahead->taken > GIT_AHEAD_OBJECTS && !ahead->ended)
		pthread_cond_wait(&ahead->changed, &ahead->mutex);
	pthread_mutex_unlock(&ahead->mutex);
	return !ahead->ended;
}

/* put or taken has come to this number. */
static void
tell(struct git_ahead *ahead, size_t *number, size_t value)
{
	pthread_mutex_lock(&ahead->mutex);
	*number = value;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->mutex);
}

static void *
read_all(void *argument)
{
	struct git_ahead *ahead = argument;
	const struct git_ahead_wish *wish = &ahead->wish;
	bool readable = true;

	for (size_t i = 0; readable && i < wish->count; i++) {
		struct read_ahead *item = &ahead->ring[i % GIT_AHEAD_OBJECTS];

		if (i % BATCH == 0 && !wait_for_room(ahead, i))
			break;
		*item = (struct read_ahead){0};
		readable = git_objects_read(ahead->objects, wish->id_of(wish->context, i), wish->kind,
		                   wish->max, &item->held, &item->err) ||
		           item->err.code == ERR_TOO_LARGE;
		if (!readable || (i + 1) % BATCH == 0 || i + 1 == wish->count)
			tell(ahead, &ahead->put, i + 1);
	}
	return NULL;
}

struct git_ahead *
git_ahead_start(const struct git_ahead_wish *wish, struct err *err)
{
	struct git_ahead *ahead = xcalloc(1, sizeof *ahead);

	ahead->wish = *wish;
	ahead->place = *wish->place;
	ahead->place.is_stopped = has_ended;
	ahead->place.context = ahead;
	pthread_mutex_init(&ahead->mutex, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	ahead->objects = git_objects_open(&ahead->place, err);
	if (ahead->objects != NULL) {
		errno = pthread_create(&ahead->thread, NULL, read_all, ahead);
		if (errno == 0)
			return ahead;
		err_errno(err, "starting the reader of a repository");
	}
	git_objects_close(ahead->objects);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->mutex);
	free(ahead);
	return NULL;
}

static void
wait_for_batch(struct git_ahead *ahead)
{
	pthread_mutex_lock(&ahead->mutex);
	while (ahead->put == ahead->next)
		pthread_cond_wait(&ahead->changed, &ahead->mutex);
	ahead->ready = ahead->put;
	pthread_mutex_unlock(&ahead->mutex);
}

bool
git_ahead_next(struct git_ahead *ahead, struct git_held *ret, struct err *err)
{
	struct read_ahead item;

	git_held_release(ret);
	if (ahead->next % LOOK_EVERY == 0 && !git_may_go_on(ahead->wish.place, err))
		return false;
	if (ahead->next == ahead->ready)
		wait_for_batch(ahead);
	item = ahead->ring[ahead->next++ % GIT_AHEAD_OBJECTS];
	if (ahead->next % BATCH == 0)
		tell(ahead, &ahead->taken, ahead->next);
	*ret = item.held;
	if (item.err.code == ERR_OK)
		return true;
	git_held_release(ret);
	*err = item.err;
	return false;
}

void
git_ahead_end(struct git_ahead *ahead)
{
	if (ahead == NULL)
		return;
	pthread_mutex_lock(&ahead->mutex);
	ahead->ended = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->mutex);
	pthread_join(ahead->thread, NULL);
	for (; ahead->next < ahead->put; ahead->next++)
		git_held_release(&ahead->ring[ahead->next % GIT_AHEAD_OBJECTS].held);
	git_objects_close(ahead->objects);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->mutex);
	free(ahead);
}
