/*
 * The rows of the catalog. Each function is one statement; what they mean together is storage/catalog's
 * matter.
 */
#include "storage/index/catalog_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/index/rows.h"

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
read_entries(struct rows *rows, struct entry_rows *ret, struct err *err)
{
	while (rows_next(rows, err)) {
		struct entry_row row = read_entry(rows->row);

		add_entry(ret, &row);
	}
	return rows_end(rows) != ROW_FAILED;
}

bool
entry_rows_find(struct index *index, const struct digest *digest, struct entry_rows *ret, struct err *err)
{
	const struct value values[] = {value_digest(digest)};
	struct rows rows = rows_ask(index, SQL_ENTRY_BY_MD5 + digest->algo, values, COUNT_OF(values), err);

	return read_entries(&rows, ret, err);
}

bool
entry_rows_known(
        struct writing *writing, const struct digest *digest, struct entry_rows *ret, struct err *err)
{
	const struct value values[] = {value_digest(digest)};
	struct rows rows =
	        rows_ask_in(writing, SQL_ENTRY_BY_MD5 + digest->algo, values, COUNT_OF(values), err);

	return read_entries(&rows, ret, err);
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
read_step(struct index *index, struct entry_walk *walk, int64_t limit, struct err *err)
{
	const struct value values[] = {value_number(walk->page.after), value_number(limit)};
	struct rows rows = rows_ask(index, walk->which, values, COUNT_OF(values), err);
	int count = 0;

	while (rows_next(&rows, err)) {
		walk->walked[count].entry = read_entry(rows.row);
		walk->walked[count++].package = xstrdup(db_column_text(rows.row, 6));
	}
	if (rows_end(&rows) != ROW_FAILED)
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
	AUTO_FREE struct walked *walked = xcalloc(WALK_STEP, sizeof *walked);
	int limit, count;

	walk->walked = walked;
	do {
		limit = walk->page.max < WALK_STEP ? (int)walk->page.max + 1 : WALK_STEP;
		count = read_step(index, walk, limit, err);
		visit_step(walk, count, visit, context);
	} while (!walk->ended && count == limit);
	return count >= 0;
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

bool
entry_rows_of_package(
        struct index *index, const char *package, entry_row_visit_fn *visit, void *context, struct err *err)
{
	const bool one = strchr(package, '.') != NULL;
	AUTO_TEXT from = TEXT_EMPTY, to = TEXT_EMPTY;
	struct value values[2];
	struct rows rows;
	bool more = true;

	text_addf(&from, one ? "%s" : "%s.", package);
	text_addf(&to, "%s/", package);
	values[0] = value_text(text_string(&from));
	values[1] = value_text(text_string(&to));
	rows = rows_ask(index, one ? SQL_PACKAGE_EXACTLY : SQL_PACKAGE_VERSIONS, values, one ? 1 : 2, err);
	while (more && rows_next(&rows, err)) {
		struct entry_row entry = read_entry(rows.row);

		more = visit(context, &entry, db_column_text(rows.row, 6));
	}
	return rows_end(&rows) != ROW_FAILED;
}

bool
entry_rows_naming(struct index *index, const char *site, const char *url, entry_naming_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {value_text(site), value_text(url)};
	struct rows rows = rows_ask(index, SQL_ENTRIES_NAMING, values, COUNT_OF(values), err);

	while (rows_next(&rows, err)) {
		struct entry_row entry = read_entry(rows.row);

		visit(context, &entry, sqlite3_column_int64(rows.row, 6));
	}
	return rows_end(&rows) != ROW_FAILED;
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
	const struct value values[] = {value_number(entry)};
	struct rows rows = rows_ask(index, SQL_PACKAGES_OF, values, COUNT_OF(values), err);

	while (rows_next(&rows, err))
		visit(context, db_column_text(rows.row, 0));
	return rows_end(&rows) != ROW_FAILED;
}

enum row_answer
entry_row_named(struct index *index, int64_t entry, entry_named_fn *visit, void *context, struct err *err)
{
	const struct value values[] = {value_number(entry)};
	struct rows rows = rows_ask(index, SQL_ENTRY_NAMED, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		visit(context, db_column_text(rows.row, 0), sqlite3_column_int64(rows.row, 1));
	return rows_end(&rows);
}
