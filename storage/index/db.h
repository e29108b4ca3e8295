/*
 * A connection to the index and its prepared statements. For storage/index/ alone: the only header with
 * SQLite in it. Used by one thread at a time.
 */
#ifndef STORAGE_INDEX_DB_H
#define STORAGE_INDEX_DB_H

#include <sqlite3.h>

#include "storage/base/err.h"
#include "storage/digest.h"

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "storage/index/statements.def"
#undef STATEMENT
	STATEMENTS
};

enum db_mode {
	DB_WRITE,     /* creates the file; the only connection that writes and checkpoints */
	DB_READ,      /* never writes, never checkpoints */
	DB_IMMUTABLE, /* for a directory nobody can write to: the file as it is, without its log */
};

struct db;

/* ERR_CORRUPT: no database, or a damaged one. NULL with err on failure. */
struct db *db_open(const char *path, enum db_mode mode, struct err *err) MUST_CHECK;
void db_close(struct db *db); /* NULL is nothing */

/* The statement, reset and without values; prepared on its first use. NULL with err when that fails. */
sqlite3_stmt *db_statement(struct db *db, enum statement which, struct err *err) MUST_CHECK;

enum db_step { DB_ROW, DB_DONE, DB_FAILED };
/*
 * The next row. A statement that does not answer DB_ROW is reset; after DB_ROW call db_reset when enough was
 * read.
 */
enum db_step db_step(struct db *db, sqlite3_stmt *statement, struct err *err) MUST_CHECK;
void db_reset(sqlite3_stmt *statement);
/* In no transaction: the next question begins one, and sees what was committed last. */
bool db_is_at_rest(const struct db *db);
/* A step that takes long asks this now and then, and when it says so ends with ERR_CANCELLED. NULL: none does. */
void db_heed(struct db *db, bool (*is_stopped)(void *context), void *context);

bool db_finish(struct db *db, sqlite3_stmt *statement,
        struct err *err) MUST_CHECK; /* steps to the end, skips rows */
bool db_run(struct db *db, enum statement which, struct err *err) MUST_CHECK; /* one without values */
bool db_number(
        struct db *db, enum statement which, int64_t *ret, struct err *err) MUST_CHECK; /* its first column */
bool db_script(struct db *db, const char *sql, struct err *err) MUST_CHECK;
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db); /* rows that the last INSERT, UPDATE or DELETE touched */

const char *db_column_text(sqlite3_stmt *statement, int at); /* never NULL; until the next step */
/* Exactly size bytes of a blob; false: it has another size. */
bool db_column_bytes(sqlite3_stmt *statement, int at, uint8_t *ret, size_t size);

/* Four columns from first, in the order of digest_algo; a digest that the set lacks is NULL in a row. */
void db_column_digests(sqlite3_stmt *statement, int first, struct digests *ret);

#endif
