/*
 * The rows of receivers. Questions run on any thread, the chores on the index writer's.
 */
#include "storage/index/receiver_rows.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/index/rows.h"

enum row_answer
receiver_row_find(struct index *index, const char *name, struct receiver_row *ret, struct err *err)
{
	const struct value values[] = {value_text(name)};
	struct rows rows = rows_ask(index, SQL_RECEIVER_FIND, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		*ret = (struct receiver_row){.told = sqlite3_column_int64(rows.row, 0),
		        .failing_since_ms = sqlite3_column_int64(rows.row, 1)};
	return rows_end(&rows);
}

struct receiver_chore {
	struct chore chore;
	const char *name;
	const struct receiver_row *row;
};

static enum chore_result
run_set(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct receiver_chore *setting = (struct receiver_chore *)chore;
	const struct value values[] = {value_text(setting->name), value_number(setting->row->told),
	        value_number(setting->row->failing_since_ms)};

	return rows_write(writing, SQL_RECEIVER_SET, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                            : CHORE_FAILED;
}

bool
receiver_row_set(struct index *index, const char *name, const struct receiver_row *row, struct err *err)
{
	struct receiver_chore chore = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_set}, .name = name, .row = row};

	return index_write(index, &chore.chore, err);
}

/* --- those that are not configured any more --- */

struct keep_chore {
	struct chore chore;
	const char *const *names;
	size_t count;
};

static bool
is_kept(const struct keep_chore *keeping, const char *name)
{
	for (size_t i = 0; i < keeping->count; i++)
		if (strcmp(keeping->names[i], name) == 0)
			return true;
	return false;
}

/* The first of all receivers, which were asked for, that is not; the caller's. NULL: there is none. */
static bool
find_other(const struct keep_chore *keeping, struct rows rows, char **ret, struct err *err)
{
	*ret = NULL;
	while (*ret == NULL && rows_next(&rows, err)) {
		const char *name = db_column_text(rows.row, 0);

		if (!is_kept(keeping, name))
			*ret = xstrdup(name);
	}
	return rows_end(&rows) != ROW_FAILED;
}

static enum chore_result
run_keep(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct keep_chore *keeping = (struct keep_chore *)chore;

	for (;;) {
		AUTO_FREE char *name = NULL;

		if (!find_other(keeping, rows_ask_in(writing, SQL_RECEIVERS, NULL, 0, err), &name, err))
			return CHORE_FAILED;
		if (name == NULL)
			return CHORE_WRITTEN;
		if (!rows_write(writing, SQL_RECEIVER_DROP, (const struct value[]){value_text(name)}, 1, err))
			return CHORE_FAILED;
	}
}

bool
receiver_rows_keep(struct index *index, const char *const *names, size_t count, struct err *err)
{
	struct keep_chore chore = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_keep}, .names = names, .count = count};
	AUTO_FREE char *other = NULL;

	if (!find_other(&chore, rows_ask(index, SQL_RECEIVERS, NULL, 0, err), &other, err))
		return false;
	return other == NULL || index_write(index, &chore.chore, err);
}
