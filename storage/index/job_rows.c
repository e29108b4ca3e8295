/*
 * The table of jobs. Questions run on any thread, changes as chores on the index writer's.
 */
#include "storage/index/job_rows.h"

#include <stdlib.h>

#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/index/db.h"

void
job_row_finish(struct job_row *job)
{
	free(job->kind);
	free(job->who);
	free(job->asked);
	free(job->body);
	free(job->result);
	*job = (struct job_row){0};
}

static struct job_row
read_job(sqlite3_stmt *statement)
{
	return (struct job_row){
	        .id = sqlite3_column_int64(statement, 0),
	        .kind = xstrdup(db_column_text(statement, 1)),
	        .asked = xstrdup(db_column_text(statement, 2)),
	        .body = xstrdup(db_column_text(statement, 3)),
	        .who = xstrdup(db_column_text(statement, 4)),
	        .state = (enum job_state)sqlite3_column_int(statement, 5),
	        .created_at_ms = sqlite3_column_int64(statement, 6),
	        .ended_at_ms = sqlite3_column_int64(statement, 7),
	        .result = xstrdup(db_column_text(statement, 8)),
	};
}

/* The first row of a question about one id. */
static enum row_answer
ask(struct index *index, enum statement which, int64_t id, struct job_row *ret, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, which, err) : NULL;
	enum db_step step = DB_FAILED;

	if (statement != NULL) {
		sqlite3_bind_int64(statement, 1, id);
		step = db_step(db, statement, err);
	}
	switch (step) {
	case DB_FAILED:
		index_failed(index, err);
		return ROW_FAILED;
	case DB_DONE:
		return ROW_NONE;
	case DB_ROW:
		break;
	}
	*ret = read_job(statement);
	db_reset(statement);
	return ROW_FOUND;
}

enum row_answer
job_row_find(struct index *index, int64_t id, struct job_row *ret, struct err *err)
{
	return ask(index, SQL_JOB_FIND, id, ret, err);
}

/* One by one, so that the visitor may ask and change the index itself. */
bool
job_rows_walk(struct index *index, job_row_visit_fn *visit, void *context, struct err *err)
{
	struct job_row job = {.id = INT64_MAX};
	enum row_answer answer;
	bool on = true;

	while (on && (answer = ask(index, SQL_JOB_BEFORE, job.id, &job, err)) == ROW_FOUND) {
		int64_t id = job.id;

		on = visit(context, &job);
		job_row_finish(&job);
		job.id = id;
	}
	return !on || answer == ROW_NONE;
}

struct job_change {
	struct chore chore;
	const struct job_row *job; /* to be added */
	int64_t id;                /* the answer, or which to move */
	enum job_state state;
	const char *result;
};

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	struct job_change *change = (struct job_change *)chore;
	const struct job_row *job = change->job;
	const char *texts[] = {job->kind, job->asked, job->body, job->who};
	sqlite3_stmt *statement = db_statement(writing->db, SQL_JOB_ADD, err);

	if (statement == NULL)
		return CHORE_FAILED;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		sqlite3_bind_text(statement, (int)i + 1, texts[i] != NULL ? texts[i] : "", -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 5, (int)job->state);
	sqlite3_bind_int64(statement, 6, job->created_at_ms);
	sqlite3_bind_int64(statement, 7, job->ended_at_ms);
	sqlite3_bind_text(statement, 8, job->result != NULL ? job->result : "", -1, SQLITE_STATIC);
	if (!db_finish(writing->db, statement, err))
		return CHORE_FAILED;
	change->id = db_last_id(writing->db);
	return CHORE_WRITTEN;
}

bool
job_row_add(struct index *index, const struct job_row *job, int64_t *ret_id, struct err *err)
{
	struct job_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_add}, .job = job};

	if (!index_write(index, &change.chore, err))
		return false;
	*ret_id = change.id;
	return true;
}

static bool
has_ended(enum job_state state)
{
	switch (state) {
	case JOB_WAITING:
	case JOB_RUNNING:
		return false;
	case JOB_DONE:
	case JOB_FAILED:
	case JOB_CANCELLED:
		return true;
	}
	return false;
}

static bool
forget_oldest(struct writing *writing, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_JOBS_FORGET, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, JOB_ROWS_MAX);
	return db_finish(writing->db, statement, err);
}

static enum chore_result
run_move(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct job_change *change = (struct job_change *)chore;
	sqlite3_stmt *statement = db_statement(writing->db, SQL_JOB_MOVE, err);
	bool ended = has_ended(change->state);

	if (statement == NULL)
		return CHORE_FAILED;
	sqlite3_bind_int64(statement, 1, change->id);
	sqlite3_bind_int(statement, 2, (int)change->state);
	if (change->result != NULL)
		sqlite3_bind_text(statement, 3, change->result, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, ended ? clock_wall_ms() : 0);
	if (!db_finish(writing->db, statement, err))
		return CHORE_FAILED;
	if (db_changes(writing->db) == 0) {
		err_set(err, ERR_NOT_FOUND, "there is no job %lld, or it has ended already",
		        (long long)change->id);
		return CHORE_REFUSED;
	}
	return !ended || forget_oldest(writing, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
job_row_move(struct index *index, int64_t id, enum job_state state, const char *result, struct err *err)
{
	struct job_change change = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_move},
	        .id = id,
	        .state = state,
	        .result = result,
	};

	return index_write(index, &change.chore, err);
}
