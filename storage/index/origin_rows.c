/*
 * The rows of origins. Each function is one statement; what they mean together is storage/catalog's matter.
 */
#include "storage/index/origin_rows.h"

#include "storage/index/db.h"
#include "storage/index/origin_read.h"

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
visit_rows(struct db *db, sqlite3_stmt *statement, origin_row_visit_fn *visit, void *context, struct err *err)
{
	enum db_step step;

	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct origin_row origin;

		origin_row_read(statement, &origin);
		visit(context, &origin);
	}
	return step == DB_DONE;
}

bool
origin_rows_of(struct index *index, int64_t entry, int64_t max, origin_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_ORIGINS_OF, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, entry);
	sqlite3_bind_int64(statement, 2, max);
	return visit_rows(db, statement, visit, context, err) || index_failed(index, err);
}

bool
origin_rows_of_archive(struct index *index, const struct digests *digests, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_ORIGINS_OF_ARCHIVE, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	db_bind_digests(statement, 1, digests);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct origin_row origin = {
		        .url = db_column_text(statement, 0),
		        .result = (enum origin_result)column_enum(statement, 1, ORIGIN_RESULTS),
		        .memory.served_at_ms = sqlite3_column_int64(statement, 2),
		        .tried_at_ms = sqlite3_column_int64(statement, 3),
		        .memory.state = (enum origin_state)column_enum(statement, 4, ORIGIN_STATES),
		};

		visit(context, &origin);
	}
	return step == DB_DONE || index_failed(index, err);
}

/* --- in a chore --- */

static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

bool
origin_row_name(struct writing *writing, const struct origin_row *origin, int64_t import, int64_t *ret_id,
        int64_t *ret_first, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGIN_NAME, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, origin->entry);
	bind_text(statement, 2, origin->url);
	sqlite3_bind_int64(statement, 3, origin->rank);
	sqlite3_bind_int64(statement, 4, import);
	bind_text(statement, 5, origin->site);
	sqlite3_bind_int64(statement, 6, origin->first_at_ms);
	sqlite3_bind_int64(statement, 7, origin->last_at_ms);
	sqlite3_bind_int64(statement, 8, origin->age == ORIGIN_PAST);
	if (db_step(writing->db, statement, err) != DB_ROW)
		return false;
	*ret_id = sqlite3_column_int64(statement, 0);
	*ret_first = sqlite3_column_int64(statement, 1);
	return db_finish(writing->db, statement, err);
}

bool
origin_row_add_mirror(struct writing *writing, const struct origin_row *origin, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGIN_ADD_MIRROR, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, origin->entry);
	bind_text(statement, 2, origin->url);
	bind_text(statement, 3, origin->site);
	sqlite3_bind_int64(statement, 4, origin->tried_at_ms);
	return db_finish(writing->db, statement, err);
}

static enum row_answer
visit_one(struct db *db, sqlite3_stmt *statement, origin_row_visit_fn *visit, void *context, struct err *err)
{
	struct origin_row origin;

	switch (db_step(db, statement, err)) {
	case DB_FAILED:
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	origin_row_read(statement, &origin);
	visit(context, &origin);
	db_reset(statement);
	return ROW_FOUND;
}

enum row_answer
origin_row_by_id(
        struct writing *writing, int64_t id, origin_row_visit_fn *visit, void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGIN_BY_ID, err);

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_int64(statement, 1, id);
	return visit_one(writing->db, statement, visit, context, err);
}

enum row_answer
origin_row_by_url(struct writing *writing, int64_t entry, const char *url, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGIN_FIND, err);

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_int64(statement, 1, entry);
	bind_text(statement, 2, url);
	return visit_one(writing->db, statement, visit, context, err);
}

bool
origin_rows_alike(struct writing *writing, const struct origin_row *origin, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGINS_ALIKE, err);

	if (statement == NULL)
		return false;
	bind_text(statement, 1, origin->site);
	bind_text(statement, 2, origin->url);
	sqlite3_bind_int64(statement, 3, origin->id);
	return visit_rows(writing->db, statement, visit, context, err);
}

bool
origin_row_remember(struct writing *writing, const struct origin_row *origin, struct err *err)
{
	const struct origin_memory *memory = &origin->memory;
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ORIGIN_REMEMBER, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, origin->id);
	sqlite3_bind_int(statement, 2, (int)origin->result);
	bind_text(statement, 3, origin->detail);
	sqlite3_bind_int64(statement, 4, origin->tried_at_ms);
	sqlite3_bind_int64(statement, 5, origin->took_ms);
	sqlite3_bind_int64(statement, 6, memory->proved_at_ms);
	bind_text(statement, 7, origin->etag);
	bind_text(statement, 8, origin->modified);
	sqlite3_bind_int64(statement, 9, origin->length);
	sqlite3_bind_int(statement, 10, (int)memory->state);
	sqlite3_bind_int64(statement, 11, memory->failures);
	sqlite3_bind_int64(statement, 12, memory->failing_since_ms);
	sqlite3_bind_int64(statement, 13, memory->gone);
	sqlite3_bind_int64(statement, 14, memory->gone_since_ms);
	sqlite3_bind_int64(statement, 15, memory->counted_at_ms);
	sqlite3_bind_int64(statement, 16, memory->served_at_ms);
	sqlite3_bind_int64(statement, 17, memory->counted);
	sqlite3_bind_int64(statement, 18, memory->counted_since_ms);
	return db_finish(writing->db, statement, err);
}
