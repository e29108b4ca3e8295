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
news_row_drop(struct writing *writing, int64_t id, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_NEWS_DROP, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, id);
	return db_finish(writing->db, statement, err);
}

/* A number that is none of the enum's is what a damaged row has. */
static enum origin_state
column_state(sqlite3_stmt *statement, int at)
{
	int value = sqlite3_column_int(statement, at);

	return value >= 0 && value < ORIGIN_STATES ? (enum origin_state)value : ORIGIN_IS_UNTRIED;
}

static void
read_pending(sqlite3_stmt *statement, struct pending_row *ret)
{
	*ret = (struct pending_row){
	        .news = {.id = sqlite3_column_int64(statement, 0),
	                .origin = sqlite3_column_int64(statement, 1),
	                .was = column_state(statement, 2),
	                .is = column_state(statement, 3),
	                .at_ms = sqlite3_column_int64(statement, 4)},
	        .url = db_column_text(statement, 5),
	        .site = db_column_text(statement, 6),
	        .gone_since_ms = sqlite3_column_int64(statement, 7),
	        .failing_since_ms = sqlite3_column_int64(statement, 8),
	        .package = db_column_text(statement, 13),
	        .drift = {.kind = db_column_text(statement, 14),
	                .detail = db_column_text(statement, 15),
	                .size_bytes = (uint64_t)sqlite3_column_int64(statement, 17)},
	};
	db_column_digests(statement, 9, &ret->digests);
	if (!db_column_bytes(statement, 16, ret->drift.sha256, sizeof ret->drift.sha256))
		ret->drift.kind = "";
}

bool
news_rows_pending(struct index *index, pending_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_NEWS_PENDING, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct pending_row row;

		read_pending(statement, &row);
		visit(context, &row);
	}
	return step == DB_DONE || index_failed(index, err);
}

/* --- drifts --- */

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
	sqlite3_bind_int(statement, 5, drift->look == DRIFT_COMPARED);
	sqlite3_bind_text(statement, 6, drift->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 7, drift->detail, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 8, drift->at_ms);
	return db_finish(writing->db, statement, err);
}

/* The first row of a question; it is reset by the caller. */
static enum row_answer
first_row(struct index *index, struct db *db, sqlite3_stmt *statement, struct err *err)
{
	switch (db_step(db, statement, err)) {
	case DB_ROW:
		return ROW_FOUND;
	case DB_DONE:
		return ROW_NONE;
	case DB_FAILED:
		break;
	}
	index_failed(index, err);
	return ROW_FAILED;
}

static sqlite3_stmt *
question(struct index *index, enum statement which, struct db **ret_db, struct err *err)
{
	sqlite3_stmt *statement;

	*ret_db = index_reader(index, err);
	statement = *ret_db != NULL ? db_statement(*ret_db, which, err) : NULL;
	if (statement == NULL)
		index_failed(index, err);
	return statement;
}

enum row_answer
drift_row_known(
        struct index *index, const struct drift_source *source, struct drift_row *ret, struct err *err)
{
	struct db *db;
	sqlite3_stmt *statement = question(index, SQL_DRIFT_KNOWN, &db, err);
	enum row_answer answer;

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_text(statement, 1, source->site, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, source->url, -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 3, source->sha256, 32, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, source->origin);
	answer = first_row(index, db, statement, err);
	if (answer != ROW_FOUND)
		return answer;
	*ret = (struct drift_row){.keeping = sqlite3_column_int(statement, 0) ? DRIFT_KEPT : DRIFT_DROPPED,
	        .look = sqlite3_column_int(statement, 1) ? DRIFT_COMPARED : DRIFT_ALONE};
	db_reset(statement);
	return ROW_FOUND;
}

bool
drift_rows_bytes(struct index *index, uint64_t *ret, struct err *err)
{
	struct db *db;
	sqlite3_stmt *statement = question(index, SQL_DRIFT_BYTES, &db, err);

	if (statement == NULL || first_row(index, db, statement, err) != ROW_FOUND)
		return false;
	*ret = (uint64_t)sqlite3_column_int64(statement, 0);
	db_reset(statement);
	return true;
}

enum row_answer
drift_row_to_compare(struct index *index, int64_t after, struct drift_row *ret, struct digests *ret_digests,
        struct err *err)
{
	struct db *db;
	sqlite3_stmt *statement = question(index, SQL_DRIFT_TO_COMPARE, &db, err);
	enum row_answer answer;

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_int64(statement, 1, after);
	answer = first_row(index, db, statement, err);
	if (answer != ROW_FOUND)
		return answer;
	*ret = (struct drift_row){.id = sqlite3_column_int64(statement, 0),
	        .origin = sqlite3_column_int64(statement, 1),
	        .size_bytes = (uint64_t)sqlite3_column_int64(statement, 3),
	        .keeping = DRIFT_KEPT,
	        .look = DRIFT_ALONE};
	if (!db_column_bytes(statement, 2, ret->sha256, sizeof ret->sha256))
		answer = ROW_NONE;
	db_column_digests(statement, 4, ret_digests);
	db_reset(statement);
	return answer;
}

bool
drift_rows_of(struct index *index, int64_t origin, drift_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_DRIFTS_OF, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, origin);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct drift_row drift = {.id = sqlite3_column_int64(statement, 0),
		        .origin = origin,
		        .size_bytes = (uint64_t)sqlite3_column_int64(statement, 2),
		        .keeping = sqlite3_column_int(statement, 3) != 0 ? DRIFT_KEPT : DRIFT_DROPPED,
		        .at_ms = sqlite3_column_int64(statement, 6)};

		if (db_column_bytes(statement, 1, drift.sha256, sizeof drift.sha256))
			visit(context, &drift, db_column_text(statement, 4), db_column_text(statement, 5));
	}
	return step == DB_DONE || index_failed(index, err);
}
