/*
 * Came: bytes that an origin served instead of an archive, as they were noted with what differs:
 *
 * {"detail", "names": ["changed src/a.ml"], "digests": {"sha256": "<hex>", …}}
 *
 * digests: all of them, so that the catalog may be asked for the bytes by any, whether they are kept or not.
 */
#ifndef SERVER_WATCH_CAME_H
#define SERVER_WATCH_CAME_H

#include "storage/drift/drift.h"
#include "storage/index/watch_rows.h"
#include "storage/store.h"

/* The text for the row; the caller's. Pure. */
char *came_note(const struct drift *drift, const struct digests *bytes);
/* What the row and its text say of the digests; no more than the sha256 where larder noted no others yet. Pure. */
void came_noted(const struct drift_row *row, const char *detail, struct digests *ret);
/* The others, where they were not noted and the archive is stored. Any thread. */
bool came_complete(struct store *store, struct digests *bytes, struct err *err) MUST_CHECK;

#endif
