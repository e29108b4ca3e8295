/*
 * A damaged index makes room for a new one, which is made under another name first: a kill or a full disk in
 * between leaves the damaged one in place, so that what people decided can still be saved from it. Once the new
 * one is whole it is called ready, durably, and only then does the damaged one go: a kill among those renames
 * leaves a ready one, which the next start puts in its place. Runs before the index is opened or after it was
 * closed.
 */
#include "storage/index/rebuild.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/index/db.h"
#include "storage/index/schema.h"

/* Of a database: itself and what SQLite puts beside it. */
static const char *const companions[] = {"", "-wal", "-shm"};

/* What an earlier try left. */
static bool
remove_index(const char *path, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO_TEXT name = TEXT_EMPTY;

		text_addf(&name, "%s%s", path, companions[i]);
		if (unlink(text_string(&name)) != 0 && errno != ENOENT)
			return err_errno(err, "removing %s", text_string(&name));
	}
	return true;
}

/*
 * The index and its companions get a name of their own; nothing is deleted, since a person may want to look.
 */
static bool
set_aside(const char *path, char ret_name[INDEX_ASIDE_MAX], struct err *err)
{
	char when[TEXT_TIME_MAX];

	text_time_now(when);
	snprintf(ret_name, INDEX_ASIDE_MAX, "%s.damaged-%s", strrchr(path, '/') + 1, when);
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO_TEXT from = TEXT_EMPTY, to = TEXT_EMPTY;

		text_addf(&from, "%s%s", path, companions[i]);
		text_addf(&to, "%s.damaged-%s%s", path, when, companions[i]);
		if (rename(text_string(&from), text_string(&to)) != 0 && errno != ENOENT)
			return err_errno(err, "moving the damaged index %s aside", path);
	}
	return true;
}

/* Closing would do the same, but says nothing of a full disk. */
static bool
empty_log(struct db *db, struct err *err)
{
	int64_t busy;

	if (!db_number(db, SQL_EMPTY_LOG, &busy, err))
		return false;
	return busy == 0 || err_set(err, ERR_IO, "something else has it open");
}

/* It is closed again when this returns, and one file: nothing of it is in a log that a rename would leave behind. */
static bool
make_new(const char *path, const char *damaged, struct salvage *ret, struct err *err)
{
	struct db *db = db_open(path, DB_WRITE, err);
	bool made = db != NULL && schema_make(db, err) && salvage_run(damaged, db, ret, err) &&
	            empty_log(db, err);

	db_close(db);
	return made;
}

/* The damaged one goes with its companions: a log that stayed would be taken for the new one's. */
static bool
put_in_place(const char *path, const char *ready, char ret_aside[INDEX_ASIDE_MAX], struct err *err)
{
	if (!set_aside(path, ret_aside, err))
		return false;
	if (rename(ready, path) != 0)
		return err_errno(err, "giving the new index its name %s", path);
	return file_sync_above(path, err); /* what is behind the names was made durable by SQLite */
}

bool
index_rebuild(const char *path, char ret_aside[INDEX_ASIDE_MAX], struct salvage *ret, struct err *err)
{
	AUTO_TEXT fresh = TEXT_EMPTY;
	AUTO_TEXT ready = TEXT_EMPTY;

	text_addf(&fresh, "%s.new", path);
	text_addf(&ready, "%s.ready", path);
	if (!remove_index(text_string(&fresh), err) || !make_new(text_string(&fresh), path, ret, err))
		return err_wrap(err, "making a new index");
	if (rename(text_string(&fresh), text_string(&ready)) != 0)
		return err_errno(err, "giving the new index the name %s", text_string(&ready));
	return file_sync_above(path, err) && put_in_place(path, text_string(&ready), ret_aside, err);
}

bool
index_rebuild_finish(const char *path, struct err *err)
{
	AUTO_TEXT ready = TEXT_EMPTY;
	char aside[INDEX_ASIDE_MAX];

	text_addf(&ready, "%s.ready", path);
	return access(text_string(&ready), F_OK) != 0 || put_in_place(path, text_string(&ready), aside, err);
}
