/*
 * Eviction: makes room when the archives take more than space.max_size. A thread of its own, woken when
 * something was stored.
 *
 * The least recently used go first, of those that others surely still have: not pinned, an origin was seen to
 * serve them in the last EVICT_SEEN_DAYS days (its last answer was the archive), and at least two places, of two
 * providers, are known that have not said they are gone. Then, if that is not enough, those with a single such
 * place. All others are never evicted: where these alone take more than max_size, the store is full.
 */
#ifndef STORAGE_EVICT_H
#define STORAGE_EVICT_H

#include <stdbool.h>
#include <stdint.h>

#define EVICT_SEEN_DAYS 30
#define EVICT_AGAIN_MS  600000 /* how often a full store looks whether something may go by now */
#define EVICT_LOW_SHARE                                                                                      \
	95 /* per cent of max_size it goes down to, so that it does not run for each archive */

struct evictor;
struct store;

/* Starts the thread. Borrows the store. */
struct evictor *evictor_create(struct store *store, uint64_t max_bytes);
void evictor_destroy(struct evictor *evictor); /* NULL is nothing */
/* Something was stored or removed: looks when it is time. Any thread; returns at once. NULL is nothing. */
void evictor_wake(struct evictor *evictor);
/* More is stored than max_size and nothing may go: nothing new is taken in (ERR_NO_SPACE). NULL never is. */
bool evictor_is_full(const struct evictor *evictor);
/* One round on the caller's thread; how many went. For tests, and the thread itself. */
uint64_t evictor_round(struct evictor *evictor);

#endif
