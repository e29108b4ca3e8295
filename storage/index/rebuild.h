/*
 * A damaged index makes room for a new one. For storage/index/ alone; nobody may have it open.
 */
#ifndef STORAGE_INDEX_REBUILD_H
#define STORAGE_INDEX_REBUILD_H

#include "storage/index/index.h"

/*
 * Makes a new index at this path, with what can be saved from the damaged one and else empty; the damaged one
 * gets the name aside beside it. On failure the damaged one is where it was, and it may be tried again, or the
 * new one is ready, and index_rebuild_finish goes on.
 */
bool index_rebuild(
        const char *path, char ret_aside[INDEX_ASIDE_MAX], struct salvage *ret, struct err *err) MUST_CHECK;

/* Where an earlier rebuild was cut short when the new index was whole already: brings it to its end. */
bool index_rebuild_finish(const char *path, struct err *err) MUST_CHECK;

#endif
