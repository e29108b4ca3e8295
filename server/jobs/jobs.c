/*
 * Jobs: the table. Any thread adds and cancels; jobs_run.c runs them. A stop of the daemon is no end of a job:
 * its row stays as it is, and the next start runs it again from the beginning, which finds what is stored
 * already. A job that somebody cancelled ends, whatever comes between: the row says so before anybody is told.
 */
#include "server/jobs/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/jobs/json.h"
#include "server/jobs/jobs_parts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/spool.h"

/* --- a job in memory --- */

/* from: whence it was asked for. */
static struct job *
job_create(struct jobs *jobs, const struct job_row *row, const char *from)
{
	struct job *job = xcalloc(1, sizeof *job);

	job->jobs = jobs;
	job->id = row->id;
	job->kind = xstrdup(row->kind);
	job->who = xstrdup(row->who);
	job->from = xstrdup(from);
	job->body = xstrdup(row->body);
	job->created_at_ms = row->created_at_ms;
	job->state = JOB_WAITING;
	job->verb = "";
	job_events_init(&job->events, JOBS_EVENTS_MAX);
	return job;
}

void
job_destroy(struct job *job)
{
	job_events_finish(&job->events);
	free(job->kind);
	free(job->who);
	free(job->from);
	free(job->body);
	free(job->outcome);
	free(job);
}

struct job *
jobs_find(struct jobs *jobs, int64_t id)
{
	struct job *job;

	TAILQ_FOREACH (job, &jobs->all, link)
		if (job->id == id)
			return job;
	return NULL;
}

size_t
jobs_count(const struct jobs *jobs, enum job_state state)
{
	const struct job *job;
	size_t count = 0;

	TAILQ_FOREACH (job, &jobs->all, link)
		count += job->state == state;
	return count;
}

/* --- start and stop --- */

/* The rows come newest first, and each is put before those that came earlier. */
static bool
take_up(void *context, const struct job_row *row)
{
	struct jobs *jobs = context;
	struct job *job;

	if (row->state != JOB_WAITING && row->state != JOB_RUNNING && row->state != JOB_CANCELLING)
		return true;
	job = job_create(jobs, row, "an earlier start");
	if (row->state == JOB_CANCELLING) {
		job->state = JOB_RUNNING;
		atomic_store(&job->cancelled, true);
	}
	TAILQ_INSERT_HEAD(&jobs->all, job, link);
	return true;
}

/* Those that were cancelled and had not ended yet. Before any thread runs. */
static void
end_cancelled(struct jobs *jobs)
{
	const struct err cancelled = {.code = ERR_CANCELLED,
	        .text = "cancelled; larder ended before the job had, and does not go on with it"};
	struct job *job = TAILQ_FIRST(&jobs->all);

	while (job != NULL) {
		struct job *after = TAILQ_NEXT(job, link); /* which has not ended: it is not forgotten */

		if (atomic_load(&job->cancelled))
			job_end(job, JOB_CANCELLED, job_outcome(NULL, NULL, &cancelled), cancelled.text);
		job = after;
	}
}

static bool
keep_body(void *context, const char *name)
{
	const struct jobs *jobs = context;
	const struct job *job;

	TAILQ_FOREACH (job, &jobs->all, link)
		if (strcmp(job->body, name) == 0)
			return true;
	return false;
}

static bool
start_threads(struct jobs *jobs, struct err *err)
{
	while (jobs->n_threads < JOBS_THREADS) {
		errno = pthread_create(&jobs->threads[jobs->n_threads], NULL, jobs_run, jobs);
		if (errno != 0)
			return err_errno(err, "starting a thread for jobs");
		jobs->n_threads++;
	}
	return true;
}

struct jobs *
jobs_create(struct larder *larder, struct err *err)
{
	struct jobs *jobs = xcalloc(1, sizeof *jobs);
	size_t count;

	jobs->larder = larder;
	TAILQ_INIT(&jobs->all);
	pthread_mutex_init(&jobs->mutex, NULL);
	pthread_cond_init(&jobs->changed, NULL);
	if (!job_rows_walk(store_index(larder->store), take_up, jobs, err)) {
		jobs_destroy(jobs);
		return NULL;
	}
	end_cancelled(jobs);
	spool_clean(larder->store, keep_body, jobs);
	count = jobs_count(jobs, JOB_WAITING);
	if (count > 0)
		log_info("%zu jobs that had not ended go on", count);
	if (start_threads(jobs, err))
		return jobs;
	jobs_destroy(jobs);
	return NULL;
}

void
jobs_refuse(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	pthread_mutex_lock(&jobs->mutex);
	atomic_store(&jobs->stopping, true);
	pthread_cond_broadcast(&jobs->changed);
	pthread_mutex_unlock(&jobs->mutex);
}

void
jobs_destroy(struct jobs *jobs)
{
	struct job *job;

	if (jobs == NULL)
		return;
	jobs_refuse(jobs);
	while (jobs->n_threads > 0)
		pthread_join(jobs->threads[--jobs->n_threads], NULL);
	for (job = TAILQ_FIRST(&jobs->all); job != NULL; job = TAILQ_FIRST(&jobs->all)) {
		TAILQ_REMOVE(&jobs->all, job, link);
		job_destroy(job);
	}
	pthread_cond_destroy(&jobs->changed);
	pthread_mutex_destroy(&jobs->mutex);
	free(jobs);
}

/* --- adding --- */

