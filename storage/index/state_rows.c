/*
 * The walk over the catalog, on a connection of the caller's thread. One statement; a few microseconds an archive.
 */
#include "storage/index/state_rows.h"

#include "storage/index/rows.h"

/* What the statement says of the origins of an archive that is neither stored nor removed. */
static const enum archive_state elsewhere[] = {ARCHIVE_IS_REACHABLE, ARCHIVE_IS_CHANGED, ARCHIVE_IS_UNTRIED,
        ARCHIVE_IS_FAILING, ARCHIVE_IS_VANISHED, ARCHIVE_IS_UNKNOWN};

static enum archive_state
state_of(int kept, int64_t best)
{
	switch (kept) {
	case 0:
		return ARCHIVE_IS_STORED;
	case 1:
		return ARCHIVE_IS_REMOVED;
	}
	return elsewhere[best];
}

static void
count_one(sqlite3_stmt *statement, struct archive_counts *counts)
{
	int64_t best = sqlite3_column_int64(statement, 1) / 1000;
	int64_t copies = sqlite3_column_int64(statement, 1) % 1000;

	counts->by_state[state_of(sqlite3_column_int(statement, 0), best)]++;
	counts->by_copies[copies < ARCHIVE_COPIES ? copies : ARCHIVE_COPIES - 1]++;
}

bool
archive_counts(struct index *index, struct archive_counts *ret, struct err *err)
{
	struct rows rows = rows_ask(index, SQL_ARCHIVE_STATES_WALK, NULL, 0, err);
	struct archive_counts counts = {0};

	while (rows_next(&rows, err))
		count_one(rows.row, &counts);
	if (rows_end(&rows) == ROW_FAILED)
		return false;
	*ret = counts;
	return true;
}
