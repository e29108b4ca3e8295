/*
 * The rows of stored archives: questions on the caller's thread, changes as chores for the index writer.
 */
#ifndef STORAGE_INDEX_ARCHIVE_ROWS_H
#define STORAGE_INDEX_ARCHIVE_ROWS_H

#include "storage/archive.h"
#include "storage/index/index.h"

enum row_answer { ROW_FOUND, ROW_NONE, ROW_FAILED };

/* The archive that this digest names. */
enum row_answer archive_row_find(struct index *index, const struct digest *digest, struct archive_row *ret,
        struct err *err) MUST_CHECK;

/* The same, often without SQLite, but for where it came from and its commit: those are empty. */
enum row_answer archive_row_recall(struct index *index, const struct digest *digest, struct archive_row *ret,
        struct err *err) MUST_CHECK;

/*
 * All rows by sha256, in steps, so that the visitor may ask and change the index itself. False from the
 * visitor ends the walk.
 */
typedef bool archive_row_visit_fn(void *context, const struct archive_row *row);
bool archive_rows_walk(
        struct index *index, archive_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/* The first archive behind this sha256 by that order; NULL: the first of all. */
enum row_answer archive_row_after(
        struct index *index, const uint8_t *sha256, struct archive_row *ret, struct err *err) MUST_CHECK;

/*
 * The next rows behind this place, the least recently used first, without those that are pinned; at most max.
 * The place moves on; it begins as zero.
 */
struct archive_use {
	int64_t used_at_ms, id;
};
bool archive_rows_by_use(struct index *index, struct archive_use *place, struct archive_row *ret, size_t max,
        size_t *ret_count, struct err *err) MUST_CHECK;

#define ARCHIVE_TOUCH_MS 3600000 /* how old used_at_ms gets before a use is noted again */

/*
 * Those that add a row, or, where there is such a row, renew its stamp, are refused with ERR_COLLISION where a
 * digest names another archive. They differ in what a tombstone means to them.
 */
enum archive_change_kind {
	ARCHIVE_ADD,     /* fetched: refused with ERR_REMOVED where one has any of the digests */
	ARCHIVE_GIVE,    /* given by somebody: lifts those that have any of the digests */
	ARCHIVE_ADOPT,   /* found in the store: refused where one has its sha256 or sha512 */
	ARCHIVE_TOUCH,   /* used_at_ms is noted */
	ARCHIVE_RESTAMP, /* the bytes were found right: stamp and size are the file's */
	ARCHIVE_DROP,    /* the file is gone: delete the row, unless it was renewed since it was read */
	ARCHIVE_REMOVE,  /* delete the row */
};

enum archive_changed { ARCHIVE_UNCHANGED, ARCHIVE_ADDED, ARCHIVE_RENEWED, ARCHIVE_REMOVED };

/*
 * A change on its way. Embed it first in what done needs; post it with writer_post or run it with writer_run.
 */
struct archive_change {
	struct chore chore;
	enum archive_change_kind kind;
	struct archive_row row;
	enum archive_changed changed; /* the answer */
};

void archive_change_init(struct archive_change *change, enum archive_change_kind kind,
        const struct archive_row *row, chore_done_fn *done);
/* A change nobody waits for. Nothing happens when the index was opened for reading. */
void archive_change_post(struct index *index, enum archive_change_kind kind, const struct archive_row *row);

/* In a chore. */
enum row_answer archive_row_known(struct writing *writing, const struct digest *digest,
        struct archive_row *ret, struct err *err) MUST_CHECK;
/* row: as it is known now. */
bool archive_row_delete(struct writing *writing, const struct archive_row *row, struct err *err) MUST_CHECK;

#endif
