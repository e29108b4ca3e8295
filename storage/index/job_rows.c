/*
 * The table of jobs. Questions run on any thread, changes as chores on the index writer's.
 */
#include "storage/index/job_rows.h"

#include <stdlib.h>

#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/index/rows.h"

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
	const struct value values[] = {value_number(id)};
	struct rows rows = rows_ask(index, which, values, COUNT_OF(values), err);

	if (rows_next(&rows, err))
		*ret = read_job(rows.row);
	return rows_end(&rows);
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

static const char *
filled(const char *text)
{
	return text != NULL ? text : "";
}

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	struct job_change *change = (struct job_change *)chore;
	const struct job_row *job = change->job;
	const struct value values[] = {value_text(filled(job->kind)), value_text(filled(job->asked)),
	        value_text(filled(job->body)), value_text(filled(job->who)), value_number(job->state),
	        value_number(job->created_at_ms), value_number(job->ended_at_ms),
	        value_text(filled(job->result))};

	if (!rows_write(writing, SQL_JOB_ADD, values, COUNT_OF(values), err))
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
	case JOB_CANCELLING:
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
	const struct value values[] = {value_number(JOB_ROWS_MAX)};

	return rows_write(writing, SQL_JOBS_FORGET, values, COUNT_OF(values), err);
}

static enum chore_result
run_move(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct job_change *change = (struct job_change *)chore;
	bool ended = has_ended(change->state);
	const struct value values[] = {value_number(change->id), value_number(change->state),
	        value_text(change->result), value_number(ended ? clock_wall_ms() : 0)};

	if (!rows_write(writing, SQL_JOB_MOVE, values, COUNT_OF(values), err))
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
