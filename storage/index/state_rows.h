/*
 * How the archives of the catalog are, counted by one walk over it. For gauges; not on the way of anybody who waits.
 */
#ifndef STORAGE_INDEX_STATE_ROWS_H
#define STORAGE_INDEX_STATE_ROWS_H

#include "storage/catalog/archive_state.h"
#include "storage/index/index.h"

#define ARCHIVE_COPIES 3 /* none, one, two or more */
struct archive_counts {
	uint64_t by_state[ARCHIVE_STATES];
	uint64_t by_copies[ARCHIVE_COPIES]; /* hosts that serve it, larder apart */
};
/* Entries within another count as that one. */
bool archive_counts(struct index *index, struct archive_counts *ret, struct err *err) MUST_CHECK;

#endif
