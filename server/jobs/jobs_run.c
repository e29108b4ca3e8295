/*
 * The threads of jobs: each takes the first that waits, does its work and says how it ended. The lock of the
 * table is never held while a work goes on.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/admin/metrics.h"
#include "server/jobs/json.h"
#include "server/jobs/jobs_parts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/spool.h"

/* --- working --- */

static void
tell(struct work *work, json_t *event)
{
	struct job *job = work->context;
	char *text = json_dumps(event, JSON_COMPACT);

	json_decref(event);
	pthread_mutex_lock(&job->jobs->mutex);
	job_events_add(&job->events, text);
	pthread_mutex_unlock(&job->jobs->mutex);
}

static void
note_progress(struct work *work, const char *verb, uint64_t done, uint64_t total, uint64_t bytes)
{
	struct job *job = work->context;

	pthread_mutex_lock(&job->jobs->mutex);
	job->verb = verb;
	job->done = done;
	job->total = total;
	job->bytes = bytes;
	pthread_mutex_unlock(&job->jobs->mutex);
}

static bool
is_stopped(struct work *work)
{
	struct job *job = work->context;

	return atomic_load(&job->cancelled) || atomic_load(&job->jobs->stopping);
}

/* What was asked stands in the row alone: waiting jobs cost no memory. */
static json_t *
read_asked(const struct job *job, struct err *err)
{
	json_t *asked = NULL;
	struct job_row row;

	switch (job_row_find(store_index(job->jobs->larder->store), job->id, &row, err)) {
	case ROW_FOUND:
		asked = json_loads(row.asked, 0, NULL);
		job_row_finish(&row);
		break;
	case ROW_FAILED:
		return NULL;
	case ROW_NONE:
		break;
	}
	if (asked == NULL)
		err_set(err, ERR_CORRUPT, "what was asked cannot be read any more");
	return asked;
}

static json_t *
work_on(struct job *job, const struct work_kind *kind, json_t *asked, struct err *err)
{
	struct store *store = job->jobs->larder->store;
	AUTO_FD fd = job->body[0] != '\0' ? spool_open(store, job->body, err) : -1;
	struct work work = {.larder = job->jobs->larder,
	        .asked = asked,
	        .body_fd = fd,
	        .tell = tell,
	        .progress = note_progress,
	        .is_stopped = is_stopped,
	        .context = job};

	if (fd < 0 && job->body[0] != '\0')
		return NULL;
	/* cppcheck-suppress returnDanglingLifetime ; the result is JSON of its own, and work is borrowed while it runs */
	return kind->run(&work, err);
}

/* The result; NULL with err. */
static json_t *
work_of(struct job *job, const struct work_kind *kind, struct err *err)
{
	json_t *asked, *result;

	if (kind == NULL) {
		err_set(err, ERR_USAGE, "this larder knows no work called '%.60s'", job->kind);
		return NULL;
	}
	asked = read_asked(job, err);
	if (asked == NULL)
		return NULL;
	result = work_on(job, kind, asked, err);
	json_decref(asked);
	return result;
}

/* --- the end of one --- */

char *
job_outcome(const struct work_kind *kind, json_t *result, const struct err *err)
{
	const char *error = result != NULL ? json_string_value(json_object_get(result, "error")) : err->text;
	int status = result != NULL && kind != NULL ? kind->exit_status(result) : err_exit_status(err->code);
	json_t *outcome =
	        json_pack("{s:O?, s:s?, s:i}", "result", result, "error", NULL, "exit_status", status);
	char *text;

	if (error != NULL)
		json_object_set_new(outcome, "error", json_text(error));
	text = json_dumps(outcome, JSON_COMPACT);
	json_decref(outcome);
	return text;
}

/* JOB_WAITING: it has not ended, the next start goes on with it. */
static enum job_state
judge(const struct job *job, const json_t *result, const struct err *err)
{
	bool stopped = result != NULL ? json_flag_of(result, "stopped")
	                              : err->code == ERR_STOPPING || err->code == ERR_CANCELLED;

	if (stopped && atomic_load(&job->cancelled))
		return JOB_CANCELLED;
	if (stopped && atomic_load(&job->jobs->stopping))
		return JOB_WAITING;
	return result == NULL || json_object_get(result, "error") != NULL ? JOB_FAILED : JOB_DONE;
}

