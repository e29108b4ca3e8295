/*
 * The rows of what is noticed. Each function is one statement.
 */
#include "storage/index/watch_rows.h"

#include "storage/index/rows.h"

bool
news_row_add(struct writing *writing, const struct news_row *news, struct err *err)
{
	const struct value values[] = {value_number(news->origin), value_number(news->was),
	        value_number(news->is), value_number(news->at_ms)};

	return rows_write(writing, SQL_NEWS_ADD, values, COUNT_OF(values), err);
}

bool
news_row_drop(struct writing *writing, int64_t id, struct err *err)
{
	const struct value values[] = {value_number(id)};

	return rows_write(writing, SQL_NEWS_DROP, values, COUNT_OF(values), err);
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
	struct rows rows = rows_ask(index, SQL_NEWS_PENDING, NULL, 0, err);

	while (rows_next(&rows, err)) {
		struct pending_row row;

		read_pending(rows.row, &row);
		visit(context, &row);
	}
	return rows_end(&rows) != ROW_FAILED;
}

/* --- drifts --- */

bool
drift_row_add(struct writing *writing, const struct drift_row *drift, struct err *err)
{
	const struct value values[] = {value_number(drift->origin),
	        value_bytes(drift->sha256, sizeof drift->sha256), value_number((int64_t)drift->size_bytes),
	        value_number(drift->keeping == DRIFT_KEPT), value_number(drift->look == DRIFT_COMPARED),
	        value_text(drift->kind), value_text(drift->detail), value_number(drift->at_ms)};

	return rows_write(writing, SQL_DRIFT_ADD, values, COUNT_OF(values), err);
}

static enum drift_keeping
column_keeping(sqlite3_stmt *statement, int at)
{
	return sqlite3_column_int(statement, at) != 0 ? DRIFT_KEPT : DRIFT_DROPPED;
}

enum row_answer
drift_row_known(
        struct index *index, const struct drift_source *source, struct drift_row *ret, struct err *err)
{
	const struct value values[] = {value_text(source->site), value_text(source->url),
	        value_bytes(source->sha256, 32), value_number(source->origin)};
	struct rows rows = rows_ask(index, SQL_DRIFT_KNOWN, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		*ret = (struct drift_row){.keeping = column_keeping(rows.row, 0),
		        .look = sqlite3_column_int(rows.row, 1) ? DRIFT_COMPARED : DRIFT_ALONE};
	return rows_end(&rows);
}

bool
drift_rows_bytes(struct index *index, uint64_t *ret, struct err *err)
{
	struct rows rows = rows_ask(index, SQL_DRIFT_BYTES, NULL, 0, err);

	if (rows_next(&rows, err))
		*ret = (uint64_t)sqlite3_column_int64(rows.row, 0);
	return rows_end(&rows) == ROW_FOUND;
}

enum row_answer
drift_row_to_compare(struct index *index, int64_t after, struct drift_row *ret, struct digests *ret_digests,
        struct err *err)
{
	const struct value values[] = {value_number(after)};
	struct rows rows = rows_ask(index, SQL_DRIFT_TO_COMPARE, values, COUNT_OF(values), err);
	bool whole = false;
	enum row_answer answer;

	if (rows_next(&rows, err)) {
		*ret = (struct drift_row){.id = sqlite3_column_int64(rows.row, 0),
		        .origin = sqlite3_column_int64(rows.row, 1),
		        .size_bytes = (uint64_t)sqlite3_column_int64(rows.row, 3),
		        .keeping = DRIFT_KEPT,
		        .look = DRIFT_ALONE};
		whole = db_column_bytes(rows.row, 2, ret->sha256, sizeof ret->sha256);
		db_column_digests(rows.row, 4, ret_digests);
	}
	answer = rows_end(&rows);
	return answer == ROW_FOUND && !whole ? ROW_NONE : answer;
}

bool
drift_rows_of(struct index *index, int64_t origin, drift_row_visit_fn *visit, void *context, struct err *err)
{
	const struct value values[] = {value_number(origin)};
	struct rows rows = rows_ask(index, SQL_DRIFTS_OF, values, COUNT_OF(values), err);

	while (rows_next(&rows, err)) {
		struct drift_row drift = {.id = sqlite3_column_int64(rows.row, 0),
		        .origin = origin,
		        .size_bytes = (uint64_t)sqlite3_column_int64(rows.row, 2),
		        .keeping = column_keeping(rows.row, 3),
		        .at_ms = sqlite3_column_int64(rows.row, 6)};

		if (db_column_bytes(rows.row, 1, drift.sha256, sizeof drift.sha256))
			visit(context, &drift, db_column_text(rows.row, 4), db_column_text(rows.row, 5));
	}
	return rows_end(&rows) != ROW_FAILED;
}
