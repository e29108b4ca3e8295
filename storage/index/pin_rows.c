/*
 * The rows of pins. Questions run on any thread, changes as chores on the index writer's.
 */
#include "storage/index/pin_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/index/db.h"

static enum row_answer
find_with(struct db *db, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_PIN_FIND, err);

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_blob(statement, 1, sha256, 32, SQLITE_STATIC);
	switch (db_step(db, statement, err)) {
	case DB_FAILED:
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	memcpy(ret->sha256, sha256, sizeof ret->sha256);
	snprintf(ret->who, sizeof ret->who, "%s", db_column_text(statement, 1));
	ret->at_ms = sqlite3_column_int64(statement, 2);
	db_reset(statement);
	return ROW_FOUND;
}

enum row_answer
pin_row_find(struct index *index, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	enum row_answer answer = db != NULL ? find_with(db, sha256, ret, err) : ROW_FAILED;

	if (answer == ROW_FAILED)
		index_failed(index, err);
	return answer;
}

enum row_answer
pin_rows_have(struct writing *writing, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	return find_with(writing->db, sha256, ret, err);
}

struct pin_change {
	struct chore chore;
	const struct pin *pin; /* to be added */
	const uint8_t *sha256; /* to be removed */
	bool removed;          /* the answer */
};

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct pin *pin = ((struct pin_change *)chore)->pin;
	sqlite3_stmt *statement = db_statement(writing->db, SQL_PIN_ADD, err);

	if (statement == NULL)
		return CHORE_FAILED;
	sqlite3_bind_blob(statement, 1, pin->sha256, sizeof pin->sha256, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, pin->who, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, pin->at_ms);
	return db_finish(writing->db, statement, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
pin_row_add(struct index *index, const struct pin *pin, struct err *err)
{
	struct pin_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_add}, .pin = pin};

	return index_write(index, &change.chore, err);
}

bool
pin_rows_delete(struct writing *writing, const uint8_t sha256[32], struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_PIN_REMOVE, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_blob(statement, 1, sha256, 32, SQLITE_STATIC);
	return db_finish(writing->db, statement, err);
}

static enum chore_result
run_remove(struct chore *chore, struct writing *writing, struct err *err)
{
	struct pin_change *change = (struct pin_change *)chore;

	if (!pin_rows_delete(writing, change->sha256, err))
		return CHORE_FAILED;
	change->removed = db_changes(writing->db) > 0;
	return CHORE_WRITTEN;
}

enum row_answer
pin_row_remove(struct index *index, const uint8_t sha256[32], struct err *err)
{
	struct pin_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_remove}, .sha256 = sha256};

	if (!index_write(index, &change.chore, err))
		return ROW_FAILED;
	return change.removed ? ROW_FOUND : ROW_NONE;
}
