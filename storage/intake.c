/*
 * An intake: bytes into a temporary file (or memory) and through the hasher. One thread appends, any thread
 * reads what was appended; after commit it belongs to the publisher until done.
 */
#include "storage/intake.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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
 *   OPEN ──digests──→ COMPLETE ──commit──→ COMMITTING ──done──→ OVER
 *
 * close: from every state but COMMITTING
 */
enum intake_state { INTAKE_OPEN, INTAKE_COMPLETE, INTAKE_COMMITTING, INTAKE_OVER };

struct intake {
	struct publication publication; /* holds the file, its name, size and digests */
	struct store *store;
	enum intake_keeping keeping;
	enum intake_state state;
	uint64_t expected_size, max_size;
	uint64_t reserved; /* bytes taken from the free space, or from PASS_THROUGH_MAX */
	struct hasher *hasher;
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
	        "the disk is full, and the %llu MiB of memory for passing archives through are in use",
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

/* The blocks of a file whose size is known, so that a full disk shows now and not in the middle. */
static bool
allocate(const struct intake *intake, struct err *err)
{
	if (intake->expected_size == 0 || intake->keeping == INTAKE_PASS_THROUGH)
		return true;
	if (fallocate(intake->publication.fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)intake->expected_size) == 0)
		return true;
	return errno != ENOSPC ||
	       err_errno(err, "making room in %s/tmp", blobs_directory(intake->store->blobs));
}

static bool
open_file(struct intake *intake, struct err *err)
{
	struct publication *publication = &intake->publication;

	if (intake->keeping == INTAKE_KEEP && !check_max_bytes(intake->store, intake->expected_size, err))
		return false;
	if (!reserve(intake, intake->expected_size, err))
		return false;
	if (intake->keeping == INTAKE_KEEP)
		publication->fd = blobs_create_temp(intake->store->blobs, publication->temp, err);
	else
		publication->fd = memfd_create("larder", MFD_CLOEXEC);
	if (publication->fd < 0 && intake->keeping == INTAKE_PASS_THROUGH)
		return err_errno(err, "making a file in memory");
	return publication->fd >= 0 && allocate(intake, err);
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
	intake->expected_size = plan->expected_size;
	intake->max_size = plan->max_size;
	intake->publication.fd = -1;
	intake->publication.source = plan->source;
	intake->hasher = hasher_create();
	snprintf(intake->publication.archive.came_from, sizeof intake->publication.archive.came_from, "%s",
	        came_from);
	if (open_file(intake, err))
		return intake;
	intake_close(intake);
	return NULL;
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
	if (!file_write(intake->publication.fd, bytes, length, err))
		return err_wrap(
		        err, "%s/tmp/%s", blobs_directory(intake->store->blobs), intake->publication.temp);
	hasher_add(intake->hasher, bytes, length);
	archive->size_bytes = size;
	return true;
}

ssize_t
intake_pread(const struct intake *intake, void *ret, size_t max, uint64_t offset, struct err *err)
{
	return file_pread(intake->publication.fd, ret, max, offset, err);
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
	assert(intake->state == INTAKE_OPEN);
	hasher_digests(intake->hasher, &intake->publication.archive.digests);
	intake->state = INTAKE_COMPLETE;
	return &intake->publication.archive.digests;
}

const struct digests *
intake_found(const struct intake *intake)
{
	assert(intake->state != INTAKE_OPEN);
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
	assert(intake->state != INTAKE_COMMITTING);
	if (intake->publication.temp[0] != '\0')
		blobs_remove_temp(intake->store->blobs, intake->publication.temp);
	if (intake->keeping == INTAKE_PASS_THROUGH)
		atomic_fetch_sub(&intake->store->pass_through_bytes, intake->reserved);
	auto_close(&intake->publication.fd);
	hasher_destroy(intake->hasher);
	free(intake);
}
