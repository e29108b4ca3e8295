/*
 * The rows that the patrol works with. Each function is one statement; what they mean together is server/watch's matter.
 */
#include "storage/index/patrol_rows.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/site.h"
#include "storage/index/origin_read.h"

static void
read_patrol_row(sqlite3_stmt *statement, struct patrol_row *ret)
{
	origin_row_read(statement, &ret->origin);
	db_column_digests(statement, ORIGIN_COLUMNS_COUNT, &ret->digests);
	ret->rank = sqlite3_column_int(statement, ORIGIN_COLUMNS_COUNT + DIGEST_ALGOS) != 0 ? ROW_LESSER
	                                                                                    : ROW_FULLEST;
}

static bool
visit_due(struct db *db, const struct due_page *page, patrol_row_visit_fn *visit, void *context,
        struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_PATROL_DUE, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, page->now_ms);
	sqlite3_bind_int64(statement, 2, page->max);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct patrol_row row;

		read_patrol_row(statement, &row);
		visit(context, &row);
	}
	return step == DB_DONE;
}

bool
patrol_rows_due(struct index *index, const struct due_page *page, patrol_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && visit_due(db, page, visit, context, err)) || index_failed(index, err);
}

static enum row_answer
visit_witness(struct db *db, const struct witness_wish *wish, patrol_row_visit_fn *visit, void *context,
        struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_PATROL_WITNESS, err);
	struct patrol_row row;

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_text(statement, 1, wish->after_site, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, wish->tried_before_ms);
	switch (db_step(db, statement, err)) {
	case DB_FAILED:
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	read_patrol_row(statement, &row);
	visit(context, &row);
	db_reset(statement);
	return ROW_FOUND;
}

enum row_answer
patrol_row_witness(struct index *index, const struct witness_wish *wish, patrol_row_visit_fn *visit,
        void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	enum row_answer answer = db != NULL ? visit_witness(db, wish, visit, context, err) : ROW_FAILED;

	if (answer == ROW_FAILED)
		(void)index_failed(index, err);
	return answer;
}

/* A statement with at most one value that answers one number. */
static bool
ask_number(struct index *index, enum statement which, int64_t value, int64_t *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, which, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, value);
	if (db_step(db, statement, err) != DB_ROW)
		return index_failed(index, err);
	*ret = sqlite3_column_int64(statement, 0);
	db_reset(statement);
	return true;
}

bool
patrol_rows_overdue(struct index *index, int64_t before_ms, uint64_t *ret, struct err *err)
{
	int64_t count;

	if (!ask_number(index, SQL_PATROL_OVERDUE, before_ms, &count, err))
		return false;
	*ret = (uint64_t)count;
	return true;
}

bool
patrol_rows_unplanned(struct index *index, int64_t horizon_ms, bool *ret, struct err *err)
{
	int64_t exists;

	if (!ask_number(index, SQL_PATROL_UNPLANNED, horizon_ms, &exists, err))
		return false;
	*ret = exists != 0;
	return true;
}

bool
host_rows_walk(struct index *index, host_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_HOSTS_WALK, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err))
		visit(context, db_column_text(statement, 0), sqlite3_column_int64(statement, 1));
	return step == DB_DONE || index_failed(index, err);
}

/* --- in a chore --- */

bool
patrol_rows_to_plan(struct writing *writing, const struct unplanned_page *page, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_PATROL_TO_PLAN, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, page->horizon_ms);
	sqlite3_bind_int64(statement, 2, page->max);
	for (step = db_step(writing->db, statement, err); step == DB_ROW;
	        step = db_step(writing->db, statement, err)) {
		struct origin_row row;

		origin_row_read(statement, &row);
		visit(context, &row);
	}
	return step == DB_DONE;
}

bool
patrol_row_plan(struct writing *writing, int64_t id, int64_t check_at_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_PATROL_PLAN, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, id);
	sqlite3_bind_int64(statement, 2, check_at_ms);
	return db_finish(writing->db, statement, err);
}

static void
bind_wish(sqlite3_stmt *statement, const struct sibling_wish *wish)
{
	sqlite3_bind_int64(statement, 3, wish->tried_before_ms);
	sqlite3_bind_int64(statement, 4, wish->due_after_ms);
	sqlite3_bind_int64(statement, 5, wish->max);
}

static bool
visit_ids(struct db *db, sqlite3_stmt *statement, row_id_visit_fn *visit, void *context, struct err *err)
{
	enum db_step step;

	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err))
		visit(context, sqlite3_column_int64(statement, 0));
	return step == DB_DONE;
}

bool
patrol_rows_of_site(struct writing *writing, const struct origin_row *origin, const struct sibling_wish *wish,
        row_id_visit_fn *visit, void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_SIBLINGS_OF_SITE, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, origin->site, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, origin->url, -1, SQLITE_STATIC);
	bind_wish(statement, wish);
	return visit_ids(writing->db, statement, visit, context, err);
}

bool
patrol_rows_of_host(struct writing *writing, const struct origin_row *origin, const struct sibling_wish *wish,
        row_id_visit_fn *visit, void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_SIBLINGS_OF_HOST, err);
	char end[SITE_MAX];

	if (statement == NULL)
		return false;
	/* "github.com0": the first that no site of github.com comes behind, since '0' follows '/'. */
	snprintf(end, sizeof end, "%.*s0", (int)site_host_length(origin->site), origin->site);
	sqlite3_bind_text(statement, 1, origin->site, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, end, -1, SQLITE_STATIC);
	bind_wish(statement, wish);
	return visit_ids(writing->db, statement, visit, context, err);
}

bool
patrol_rows_of_archive(struct writing *writing, const struct origin_row *origin,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_SIBLINGS_OF_ARCHIVE, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, origin->entry);
	sqlite3_bind_text(statement, 2, origin->url, -1, SQLITE_STATIC);
	bind_wish(statement, wish);
	return visit_ids(writing->db, statement, visit, context, err);
}

static bool
forget_hosts(struct writing *writing, int64_t now_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_HOSTS_FORGET, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, now_ms);
	return db_finish(writing->db, statement, err);
}

bool
host_row_rest(struct writing *writing, const char *name, int64_t until_ms, int64_t now_ms, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_HOST_REST, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, until_ms);
	return db_finish(writing->db, statement, err) && forget_hosts(writing, now_ms, err);
}
