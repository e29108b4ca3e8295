/*
 * The rows of the catalog. Each function is one statement; what they mean together is storage/catalog's
 * matter.
 */
#include "storage/index/catalog_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/index/db.h"

#define WALK_STEP 512 /* entries read at once */

static struct entry_row
read_entry(sqlite3_stmt *statement)
{
	struct entry_row row = {
	        .id = sqlite3_column_int64(statement, 0), .within = sqlite3_column_int64(statement, 5)};

	db_column_digests(statement, 1, &row.digests);
	return row;
}

static void
add_entry(struct entry_rows *rows, const struct entry_row *row)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (rows->items[i].id == row->id)
			return;
	}
	if (rows->count == rows->capacity) {
		rows->capacity = rows->capacity > 0 ? 2 * rows->capacity : 8;
		rows->items = xrealloc(rows->items, rows->capacity * sizeof *rows->items);
	}
	rows->items[rows->count++] = *row;
}

void
entry_rows_finish(struct entry_rows *rows)
{
	free(rows->items);
	*rows = (struct entry_rows){0};
}

const struct entry_row *
entry_rows_exactly(const struct entry_rows *rows, const struct digests *digests)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (rows->items[i].digests.known == digests->known &&
		        digests_agree(&rows->items[i].digests, digests))
			return &rows->items[i];
	}
	return NULL;
}

static bool
find_entries(struct db *db, const struct digest *digest, struct entry_rows *rows, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_ENTRY_BY_MD5 + digest->algo, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	db_bind_digest(statement, 1, digest);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct entry_row row = read_entry(statement);

		add_entry(rows, &row);
	}
	return step == DB_DONE;
}

bool
entry_rows_find(struct index *index, const struct digest *digest, struct entry_rows *rows, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && find_entries(db, digest, rows, err)) || index_failed(index, err);
}

bool
entry_rows_known(
        struct writing *writing, const struct digest *digest, struct entry_rows *rows, struct err *err)
{
	return find_entries(writing->db, digest, rows, err);
}

/* An entry as a step of the walk remembers it. */
struct walked {
	struct entry_row entry;
	char *package;
};

/* A walk in steps: which entries, and where it is. */
struct entry_walk {
	enum statement which;   /* takes an id and a number, answers entries behind it */
	struct entry_page page; /* moves on */
	struct walked *walked;
	bool ended; /* the visitor had enough, or the page is full */
};

/* The next entries; their number, or -1. */
static int
read_step(struct db *db, struct entry_walk *walk, int64_t limit, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, walk->which, err);
	enum db_step step;
	int count = 0;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, walk->page.after);
	sqlite3_bind_int64(statement, 2, limit);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		walk->walked[count].entry = read_entry(statement);
		walk->walked[count++].package = xstrdup(db_column_text(statement, 6));
	}
	if (step == DB_DONE)
		return count;
	for (int i = 0; i < count; i++)
		free(walk->walked[i].package);
	return -1;
}

/* Tells of them as long as the visitor wants and the page holds them; releases all. */
static void
visit_step(struct entry_walk *walk, int count, entry_row_visit_fn *visit, void *context)
{
	for (int i = 0; i < count; i++) {
		struct walked *walked = &walk->walked[i];

		walk->ended = walk->ended || walk->page.max == 0;
		if (!walk->ended) {
			walk->page.after = walked->entry.id;
			walk->page.max--;
			walk->ended = !visit(context, &walked->entry, walked->package);
		}
		free(walked->package);
	}
}

/* One more than the page holds is read, to know whether there are more. */
static bool
walk_entries(struct index *index, struct entry_walk *walk, entry_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct db *db = index_reader(index, err);
	AUTO_FREE struct walked *walked = xcalloc(WALK_STEP, sizeof *walked);
	int limit, count;

	if (db == NULL)
		return index_failed(index, err);
	walk->walked = walked;
	do {
		limit = walk->page.max < WALK_STEP ? (int)walk->page.max + 1 : WALK_STEP;
		count = read_step(db, walk, limit, err);
		visit_step(walk, count, visit, context);
	} while (!walk->ended && count == limit);
	return count >= 0 || index_failed(index, err);
}

