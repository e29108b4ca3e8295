/*
 * How the archives of the catalog are, counted by one walk over it. For gauges; not on the way of anybody who waits.
 */
#ifndef STORAGE_INDEX_STATE_ROWS_H
#define STORAGE_INDEX_STATE_ROWS_H

#include "storage/index/index.h"

enum archive_state {
	ARCHIVE_IS_STORED,
	ARCHIVE_IS_REMOVED,   /* somebody removed it, and it is not to come back */
	ARCHIVE_IS_REACHABLE, /* not stored, as all below: an origin serves it */
	ARCHIVE_IS_UNTRIED,   /* some origin was not judged yet, none serves */
	ARCHIVE_IS_FAILING,   /* some fail, none serves */
	ARCHIVE_IS_CHANGED,   /* some serve other bytes */
	ARCHIVE_IS_VANISHED,  /* all are gone */
	ARCHIVE_IS_UNKNOWN,   /* it has no origin that can be asked */
};
#define ARCHIVE_STATES 8
const char *archive_state_name(enum archive_state state); /* "stored", … */

#define ARCHIVE_COPIES 3 /* none, one, two or more */
struct archive_counts {
	uint64_t by_state[ARCHIVE_STATES];
	uint64_t by_copies[ARCHIVE_COPIES]; /* hosts that serve it, larder apart */
};
/* Entries within another count as that one. */
bool archive_counts(struct index *index, struct archive_counts *ret, struct err *err) MUST_CHECK;

#endif
