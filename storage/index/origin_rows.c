/*
 * The rows of origins. Each function is one statement; what they mean together is storage/catalog's matter.
 */
#include "storage/index/origin_rows.h"

#include "storage/index/origin_read.h"
#include "storage/index/rows.h"

/* A number that is none of the enum's is what a damaged row has: the first. */
static int
column_enum(sqlite3_stmt *statement, int at, int count)
{
	int value = sqlite3_column_int(statement, at);

	return value >= 0 && value < count ? value : 0;
}

static void
read_memory(sqlite3_stmt *statement, struct origin_memory *ret)
{
	*ret = (struct origin_memory){
	        .state = (enum origin_state)column_enum(statement, 17, ORIGIN_STATES),
	        .failures = (uint32_t)sqlite3_column_int64(statement, 18),
	        .failing_since_ms = sqlite3_column_int64(statement, 19),
	        .gone = (uint32_t)sqlite3_column_int64(statement, 20),
	        .gone_since_ms = sqlite3_column_int64(statement, 21),
	        .counted_at_ms = sqlite3_column_int64(statement, 22),
	        .served_at_ms = sqlite3_column_int64(statement, 23),
	        .proved_at_ms = sqlite3_column_int64(statement, 13),
	        .counted = (uint32_t)sqlite3_column_int64(statement, 25),
	        .counted_since_ms = sqlite3_column_int64(statement, 26),
	};
}

void
origin_row_read(sqlite3_stmt *statement, struct origin_row *ret)
{
	*ret = (struct origin_row){
	        .id = sqlite3_column_int64(statement, 0),
	        .entry = sqlite3_column_int64(statement, 1),
	        .url = db_column_text(statement, 2),
	        .site = db_column_text(statement, 3),
	        .rank = sqlite3_column_int64(statement, 4),
	        .last_named = sqlite3_column_int64(statement, 5),
	        .kind = sqlite3_column_type(statement, 5) == SQLITE_NULL ? ORIGIN_OF_MIRROR : ORIGIN_NAMED,
	        .first_at_ms = sqlite3_column_int64(statement, 6),
	        .last_at_ms = sqlite3_column_int64(statement, 7),
	        .age = sqlite3_column_int(statement, 8) != 0 ? ORIGIN_PAST : ORIGIN_CURRENT,
	        .result = (enum origin_result)column_enum(statement, 9, ORIGIN_RESULTS),
	        .detail = db_column_text(statement, 10),
	        .tried_at_ms = sqlite3_column_int64(statement, 11),
	        .took_ms = sqlite3_column_int64(statement, 12),
	        .etag = db_column_text(statement, 14),
	        .modified = db_column_text(statement, 15),
	        .length = sqlite3_column_int64(statement, 16),
	        .check_at_ms = sqlite3_column_int64(statement, 24),
	};
	read_memory(statement, &ret->memory);
}

static bool
visit_all(struct rows *rows, origin_row_visit_fn *visit, void *context, struct err *err)
{
	while (rows_next(rows, err)) {
		struct origin_row origin;

		origin_row_read(rows->row, &origin);
		visit(context, &origin);
	}
	return rows_end(rows) != ROW_FAILED;
}

bool
origin_rows_of(struct index *index, int64_t entry, int64_t max, origin_row_visit_fn *visit, void *context,
        struct err *err)
{
	const struct value values[] = {value_number(entry), value_number(max)};
	struct rows rows = rows_ask(index, SQL_ORIGINS_OF, values, COUNT_OF(values), err);

	return visit_all(&rows, visit, context, err);
}

bool
origin_rows_of_archive(struct index *index, const struct digests *digests, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {VALUES_IN(digests)};
	struct rows rows = rows_ask(index, SQL_ORIGINS_OF_ARCHIVE, values, COUNT_OF(values), err);

	while (rows_next(&rows, err)) {
		struct origin_row origin = {
		        .url = db_column_text(rows.row, 0),
		        .result = (enum origin_result)column_enum(rows.row, 1, ORIGIN_RESULTS),
		        .memory.served_at_ms = sqlite3_column_int64(rows.row, 2),
		        .tried_at_ms = sqlite3_column_int64(rows.row, 3),
		        .memory.state = (enum origin_state)column_enum(rows.row, 4, ORIGIN_STATES),
		};

		visit(context, &origin);
	}
	return rows_end(&rows) != ROW_FAILED;
}

/* --- in a chore --- */

