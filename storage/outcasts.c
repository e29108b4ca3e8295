/*
 * The outcasts: a ring of stamps, empty as long as the disk does what it is told. Must never be asked under another lock.
 */
#include "storage/outcasts.h"

void
outcasts_init(struct outcasts *outcasts)
{
	pthread_mutex_init(&outcasts->mutex, NULL);
	atomic_init(&outcasts->count, 0);
}

void
outcasts_finish(struct outcasts *outcasts)
{
	pthread_mutex_destroy(&outcasts->mutex);
}

void
outcasts_add(struct outcasts *outcasts, const struct stamp *stamp)
{
	uint64_t count;

	pthread_mutex_lock(&outcasts->mutex);
	count = atomic_load_explicit(&outcasts->count, memory_order_relaxed);
	outcasts->stamps[count % OUTCASTS_MAX] = *stamp;
	atomic_store_explicit(&outcasts->count, count + 1, memory_order_release);
	pthread_mutex_unlock(&outcasts->mutex);
}

bool
outcasts_have(struct outcasts *outcasts, const struct stamp *stamp)
{
	uint64_t count = atomic_load_explicit(&outcasts->count, memory_order_acquire);
	bool found = false;

	if (count == 0)
		return false;
	pthread_mutex_lock(&outcasts->mutex);
	count = atomic_load_explicit(&outcasts->count, memory_order_relaxed);
	for (uint64_t i = 0; i < count && i < OUTCASTS_MAX && !found; i++)
		found = stamp_equal(&outcasts->stamps[i], stamp);
	pthread_mutex_unlock(&outcasts->mutex);
	return found;
}
