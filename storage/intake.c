/*
 * An intake: bytes into a temporary file (or memory) and through the hasher. One thread appends, any thread
 * reads what was appended; while it is sealed, and after commit until done, it belongs to the publisher.
 */
#include "storage/intake.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/store_parts.h"

/*
 *   OPEN ──digests──────────→ COMPLETE ──commit──→ COMMITTING ──done──→ OVER
 *     └──seal──→ SEALING ──sealed──↑
 *
 * close: from every state but SEALING and COMMITTING
 */
enum intake_state { INTAKE_OPEN, INTAKE_SEALING, INTAKE_COMPLETE, INTAKE_COMMITTING, INTAKE_OVER };

struct intake {
	struct publication publication; /* holds the file, its name, size and digests */
	struct store *store;
	enum intake_keeping keeping;
	enum intake_hashing hashing;
	enum intake_state state;
	uint64_t expected_size, max_size;
	uint64_t reserved; /* bytes taken from the free space, or from PASS_THROUGH_MAX */
	/*
	 * All bytes, of one that is held: room for expected_size. Stays until the intake is closed, so that who reads need not
	 * know whether there is a file by now. NULL: it is not held, and has a file from the start.
	 */
	char *held;
	atomic_size_t held_length; /* of them so far: others read while they come */
	atomic_bool outgrown;      /* more came than there was room for: from then on the file has them */
	/*
	 * One of these: INTAKE_HASHES_HERE and what was held, hash while they write; what is hashed behind and has a file is
	 * followed. Neither while it is held.
	 */
	struct hasher *hasher;
	struct follower *follower;
	intake_sealed_fn *sealed;
	intake_done_fn *done;
	void *context;
};

/* space.max_size: the evictor keeps to it afterwards; here is what it cannot help. */
static bool
check_max_bytes(struct store *store, uint64_t size, struct err *err)
{
	bool too_large = store->max_bytes > 0 && size > store->max_bytes;
	char wanted[TEXT_SIZE_MAX], allowed[TEXT_SIZE_MAX];

	if (!too_large && !evictor_is_full(store->evictor))
		return true;
	atomic_fetch_add(&store->space.refused, 1);
	text_size(size, wanted);
	text_size(store->max_bytes, allowed);
	if (too_large)
		return err_set(err, ERR_NO_SPACE,
		        "%s are more than the %s that space.max_size allows in all; it is not kept", wanted,
		        allowed);
	return err_set(err, ERR_NO_SPACE,
	        "the archives take more than the %s of space.max_size and none of them may go; nothing is "
	        "kept until there is room",
	        allowed);
}

static bool
reserve_memory(struct intake *intake, uint64_t bytes, struct err *err)
{
	struct store *store = intake->store;

	if (atomic_fetch_add(&store->pass_through_bytes, bytes) + bytes <= PASS_THROUGH_MAX) {
		intake->reserved += bytes;
		return true;
	}
	atomic_fetch_sub(&store->pass_through_bytes, bytes);
	atomic_fetch_add(&store->space.refused, 1);
	return err_set(err, ERR_NO_SPACE,
	        "nothing can be kept now, and the %llu MiB of memory for passing archives through are in use",
	        PASS_THROUGH_MAX >> 20);
}

/* Room for this size in all. */
static bool
reserve(struct intake *intake, uint64_t size, struct err *err)
{
	uint64_t more;

	if (size <= intake->reserved)
		return true;
	more = size - intake->reserved;
	if (intake->keeping == INTAKE_PASS_THROUGH)
		return reserve_memory(intake, more, err);
	if (!check_max_bytes(intake->store, size, err))
		return false;
	if (!space_take(&intake->store->space, more, err))
		return false;
	intake->reserved += more;
	return true;
}

/*
 * The blocks of a file whose size is known, so that a full disk shows now and not in the middle. Not of one that was held,
 * which is written at once.
 */
static bool
allocate(const struct intake *intake, struct err *err)
{
	if (intake->expected_size == 0 || intake->keeping == INTAKE_PASS_THROUGH || intake->held != NULL)
		return true;
	if (fallocate(intake->publication.fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)intake->expected_size) == 0)
		return true;
	return errno != ENOSPC ||
	       err_errno(err, "making room in %s/tmp", blobs_directory(intake->store->blobs));
}

static bool
begin_hashing(struct intake *intake, struct err *err)
{
	bool behind = intake->hashing == INTAKE_HASHES_BEHIND && intake->keeping == INTAKE_KEEP;

	if (behind && intake->held == NULL)
		intake->follower = follower_create(intake->store->followers, intake->publication.fd, err);
	else
		intake->hasher = hasher_create();
	return intake->hasher != NULL || intake->follower != NULL;
}

static bool
open_file(struct intake *intake, struct err *err)
{
	struct publication *publication = &intake->publication;

	if (intake->keeping == INTAKE_KEEP)
		publication->fd = blobs_create_temp(intake->store->blobs, publication->temp, err);
	else
		publication->fd = memfd_create("larder", MFD_CLOEXEC);
	if (publication->fd < 0 && intake->keeping == INTAKE_PASS_THROUGH)
		return err_errno(err, "making a file in memory");
	return publication->fd >= 0 && allocate(intake, err) && begin_hashing(intake, err);
}

