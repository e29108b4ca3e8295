/*
 * A connection to the index. Belongs to one thread; blocks on the disk. Must never be used under a lock.
 */
#include "storage/index/db.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/site.h"

#define BUSY_TIMEOUT_MS 10000
#define HEED_STEPS      10000 /* of SQLite's machine, between two looks */

static const char *const statement_texts[STATEMENTS] = {
#define STATEMENT(name, sql) [SQL_##name] = (sql),
#include "storage/index/statements.def"
#undef STATEMENT
};

struct db {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENTS];
	bool (*is_stopped)(void *context);
	void *stop_context;
};

/*
 * SQLite calls a page damaged that the disk refuses to read (SQLITE_IOERR_CORRUPTFS). That is the disk's trouble, which may
 * pass, and no reason to throw an index away. errno was 0 before SQLite was called.
 */
static bool
disk_refused(void)
{
	return errno == EIO || errno == ENXIO;
}

static enum err_code
code_of(sqlite3 *handle, int result)
{
	int kind = result & 0xff;

	if (kind == SQLITE_CORRUPT && disk_refused())
		return ERR_IO;
	if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || result == SQLITE_IOERR_SHORT_READ)
		return ERR_CORRUPT;
	if (kind == SQLITE_INTERRUPT)
		return ERR_CANCELLED;
	if (kind == SQLITE_FULL || (kind == SQLITE_IOERR && sqlite3_system_errno(handle) == ENOSPC))
		return ERR_NO_SPACE;
	return ERR_IO;
}

static bool
fail(struct db *db, int result, struct err *err)
{
	enum err_code code = code_of(db->handle, result);
	int cause = disk_refused() ? errno : sqlite3_system_errno(db->handle);
	const char *path = sqlite3_db_filename(db->handle, "main");

	return err_set(err, code, "the index %s: %s%s%s", path != NULL ? path : "",
	        sqlite3_errmsg(db->handle), cause != 0 ? ": " : "", cause != 0 ? strerror(cause) : "");
}

/* A path as SQLite's URI, with what has a meaning there escaped. */
static char *
immutable_uri(const char *path)
{
	struct text uri = TEXT_EMPTY;

	text_add(&uri, "file:");
	for (; *path != '\0'; path++) {
		if (*path == '?' || *path == '#' || *path == '%')
			text_addf(&uri, "%%%02x", (unsigned)*path);
		else
			text_add_bytes(&uri, path, 1);
	}
	text_add(&uri, "?immutable=1");
	return text_take(&uri);
}

/* Nobody reads its statistics of memory, for which it takes one lock for all threads at each allocation. */
static void
forgo_statistics(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
open_handle(const char *path, enum db_mode mode, sqlite3 **ret)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	AUTO_FREE char *uri = NULL;

	switch (mode) {
	case DB_WRITE:
		return sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	case DB_READ:
		return sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_READONLY, NULL);
	case DB_IMMUTABLE:
		uri = immutable_uri(path);
		return sqlite3_open_v2(uri, ret, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	}
	return SQLITE_MISUSE;
}

/* provider(SITE): site_provider, for statements. */
static void
tell_provider(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *site = (const char *)sqlite3_value_text(values[0]);
	char provider[SITE_MAX];

	(void)count;
	if (site == NULL)
		return; /* NULL */
	site_provider(site, provider);
	sqlite3_result_text(context, provider, -1, SQLITE_TRANSIENT);
}

/*
 * Only the writing connection checkpoints, neither by size nor when it is the last to close. Each thread has a connection for reading, so that
 * those keep few pages (KiB): enough for those that lead to the leaves of a million digests. The system has the others, at a call each.
 */
