/*
 * The rows of histories. Each function is one statement.
 */
#include "storage/index/history_rows.h"

#include "storage/index/db.h"

bool
history_rows_tips(struct index *index, struct text *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_HISTORY_TIPS, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err))
		text_addf(ret, "%s%s", ret->length > 0 ? " " : "", db_column_text(statement, 0));
	return step == DB_DONE || index_failed(index, err);
}

bool
history_row_add(struct writing *writing, const char *tip, int64_t at_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_HISTORY_ADD, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, tip, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, at_ms);
	return db_finish(writing->db, statement, err);
}
