/*
 * Opening the index, and the connections for reading. Any thread.
 */
#include "storage/index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/db.h"
#include "storage/index/rebuild.h"
#include "storage/index/schema.h"

struct reader {
	struct index *index;
	struct db *db;
	LIST_ENTRY(reader) link;
};

struct index {
	char *path;
	enum db_mode reading;
	struct writer *writer;
	struct row_cache *rows; /* NULL: another process may write, of which nobody would tell */

	pthread_key_t reader_key;
	pthread_mutex_t mutex; /* over readers; a leaf */
	LIST_HEAD(, reader) readers;

	atomic_bool corrupt;
};

static bool
read_figures(struct db *db, struct index_figures *ret, bool *ret_clean, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_FIGURES, err);
	enum db_step step;

	if (statement == NULL)
		return false;
	step = db_step(db, statement, err);
	if (step == DB_DONE)
		return err_set(err, ERR_CORRUPT, "the index has lost its figures");
	if (step == DB_FAILED)
		return false;
	*ret = (struct index_figures){
	        .archives = (uint64_t)sqlite3_column_int64(statement, 0),
	        .bytes = (uint64_t)sqlite3_column_int64(statement, 1),
	        .entries = (uint64_t)sqlite3_column_int64(statement, 2),
	        .digests = (uint64_t)sqlite3_column_int64(statement, 3),
	        .origins = (uint64_t)sqlite3_column_int64(statement, 4),
	        .packages = (uint64_t)sqlite3_column_int64(statement, 5),
	};
	*ret_clean = sqlite3_column_int64(statement, 6) != 0;
	db_reset(statement);
	return true;
}

static bool
check(struct db *db, enum statement how, const char *path, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, how, err);
	bool ok = true;

	if (statement == NULL)
		return false;
	switch (db_step(db, statement, err)) {
	case DB_FAILED:
		return false;
	case DB_DONE:
		return true;
	case DB_ROW:
		break;
	}
	if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		ok = err_set(err, ERR_CORRUPT, "%s is damaged: %s", path,
		        (const char *)sqlite3_column_text(statement, 0));
	db_reset(statement);
	return ok;
}

/* Now, where that is soon done; a large one later, since nobody is to wait for it. */
static bool
check_or_postpone(struct db *db, const char *path, bool *ret_postponed, struct err *err)
{
	struct stat status;

	*ret_postponed = stat(path, &status) == 0 && status.st_size > INDEX_CHECK_MAX;
	return *ret_postponed || check(db, SQL_QUICK_CHECK, path, err);
}

/* Durable before anything else is written: from here on a kill is noticed at the next start. */
static bool
remove_clean_mark(struct db *db, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_CLEAN_SET, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, 0);
	return db_finish(db, statement, err);
}

static bool
prepare_for_writing(struct db *db, const char *path, struct index_figures *ret,
        struct index_opening *ret_opening, struct err *err)
{
	int64_t tables;
	int version;
	bool clean;

	if (!db_number(db, SQL_TABLES, &tables, err))
		return false;
	ret_opening->found = INDEX_NEW;
	if (tables == 0)
		return schema_make(db, err) && read_figures(db, ret, &clean, err);
	if (!schema_version(db, path, &version, err))
		return false;
	ret_opening->migrated_from = version < SCHEMA_VERSION ? version : 0;
	if (!schema_migrate(db, version, err) || !read_figures(db, ret, &clean, err))
		return false;
	ret_opening->found = clean ? INDEX_CLEAN : INDEX_UNCLEAN;
	return clean ? remove_clean_mark(db, err) : check_or_postpone(db, path, &ret_opening->unchecked, err);
}

static struct db *
try_to_open(const char *path, struct index_figures *ret, struct index_opening *ret_opening, struct err *err)
{
	struct db *db = db_open(path, DB_WRITE, err);

	if (db == NULL || prepare_for_writing(db, path, ret, ret_opening, err))
		return db;
	db_close(db);
	return NULL;
}

/* Damage is believed when it is found twice: what the disk refuses to read now and then is no reason to throw an index away. */
static struct db *
open_for_writing(
        const char *path, struct index_figures *ret, struct index_opening *ret_opening, struct err *err)
{
	struct db *db = try_to_open(path, ret, ret_opening, err);

	if (db == NULL && err->code == ERR_CORRUPT)
		db = try_to_open(path, ret, ret_opening, err);
	return db;
}

