/*
 * The rows of histories. Each function is one statement.
 */
#include "storage/index/history_rows.h"

#include "storage/index/rows.h"

bool
history_rows_tips(struct index *index, struct text *ret, struct err *err)
{
	struct rows rows = rows_ask(index, SQL_HISTORY_TIPS, NULL, 0, err);

	while (rows_next(&rows, err))
		text_addf(ret, "%s%s", ret->length > 0 ? " " : "", db_column_text(rows.row, 0));
	return rows_end(&rows) != ROW_FAILED;
}

bool
history_row_add(struct writing *writing, const char *tip, int64_t at_ms, struct err *err)
{
	const struct value values[] = {value_text(tip), value_number(at_ms)};

	return rows_write(writing, SQL_HISTORY_ADD, values, COUNT_OF(values), err);
}
