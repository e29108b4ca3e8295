/*
 * Saving what people decided from a damaged index. Each table is read from its first row until one cannot be
 * read, and then from its last. What is read is not believed: damage that falls on a row shows in the kinds and
 * sizes of its values more often than not.
 */
#include "storage/index/salvage.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/db.h"
#include "storage/index/event_rows.h"
#include "storage/index/job_rows.h"
#include "storage/index/schema.h"
#include "storage/index/token_rows.h"

#define COLUMNS_MAX  10
#define DOCUMENT_MAX (64u << 20) /* bytes of a job's JSON */

/* What a column holds. */
enum shape {
	NO_COLUMN,
	NUMBER, /* 0 or more: an id, a time, bits */
	STATE,  /* of a job */
	MD5,    /* or NULL, as the next three */
	SHA1,
	SHA256,
	SHA512,
	HASH, /* a sha256, never NULL */
	NAME,
	WHO,
	LINE,
	DETAIL,
	DOCUMENT,
};

/* A table. add takes the columns in the order in which the others give them. */
struct table {
	const char *what;
	enum statement forwards, backwards, add;
	enum shape shapes[COLUMNS_MAX];
};

static const struct table tables[SALVAGE_KINDS] = {
        [SAVED_PINS] = {"pins", SQL_SALVAGE_PINS, SQL_SALVAGE_PINS_BACK, SQL_SALVAGE_PIN,
                {HASH, WHO, NUMBER}},
        [SAVED_TOMBSTONES] = {"tombstones", SQL_SALVAGE_TOMBSTONES, SQL_SALVAGE_TOMBSTONES_BACK,
                SQL_SALVAGE_TOMBSTONE, {NUMBER, MD5, SHA1, SHA256, SHA512, WHO, NUMBER}},
        [SAVED_TOKENS] = {"tokens", SQL_SALVAGE_TOKENS, SQL_SALVAGE_TOKENS_BACK, SQL_SALVAGE_TOKEN,
                {NUMBER, NAME, HASH, NUMBER, NUMBER, NUMBER, NUMBER}},
        [SAVED_EVENTS] = {"events", SQL_SALVAGE_EVENTS, SQL_SALVAGE_EVENTS_BACK, SQL_SALVAGE_EVENT,
                {NUMBER, NUMBER, LINE, LINE, LINE, LINE, LINE, DETAIL, LINE, DOCUMENT}},
        [SAVED_JOBS] = {"jobs", SQL_SALVAGE_JOBS, SQL_SALVAGE_JOBS_BACK, SQL_SALVAGE_JOB,
                {NUMBER, LINE, DOCUMENT, LINE, LINE, STATE, NUMBER, NUMBER, DOCUMENT}},
};

static bool
is_text(sqlite3_stmt *statement, int at, size_t min, size_t max)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);
	size_t size = (size_t)sqlite3_column_bytes(statement, at);

	return sqlite3_column_type(statement, at) == SQLITE_TEXT && text != NULL && strlen(text) == size &&
	       size >= min && size <= max;
}

static bool
is_bytes(sqlite3_stmt *statement, int at, enum digest_algo algo)
{
	return sqlite3_column_type(statement, at) == SQLITE_BLOB &&
	       sqlite3_column_bytes(statement, at) == (int)digest_size(algo);
}

static bool
is_digest(sqlite3_stmt *statement, int at, enum digest_algo algo)
{
	return sqlite3_column_type(statement, at) == SQLITE_NULL || is_bytes(statement, at, algo);
}

static bool
is_number(sqlite3_stmt *statement, int at, int64_t max)
{
	int64_t number = sqlite3_column_int64(statement, at);

	return sqlite3_column_type(statement, at) == SQLITE_INTEGER && number >= 0 && number <= max;
}

static bool
has_shape(sqlite3_stmt *statement, int at, enum shape shape)
{
	switch (shape) {
	case NO_COLUMN:
		return true;
	case NUMBER:
		return is_number(statement, at, INT64_MAX - 1);
	case STATE:
		return is_number(statement, at, JOB_CANCELLING);
	case MD5:
		return is_digest(statement, at, DIGEST_MD5);
	case SHA1:
		return is_digest(statement, at, DIGEST_SHA1);
	case SHA256:
		return is_digest(statement, at, DIGEST_SHA256);
	case SHA512:
		return is_digest(statement, at, DIGEST_SHA512);
	case HASH:
		return is_bytes(statement, at, DIGEST_SHA256);
	case NAME:
		return is_text(statement, at, 1, TOKEN_NAME_MAX - 1);
	case WHO:
		return is_text(statement, at, 0, WHO_MAX - 1);
	case LINE:
		return is_text(statement, at, 0, EVENT_TEXT_MAX);
	case DETAIL:
		return is_text(statement, at, 0, EVENT_DETAIL_MAX);
	case DOCUMENT:
		return is_text(statement, at, 0, DOCUMENT_MAX);
	}
	return false;
}

