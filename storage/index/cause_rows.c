/*
 * The rows of causes. Each function is one statement; what they mean is the matter of whoever tells people.
 */
#include "storage/index/cause_rows.h"

#include "storage/index/db.h"

enum row_answer
cause_row_find(struct index *index, const char *what, struct cause_row *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_CAUSE_FIND, err) : NULL;
	enum db_step step = DB_FAILED;

	if (statement != NULL) {
		sqlite3_bind_text(statement, 1, what, -1, SQLITE_STATIC);
		step = db_step(db, statement, err);
	}
	if (step != DB_ROW) {
		if (step == DB_FAILED)
			index_failed(index, err);
		return step == DB_DONE ? ROW_NONE : ROW_FAILED;
	}
	*ret = (struct cause_row){.event = sqlite3_column_int64(statement, 0),
	        .told_at_ms = sqlite3_column_int64(statement, 2),
	        .last_at_ms = sqlite3_column_int64(statement, 3)};
	if (!event_level_find(db_column_text(statement, 1), &ret->level))
		ret->level = EVENT_INFO;
	db_reset(statement);
	return ROW_FOUND;
}

bool
site_rows_states(
        struct index *index, const struct site_range *range, struct site_states *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_SITES_STATES, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_text(statement, 1, range->first, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, range->last, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 3, (int)range->state);
	if (db_step(db, statement, err) != DB_ROW)
		return index_failed(index, err);
	*ret = (struct site_states){.all = (uint64_t)sqlite3_column_int64(statement, 0),
	        .untried = (uint64_t)sqlite3_column_int64(statement, 1),
	        .alike = (uint64_t)sqlite3_column_int64(statement, 2),
	        .served_at_ms = sqlite3_column_int64(statement, 3),
	        .suspected = (uint64_t)sqlite3_column_int64(statement, 4)};
	db_reset(statement);
	return true;
}

/* --- in a chore --- */

bool
cause_row_set(struct writing *writing, const struct cause_row *cause, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_CAUSE_SET, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, cause->what, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, cause->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, cause->site, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, cause->event);
	sqlite3_bind_text(statement, 5, event_level_name(cause->level), -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 6, cause->told_at_ms);
	sqlite3_bind_int64(statement, 7, cause->last_at_ms);
	return db_finish(writing->db, statement, err);
}

bool
cause_row_grow(struct writing *writing, const char *what, int64_t at_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_CAUSE_GROW, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, what, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, at_ms);
	return db_finish(writing->db, statement, err);
}

bool
cause_rows_close(struct writing *writing, const char *kind, const char *site, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_CAUSES_CLOSE, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, site, -1, SQLITE_STATIC);
	return db_finish(writing->db, statement, err);
}

bool
cause_rows_forget(struct writing *writing, int64_t before_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_CAUSES_FORGET, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, before_ms);
	return db_finish(writing->db, statement, err);
}
