/*
 * What people decided and what was done (pins, tombstones, tokens, events, jobs), saved from a damaged index:
 * none of it is in the blobs.
 */
#ifndef STORAGE_INDEX_SALVAGE_H
#define STORAGE_INDEX_SALVAGE_H

#include <stdint.h>

#include "storage/base/err.h"

struct db;

enum salvage_kind { SAVED_PINS, SAVED_TOMBSTONES, SAVED_TOKENS, SAVED_EVENTS, SAVED_JOBS, SALVAGE_KINDS };

struct salvage {
	uint64_t rows[SALVAGE_KINDS]; /* copied */
	uint64_t senseless;           /* rows that can be none of larder's, and were left out */
	unsigned unread;              /* tables that could not be read from end to end */
};

/*
 * Copies them into an index that has its tables and nothing in them, in one transaction. That little or nothing
 * can be read is no error; false: the new one cannot be written.
 */
bool salvage_run(const char *damaged, struct db *db, struct salvage *ret, struct err *err) MUST_CHECK;

#define SALVAGE_TEXT_MAX 200
/* "2 pins, 1 tombstones, 3 tokens, 100 events, 4 jobs", and what could not be read. */
void salvage_text(const struct salvage *salvage, char ret[SALVAGE_TEXT_MAX]);

#endif
