/*
 * The index: which archives are stored, and the catalog. A file in the store's directory with one writer
 * thread and a read-only connection for each thread that asks. Questions block on the disk and must not be
 * asked under a lock.
 */
#ifndef STORAGE_INDEX_INDEX_H
#define STORAGE_INDEX_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/index/row_cache.h"
#include "storage/index/salvage.h"
#include "storage/index/writer.h"

struct db;
struct index;

enum index_mode {
	INDEX_WRITE,
	INDEX_READ,       /* another process writes */
	INDEX_READ_ALONE, /* nobody writes: works in a read-only directory too */
};

/* In what state the file was found. */
enum index_found {
	INDEX_CLEAN,   /* stopped in order the last time: index and files agree */
	INDEX_UNCLEAN, /* killed the last time: a few files may have no row */
	INDEX_NEW,     /* there was none */
	INDEX_DAMAGED, /* there was a damaged one, which was moved aside; this one is new */
};

#define INDEX_ASIDE_MAX 64
/* Bytes: an index that was not closed in order is checked before it is used, a larger one by index_check meanwhile. */
#define INDEX_CHECK_MAX (16u << 20)

struct index_opening {
	enum index_found found;
	bool unchecked;              /* INDEX_UNCLEAN, and large: index_check tells whether it is damaged */
	int migrated_from;           /* the version its schema had; 0: it was up to date */
	char aside[INDEX_ASIDE_MAX]; /* INDEX_DAMAGED: the file name that the damaged one has now */
	struct err damage;           /* INDEX_DAMAGED: what was wrong with it */
	struct salvage saved;        /* INDEX_DAMAGED: what was copied from it */
};

/*
 * ERR_CONFIG: a newer larder made it, or an older one and mode is no INDEX_WRITE. ERR_CORRUPT: damaged and
 * mode is no INDEX_WRITE.
 */
struct index *index_open(
        const char *path, enum index_mode mode, struct index_opening *ret, struct err *err) MUST_CHECK;
/*
 * No other thread may use it any more. NULL is nothing. A damaged index is moved aside, and the next start
 * fills the new one.
 */
void index_close(struct index *index, enum writer_ending ending);

enum index_thoroughness {
	INDEX_CHECK_QUICK, /* each page by itself */
	INDEX_CHECK_FULL, /* and that each row is found by all it is to be found by: takes several times as long */
};

/*
 * Looks for damage, on this thread's connection and for as long as that takes; is_stopped is asked many times a second, on this
 * thread, and ends it with ERR_CANCELLED. ERR_CORRUPT is remembered, as when a question finds it.
 */
bool index_check(struct index *index, enum index_thoroughness thoroughness, bool (*is_stopped)(void *context),
        void *context, struct err *err) MUST_CHECK;

/* This thread's read-only connection; for storage/index/ alone. */
struct db *index_reader(struct index *index, struct err *err) MUST_CHECK;
/* The writer; NULL when the index was opened for reading. */
struct writer *index_writer(struct index *index);
/* NULL likewise; and whether this thread's next question sees what was committed last. For storage/index/ alone. */
struct row_cache *index_rows(struct index *index);
bool index_sees_newest(const struct index *index);
/* writer_run with it; ERR_LOCKED when the index was opened for reading. */
bool index_write(struct index *index, struct chore *chore, struct err *err) MUST_CHECK;

/* Remembers that an answer was ERR_CORRUPT. False, so that a question can `return index_failed(…)`. */
bool index_failed(struct index *index, const struct err *err);

/*
 * From now on all questions of this thread are answered as of one moment, until index_let_go; thousands of them cost half
 * of what they do one by one. Not to be nested, nor held for longer than the questions take: the log of the index grows
 * meanwhile.
 */
bool index_hold(struct index *index, struct err *err) MUST_CHECK;
void index_let_go(struct index *index);

/*
 * A failed write is no news for longer: who writes nothing for fear of it would never learn that all is well
 * again.
 */
#define INDEX_TROUBLE_MS 10000

#define WHO_MAX 96 /* bytes of "token laptop", "uid 1000", with the terminator; longer is cut */

struct index_state {
	struct index_figures figures;
	struct row_cache_figures cached;
	uint64_t transactions;
	struct err
	        trouble; /* ERR_OK: none. ERR_CORRUPT stays until the restart, others until something is written again */
};
bool index_state(struct index *index, struct index_state *ret, struct err *err) MUST_CHECK;

#endif
