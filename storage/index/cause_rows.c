/*
 * The rows of causes. Each function is one statement; what they mean is the matter of whoever tells people.
 */
#include "storage/index/cause_rows.h"

#include "storage/index/rows.h"

enum row_answer
cause_row_find(struct index *index, const char *what, struct cause_row *ret, struct err *err)
{
	const struct value values[] = {value_text(what)};
	struct rows rows = rows_ask(index, SQL_CAUSE_FIND, values, COUNT_OF(values), err);

	if (rows_next(&rows, err)) {
		*ret = (struct cause_row){.event = sqlite3_column_int64(rows.row, 0),
		        .told_at_ms = sqlite3_column_int64(rows.row, 2),
		        .last_at_ms = sqlite3_column_int64(rows.row, 3)};
		if (!event_level_find(db_column_text(rows.row, 1), &ret->level))
			ret->level = EVENT_INFO;
	}
	return rows_end(&rows);
}

bool
site_rows_states(
        struct index *index, const struct site_range *range, struct site_states *ret, struct err *err)
{
	const struct value values[] = {
	        value_text(range->first), value_text(range->last), value_number(range->state)};
	struct rows rows = rows_ask(index, SQL_SITES_STATES, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		*ret = (struct site_states){.all = (uint64_t)sqlite3_column_int64(rows.row, 0),
		        .untried = (uint64_t)sqlite3_column_int64(rows.row, 1),
		        .alike = (uint64_t)sqlite3_column_int64(rows.row, 2),
		        .served_at_ms = sqlite3_column_int64(rows.row, 3),
		        .suspected = (uint64_t)sqlite3_column_int64(rows.row, 4)};
	return rows_end(&rows) == ROW_FOUND;
}

/* --- in a chore --- */

bool
cause_row_set(struct writing *writing, const struct cause_row *cause, struct err *err)
{
	const struct value values[] = {value_text(cause->what), value_text(cause->kind),
	        value_text(cause->site), value_number(cause->event),
	        value_text(event_level_name(cause->level)), value_number(cause->told_at_ms),
	        value_number(cause->last_at_ms)};

	return rows_write(writing, SQL_CAUSE_SET, values, COUNT_OF(values), err);
}

bool
cause_row_grow(struct writing *writing, const char *what, int64_t at_ms, struct err *err)
{
	const struct value values[] = {value_text(what), value_number(at_ms)};

	return rows_write(writing, SQL_CAUSE_GROW, values, COUNT_OF(values), err);
}

bool
cause_rows_close(struct writing *writing, const char *kind, const char *site, struct err *err)
{
	const struct value values[] = {value_text(kind), value_text(site)};

	return rows_write(writing, SQL_CAUSES_CLOSE, values, COUNT_OF(values), err);
}

bool
cause_rows_forget(struct writing *writing, int64_t before_ms, struct err *err)
{
	const struct value values[] = {value_number(before_ms)};

	return rows_write(writing, SQL_CAUSES_FORGET, values, COUNT_OF(values), err);
}