static bool
configure(struct db *db, enum db_mode mode, struct err *err)
{
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	sqlite3_create_function(db->handle, "provider", 1,
	        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, tell_provider, NULL, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (mode == DB_WRITE)
		return db_run(db, SQL_USE_WAL, err) && db_run(db, SQL_SYNC_FULL, err);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return db_run(db, SQL_LEAVE_CHECKPOINTS, err) && db_run(db, SQL_SMALL_CACHE, err);
}

struct db *
db_open(const char *path, enum db_mode mode, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct db *db = xcalloc(1, sizeof *db);
	int result;

	pthread_once(&once, forgo_statistics);
	errno = 0;
	result = open_handle(path, mode, &db->handle);
	if (result != SQLITE_OK)
		err_set(err, code_of(db->handle, result), "opening the index %s: %s", path,
		        sqlite3_errmsg(db->handle));
	else if (configure(db, mode, err))
		return db;
	db_close(db);
	return NULL;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	free(db);
}

sqlite3_stmt *
db_statement(struct db *db, enum statement which, struct err *err)
{
	sqlite3_stmt **statement = &db->statements[which];
	int result;

	if (*statement != NULL) {
		sqlite3_reset(*statement);
		sqlite3_clear_bindings(*statement);
		return *statement;
	}
	errno = 0;
	result = sqlite3_prepare_v3(
	        db->handle, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
	/* The texts are right for the schema: where they do not fit, it was damaged. */
	if (result != SQLITE_OK)
		fail(db, result == SQLITE_ERROR ? SQLITE_CORRUPT : result, err);
	return *statement;
}

enum db_step
db_step(struct db *db, sqlite3_stmt *statement, struct err *err)
{
	int result;

	errno = 0;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		return DB_ROW;
	if (result != SQLITE_DONE)
		fail(db, result, err);
	sqlite3_reset(statement);
	return result == SQLITE_DONE ? DB_DONE : DB_FAILED;
}

void
db_reset(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
}

static int
is_to_stop(void *context)
{
	struct db *db = context;

	return db->is_stopped(db->stop_context);
}

bool
db_is_at_rest(const struct db *db)
{
	return sqlite3_txn_state(db->handle, NULL) == SQLITE_TXN_NONE;
}

void
db_heed(struct db *db, bool (*is_stopped)(void *context), void *context)
{
	db->is_stopped = is_stopped;
	db->stop_context = context;
	sqlite3_progress_handler(db->handle, HEED_STEPS, is_stopped != NULL ? is_to_stop : NULL, db);
}

bool
db_finish(struct db *db, sqlite3_stmt *statement, struct err *err)
{
	enum db_step step;

	do
		step = db_step(db, statement, err);
	while (step == DB_ROW);
	return step == DB_DONE;
}

bool
db_run(struct db *db, enum statement which, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, which, err);

	return statement != NULL && db_finish(db, statement, err);
}

bool
db_number(struct db *db, enum statement which, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, which, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	step = db_step(db, statement, err);
	if (step == DB_FAILED)
		return false;
	*ret = step == DB_ROW ? sqlite3_column_int64(statement, 0) : 0;
	db_reset(statement);
	return true;
}

bool
db_script(struct db *db, const char *sql, struct err *err)
{
	int result;

	errno = 0;
	result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return result == SQLITE_OK || fail(db, result, err);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

const char *
db_column_text(sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return text != NULL ? text : "";
}

bool
db_column_bytes(sqlite3_stmt *statement, int at, uint8_t *ret, size_t size)
{
	const void *bytes = sqlite3_column_blob(statement, at);

	if (bytes == NULL || sqlite3_column_bytes(statement, at) != (int)size)
		return false;
	memcpy(ret, bytes, size);
	return true;
}

void
db_column_digests(sqlite3_stmt *statement, int first, struct digests *ret)
{
	*ret = (struct digests){0};
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest = {.algo = (enum digest_algo)algo};
		size_t size = digest_size(digest.algo);

		if (sqlite3_column_bytes(statement, first + algo) != (int)size)
			continue;
		memcpy(digest.bytes, sqlite3_column_blob(statement, first + algo), size);
		digests_put(ret, &digest);
	}
}
