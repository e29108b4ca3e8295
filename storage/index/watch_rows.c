/*
 * The rows of what is noticed. Each function is one statement.
 */
#include "storage/index/watch_rows.h"

#include "storage/index/db.h"

bool
news_row_add(struct writing *writing, const struct news_row *news, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_NEWS_ADD, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, news->origin);
	sqlite3_bind_int(statement, 2, (int)news->was);
	sqlite3_bind_int(statement, 3, (int)news->is);
	sqlite3_bind_int64(statement, 4, news->at_ms);
	return db_finish(writing->db, statement, err);
}

bool
drift_row_add(struct writing *writing, const struct drift_row *drift, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_DRIFT_ADD, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, drift->origin);
	sqlite3_bind_blob(statement, 2, drift->sha256, sizeof drift->sha256, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, (int64_t)drift->size_bytes);
	sqlite3_bind_int(statement, 4, drift->keeping == DRIFT_KEPT);
	sqlite3_bind_int64(statement, 5, drift->at_ms);
	return db_finish(writing->db, statement, err);
}