static struct db *
open_or_rebuild(
        const char *path, struct index_figures *ret, struct index_opening *ret_opening, struct err *err)
{
	struct index_opening opening = {0};
	struct db *db;

	if (!index_rebuild_finish(path, err))
		return NULL;
	db = open_for_writing(path, ret, &opening, err);
	if (db == NULL && err->code == ERR_CORRUPT) {
		opening.damage = *err;
		if (!index_rebuild(path, opening.aside, &opening.saved, err))
			return NULL;
		db = open_for_writing(path, ret, &opening, err);
		opening.found = INDEX_DAMAGED;
	}
	if (db != NULL)
		*ret_opening = opening;
	return db;
}

/* A thread that ends closes its connection. */
static void
reader_close(void *argument)
{
	struct reader *reader = argument;

	pthread_mutex_lock(&reader->index->mutex);
	LIST_REMOVE(reader, link);
	pthread_mutex_unlock(&reader->index->mutex);
	db_close(reader->db);
	free(reader);
}

static struct index *
index_create(const char *path)
{
	struct index *index = xcalloc(1, sizeof *index);

	index->path = xstrdup(path);
	index->reading = DB_READ;
	pthread_mutex_init(&index->mutex, NULL);
	LIST_INIT(&index->readers);
	if (pthread_key_create(&index->reader_key, reader_close) == 0)
		return index;
	log_error("this process has no thread keys left for another index; stopping");
	abort();
}

static bool
check_for_reading(struct index *index, bool *ret_clean, struct err *err)
{
	struct db *db = index_reader(index, err);
	struct index_figures figures;
	int version;

	if (db == NULL || !schema_version(db, index->path, &version, err))
		return false;
	if (version < SCHEMA_VERSION)
		return err_set(err, ERR_CONFIG,
		        "%s was made by an older larder (schema %d, this one reads %d); 'larder serve' or "
		        "any "
		        "command that writes to the store brings it up to date",
		        index->path, version, SCHEMA_VERSION);
	return read_figures(db, &figures, ret_clean, err);
}

static void
close_readers(struct index *index)
{
	while (!LIST_EMPTY(&index->readers))
		reader_close(LIST_FIRST(&index->readers));
	pthread_setspecific(index->reader_key, NULL);
}

static bool
open_for_reading(struct index *index, enum index_mode mode, struct index_opening *ret, struct err *err)
{
	bool clean = false, readable = check_for_reading(index, &clean, err);

	if (!readable && err->code == ERR_IO && mode == INDEX_READ_ALONE) {
		close_readers(index);
		index->reading = DB_IMMUTABLE;
		readable = check_for_reading(index, &clean, err);
	}
	if (readable)
		*ret = (struct index_opening){.found = clean ? INDEX_CLEAN : INDEX_UNCLEAN};
	return readable;
}

struct index *
index_open(const char *path, enum index_mode mode, struct index_opening *ret, struct err *err)
{
	struct index *index = index_create(path);
	struct index_figures figures;
	struct db *db;

	if (mode != INDEX_WRITE) {
		if (open_for_reading(index, mode, ret, err))
			return index;
	} else {
		db = open_or_rebuild(path, &figures, ret, err);
		if (db != NULL) {
			index->rows = row_cache_create();
			index->writer = writer_create(db, &figures, index->rows);
			return index;
		}
	}
	index_close(index, WRITER_ENDS_UNCLEAN);
	return NULL;
}

static void
read_writer_state(struct index *index, struct index_state *ret)
{
	struct writer_state state;

	writer_state(index->writer, &state);
	ret->figures = state.figures;
	ret->transactions = state.transactions;
	if (clock_ms() - state.trouble_ms < INDEX_TROUBLE_MS)
		ret->trouble = state.trouble;
	row_cache_figures(index->rows, &ret->cached);
	index_failed(index, &state.trouble);
}

