/*
 * Mending: fetching again what was stored and turned out to be damaged.
 */
#ifndef SERVER_ARCHIVE_MENDING_H
#define SERVER_ARCHIVE_MENDING_H

#include "storage/digest.h"

struct larder;
struct store;

/*
 * The digest to ask by: the best one under which the catalog knows the archive, since one that was stored may be
 * known there by md5 alone. Any thread; blocks on the index.
 */
struct digest mending_digest(struct store *store, const struct digests *digests);

/* A scrub_wrong_fn: begins to fetch the archive again. Nobody waits for it. context: the larder. */
void mending_fetch(void *context, const struct digests *digests);

#endif