/* Room for one more, which jobs->adding counts until it is in the table. */
static bool
reserve(struct jobs *jobs, struct err *err)
{
	bool stopping = atomic_load(&jobs->stopping), room;

	pthread_mutex_lock(&jobs->mutex);
	room = jobs_count(jobs, JOB_WAITING) + jobs->adding < JOBS_WAITING_MAX;
	jobs->adding += room && !stopping;
	pthread_mutex_unlock(&jobs->mutex);
	if (stopping)
		return err_set(err, ERR_STOPPING, "larder is stopping");
	if (room)
		return true;
	metrics_add(jobs->larder->metrics, METRIC_LIMIT_JOBS, 1);
	return err_set(err, ERR_OVERLOADED, "%d jobs wait already; try again when some of them have ended",
	        JOBS_WAITING_MAX);
}

/* The job, or NULL: only the reservation is given back. */
static void
settle(struct jobs *jobs, struct job *job)
{
	pthread_mutex_lock(&jobs->mutex);
	jobs->adding--;
	if (job != NULL)
		TAILQ_INSERT_TAIL(&jobs->all, job, link);
	pthread_cond_signal(&jobs->changed);
	pthread_mutex_unlock(&jobs->mutex);
}

/* Noted before a thread can see it, so that the end stands behind it. */
static void
note_accepted(struct jobs *jobs, const struct job_wish *wish, int64_t id)
{
	char subject[JOB_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "job %" PRId64, id);
	audit_note(
	        jobs->larder, wish->caller, &(struct audit){wish->kind, subject, "accepted", wish->detail});
}

static bool
write_row(struct jobs *jobs, const struct job_wish *wish, struct job_row *row, struct err *err)
{
	if (!job_row_add(store_index(jobs->larder->store), row, &row->id, err)) {
		settle(jobs, NULL);
		return false;
	}
	note_accepted(jobs, wish, row->id);
	settle(jobs, job_create(jobs, row, wish->caller->from));
	return true;
}

bool
jobs_add(struct jobs *jobs, const struct job_wish *wish, int64_t *ret_id, struct err *err)
{
	struct job_row row = {.created_at_ms = clock_wall_ms(),
	        .kind = xstrdup(wish->kind),
	        .who = xstrdup(wish->caller->who),
	        .asked = json_dumps(wish->asked, JSON_COMPACT),
	        .body = xstrdup(wish->body)};
	bool added = reserve(jobs, err) && write_row(jobs, wish, &row, err);

	if (added)
		*ret_id = row.id;
	else
		spool_remove(jobs->larder->store, wish->body);
	job_row_finish(&row);
	return added;
}

/* --- cancelling --- */

/* Whether it has still to end. ret: one that waited, which is the caller's from here on, nobody else takes it; else NULL. */
static bool
claim(struct jobs *jobs, int64_t id, struct job **ret)
{
	struct job *job;
	bool lives;

	*ret = NULL;
	pthread_mutex_lock(&jobs->mutex);
	job = jobs_find(jobs, id);
	lives = job != NULL && (job->state == JOB_WAITING || job->state == JOB_RUNNING);
	if (lives && job->state == JOB_WAITING) {
		job->state = JOB_RUNNING;
		*ret = job;
	}
	pthread_mutex_unlock(&jobs->mutex);
	return lives;
}

static void
give_back(struct jobs *jobs, struct job *waited)
{
	pthread_mutex_lock(&jobs->mutex);
	waited->state = JOB_WAITING;
	pthread_cond_signal(&jobs->changed);
	pthread_mutex_unlock(&jobs->mutex);
}

/* Its thread hears of it in its own time; it may have ended meanwhile. */
static void
tell_to_end(struct jobs *jobs, int64_t id)
{
	struct job *job;

	pthread_mutex_lock(&jobs->mutex);
	job = jobs_find(jobs, id);
	if (job != NULL)
		atomic_store(&job->cancelled, true);
	pthread_mutex_unlock(&jobs->mutex);
}

static bool
why_not(struct jobs *jobs, int64_t id, struct err *err)
{
	struct job_row row;

	switch (job_row_find(store_index(jobs->larder->store), id, &row, err)) {
	case ROW_FOUND:
		job_row_finish(&row);
		return err_set(err, ERR_TAKEN, "job %" PRId64 " has ended already", id);
	case ROW_NONE:
		return err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, id);
	case ROW_FAILED:
		return false;
	}
	return false;
}

/* The promise first, durable; then the end. */
bool
jobs_cancel(struct jobs *jobs, int64_t id, struct err *err)
{
	const struct err cancelled = {.code = ERR_CANCELLED, .text = "cancelled before it began"};
	struct job *waited;

	if (!claim(jobs, id, &waited))
		return why_not(jobs, id, err);
	if (!job_row_move(store_index(jobs->larder->store), id, JOB_CANCELLING, NULL, err)) {
		if (waited != NULL)
			give_back(jobs, waited);
		return err->code == ERR_NOT_FOUND ? why_not(jobs, id, err)
		                                  : err_wrap(err, "cancelling job %" PRId64, id);
	}
	if (waited != NULL)
		job_end(waited, JOB_CANCELLED, job_outcome(NULL, NULL, &cancelled), cancelled.text);
	else
		tell_to_end(jobs, id);
	return true;
}

void
jobs_figures(struct jobs *jobs, struct jobs_figures *ret)
{
	pthread_mutex_lock(&jobs->mutex);
	*ret = (struct jobs_figures){.waiting = jobs_count(jobs, JOB_WAITING),
	        .running = jobs_count(jobs, JOB_RUNNING),
	        .ended = jobs->ended};
	pthread_mutex_unlock(&jobs->mutex);
}
