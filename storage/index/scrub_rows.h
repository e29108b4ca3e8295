/*
 * The row of the scrub: where its round is. A value; asked for on any thread, written by the index writer.
 */
#ifndef STORAGE_INDEX_SCRUB_ROWS_H
#define STORAGE_INDEX_SCRUB_ROWS_H

#include "storage/index/archive_rows.h"

struct scrub_round {
	bool under_way;           /* false: it ended, and the next one is waited for */
	bool has_reached;         /* false: no archive yet */
	uint8_t reached[32];      /* the sha256 up to which it has come */
	int64_t began_at_ms;      /* since 1970; 0: no round ever began */
	int64_t ran_ms;           /* for how long larder has run since */
	uint64_t archives, bytes; /* read in this round */
	uint64_t wrong;           /* found damaged or gone in this round */
	int64_t ended_at_ms;      /* when the last whole round ended; 0: none has */
	uint64_t ended_wrong;     /* what that one found */
};

bool scrub_round_find(struct index *index, struct scrub_round *ret, struct err *err) MUST_CHECK;
/* Nobody waits for it; what goes wrong is logged. */
void scrub_round_post(struct index *index, const struct scrub_round *round);

#endif
