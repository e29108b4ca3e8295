/*
 * The index writer: one thread with the only connection that writes. Others hand it chores; it takes up to
 * WRITER_BATCH_MAX of them into one transaction, commits durably, and then tells each how it went.
 */
#ifndef STORAGE_INDEX_WRITER_H
#define STORAGE_INDEX_WRITER_H

#include <stdint.h>

#include "storage/base/err.h"
#include "storage/base/mailbox.h"
#include "storage/digest.h"

#define WRITER_BATCH_MAX 64  /* chores in a transaction */
#define WRITER_LAZY_MS   200 /* how long lazy chores wait for company */

#define WRITER_CHANGED_MAX                                                                                   \
	(2 * WRITER_BATCH_MAX) /* rows of archives, of which a transaction remembers which they are */

struct db;
struct chore;
struct row_cache;
struct writer;

/* What is counted as rows come and go; written in the transaction that changes it. */
struct index_figures {
	uint64_t archives, bytes;                     /* stored */
	uint64_t entries, digests, origins, packages; /* of the catalog; entries: those within no other */
};

/* What a chore sees while its transaction is open. */
struct writing {
	struct db *db;
	struct index_figures figures;
	/* archives whose rows were changed; more than there is room for: any may be */
	struct digests changed[WRITER_CHANGED_MAX];
	size_t n_changed;
};

enum chore_result {
	CHORE_WRITTEN,
	CHORE_REFUSED, /* with err; it wrote nothing, the others of its transaction go on */
	CHORE_FAILED,  /* with err; the whole transaction is undone and all its chores fail */
};

/*
 * run: on the writer, inside the transaction. done: on the writer, after the commit, exactly once; err is
 * NULL when committed.
 */
typedef enum chore_result chore_run_fn(struct chore *chore, struct writing *writing, struct err *err);
typedef void chore_done_fn(struct chore *chore, const struct err *err);

enum chore_kind {
	CHORE_PROMPT,
	CHORE_LAZY,  /* may wait for others, so that it costs no transaction of its own */
	CHORE_ALONE, /* long: gets a transaction of its own */
};

/* The first member of what a kind of chore needs; owned by whoever posts it, until done. */
struct chore {
	struct letter letter;
	enum chore_kind kind;
	chore_run_fn *run;
	chore_done_fn *done;
	enum chore_result result; /* the writer's */
	struct err err;           /* the writer's */
};

/* Takes the connection, borrows the cache. */
struct writer *writer_create(struct db *db, const struct index_figures *figures, struct row_cache *rows);

enum writer_ending { WRITER_ENDS_CLEAN, WRITER_ENDS_UNCLEAN };
/*
 * Does everything that was posted, leaves the clean mark if told to and nothing failed, closes the
 * connection. NULL is nothing.
 */
void writer_destroy(struct writer *writer, enum writer_ending ending);

/* Any thread. After writer_destroy began: done is called at once, on this thread, with ERR_STOPPING. */
void writer_post(struct writer *writer, struct chore *chore);
/* Posts and waits; the chore's done is not called. Not on the writer's own thread. */
bool writer_run(struct writer *writer, struct chore *chore, struct err *err) MUST_CHECK;

struct writer_state {
	struct index_figures figures; /* as of the last commit */
	uint64_t transactions;
	struct err trouble; /* why the last transaction failed; ERR_OK when it did not */
	int64_t trouble_ms; /* when, by clock_ms */
};
void writer_state(struct writer *writer, struct writer_state *ret);

#endif
