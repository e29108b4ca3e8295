/*
 * A damaged index makes room for a new one. For storage/index/ alone; nobody may have it open.
 */
#ifndef STORAGE_INDEX_REBUILD_H
#define STORAGE_INDEX_REBUILD_H

#include "storage/index/index.h"

/*
 * Makes a new index at this path, with what can be saved from the damaged one and else empty; the damaged one
 * gets the name aside beside it. On failure it is where it was, and may be tried again.
 */
bool index_rebuild(
        const char *path, char ret_aside[INDEX_ASIDE_MAX], struct salvage *ret, struct err *err) MUST_CHECK;

#endif
