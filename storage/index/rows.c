/*
 * Questions and writes. Blocks on the disk, on the thread of whoever calls. Must never leave a statement open behind an answer.
 */
#include "storage/index/rows.h"

#include "storage/index/writer.h"

static void
bind_all(sqlite3_stmt *statement, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value *value = &values[i];
		const int at = (int)i + 1;

		switch (value->kind) {
		case VALUE_NULL:
			break; /* as it is without a value */
		case VALUE_NUMBER:
			sqlite3_bind_int64(statement, at, value->number);
			break;
		case VALUE_TEXT:
			sqlite3_bind_text(statement, at, value->bytes, -1, SQLITE_STATIC);
			break;
		case VALUE_BYTES:
			sqlite3_bind_blob(statement, at, value->bytes, value->size, SQLITE_STATIC);
			break;
		}
	}
}

bool
rows_write(struct writing *writing, enum statement which, const struct value *values, size_t count,
        struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, which, err);

	if (statement == NULL)
		return false;
	bind_all(statement, values, count);
	return db_finish(writing->db, statement, err);
}

static struct rows
begin(struct rows rows, enum statement which, const struct value *values, size_t count, struct err *err)
{
	rows.row = rows.db != NULL ? db_statement(rows.db, which, err) : NULL;
	rows.step = rows.row != NULL ? DB_ROW : DB_FAILED;
	if (rows.row != NULL)
		bind_all(rows.row, values, count);
	else if (rows.index != NULL)
		index_failed(rows.index, err);
	return rows;
}

struct rows
rows_ask(struct index *index, enum statement which, const struct value *values, size_t count, struct err *err)
{
	struct rows rows = {.index = index, .db = index_reader(index, err)};

	return begin(rows, which, values, count, err);
}

struct rows
rows_ask_in(struct writing *writing, enum statement which, const struct value *values, size_t count,
        struct err *err)
{
	return begin((struct rows){.db = writing->db}, which, values, count, err);
}

bool
rows_next(struct rows *rows, struct err *err)
{
	if (rows->step != DB_ROW)
		return false;
	rows->step = db_step(rows->db, rows->row, err);
	rows->found = rows->found || rows->step == DB_ROW;
	if (rows->step == DB_FAILED && rows->index != NULL)
		index_failed(rows->index, err);
	return rows->step == DB_ROW;
}

enum row_answer
rows_end(struct rows *rows)
{
	if (rows->step == DB_FAILED)
		return ROW_FAILED;
	if (rows->step == DB_ROW)
		db_reset(rows->row);
	return rows->found ? ROW_FOUND : ROW_NONE;
}
