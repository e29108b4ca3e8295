/*
 * The rows of receivers. Questions run on any thread, the chores on the index writer's.
 */
#include "storage/index/receiver_rows.h"

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
