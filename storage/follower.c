/*
 * The threads that hash behind a writer. They read what was just written, which is in memory, and begin to flush it. Must never
 * wait for anything but their mailbox and the disk: whoever finishes a follower waits for them.
 */
#include "storage/follower.h"

#include <fcntl.h>
#include <stdlib.h>

#include "storage/base/auto.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"

#define LANES 2
#define PIECE (64u << 10)

/* About the same time for each. */
static const unsigned lane_algos[LANES] = {
        1u << DIGEST_MD5 | 1u << DIGEST_SHA256, 1u << DIGEST_SHA1 | 1u << DIGEST_SHA512};

struct followers {
	struct mailbox mailbox;
	pthread_t threads[FOLLOWER_THREADS];
};

struct lane {
	struct letter letter; /* first, for the mailbox */
	struct follower *follower;
	struct hasher *hasher; /* these two: of the thread that runs it, or nobody's */
	uint64_t hashed;
	bool under_way; /* under the follower's mutex: in the mailbox, or run by a thread */
};

struct follower {
	struct followers *followers;
	int fd;
	pthread_mutex_t mutex; /* over the rest; a leaf */
	pthread_cond_t idle;
	uint64_t size;    /* bytes that may be read */
	uint64_t flushed; /* the first lane's: so many were given to the disk */
	bool finishing, abandoned;
	struct err trouble; /* reading it */
	struct lane lanes[LANES];
};

/* --- the threads --- */

static void
free_follower(struct follower *follower)
{
	for (int i = 0; i < LANES; i++)
		hasher_destroy(follower->lanes[i].hasher);
	auto_close(&follower->fd);
	pthread_cond_destroy(&follower->idle);
	pthread_mutex_destroy(&follower->mutex);
	free(follower);
}

/* Under the lock. */
static bool
is_idle(const struct follower *follower)
{
	bool under_way = false;

	for (int i = 0; i < LANES; i++)
		under_way = under_way || follower->lanes[i].under_way;
	return !under_way;
}

/* Under the lock: there is something that is worth it. */
static bool
has_work(const struct follower *follower, const struct lane *lane)
{
	uint64_t left = follower->size - lane->hashed;

	return !follower->abandoned && follower->trouble.code == ERR_OK && left > 0 &&
	       (follower->finishing || left >= FOLLOWER_STEP);
}

static bool
hash_piece(struct lane *lane, char *piece, uint64_t up_to, struct err *err)
{
	size_t length = up_to - lane->hashed < PIECE ? (size_t)(up_to - lane->hashed) : PIECE;
	ssize_t got = file_pread(lane->follower->fd, piece, length, lane->hashed, err);

	if (got < 0)
		return false;
	if (got == 0)
		return err_set(err, ERR_IO, "the temporary file is shorter than what was written to it");
	hasher_add(lane->hasher, piece, (size_t)got);
	lane->hashed += (uint64_t)got;
	return true;
}

/*
 * What was hashed is on its way to the disk already when the writer flushes the whole, so that he waits for the rest only. Whether
 * it arrives is told there: this asks for nothing.
 */
static void
flush_behind(struct lane *lane)
{
	struct follower *follower = lane->follower;
	uint64_t length;

	if (lane != &follower->lanes[0])
		return;
	length = lane->hashed - follower->flushed;
	if (length < FOLLOWER_STEP)
		return;
	(void)sync_file_range(follower->fd, (off_t)follower->flushed, (off_t)length, SYNC_FILE_RANGE_WRITE);
	follower->flushed = lane->hashed;
}

static void
run_lane(struct lane *lane, char *piece)
{
	struct follower *follower = lane->follower;
	struct err err = ERR_NONE;
	bool last;

	pthread_mutex_lock(&follower->mutex);
	while (has_work(follower, lane)) {
		uint64_t up_to = follower->size;
		bool read;

		pthread_mutex_unlock(&follower->mutex);
		read = hash_piece(lane, piece, up_to, &err);
		flush_behind(lane);
		pthread_mutex_lock(&follower->mutex);
		if (!read)
			follower->trouble = err;
	}
	lane->under_way = false;
	last = is_idle(follower);
	if (last)
		pthread_cond_signal(&follower->idle);
	last = last && follower->abandoned;
	pthread_mutex_unlock(&follower->mutex);
	if (last)
		free_follower(follower);
}

