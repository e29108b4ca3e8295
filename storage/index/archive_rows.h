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

/*
 * All rows by sha256, in steps, so that the visitor may ask and change the index itself. False from the
 * visitor ends the walk.
 */
typedef bool archive_row_visit_fn(void *context, const struct archive_row *row);
bool archive_rows_walk(
        struct index *index, archive_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

enum archive_change_kind {
	ARCHIVE_ADD, /* or, where there is such a row, renew its stamp; ERR_COLLISION where a digest names another archive */
	ARCHIVE_RESTAMP, /* the bytes were found right */
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

#endif
