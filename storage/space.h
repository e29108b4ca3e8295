/*
 * Free space: asked of the filesystem at most once a second, and lessened in between by what is taken. Any
 * thread.
 */
#ifndef STORAGE_SPACE_H
#define STORAGE_SPACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/blobs.h"

#define SPACE_FRESH_MS 1000

struct space {
	const struct blobs *blobs;
	uint64_t min_free_bytes; /* the reserve */
	atomic_int_fast64_t free_bytes;
	atomic_int_fast64_t asked_ms;
	atomic_uint_fast64_t refused;
};

void space_init(struct space *space, const struct blobs *blobs, uint64_t min_free_bytes);
uint64_t space_free(struct space *space);
/* ERR_NO_SPACE when less than the reserve would be left. */
bool space_take(struct space *space, uint64_t bytes, struct err *err) MUST_CHECK;

#endif
