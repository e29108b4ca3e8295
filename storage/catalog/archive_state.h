/*
 * How an archive is: stored or not, and if not, what the places amount to that it could be had from. The one list of these words, for
 * gauges (storage/index/state_rows.h) and for reports (server/admin/known.h).
 */
#ifndef STORAGE_CATALOG_ARCHIVE_STATE_H
#define STORAGE_CATALOG_ARCHIVE_STATE_H

/* In the order of summaries. */
enum archive_state {
	ARCHIVE_IS_REACHABLE, /* an origin serves it */
	ARCHIVE_IS_UNTRIED,   /* none does, and one was not asked, or not judged yet */
	ARCHIVE_IS_FAILING,   /* none serves it; it may be for now */
	ARCHIVE_IS_VANISHED,  /* it is gone wherever it was known to be */
	ARCHIVE_IS_CHANGED,   /* none serves it, and one serves other bytes */
	ARCHIVE_IS_UNKNOWN,   /* it has no origin that can be asked */
	ARCHIVE_IS_REMOVED,   /* somebody removed it; it is not fetched again */
	ARCHIVE_IS_STORED,
};
#define ARCHIVE_STATES 8
const char *archive_state_name(enum archive_state state); /* "reachable", … */

#endif
