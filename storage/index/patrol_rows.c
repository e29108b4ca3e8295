/*
 * The rows that the patrol works with. Each function is one statement; what they mean together is server/watch's matter.
 */
#include "storage/index/patrol_rows.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/site.h"
#include "storage/index/origin_read.h"
#include "storage/index/rows.h"

static void
read_patrol_row(sqlite3_stmt *statement, struct patrol_row *ret)
{
	origin_row_read(statement, &ret->origin);
	db_column_digests(statement, ORIGIN_COLUMNS_COUNT, &ret->digests);
	ret->rank = sqlite3_column_int(statement, ORIGIN_COLUMNS_COUNT + DIGEST_ALGOS) != 0 ? ROW_LESSER
	                                                                                    : ROW_FULLEST;
}

bool
patrol_rows_due(struct index *index, const struct due_page *page, patrol_row_visit_fn *visit, void *context,
        struct err *err)
{
	const struct value values[] = {value_number(page->now_ms), value_number(page->max)};
	struct rows rows = rows_ask(index, SQL_PATROL_DUE, values, COUNT_OF(values), err);

	while (rows_next(&rows, err)) {
		struct patrol_row row;

		read_patrol_row(rows.row, &row);
		visit(context, &row);
	}
	return rows_end(&rows) != ROW_FAILED;
}

enum row_answer
patrol_row_witness(struct index *index, const struct witness_wish *wish, patrol_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {value_text(wish->after_site), value_number(wish->tried_before_ms)};
	struct rows rows = rows_ask(index, SQL_PATROL_WITNESS, values, COUNT_OF(values), err);
	struct patrol_row row;

	if (rows_next(&rows, err)) {
		read_patrol_row(rows.row, &row);
		visit(context, &row);
	}
	return rows_end(&rows);
}

/* A statement with one value that answers one number. */
static bool
ask_number(struct index *index, enum statement which, int64_t value, int64_t *ret, struct err *err)
{
	const struct value values[] = {value_number(value)};
	struct rows rows = rows_ask(index, which, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		*ret = sqlite3_column_int64(rows.row, 0);
	return rows_end(&rows) == ROW_FOUND;
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
	struct rows rows = rows_ask(index, SQL_HOSTS_WALK, NULL, 0, err);

	while (rows_next(&rows, err))
		visit(context, db_column_text(rows.row, 0), sqlite3_column_int64(rows.row, 1));
	return rows_end(&rows) != ROW_FAILED;
}

/* --- in a chore --- */

bool
patrol_rows_to_plan(struct writing *writing, const struct unplanned_page *page, origin_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {value_number(page->horizon_ms), value_number(page->max)};
	struct rows rows = rows_ask_in(writing, SQL_PATROL_TO_PLAN, values, COUNT_OF(values), err);

	while (rows_next(&rows, err)) {
		struct origin_row row;

		origin_row_read(rows.row, &row);
		visit(context, &row);
	}
	return rows_end(&rows) != ROW_FAILED;
}

bool
patrol_row_plan(struct writing *writing, int64_t id, int64_t check_at_ms, struct err *err)
{
	const struct value values[] = {value_number(id), value_number(check_at_ms)};

	return rows_write(writing, SQL_PATROL_PLAN, values, COUNT_OF(values), err);
}

/* Each statement takes a place, what is left out or where to end, and the wish. */
static bool
visit_siblings(struct writing *writing, enum statement which, struct value place, struct value bound,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err)
{
	const struct value values[] = {place, bound, value_number(wish->tried_before_ms),
	        value_number(wish->due_after_ms), value_number(wish->max)};
	struct rows rows = rows_ask_in(writing, which, values, COUNT_OF(values), err);

	while (rows_next(&rows, err))
		visit(context, sqlite3_column_int64(rows.row, 0));
	return rows_end(&rows) != ROW_FAILED;
}

bool
patrol_rows_of_site(struct writing *writing, const struct origin_row *origin, const struct sibling_wish *wish,
        row_id_visit_fn *visit, void *context, struct err *err)
{
	return visit_siblings(writing, SQL_SIBLINGS_OF_SITE, value_text(origin->site),
	        value_text(origin->url), wish, visit, context, err);
}

bool
patrol_rows_of_host(struct writing *writing, const struct origin_row *origin, const struct sibling_wish *wish,
        row_id_visit_fn *visit, void *context, struct err *err)
{
	char end[SITE_MAX];

	/* "github.com0": the first that no site of github.com comes behind, since '0' follows '/'. */
	snprintf(end, sizeof end, "%.*s0", (int)site_host_length(origin->site), origin->site);
	return visit_siblings(writing, SQL_SIBLINGS_OF_HOST, value_text(origin->site), value_text(end), wish,
	        visit, context, err);
}

bool
patrol_rows_of_archive(struct writing *writing, const struct origin_row *origin,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err)
{
	return visit_siblings(writing, SQL_SIBLINGS_OF_ARCHIVE, value_number(origin->entry),
	        value_text(origin->url), wish, visit, context, err);
}

bool
host_row_rest(struct writing *writing, const char *name, int64_t until_ms, int64_t now_ms, struct err *err)
{
	const struct value resting[] = {value_text(name), value_number(until_ms)};
	const struct value over[] = {value_number(now_ms)};

	return rows_write(writing, SQL_HOST_REST, resting, COUNT_OF(resting), err) &&
	       rows_write(writing, SQL_HOSTS_FORGET, over, COUNT_OF(over), err);
}
