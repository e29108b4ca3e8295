/*
 * What a store is made of, for the files of storage/ that are the store. Everybody else uses storage/store.h.
 */
#ifndef STORAGE_STORE_PARTS_H
#define STORAGE_STORE_PARTS_H

#include <stdatomic.h>

#include "storage/blobs.h"
#include "storage/claims.h"
#include "storage/evict.h"
#include "storage/follower.h"
#include "storage/index/archive_rows.h"
#include "storage/outcasts.h"
#include "storage/publisher.h"
#include "storage/recovery.h"
#include "storage/space.h"
#include "storage/store.h"

#define STORE_TOUCHES 1024 /* archives whose use was just told to the index */

struct store {
	enum store_mode mode;
	struct blobs *blobs;
	struct index *index;
	struct catalog *catalog;
	struct claims claims;
	struct outcasts outcasts;
	struct space space;
	struct publisher *publisher; /* NULL in STORE_READ */
	struct followers *followers; /* NULL in STORE_READ */
	struct recovery *recovery;   /* NULL in STORE_READ */
	struct evictor *evictor;     /* NULL in STORE_READ, and where everything is kept */
	uint64_t max_bytes;          /* 0: everything is kept */

	atomic_uint_fast64_t adopted, quarantined, collisions, commits, removed, evicted;
	atomic_uint_fast64_t departed; /* removed, evicted, quarantined or cast out: every hit looks at it */
	atomic_uint_fast64_t pass_through_bytes;     /* held in memory by intakes that pass through … */
	atomic_uint_fast64_t held_bytes;             /* … and by those that have no file yet */
	atomic_uint_fast64_t touches[STORE_TOUCHES]; /* each: some bytes of the sha256, and the minute */
	atomic_bool untidy; /* a file may lie there without a row, so the next start has to look */
};

/* Gives the claim back and lets those who waited for it try again. */
void store_unclaim(struct store *store, struct claim *claim);

/* Logs that a row went since its file is gone. */
void store_say_gone(const struct digests *digests);

/* The file of this sha256 is no archive from now on, though it stays where it is. Under the claim. */
void store_cast_out(struct store *store, const uint8_t sha256[32]);

/*
 * The rest of a quarantine, under the claim of the sha256: row first, then the file. False when the row
 * cannot be deleted; a miss it is all the same.
 */
bool store_quarantine_claimed(struct store *store, const struct digests *digests, const char *why);

#endif
