/*
 * The store: a directory of archives and their index. The door to all of storage/.
 *
 * Layout: lock, tmp/, spool/, quarantine/, blobs/sha256/<2 hex>/<64 hex>, index.db; directories 0700, blobs
 * 0400. One process writes.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/archive.h"
#include "storage/base/err.h"
#include "storage/blob.h"
#include "storage/digest.h"

struct store;
struct catalog;
struct index;

enum store_mode {
	STORE_WRITE, /* takes the lock, makes what is missing, recovers; ERR_LOCKED names the pid that has it */
	STORE_READ, /* beside a writing process or without one; ERR_NOT_FOUND where there is no store yet */
};

struct store_options {
	const char *directory;
	enum store_mode mode;
	uint64_t min_free_bytes; /* the reserve: nothing is taken in below it */
	uint64_t max_bytes; /* of archives; past it some are evicted (storage/evict.h); 0: keep everything */
};

struct store *store_open(const struct store_options *options, struct err *err) MUST_CHECK;
/* Finishes every commit that was begun, stops the threads, releases the lock. NULL is nothing. */
void store_close(struct store *store);
struct catalog *store_catalog(struct store *store);
/* For the tables of what people decided: tokens, pins, tombstones, events, jobs (storage/index/X_rows.h). */
struct index *store_index(struct store *store);
const char *store_directory(const struct store *store);

enum store_answer { STORE_HIT, STORE_MISS, STORE_FAILED };

/*
 * The archive called by this digest, open. Any thread (each has its own read-only connection to the index). A
 * row whose file is gone, or is known to be wrong, is a miss; none of the file's bytes is looked at. STORE_FAILED: the index or the disk is
 * broken, err says how.
 */
enum store_answer store_find(
        struct store *store, const struct digest *digest, struct blob *ret, struct err *err) MUST_CHECK;

/* As store_find, but answers from the index alone: what is stored under this digest, without opening it. */
enum store_answer store_lookup(
        struct store *store, const struct digest *digest, struct archive *ret, struct err *err) MUST_CHECK;

/* An archive is stored that has every one of these digests (strongest first). */
enum store_answer store_has(
        struct store *store, const struct digests *digests, struct archive *ret, struct err *err) MUST_CHECK;

/*
 * Reads an unproven blob to its end and compares it with its name. True: it is BLOB_PROVEN now, and the index
 * will remember. False with ERR_MISMATCH: it was wrong, is quarantined (in STORE_WRITE) and is a miss from
 * now on. Blocks on the disk for as long as the blob is long.
 */
bool store_prove(struct store *store, struct blob *blob, struct err *err) MUST_CHECK;
/* As store_prove, but all four digests: a row that says otherwise of the other three was damaged, and is made anew. */
bool store_prove_all(struct store *store, struct blob *blob, struct err *err) MUST_CHECK;
/* The same for one who has read the bytes himself: what he found them to be. */
void store_proven(struct store *store, const struct blob *blob);
/*
 * Moves the file of this archive to quarantine/ and drops its row. Logs what happened. Any thread, but not
 * from done() of an intake; blocks on the disk. Does nothing in STORE_READ.
 */
void store_quarantine(struct store *store, const struct digests *digests, const char *why);
/*
 * The same, unless the file that was open here is gone or has been replaced by another since: for one who read
 * wrong bytes from it. True: it is out of the index; where that cannot be written, it is a miss all the same as long as this process runs.
 */
bool store_quarantine_blob(struct store *store, const struct blob *blob, const char *why);

/*
 * Removes the archive that has this digest, and its pin: first its row goes and a tombstone is laid, in one
 * transaction, then its file; durable when it returns. Where none is stored the tombstone names what the
 * catalog lists together with the digest, if it does. ret: what was removed (its digests; size_bytes 0 where
 * nothing was stored). ERR_UNKNOWN: neither stored nor listed; ERR_REMOVED: and it was removed before. Who is
 * reading it reads on. Any thread, but not from done() of an intake; blocks.
 */
bool store_remove(struct store *store, const struct digest *digest, const char *who, struct archive *ret,
        struct err *err) MUST_CHECK;
/* As store_remove, but without a tombstone: it may come back. ERR_UNKNOWN: not stored (any more); ERR_TAKEN: pinned. */
bool store_evict(struct store *store, const uint8_t sha256[32], struct err *err) MUST_CHECK;

/*
 * Visits every archive of the index, by sha256. The visitor returns false to stop. False with err: the index
 * failed.
 */
typedef bool archive_visit_fn(void *context, const struct archive *archive);
bool store_walk(struct store *store, archive_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/*
 * The blobs without a row and the rows without a blob. Adopts and drops only in STORE_WRITE; hashes what it
 * adopts.
 */
struct store_audit {
	uint64_t adopted;      /* blobs that were right and had no row */
	uint64_t quarantined;  /* blobs that are not what their name says */
	uint64_t rows_dropped; /* rows whose file is gone */
};
bool store_reconcile(struct store *store, struct store_audit *ret, struct err *err) MUST_CHECK;
/*
 * What the comparing at the start, which goes on until figures say that it does not, has found gone or wrong, from 0. False: there is no
 * such one. It may be stored again by now. Any thread.
 */
bool store_lost(struct store *store, size_t i, struct digests *ret);

enum store_health { STORE_FINE, STORE_FULL, STORE_READ_ONLY, STORE_BROKEN };

/* Costs a few microseconds: counted as things happen, never by a walk. Any thread. */
struct store_figures {
	uint64_t archives, bytes;            /* stored */
	uint64_t free_bytes, min_free_bytes; /* of the filesystem */
	uint64_t max_bytes;                  /* 0: keep everything */
	uint64_t adopted, quarantined, collisions, refused_no_space, commits, commit_batches;
	uint64_t removed, evicted;
	uint64_t rows_cached, rows_recalled; /* of archives: in memory, and found there since it was opened */
	bool recovering;                     /* blobs without a row are being looked for in the background */
	bool index_damaged;                  /* opening the store again makes the index again */
	enum store_health health;
	char health_text[160]; /* what is wrong, or "" */
};
void store_figures(struct store *store, struct store_figures *ret);
/* How many archives were removed, evicted, quarantined or cast out since it was opened: who keeps files open looks after them when it grows. */
uint64_t store_departed(struct store *store);
/* The file with this stamp is no archive any more, though nothing has happened to it: the disk did not let it go. Any thread. */
bool store_has_cast_out(struct store *store, const struct stamp *stamp);

#endif