static void *
hasher_main(void *argument)
{
	struct followers *followers = argument;
	AUTO_FREE char *piece = xmalloc(PIECE);
	struct letter *letter = mailbox_take(&followers->mailbox, -1);

	for (; letter != NULL; letter = mailbox_take(&followers->mailbox, -1))
		run_lane((struct lane *)letter, piece);
	return NULL;
}

struct followers *
followers_create(void)
{
	struct followers *followers = xcalloc(1, sizeof *followers);

	mailbox_init(&followers->mailbox);
	for (size_t i = 0; i < FOLLOWER_THREADS; i++) {
		if (pthread_create(&followers->threads[i], NULL, hasher_main, followers) != 0) {
			log_error("the threads that hash cannot be started; stopping");
			abort();
		}
		pthread_setname_np(followers->threads[i], "hasher");
	}
	return followers;
}

void
followers_destroy(struct followers *followers)
{
	if (followers == NULL)
		return;
	mailbox_close(&followers->mailbox);
	for (size_t i = 0; i < FOLLOWER_THREADS; i++)
		pthread_join(followers->threads[i], NULL);
	mailbox_finish(&followers->mailbox);
	free(followers);
}

/* --- one file --- */

struct follower *
follower_create(struct followers *followers, int fd, struct err *err)
{
	AUTO_FD own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct follower *follower;

	if (own < 0) {
		err_errno(err, "a second descriptor for hashing");
		return NULL;
	}
	follower = xcalloc(1, sizeof *follower);
	follower->followers = followers;
	follower->fd = take_fd(&own);
	follower->trouble = ERR_NONE;
	pthread_mutex_init(&follower->mutex, NULL);
	pthread_cond_init(&follower->idle, NULL);
	for (int i = 0; i < LANES; i++) {
		follower->lanes[i].follower = follower;
		follower->lanes[i].hasher = hasher_create_for(lane_algos[i]);
	}
	return follower;
}

/* Under the lock: what lies still and has something to do goes to the threads. The mailbox is open: it has followers. */
static void
set_going(struct follower *follower)
{
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = &follower->lanes[i];

		if (lane->under_way || !has_work(follower, lane))
			continue;
		lane->under_way = true;
		mailbox_post(&follower->followers->mailbox, &lane->letter);
	}
}

void
follower_advance(struct follower *follower, uint64_t size)
{
	pthread_mutex_lock(&follower->mutex);
	follower->size = size;
	set_going(follower);
	pthread_mutex_unlock(&follower->mutex);
}

bool
follower_finish(struct follower *follower, uint64_t size, struct digests *ret, struct err *err)
{
	pthread_mutex_lock(&follower->mutex);
	follower->size = size;
	follower->finishing = true;
	set_going(follower);
	while (!is_idle(follower))
		pthread_cond_wait(&follower->idle, &follower->mutex);
	pthread_mutex_unlock(&follower->mutex);
	if (follower->trouble.code != ERR_OK) {
		*err = follower->trouble;
		return false;
	}
	*ret = (struct digests){0};
	for (int i = 0; i < LANES; i++) {
		struct digests some = {0};

		hasher_digests(follower->lanes[i].hasher, &some);
		digests_add(ret, &some);
	}
	return true;
}

void
follower_destroy(struct follower *follower)
{
	bool idle;

	if (follower == NULL)
		return;
	pthread_mutex_lock(&follower->mutex);
	follower->abandoned = true;
	idle = is_idle(follower);
	pthread_mutex_unlock(&follower->mutex);
	if (idle)
		free_follower(follower);
}
