/*
 * The rows of the catalog, the half that writes: each function runs in a chore of the index writer, inside its
 * transaction.
 */
#include "storage/index/catalog_rows.h"

#include "storage/index/db.h"

bool
import_row_add(struct writing *writing, const char *source, int64_t at_ms, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_IMPORT_ADD, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, source, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, at_ms);
	if (!db_finish(writing->db, statement, err))
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
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ENTRY_WITHIN, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, id);
	switch (db_step(writing->db, statement, err)) {
	case DB_FAILED:
		return false;
	case DB_DONE:
		*ret = 0;
		return true;
	case DB_ROW:
		break;
	}
	*ret = sqlite3_column_int64(statement, 0);
	db_reset(statement);
	return true;
}

bool
entry_row_add(
        struct writing *writing, const struct digests *digests, int64_t within, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ENTRY_ADD, err);

	if (statement == NULL)
		return false;
	db_bind_digests(statement, 1, digests);
	if (within != 0)
		sqlite3_bind_int64(statement, 5, within);
	if (!db_finish(writing->db, statement, err))
		return false;
	*ret = db_last_id(writing->db);
	return true;
}

bool
entry_row_put_within(struct writing *writing, int64_t id, int64_t within, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_ENTRY_PUT_WITHIN, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, id);
	sqlite3_bind_int64(statement, 2, within);
	return db_finish(writing->db, statement, err);
}

bool
package_row_name(struct writing *writing, const char *package, int64_t entry, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_PACKAGE_NAME, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_text(statement, 1, package, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, entry);
	return db_finish(writing->db, statement, err);
}

bool
package_rows_count(struct writing *writing, int64_t *ret, struct err *err)
{
	return db_number(writing->db, SQL_PACKAGES, ret, err);
}