static bool
makes_sense(sqlite3_stmt *row, const struct table *table)
{
	for (int i = 0; i < COLUMNS_MAX; i++) {
		if (!has_shape(row, i, table->shapes[i]))
			return false;
	}
	return true;
}

/* One that is there already, or that breaks a rule of its table, is left out. */
static bool
copy_row(sqlite3_stmt *row, const struct table *table, struct db *db, uint64_t *count, struct err *err)
{
	sqlite3_stmt *add = db_statement(db, table->add, err);

	if (add == NULL)
		return false;
	for (int i = 0; i < COLUMNS_MAX && table->shapes[i] != NO_COLUMN; i++)
		sqlite3_bind_value(add, i + 1, sqlite3_column_value(row, i));
	if (!db_finish(db, add, err))
		return false;
	*count += (uint64_t)db_changes(db);
	return true;
}

/* A salvage on its way. */
struct saving {
	struct db *from, *to;
	struct salvage found;
};

enum reading { READ_TO_THE_END, READ_IN_PART, READ_NOT_WRITTEN };

static enum reading
copy_rows(struct saving *saving, enum salvage_kind kind, enum statement order, struct err *err)
{
	const struct table *table = &tables[kind];
	struct err damage = ERR_NONE;
	sqlite3_stmt *row = db_statement(saving->from, order, &damage);
	enum db_step step = row != NULL ? DB_ROW : DB_FAILED;

	while (step == DB_ROW && (step = db_step(saving->from, row, &damage)) == DB_ROW) {
		if (!makes_sense(row, table)) {
			saving->found.senseless++;
			continue;
		}
		if (!copy_row(row, table, saving->to, &saving->found.rows[kind], err)) {
			db_reset(row);
			return READ_NOT_WRITTEN;
		}
	}
	if (step == DB_FAILED)
		log_debug("reading the %s of the damaged index ended early: %s", table->what, damage.text);
	return step == DB_DONE ? READ_TO_THE_END : READ_IN_PART;
}

static bool
copy_table(struct saving *saving, enum salvage_kind kind, struct err *err)
{
	switch (copy_rows(saving, kind, tables[kind].forwards, err)) {
	case READ_TO_THE_END:
		return true;
	case READ_NOT_WRITTEN:
		return false;
	case READ_IN_PART:
		break;
	}
	saving->found.unread++;
	return copy_rows(saving, kind, tables[kind].backwards, err) != READ_NOT_WRITTEN;
}

static bool
copy_tables(struct saving *saving, struct err *err)
{
	if (!db_run(saving->to, SQL_BEGIN, err))
		return false;
	for (int kind = 0; kind < SALVAGE_KINDS; kind++) {
		if (!copy_table(saving, (enum salvage_kind)kind, err))
			return false; /* closing undoes it */
	}
	return db_run(saving->to, SQL_COMMIT, err);
}

/* Whether it says that it is larder's may be what is damaged: a table that is not is found out when it is read. */
static struct db *
open_damaged(const char *path, int *ret_version)
{
	struct err damage = ERR_NONE;
	struct db *db = db_open(path, DB_READ, &damage);

	if (db == NULL)
		log_debug("nothing can be saved from the damaged index: %s", damage.text);
	else if (!schema_version(db, path, ret_version, &damage))
		*ret_version = SCHEMA_VERSION;
	return db;
}

bool
salvage_run(const char *damaged, struct db *db, struct salvage *ret, struct err *err)
{
	int version = SCHEMA_VERSION;
	struct saving saving = {.from = open_damaged(damaged, &version), .to = db};
	bool written = true;

	if (saving.from == NULL)
		saving.found.unread = SALVAGE_KINDS;
	else if (version >= 2) /* the first version had none of these tables */
		written = copy_tables(&saving, err);
	db_close(saving.from);
	if (written)
		*ret = saving.found;
	return written;
}

void
salvage_text(const struct salvage *salvage, char ret[SALVAGE_TEXT_MAX])
{
	AUTO_TEXT text = TEXT_EMPTY;

	for (int kind = 0; kind < SALVAGE_KINDS; kind++)
		text_addf(&text, "%s%llu %s", kind > 0 ? ", " : "", (unsigned long long)salvage->rows[kind],
		        tables[kind].what);
	if (salvage->unread > 0)
		text_addf(&text, "; %u of these %d tables could not be read from end to end", salvage->unread,
		        SALVAGE_KINDS);
	if (salvage->senseless > 0)
		text_addf(&text, "; %llu rows made no sense and were left out",
		        (unsigned long long)salvage->senseless);
	snprintf(ret, SALVAGE_TEXT_MAX, "%s", text_string(&text));
}
