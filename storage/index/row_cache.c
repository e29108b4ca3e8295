/*
 * A table without chains: each name has one place, and the last one asked for has it. Any thread, under the lock of the place. Must never
 * give a row that the writer has changed before: each place counts the changes that may concern it, and what was read before the last of
 * them is not kept.
 */
#include "storage/index/row_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"

#define LOCKS 64

/* What is kept of a row. */
struct kept {
	struct digests digests;
	uint64_t size_bytes;
	int64_t stored_at_ms, used_at_ms;
	struct stamp stamp;
};

struct place {
	uint32_t version;
	struct kept *kept; /* NULL: nothing; so that a table that is hardly used takes hardly any memory */
};

struct row_cache {
	pthread_mutex_t locks[LOCKS]; /* each over every LOCKSth place; leaves */
	_Atomic uint64_t rows, found;
	struct place *places;
};

struct row_cache *
row_cache_create(void)
{
	struct row_cache *cache = xcalloc(1, sizeof *cache);

	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&cache->locks[i], NULL);
	cache->places = xcalloc(ROW_CACHE_ROWS, sizeof cache->places[0]);
	return cache;
}

void
row_cache_destroy(struct row_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < ROW_CACHE_ROWS; i++)
		free(cache->places[i].kept);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&cache->locks[i]);
	free(cache->places);
	free(cache);
}

/* Digests are as good as any hash of them. */
static struct place *
place_of(const struct row_cache *cache, const uint8_t *bytes)
{
	uint32_t hash;

	memcpy(&hash, bytes, sizeof hash);
	return &cache->places[hash % ROW_CACHE_ROWS];
}

static pthread_mutex_t *
lock(struct row_cache *cache, const struct place *place)
{
	pthread_mutex_t *mutex = &cache->locks[(size_t)(place - cache->places) % LOCKS];

	pthread_mutex_lock(mutex);
	return mutex;
}

static void
copy_row(const struct kept *kept, struct archive_row *ret)
{
	ret->archive.digests = kept->digests;
	ret->archive.size_bytes = kept->size_bytes;
	ret->archive.stored_at_ms = kept->stored_at_ms;
	ret->archive.came_from[0] = '\0';
	ret->archive.git_commit[0] = '\0';
	ret->stamp = kept->stamp;
	ret->used_at_ms = kept->used_at_ms;
}

bool
row_cache_find(
        struct row_cache *cache, const struct digest *name, struct archive_row *ret, uint32_t *ret_version)
{
	struct place *place;
	pthread_mutex_t *mutex;
	bool found;

	*ret_version = 0;
	if (cache == NULL)
		return false;
	place = place_of(cache, name->bytes);
	mutex = lock(cache, place);
	*ret_version = place->version;
	found = place->kept != NULL && digests_have(&place->kept->digests, name);
	if (found)
		copy_row(place->kept, ret);
	pthread_mutex_unlock(mutex);
	if (found)
		atomic_fetch_add_explicit(&cache->found, 1, memory_order_relaxed);
	return found;
}

void
row_cache_keep(
        struct row_cache *cache, const struct digest *name, uint32_t version, const struct archive_row *row)
{
	struct place *place;
	pthread_mutex_t *mutex;

	if (cache == NULL)
		return;
	place = place_of(cache, name->bytes);
	mutex = lock(cache, place);
	if (place->version == version) {
		if (place->kept == NULL) {
			place->kept = xmalloc(sizeof *place->kept);
			atomic_fetch_add_explicit(&cache->rows, 1, memory_order_relaxed);
		}
		*place->kept = (struct kept){.digests = row->archive.digests,
		        .size_bytes = row->archive.size_bytes,
		        .stored_at_ms = row->archive.stored_at_ms,
		        .used_at_ms = row->used_at_ms,
		        .stamp = row->stamp};
	}
	pthread_mutex_unlock(mutex);
}

static void
clear(struct row_cache *cache, struct place *place)
{
	pthread_mutex_t *mutex = lock(cache, place);

	place->version++;
	if (place->kept != NULL)
		atomic_fetch_sub_explicit(&cache->rows, 1, memory_order_relaxed);
	free(place->kept);
	place->kept = NULL;
	pthread_mutex_unlock(mutex);
}

void
row_cache_forget(struct row_cache *cache, const struct digests *names)
{
	for (int algo = 0; cache != NULL && algo < DIGEST_ALGOS; algo++) {
		const uint8_t *bytes = digests_bytes(names, (enum digest_algo)algo);

		if (bytes != NULL)
			clear(cache, place_of(cache, bytes));
	}
}

void
row_cache_forget_all(struct row_cache *cache)
{
	for (size_t i = 0; cache != NULL && i < ROW_CACHE_ROWS; i++)
		clear(cache, &cache->places[i]);
}

void
row_cache_figures(struct row_cache *cache, struct row_cache_figures *ret)
{
	*ret = (struct row_cache_figures){0};
	if (cache == NULL)
		return;
	ret->rows = atomic_load_explicit(&cache->rows, memory_order_relaxed);
	ret->found = atomic_load_explicit(&cache->found, memory_order_relaxed);
}
