/*
 * The walk over the catalog, on a connection of the caller's thread. One statement; a few microseconds an archive.
 */
#include "storage/index/state_rows.h"

#include "storage/index/db.h"

static const char *const names[ARCHIVE_STATES] = {
        [ARCHIVE_IS_STORED] = "stored",
        [ARCHIVE_IS_REMOVED] = "removed",
        [ARCHIVE_IS_REACHABLE] = "reachable",
        [ARCHIVE_IS_UNTRIED] = "untried",
        [ARCHIVE_IS_FAILING] = "failing",
        [ARCHIVE_IS_CHANGED] = "changed",
        [ARCHIVE_IS_VANISHED] = "vanished",
        [ARCHIVE_IS_UNKNOWN] = "unknown",
};

const char *
archive_state_name(enum archive_state state)
{
	return names[state];
}

#define BEST_STATES 6 /* and none, in the order of the statement */

static void
count_one(sqlite3_stmt *statement, struct archive_counts *counts)
{
	int kept = sqlite3_column_int(statement, 0);
	int64_t best = sqlite3_column_int64(statement, 1) / 1000;
	int64_t copies = sqlite3_column_int64(statement, 1) % 1000;

	if (kept == 2)
		counts->by_state[ARCHIVE_IS_REACHABLE + (best < BEST_STATES ? best : BEST_STATES - 1)]++;
	else
		counts->by_state[kept == 0 ? ARCHIVE_IS_STORED : ARCHIVE_IS_REMOVED]++;
	counts->by_copies[copies < ARCHIVE_COPIES ? copies : ARCHIVE_COPIES - 1]++;
}

bool
archive_counts(struct index *index, struct archive_counts *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_ARCHIVE_STATES_WALK, err) : NULL;
	struct archive_counts counts = {0};
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err))
		count_one(statement, &counts);
	if (step != DB_DONE)
		return index_failed(index, err);
	*ret = counts;
	return true;
}