bool
entry_rows_walk(struct index *index, entry_row_visit_fn *visit, void *context, struct err *err)
{
	struct entry_walk walk = {.which = SQL_ENTRIES_AFTER, .page = {.after = 0, .max = SIZE_MAX}};

	return walk_entries(index, &walk, visit, context, err);
}

bool
entry_rows_missing(struct index *index, const struct entry_page *page, entry_row_visit_fn *visit,
        void *context, int64_t *ret_last, struct err *err)
{
	struct entry_walk walk = {.which = SQL_ENTRIES_MISSING, .page = *page};

	if (!walk_entries(index, &walk, visit, context, err))
		return false;
	*ret_last = walk.ended ? walk.page.after : 0;
	return true;
}

static sqlite3_stmt *
package_statement(struct db *db, const char *package, struct err *err)
{
	bool one = strchr(package, '.') != NULL;
	sqlite3_stmt *statement = db_statement(db, one ? SQL_PACKAGE_EXACTLY : SQL_PACKAGE_VERSIONS, err);
	AUTO_TEXT from = TEXT_EMPTY, to = TEXT_EMPTY;

	text_addf(&from, one ? "%s" : "%s.", package);
	text_addf(&to, "%s/", package);
	if (statement == NULL)
		return NULL;
	sqlite3_bind_text(statement, 1, text_string(&from), -1, SQLITE_TRANSIENT);
	if (!one)
		sqlite3_bind_text(statement, 2, text_string(&to), -1, SQLITE_TRANSIENT);
	return statement;
}

static bool
visit_package(struct db *db, const char *package, entry_row_visit_fn *visit, void *context, struct err *err)
{
	sqlite3_stmt *statement = package_statement(db, package, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct entry_row entry = read_entry(statement);

		if (visit(context, &entry, db_column_text(statement, 6)))
			continue;
		db_reset(statement);
		return true;
	}
	return step == DB_DONE;
}

bool
entry_rows_of_package(
        struct index *index, const char *package, entry_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && visit_package(db, package, visit, context, err)) || index_failed(index, err);
}

bool
entry_rows_naming(struct index *index, const char *site, const char *url, entry_naming_visit_fn *visit,
        void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_ENTRIES_NAMING, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_text(statement, 1, site, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, url, -1, SQLITE_STATIC);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err)) {
		struct entry_row entry = read_entry(statement);

		visit(context, &entry, db_column_text(statement, 6), sqlite3_column_int64(statement, 7));
	}
	return step == DB_DONE || index_failed(index, err);
}

bool
entry_rows_wanted(struct index *index, uint64_t *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	int64_t wanted;

	if (db == NULL || !db_number(db, SQL_ENTRIES_WANTED, &wanted, err))
		return index_failed(index, err);
	*ret = (uint64_t)wanted;
	return true;
}

bool
package_rows_of(
        struct index *index, int64_t entry, package_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_PACKAGES_OF, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, entry);
	for (step = db_step(db, statement, err); step == DB_ROW; step = db_step(db, statement, err))
		visit(context, db_column_text(statement, 0));
	return step == DB_DONE || index_failed(index, err);
}

enum row_answer
entry_row_named(struct index *index, int64_t entry, entry_named_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_ENTRY_NAMED, err) : NULL;
	enum db_step step = DB_FAILED;

	if (statement != NULL) {
		sqlite3_bind_int64(statement, 1, entry);
		step = db_step(db, statement, err);
	}
	switch (step) {
	case DB_FAILED:
		index_failed(index, err);
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	visit(context, db_column_text(statement, 0), sqlite3_column_int64(statement, 1));
	db_reset(statement);
	return ROW_FOUND;
}
