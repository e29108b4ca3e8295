/* Seeded bug: the index's transactions are not durable when they are committed. */
#include <sqlite3.h>
#include <string.h>

int __real_sqlite3_prepare_v3(sqlite3 *handle, const char *sql, int size, unsigned flags, sqlite3_stmt **ret,
        const char **ret_tail);
int __wrap_sqlite3_prepare_v3(sqlite3 *handle, const char *sql, int size, unsigned flags, sqlite3_stmt **ret,
        const char **ret_tail);

int
__wrap_sqlite3_prepare_v3(
        sqlite3 *handle, const char *sql, int size, unsigned flags, sqlite3_stmt **ret, const char **ret_tail)
{
	if (strcmp(sql, "PRAGMA synchronous = FULL") == 0)
		sql = "PRAGMA synchronous = NORMAL";
	return __real_sqlite3_prepare_v3(handle, sql, size, flags, ret, ret_tail);
}
