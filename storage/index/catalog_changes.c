/*
 * The rows of the catalog, the half that writes: each function runs in a chore of the index writer, inside its
 * transaction.
 */
#include "storage/index/catalog_rows.h"

#include "storage/index/rows.h"

bool
import_row_add(struct writing *writing, const char *source, int64_t at_ms, int64_t *ret, struct err *err)
{
	const struct value values[] = {value_text(source), value_number(at_ms)};

	if (!rows_write(writing, SQL_IMPORT_ADD, values, COUNT_OF(values), err))
		return false;
	*ret = db_last_id(writing->db);
	return true;
}

bool
entry_row_last(struct writing *writing, int64_t *ret, struct err *err)
{
	return db_number(writing->db, SQL_ENTRY_LAST, ret, err);
}

bool
entry_row_within(struct writing *writing, int64_t id, int64_t *ret, struct err *err)
{
	const struct value values[] = {value_number(id)};
	struct rows rows = rows_ask_in(writing, SQL_ENTRY_WITHIN, values, COUNT_OF(values), err);
	int64_t within = 0;

	if (rows_next(&rows, err))
		within = sqlite3_column_int64(rows.row, 0);
	if (rows_end(&rows) == ROW_FAILED)
		return false;
	*ret = within;
	return true;
}

bool
entry_row_add(
        struct writing *writing, const struct digests *digests, int64_t within, int64_t *ret, struct err *err)
{
	const struct value values[] = {VALUES_IN(digests), value_number(within)};
	size_t count = within != 0 ? COUNT_OF(values) : COUNT_OF(values) - 1; /* 0: NULL */

	if (!rows_write(writing, SQL_ENTRY_ADD, values, count, err))
		return false;
	*ret = db_last_id(writing->db);
	return true;
}

bool
entry_row_put_within(struct writing *writing, int64_t id, int64_t within, struct err *err)
{
	const struct value values[] = {value_number(id), value_number(within)};

	return rows_write(writing, SQL_ENTRY_PUT_WITHIN, values, COUNT_OF(values), err);
}

bool
package_row_name(struct writing *writing, const char *package, int64_t entry, struct err *err)
{
	const struct value values[] = {value_text(package), value_number(entry)};

	return rows_write(writing, SQL_PACKAGE_NAME, values, COUNT_OF(values), err);
}

bool
package_rows_count(struct writing *writing, int64_t *ret, struct err *err)
{
	return db_number(writing->db, SQL_PACKAGES, ret, err);
}
