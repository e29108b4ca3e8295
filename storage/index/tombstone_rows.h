/*
 * Tombstones: archives that somebody removed, and that are not to be fetched again. Questions run on the
 * caller's thread; a tombstone is laid and lifted in the same transaction as the archive's row changes.
 */
#ifndef STORAGE_INDEX_TOMBSTONE_ROWS_H
#define STORAGE_INDEX_TOMBSTONE_ROWS_H

#include <stdint.h>

#include "storage/digest.h"
#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

struct tombstone {
	struct digests digests; /* at least one */
	char who[WHO_MAX];
	int64_t at_ms; /* since 1970 */
};

/* Why an archive under it is not to be had: ERR_REMOVED. */
void tombstone_refuses(const struct tombstone *tombstone, struct err *ret);

/* The tombstone that has this digest. Any thread. */
enum row_answer tombstone_row_find(
        struct index *index, const struct digest *digest, struct tombstone *ret, struct err *err) MUST_CHECK;
/* Durable when it returns; a second one for the same digests replaces the first. Blocks. */
bool tombstone_row_lay(struct index *index, const struct tombstone *tombstone, struct err *err) MUST_CHECK;
/* Deletes every tombstone that has this digest. ROW_NONE: there was none. Blocks. */
enum row_answer tombstone_row_lift(
        struct index *index, const struct digest *digest, struct err *err) MUST_CHECK;

/* In a chore: of the digests of this archive, any. */
enum row_answer tombstone_rows_have(struct writing *writing, const struct digests *digests,
        struct tombstone *ret, struct err *err) MUST_CHECK;
bool tombstone_rows_add(
        struct writing *writing, const struct tombstone *tombstone, struct err *err) MUST_CHECK;
bool tombstone_rows_delete(
        struct writing *writing, const struct digests *digests, struct err *err) MUST_CHECK;

#endif