static void
count_end(struct jobs *jobs, enum job_state state)
{
	switch (state) {
	case JOB_WAITING:
	case JOB_RUNNING:
	case JOB_CANCELLING:
		return;
	case JOB_DONE:
		metrics_add(jobs->larder->metrics, METRIC_JOBS_DONE, 1);
		return;
	case JOB_FAILED:
		metrics_add(jobs->larder->metrics, METRIC_JOBS_FAILED, 1);
		return;
	case JOB_CANCELLED:
		metrics_add(jobs->larder->metrics, METRIC_JOBS_CANCELLED, 1);
		return;
	}
}

/* Under the lock: of those that ended only the youngest stay in memory. */
static void
forget_old(struct jobs *jobs)
{
	size_t ended =
	        jobs_count(jobs, JOB_DONE) + jobs_count(jobs, JOB_FAILED) + jobs_count(jobs, JOB_CANCELLED);

	while (ended > JOBS_ENDED_KEPT) {
		struct job *oldest = NULL, *job;

		TAILQ_FOREACH (job, &jobs->all, link)
			if (job->outcome != NULL &&
			        (oldest == NULL || job->ended_at_ms < oldest->ended_at_ms))
				oldest = job;
		TAILQ_REMOVE(&jobs->all, oldest, link);
		job_destroy(oldest);
		ended--;
	}
}

static void
note_end(const struct job *job, enum job_state state, const char *why)
{
	char subject[JOB_SUBJECT_MAX];
	struct caller caller = {.kind = CALLER_UNKNOWN};

	snprintf(subject, sizeof subject, "job %" PRId64, job->id);
	snprintf(caller.who, sizeof caller.who, "%s", job->who);
	snprintf(caller.from, sizeof caller.from, "%s", job->from);
	audit_note(
	        job->jobs->larder, &caller, &(struct audit){job->kind, subject, job_state_name(state), why});
}

/* Durable first, then told. */
void
job_end(struct job *job, enum job_state state, char *outcome, const char *why)
{
	struct jobs *jobs = job->jobs;
	struct err err = ERR_NONE;

	if (!job_row_move(store_index(jobs->larder->store), job->id, state, outcome, &err))
		log_warning("job %" PRId64 " ended, but that cannot be kept (%s): the next start %s it "
		            "once more",
		        job->id, err.text, state == JOB_CANCELLED ? "ends" : "runs");
	else
		spool_remove(jobs->larder->store, job->body);
	note_end(job, state, why);
	count_end(jobs, state);
	pthread_mutex_lock(&jobs->mutex);
	job->state = state;
	job->ended_at_ms = clock_wall_ms();
	job->outcome = outcome;
	jobs->ended++;
	forget_old(jobs);
	pthread_mutex_unlock(&jobs->mutex);
}

static void
run_job(struct job *job)
{
	const struct work_kind *kind = work_kind_find(job->kind);
	struct err err = ERR_NONE;
	json_t *result;
	enum job_state state;

	if (!job_row_move(store_index(job->jobs->larder->store), job->id, JOB_RUNNING, NULL, &err))
		log_warning("job %" PRId64 " begins, but that cannot be kept: %s", job->id, err.text);
	err = ERR_NONE;
	result = work_of(job, kind, &err);
	state = judge(job, result, &err);
	if (state == JOB_WAITING) {
		log_info("job %" PRId64 " (%s) goes on at the next start", job->id, job->kind);
	} else {
		job_end(job, state, job_outcome(kind, result, &err),
		        result != NULL ? json_text_of(result, "error") : err.text);
	}
	json_decref(result);
}

/* Waits for a job and takes it; NULL: larder stops. */
static struct job *
next_job(struct jobs *jobs)
{
	struct job *job = NULL;

	pthread_mutex_lock(&jobs->mutex);
	while (!atomic_load(&jobs->stopping)) {
		TAILQ_FOREACH (job, &jobs->all, link)
			if (job->state == JOB_WAITING)
				break;
		if (job != NULL)
			break;
		pthread_cond_wait(&jobs->changed, &jobs->mutex);
	}
	if (job != NULL)
		job->state = JOB_RUNNING;
	pthread_mutex_unlock(&jobs->mutex);
	return job;
}

void *
jobs_run(void *context)
{
	struct jobs *jobs = context;
	struct job *job;

	pthread_setname_np(pthread_self(), "job");
	for (job = next_job(jobs); job != NULL; job = next_job(jobs))
		run_job(job);
	return NULL;
}
