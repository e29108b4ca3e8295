/*
 * Files that are no archive any more, though they lie where archives do: found wrong or removed while the disk, full or read-only, let them
 * neither be forgotten nor moved. Known by their stamps, so that another file in their place is none of them, and for as long as the process
 * runs: afterwards what is wrong has to be found out again. Any thread.
 */
#ifndef STORAGE_OUTCASTS_H
#define STORAGE_OUTCASTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/archive.h"

#define OUTCASTS_MAX 4096 /* remembered; past it the oldest is forgotten */

struct outcasts {
	pthread_mutex_t mutex; /* over the stamps; a leaf */
	struct stamp stamps[OUTCASTS_MAX];
	atomic_uint_fast64_t count; /* ever */
};

void outcasts_init(struct outcasts *outcasts);
void outcasts_finish(struct outcasts *outcasts);
void outcasts_add(struct outcasts *outcasts, const struct stamp *stamp);
/* Costs one load while there are none. */
bool outcasts_have(struct outcasts *outcasts, const struct stamp *stamp);

#endif
