/*
 * Rows of archives that were asked for, by the names they were asked by, so that the next one who asks does not need SQLite. Any thread. The
 * writer, which alone changes rows, has those forgotten that it changed: after the commit, and before anybody is told of it.
 */
#ifndef STORAGE_INDEX_ROW_CACHE_H
#define STORAGE_INDEX_ROW_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/archive.h"

#define ROW_CACHE_ROWS 32768 /* of about 200 bytes */

struct row_cache;

struct row_cache *row_cache_create(void);
/* NULL is a cache without room, here and below. */
void row_cache_destroy(struct row_cache *cache);

/*
 * The row that was kept for this name, but for where it came from and its commit, which are empty. False: there is none; *ret_version is
 * what row_cache_keep asks for.
 */
bool row_cache_find(
        struct row_cache *cache, const struct digest *name, struct archive_row *ret, uint32_t *ret_version);
/* What the index said, asked after row_cache_find. Not kept where the writer has changed a row meanwhile that the place may be for. */
void row_cache_keep(
        struct row_cache *cache, const struct digest *name, uint32_t version, const struct archive_row *row);
/* The row of an archive with these names was changed. */
void row_cache_forget(struct row_cache *cache, const struct digests *names);
void row_cache_forget_all(struct row_cache *cache);

struct row_cache_figures {
	uint64_t rows, found; /* kept now; found since the start */
};
void row_cache_figures(struct row_cache *cache, struct row_cache_figures *ret);

#endif
