/*
 * The rows of receivers. Questions run on any thread, the chores on the index writer's.
 */
#include "storage/index/receiver_rows.h"

#include "storage/index/db.h"

static enum row_answer
find_with(struct db *db, const char *name, int64_t *ret_event, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_RECEIVER_FIND, err);

	if (statement == NULL)
		return ROW_FAILED;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	switch (db_step(db, statement, err)) {
	case DB_FAILED:
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	*ret_event = sqlite3_column_int64(statement, 0);
	db_reset(statement);
	return ROW_FOUND;
}

enum row_answer
receiver_row_find(struct index *index, const char *name, int64_t *ret_event, struct err *err)
{
	struct db *db = index_reader(index, err);
	enum row_answer answer = db != NULL ? find_with(db, name, ret_event, err) : ROW_FAILED;

	if (answer == ROW_FAILED)
		index_failed(index, err);
	return answer;
}

struct receiver_chore {
	struct chore chore;
	const char *name;
	int64_t event;
};

static enum chore_result
run_set(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct receiver_chore *setting = (struct receiver_chore *)chore;
	sqlite3_stmt *statement = db_statement(writing->db, SQL_RECEIVER_SET, err);

	if (statement == NULL)
		return CHORE_FAILED;
	sqlite3_bind_text(statement, 1, setting->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, setting->event);
	return db_finish(writing->db, statement, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
receiver_row_set(struct index *index, const char *name, int64_t event, struct err *err)
{
	struct receiver_chore chore = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_set}, .name = name, .event = event};

	return index_write(index, &chore.chore, err);
}
