/*
 * What is told of a job: from memory while it lives and for a while after, from its row else. Any thread.
 */
#include <inttypes.h>

#include "server/jobs/json.h"
#include "server/jobs/jobs.h"
#include "server/jobs/jobs_parts.h"
#include "storage/base/text.h"

const char *
job_state_name(enum job_state state)
{
	switch (state) {
	case JOB_WAITING:
		return "waiting";
	case JOB_RUNNING:
	case JOB_CANCELLING: /* until it has heard */
		return "running";
	case JOB_DONE:
		return "done";
	case JOB_FAILED:
		return "failed";
	case JOB_CANCELLED:
		return "cancelled";
	}
	return "";
}

static json_t *
heading(const struct job_row *row)
{
	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o}", "id", (json_int_t)row->id, "kind",
	        json_text(row->kind), "state", job_state_name(row->state), "who", json_text(row->who),
	        "created", json_time(row->created_at_ms), "ended", json_time(row->ended_at_ms));
}

/* Of a job in memory, as its row would be. Borrows. */
static struct job_row
row_of(const struct job *job)
{
	return (struct job_row){.id = job->id,
	        .state = job->state,
	        .created_at_ms = job->created_at_ms,
	        .ended_at_ms = job->ended_at_ms,
	        .kind = job->kind,
	        .who = job->who};
}

static json_t *
progress_of(const struct job *job)
{
	return json_pack("{s:s, s:I, s:I, s:I}", "verb", job->verb, "done", (json_int_t)job->done, "total",
	        (json_int_t)job->total, "bytes", (json_int_t)job->bytes);
}

/* Result, error and exit status; nulls for one that has not ended. */
static void
add_outcome(json_t *told, const char *text)
{
	json_t *outcome = text != NULL && text[0] != '\0' ? json_loads(text, 0, NULL) : NULL;

	json_object_set_new(told, "result", json_null());
	json_object_set_new(told, "error", json_null());
	json_object_set_new(told, "exit_status", json_null());
	json_object_update(told, outcome);
	json_decref(outcome);
}

/* NULL: not in memory. The outcome of a long list is parsed behind the lock. */
static json_t *
tell_live(struct jobs *jobs, int64_t id, uint64_t since)
{
	AUTO_FREE char *outcome = NULL;
	json_t *told = NULL;
	struct job *job;

	pthread_mutex_lock(&jobs->mutex);
	job = jobs_find(jobs, id);
	if (job != NULL) {
		struct job_row row = row_of(job);
		uint64_t next;

		told = heading(&row);
		json_object_set_new(told, "progress", progress_of(job));
		json_object_set_new(
		        told, "events", job_events_since(&job->events, since, JOBS_EVENTS_TOLD, &next));
		json_object_set_new(told, "next", json_integer((json_int_t)next));
		outcome = job->outcome != NULL ? xstrdup(job->outcome) : NULL;
	}
	pthread_mutex_unlock(&jobs->mutex);
	if (told != NULL)
		add_outcome(told, outcome);
	return told;
}

static json_t *
tell_row(const struct job_row *row, uint64_t since)
{
	json_t *told = heading(row);

	json_object_set_new(told, "progress",
	        json_pack("{s:s, s:i, s:i, s:i}", "verb", "", "done", 0, "total", 0, "bytes", 0));
	json_object_set_new(told, "events", json_array());
	json_object_set_new(told, "next", json_integer((json_int_t)since));
	add_outcome(told, row->result);
	return told;
}

json_t *
jobs_tell(struct jobs *jobs, int64_t id, uint64_t since, struct err *err)
{
	json_t *told = tell_live(jobs, id, since);
	struct job_row row;

	if (told != NULL)
		return told;
	switch (job_row_find(store_index(jobs->larder->store), id, &row, err)) {
	case ROW_FOUND:
		told = tell_row(&row, since);
		job_row_finish(&row);
		return told;
	case ROW_NONE:
		err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, id);
		return NULL;
	case ROW_FAILED:
		return NULL;
	}
	return NULL;
}

/* --- all of them --- */

struct listing {
	struct jobs *jobs;
	json_t *list;
};

static bool
add_row(void *context, const struct job_row *row)
{
	struct listing *listing = context;
	json_t *told = NULL;
	struct job *job;

	pthread_mutex_lock(&listing->jobs->mutex);
	job = jobs_find(listing->jobs, row->id);
	if (job != NULL) {
		struct job_row live = row_of(job);

		told = heading(&live);
		json_object_set_new(told, "progress", progress_of(job));
	}
	pthread_mutex_unlock(&listing->jobs->mutex);
	json_array_append_new(listing->list, told != NULL ? told : heading(row));
	return json_array_size(listing->list) < JOBS_LISTED;
}

json_t *
jobs_list(struct jobs *jobs, struct err *err)
{
	struct listing listing = {.jobs = jobs, .list = json_array()};

	if (job_rows_walk(store_index(jobs->larder->store), add_row, &listing, err))
		return json_pack("{s:o}", "jobs", listing.list);
	json_decref(listing.list);
	return NULL;
}