bool
origin_row_name(struct writing *writing, const struct origin_row *origin, int64_t import, int64_t *ret_id,
        int64_t *ret_first, struct err *err)
{
	const struct value values[] = {value_number(origin->entry), value_text(origin->url),
	        value_number(origin->rank), value_number(import), value_text(origin->site),
	        value_number(origin->first_at_ms), value_number(origin->last_at_ms),
	        value_number(origin->age == ORIGIN_PAST)};
	const size_t key = 2; /* the first of them */
	struct rows rows;

	if (!rows_write(writing, SQL_ORIGIN_NAME, values, COUNT_OF(values), err))
		return false;
	rows = rows_ask_in(writing, SQL_ORIGIN_NAMED, values, key, err);
	if (rows_next(&rows, err)) {
		*ret_id = sqlite3_column_int64(rows.row, 0);
		*ret_first = sqlite3_column_int64(rows.row, 1);
	}
	switch (rows_end(&rows)) {
	case ROW_FOUND:
		return true;
	case ROW_NONE:
		return err_set(err, ERR_CORRUPT, "the index has lost an origin that was just written");
	case ROW_FAILED:
		break;
	}
	return false;
}

bool
origin_row_add_mirror(struct writing *writing, const struct origin_row *origin, struct err *err)
{
	const struct value values[] = {value_number(origin->entry), value_text(origin->url),
	        value_text(origin->site), value_number(origin->tried_at_ms)};

	return rows_write(writing, SQL_ORIGIN_ADD_MIRROR, values, COUNT_OF(values), err);
}

static enum row_answer
visit_one(struct rows *rows, origin_row_visit_fn *visit, void *context, struct err *err)
{
	struct origin_row origin;

	if (rows_next(rows, err)) {
		origin_row_read(rows->row, &origin);
		visit(context, &origin);
	}
	return rows_end(rows);
}

enum row_answer
origin_row_by_id(
        struct writing *writing, int64_t id, origin_row_visit_fn *visit, void *context, struct err *err)
{
	const struct value values[] = {value_number(id)};
	struct rows rows = rows_ask_in(writing, SQL_ORIGIN_BY_ID, values, COUNT_OF(values), err);

	return visit_one(&rows, visit, context, err);
}

bool
origin_rows_of_host(struct writing *writing, const char *host, struct host_facts *ret, struct err *err)
{
	const struct value values[] = {value_text(host)};
	struct rows rows = rows_ask_in(writing, SQL_ORIGINS_OF_HOST, values, COUNT_OF(values), err);

	if (rows_next(&rows, err)) {
		ret->alone = sqlite3_column_int(rows.row, 0) == 0;
		ret->served = sqlite3_column_int(rows.row, 1) != 0;
	}
	return rows_end(&rows) == ROW_FOUND;
}

enum row_answer
origin_row_by_url(struct writing *writing, int64_t entry, const char *url, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {value_number(entry), value_text(url)};
	struct rows rows = rows_ask_in(writing, SQL_ORIGIN_FIND, values, COUNT_OF(values), err);

	return visit_one(&rows, visit, context, err);
}

bool
origin_rows_alike(struct writing *writing, const struct origin_row *origin, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {
	        value_text(origin->site), value_text(origin->url), value_number(origin->id)};
	struct rows rows = rows_ask_in(writing, SQL_ORIGINS_ALIKE, values, COUNT_OF(values), err);

	return visit_all(&rows, visit, context, err);
}

bool
origin_row_remember(struct writing *writing, const struct origin_row *origin, struct err *err)
{
	const struct origin_memory *memory = &origin->memory;
	const struct value values[] = {
	        value_number(origin->id),
	        value_number(origin->result),
	        value_text(origin->detail),
	        value_number(origin->tried_at_ms),
	        value_number(origin->took_ms),
	        value_number(memory->proved_at_ms),
	        value_text(origin->etag),
	        value_text(origin->modified),
	        value_number(origin->length),
	        value_number(memory->state),
	        value_number(memory->failures),
	        value_number(memory->failing_since_ms),
	        value_number(memory->gone),
	        value_number(memory->gone_since_ms),
	        value_number(memory->counted_at_ms),
	        value_number(memory->served_at_ms),
	        value_number(memory->counted),
	        value_number(memory->counted_since_ms),
	};

	return rows_write(writing, SQL_ORIGIN_REMEMBER, values, COUNT_OF(values), err);
}
