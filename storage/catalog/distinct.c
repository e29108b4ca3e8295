/*
 * Distinct entries: a table with open addressing of the numbers of entries. Memory only; one thread.
 */
#include "storage/catalog/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"

#define SLOTS_FIRST 1024

void
distinct_init(struct distinct *distinct, struct harvest *harvest)
{
	*distinct =
	        (struct distinct){.harvest = harvest, .n_slots = SLOTS_FIRST, .first = harvest->n_entries};
	distinct->slots = xcalloc(distinct->n_slots, sizeof *distinct->slots);
}

void
distinct_finish(struct distinct *distinct)
{
	free(distinct->slots);
	*distinct = (struct distinct){0};
}

/* FNV-1a. Entries that somebody makes collide cost that somebody's import time, nothing else. */
static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	return hash;
}

static uint64_t
hash_of(const struct harvest_entry *entry)
{
	uint64_t hash = hash_bytes(14695981039346656037u, entry->package, strlen(entry->package) + 1);

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		const uint8_t *bytes = digests_bytes(&entry->digests, (enum digest_algo)algo);

		if (bytes != NULL)
			hash = hash_bytes(hash, bytes, digest_size((enum digest_algo)algo));
	}
	for (size_t i = 0; i < entry->n_urls; i++)
		hash = hash_bytes(hash, entry->urls[i], strlen(entry->urls[i]) + 1);
	return hash ^ hash >> 32;
}

static bool
is_same(const struct harvest_entry *a, const struct harvest_entry *b)
{
	if (a->n_urls != b->n_urls || strcmp(a->package, b->package) != 0 ||
	        !digests_satisfy(&a->digests, &b->digests) || !digests_satisfy(&b->digests, &a->digests))
		return false;
	for (size_t i = 0; i < a->n_urls; i++)
		if (strcmp(a->urls[i], b->urls[i]) != 0)
			return false;
	return true;
}

/* The slot of the entry that says the same, or the free one where it belongs. */
static uint32_t *
slot_for(const struct distinct *distinct, const struct harvest_entry *entry)
{
	size_t at = hash_of(entry) & (distinct->n_slots - 1);

	while (distinct->slots[at] != 0 &&
	        !is_same(&distinct->harvest->entries[distinct->slots[at] - 1], entry))
		at = (at + 1) & (distinct->n_slots - 1);
	return &distinct->slots[at];
}

static void
make_room(struct distinct *distinct)
{
	const struct harvest *harvest = distinct->harvest;

	if ((harvest->n_entries - distinct->first + 1) * 2 <= distinct->n_slots)
		return;
	distinct->n_slots *= 2;
	free(distinct->slots);
	distinct->slots = xcalloc(distinct->n_slots, sizeof *distinct->slots);
	for (size_t i = distinct->first; i < harvest->n_entries; i++)
		*slot_for(distinct, &harvest->entries[i]) = (uint32_t)i + 1;
}

void
distinct_add(struct distinct *distinct, const struct harvest_entry *entry, const char *file, unsigned line)
{
	struct harvest_entry *same;
	uint32_t *slot;

	make_room(distinct);
	slot = slot_for(distinct, entry);
	if (*slot == 0) {
		if (harvest_add(distinct->harvest, entry, file, line))
			*slot = (uint32_t)distinct->harvest->n_entries;
		return;
	}
	same = &distinct->harvest->entries[*slot - 1];
	if (entry->first_ms < same->first_ms)
		same->first_ms = entry->first_ms;
	if (entry->last_ms > same->last_ms)
		same->last_ms = entry->last_ms;
	same->past = same->past && entry->past;
}