/* Whether it is to be held in memory; takes its bytes from INTAKE_HELD_TOTAL then. */
static bool
may_hold(struct intake *intake)
{
	struct store *store = intake->store;
	uint64_t size = intake->expected_size;

	if (intake->hashing != INTAKE_HASHES_BEHIND || intake->keeping != INTAKE_KEEP || size == 0 ||
	        size > INTAKE_HELD_MAX)
		return false;
	if (atomic_fetch_add(&store->held_bytes, size) + size <= INTAKE_HELD_TOTAL)
		return true;
	atomic_fetch_sub(&store->held_bytes, size);
	return false;
}

static bool
make_room(struct intake *intake, struct err *err)
{
	if (intake->keeping == INTAKE_KEEP && !check_max_bytes(intake->store, intake->expected_size, err))
		return false;
	if (!reserve(intake, intake->expected_size, err))
		return false;
	if (!may_hold(intake))
		return open_file(intake, err);
	intake->held = xmalloc(intake->expected_size);
	return true;
}

/* Its bytes are in memory, and not in a file yet or not only there. Any thread. */
static bool
is_held(const struct intake *intake)
{
	return intake->held != NULL && !atomic_load_explicit(&intake->outgrown, memory_order_acquire);
}

static void
stop_holding(struct intake *intake)
{
	if (intake->held == NULL)
		return;
	atomic_fetch_sub(&intake->store->held_bytes, intake->expected_size);
	free(intake->held);
}

struct intake *
intake_open(struct store *store, enum intake_keeping keeping, const struct intake_plan *plan, struct err *err)
{
	struct intake *intake;
	const char *came_from = plan->came_from != NULL ? plan->came_from : "";

	if (store->mode == STORE_READ) {
		err_set(err, ERR_IO, "the store %s is open for reading only", blobs_directory(store->blobs));
		return NULL;
	}
	if (plan->max_size > 0 && plan->expected_size > plan->max_size) {
		err_set(err, ERR_TOO_LARGE, "%llu bytes, of which at most %llu are allowed",
		        (unsigned long long)plan->expected_size, (unsigned long long)plan->max_size);
		return NULL;
	}
	intake = xcalloc(1, sizeof *intake);
	intake->store = store;
	intake->keeping = keeping;
	intake->hashing = plan->hashing;
	intake->expected_size = plan->expected_size;
	intake->max_size = plan->max_size;
	intake->publication.fd = -1;
	intake->publication.source = plan->source;
	snprintf(intake->publication.archive.came_from, sizeof intake->publication.archive.came_from, "%s",
	        came_from);
	if (make_room(intake, err))
		return intake;
	intake_close(intake);
	return NULL;
}

static bool
write_bytes(struct intake *intake, const void *bytes, size_t length, struct err *err)
{
	struct publication *publication = &intake->publication;

	if (!file_write(publication->fd, bytes, length, err))
		return err_wrap(err, "%s/tmp/%s", blobs_directory(intake->store->blobs), publication->temp);
	if (intake->follower != NULL)
		follower_advance(intake->follower, publication->archive.size_bytes + length);
	else
		hasher_add(intake->hasher, bytes, length);
	return true;
}

/* What was held so far goes to a file. */
static bool
write_held(struct intake *intake, struct err *err)
{
	return open_file(intake, err) &&
	       write_bytes(intake, intake->held, (size_t)intake->publication.archive.size_bytes, err);
}

/* More comes than was expected. The memory stays: somebody may be reading it. */
static bool
outgrow(struct intake *intake, struct err *err)
{
	if (!write_held(intake, err))
		return false;
	atomic_store_explicit(&intake->outgrown, true, memory_order_release);
	return true;
}

bool
intake_append(struct intake *intake, const void *bytes, size_t length, struct err *err)
{
	struct archive *archive = &intake->publication.archive;
	uint64_t size = archive->size_bytes + length;

	assert(intake->state == INTAKE_OPEN);
	if (intake->max_size > 0 && size > intake->max_size)
		return err_set(err, ERR_TOO_LARGE, "more than the %llu bytes that are allowed",
		        (unsigned long long)intake->max_size);
	if (!reserve(intake, size, err))
		return false;
	if (is_held(intake) && size > intake->expected_size && !outgrow(intake, err))
		return false;
	if (is_held(intake)) {
		memcpy(intake->held + archive->size_bytes, bytes, length);
		atomic_store_explicit(&intake->held_length, (size_t)size, memory_order_release);
	} else if (!write_bytes(intake, bytes, length, err)) {
		return false;
	}
	archive->size_bytes = size;
	return true;
}

ssize_t
intake_pread(const struct intake *intake, void *ret, size_t max, uint64_t offset, struct err *err)
{
	size_t length;

	if (!is_held(intake))
		return file_pread(intake->publication.fd, ret, max, offset, err);
	length = atomic_load_explicit(&intake->held_length, memory_order_acquire);
	if (offset >= length)
		return 0;
	if (max > length - offset)
		max = (size_t)(length - offset);
	memcpy(ret, intake->held + offset, max);
	return (ssize_t)max;
}

