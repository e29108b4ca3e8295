/*
 * Free space. Any thread; two may ask the filesystem at once, which harms nobody.
 */
#include "storage/space.h"

#include "storage/base/clock.h"
#include "storage/base/text.h"

void
space_init(struct space *space, const struct blobs *blobs, uint64_t min_free_bytes)
{
	space->blobs = blobs;
	space->min_free_bytes = min_free_bytes;
	atomic_init(&space->free_bytes, 0);
	atomic_init(&space->asked_ms, clock_ms() - SPACE_FRESH_MS);
	atomic_init(&space->refused, 0);
}

uint64_t
space_free(struct space *space)
{
	int64_t now_ms = clock_ms(), free_bytes;
	uint64_t asked;
	struct err unimportant; /* the last answer stands; whoever writes meets the real trouble */

	if (now_ms - atomic_load(&space->asked_ms) >= SPACE_FRESH_MS &&
	        blobs_free_space(space->blobs, &asked, &unimportant)) {
		atomic_store(&space->free_bytes, (int64_t)asked);
		atomic_store(&space->asked_ms, now_ms);
	}
	free_bytes = atomic_load(&space->free_bytes);
	return free_bytes > 0 ? (uint64_t)free_bytes : 0;
}

bool
space_take(struct space *space, uint64_t bytes, struct err *err)
{
	uint64_t free_bytes = space_free(space);
	char wanted[TEXT_SIZE_MAX], left[TEXT_SIZE_MAX], reserve[TEXT_SIZE_MAX];

	if (free_bytes >= space->min_free_bytes && free_bytes - space->min_free_bytes >= bytes) {
		atomic_fetch_sub(&space->free_bytes, (int64_t)bytes);
		return true;
	}
	atomic_fetch_add(&space->refused, 1);
	text_size(bytes, wanted);
	text_size(free_bytes, left);
	text_size(space->min_free_bytes, reserve);
	return err_set(err, ERR_NO_SPACE,
	        "no space for %s in %s: %s are free and %s of them are reserved; nothing is kept until there "
	        "is more",
	        wanted, blobs_directory(space->blobs), left, reserve);
}
