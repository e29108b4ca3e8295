/*
 * For the tests of the index's tables: an index in a directory of its own, opened and closed around each
 * test.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include "tests/support/stores.h"

#include "storage/index/archive_rows.h"
#include "storage/index/db.h"
#include "storage/index/index.h"

static char *directory, *path;
static struct index *index_at_hand;

static inline struct index_opening
open_index(enum index_mode mode)
{
	struct index_opening opening;
	struct err err = ERR_NONE;

	index_at_hand = index_open(path, mode, &opening, &err);
	if (index_at_hand == NULL)
		fail_msg("%s", err.text);
	return opening;
}

/* All that was posted is written then. */
static inline void
open_again(void)
{
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_CLEAN);
}

/* Behind the index's back, while it is closed. */
static inline void
run_sql(const char *script)
{
	struct err err = ERR_NONE;
	struct db *db = db_open(path, DB_WRITE, &err);

	if (db == NULL || !db_script(db, script, &err))
		fail_msg("%s", err.text);
	db_close(db);
}

/* All that a question answers, a line a row. The caller frees it. */
static inline char *
ask_sql(const char *of, const char *question)
{
	struct text answer = TEXT_EMPTY;
	sqlite3 *handle;
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_open(of, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, question, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			text_addf(&answer, "%s%s", i > 0 ? "|" : "", db_column_text(statement, i));
		text_add(&answer, "\n");
	}
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return text_take(&answer);
}

/* Of these bytes, as if it had been stored once. */
static inline struct archive_row
row_for(const char *string)
{
	return (struct archive_row){
	        .archive =
	                {
	                        .digests = digests_of(string, strlen(string)),
	                        .size_bytes = strlen(string),
	                        .stored_at_ms = 1700000000000,
	                        .came_from = "a test",
	                        .git_commit = "0123456789abcdef0123456789abcdef01234567",
	                },
	        .stamp = {.inode = 7, .change_ns = 1700000000123456789},
	        .used_at_ms = 1700000000001,
	};
}

static inline int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	path = path_below(directory, "index.db");
	open_index(INDEX_WRITE);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	free(path);
	temp_remove(directory);
	return 0;
}

#endif