struct intake_view
intake_view(const struct intake *intake, uint64_t offset)
{
	if (is_held(intake))
		return (struct intake_view){.bytes = intake->held + offset, .fd = -1};
	return (struct intake_view){.fd = intake->publication.fd};
}

uint64_t
intake_size(const struct intake *intake)
{
	return intake->publication.archive.size_bytes;
}

enum intake_keeping
intake_keeping(const struct intake *intake)
{
	return intake->keeping;
}

const struct digests *
intake_digests(struct intake *intake)
{
	assert(intake->state == INTAKE_OPEN && intake->hashing == INTAKE_HASHES_HERE);
	hasher_digests(intake->hasher, &intake->publication.archive.digests);
	intake->state = INTAKE_COMPLETE;
	return &intake->publication.archive.digests;
}

/* On a flusher. */
static void
seal(struct publication *publication)
{
	struct intake *intake = publication->owner;
	struct archive *archive = &publication->archive;
	struct err err = ERR_NONE;
	bool done = !is_held(intake) || write_held(intake, &err);

	if (done && intake->follower != NULL)
		done = follower_finish(intake->follower, archive->size_bytes, &archive->digests, &err);
	else if (done)
		hasher_digests(intake->hasher, &archive->digests);
	intake->state = INTAKE_COMPLETE;
	intake->sealed(intake->context, done ? &archive->digests : NULL, done ? NULL : &err);
}

void
intake_seal(struct intake *intake, intake_sealed_fn *sealed, void *context)
{
	struct publication *publication = &intake->publication;
	struct err err = ERR_NONE;

	assert(intake->state == INTAKE_OPEN && intake->hashing == INTAKE_HASHES_BEHIND);
	intake->state = INTAKE_SEALING;
	intake->sealed = sealed;
	intake->context = context;
	publication->owner = intake;
	if (publisher_lend(intake->store->publisher, publication, seal, &err))
		return;
	intake->state = INTAKE_COMPLETE;
	sealed(context, NULL, &err);
}

const struct digests *
intake_found(const struct intake *intake)
{
	assert(intake->state != INTAKE_OPEN && intake->state != INTAKE_SEALING);
	return &intake->publication.archive.digests;
}

int
intake_fd(const struct intake *intake)
{
	return intake->publication.fd;
}

static void
tell(struct publication *publication, enum intake_result result, const struct err *err)
{
	struct intake *intake = publication->owner;

	publication->temp[0] = '\0';
	intake->state = INTAKE_OVER;
	intake->done(intake->context, result, err); /* which may close the intake */
}

void
intake_commit(struct intake *intake, intake_done_fn *done, void *context)
{
	struct publication *publication = &intake->publication;
	uint64_t size = publication->archive.size_bytes;

	assert(intake->state == INTAKE_COMPLETE);
	intake->state = INTAKE_COMMITTING;
	intake->done = done;
	intake->context = context;
	publication->owner = intake;
	publication->done = tell;
	publication->archive.stored_at_ms = clock_wall_ms();
	if (intake->expected_size > size && ftruncate(publication->fd, (off_t)size) != 0)
		log_debug("what was allocated for %s and not used stays allocated",
		        publication->archive.came_from);
	publisher_post(intake->store->publisher, publication);
}

/* For one who waits. */
struct answer {
	pthread_mutex_t mutex;
	pthread_cond_t given;
	bool is_given;
	enum intake_result result;
	struct err err;
};

static void
answer(void *context, enum intake_result result, const struct err *err)
{
	struct answer *ret = context;

	pthread_mutex_lock(&ret->mutex);
	ret->is_given = true;
	ret->result = result;
	if (err != NULL)
		ret->err = *err;
	pthread_cond_signal(&ret->given);
	pthread_mutex_unlock(&ret->mutex);
}

enum intake_result
intake_commit_wait(struct intake *intake, struct err *err)
{
	struct answer got = {.mutex = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER};

	intake_commit(intake, answer, &got);
	pthread_mutex_lock(&got.mutex);
	while (!got.is_given)
		pthread_cond_wait(&got.given, &got.mutex);
	pthread_mutex_unlock(&got.mutex);
	if (got.result == INTAKE_REFUSED)
		*err = got.err;
	return got.result;
}

void
intake_close(struct intake *intake)
{
	if (intake == NULL)
		return;
	assert(intake->state != INTAKE_COMMITTING && intake->state != INTAKE_SEALING);
	if (intake->publication.temp[0] != '\0')
		blobs_remove_temp(intake->store->blobs, intake->publication.temp);
	if (intake->keeping == INTAKE_PASS_THROUGH)
		atomic_fetch_sub(&intake->store->pass_through_bytes, intake->reserved);
	stop_holding(intake);
	auto_close(&intake->publication.fd);
	hasher_destroy(intake->hasher);
	follower_destroy(intake->follower);
	free(intake);
}