static void
rebuild_for_next_start(const struct index *index)
{
	struct err err = ERR_NONE;
	char aside[INDEX_ASIDE_MAX], saved[SALVAGE_TEXT_MAX];
	struct salvage salvage;

	if (!index_rebuild(index->path, aside, &salvage, &err)) {
		log_error("%s; the next start tries it again", err.text);
		return;
	}
	salvage_text(&salvage, saved);
	log_warning("the damaged index is %s now; the next start fills a new one from the archives, but the "
	            "catalog's sources have to be imported again; saved from the damaged one: %s",
	        aside, saved);
}

void
index_close(struct index *index, enum writer_ending ending)
{
	struct index_state last = {0};
	bool spoilt;

	if (index == NULL)
		return;
	if (index->writer != NULL)
		read_writer_state(index, &last);
	spoilt = index->writer != NULL && atomic_load(&index->corrupt);
	close_readers(index);
	writer_destroy(index->writer, spoilt ? WRITER_ENDS_UNCLEAN : ending);
	if (spoilt)
		rebuild_for_next_start(index);
	row_cache_destroy(index->rows);
	pthread_key_delete(index->reader_key);
	pthread_mutex_destroy(&index->mutex);
	free(index->path);
	free(index);
}

bool
index_check(struct index *index, enum index_thoroughness thoroughness, bool (*is_stopped)(void *context),
        void *context, struct err *err)
{
	static const enum statement how[] = {
	        [INDEX_CHECK_QUICK] = SQL_QUICK_CHECK, [INDEX_CHECK_FULL] = SQL_FULL_CHECK};
	struct db *db = index_reader(index, err);
	bool sound;

	if (db == NULL)
		return index_failed(index, err);
	db_heed(db, is_stopped, context);
	sound = check(db, how[thoroughness], index->path, err) ||
	        (err->code == ERR_CORRUPT &&
	                check(db, how[thoroughness], index->path, err)); /* see open_for_writing */
	db_heed(db, NULL, NULL);
	return sound || index_failed(index, err);
}

struct db *
index_reader(struct index *index, struct err *err)
{
	struct reader *reader = pthread_getspecific(index->reader_key);
	struct db *db;

	if (reader != NULL)
		return reader->db;
	db = db_open(index->path, index->reading, err);
	if (db == NULL)
		return NULL;
	reader = xcalloc(1, sizeof *reader);
	reader->index = index;
	reader->db = db;
	pthread_mutex_lock(&index->mutex);
	LIST_INSERT_HEAD(&index->readers, reader, link);
	pthread_mutex_unlock(&index->mutex);
	pthread_setspecific(index->reader_key, reader);
	return db;
}

bool
index_hold(struct index *index, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && db_run(db, SQL_HOLD, err)) || index_failed(index, err);
}

void
index_let_go(struct index *index)
{
	struct reader *reader = pthread_getspecific(index->reader_key);
	struct err err = ERR_NONE;

	/* Nothing was written: a failure, after which the connection holds nothing either, loses nothing. */
	if (reader != NULL && !db_run(reader->db, SQL_ROLLBACK, &err))
		index_failed(index, &err);
}

struct writer *
index_writer(struct index *index)
{
	return index->writer;
}

struct row_cache *
index_rows(struct index *index)
{
	return index->rows;
}

bool
index_sees_newest(const struct index *index)
{
	const struct reader *reader = pthread_getspecific(index->reader_key);

	return reader == NULL || db_is_at_rest(reader->db);
}

bool
index_write(struct index *index, struct chore *chore, struct err *err)
{
	if (index->writer != NULL)
		return writer_run(index->writer, chore, err);
	return err_set(
	        err, ERR_LOCKED, "the index %s was opened for reading; nothing is written", index->path);
}

bool
index_failed(struct index *index, const struct err *err)
{
	if (err->code == ERR_CORRUPT)
		atomic_store(&index->corrupt, true);
	return false;
}

bool
index_state(struct index *index, struct index_state *ret, struct err *err)
{
	*ret = (struct index_state){0};
	if (index->writer != NULL) {
		read_writer_state(index, ret);
	} else {
		struct db *db = index_reader(index, err);
		bool clean;

		if (db == NULL || !read_figures(db, &ret->figures, &clean, err))
			return index_failed(index, err);
	}
	if (atomic_load(&index->corrupt))
		err_set(&ret->trouble, ERR_CORRUPT,
		        "the index %s is damaged; the next start makes it again from the archives",
		        index->path);
	return true;
}
