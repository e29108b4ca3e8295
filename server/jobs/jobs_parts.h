/*
 * What the table of jobs is made of, for its own files: jobs.c keeps them, jobs_run.c runs them, jobs_tell.c
 * tells of them.
 */
#ifndef SERVER_WORK_JOBS_PARTS_H
#define SERVER_WORK_JOBS_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "server/jobs/job_events.h"
#include "server/jobs/jobs.h"
#include "storage/index/job_rows.h"

#define JOBS_ENDED_KEPT                                                                                      \
	8 /* with their events, for who has not asked yet; older ones are in the index alone */

/* A job that waits, runs, or has lately ended. The lock of the table is over all but what is said otherwise. */
#define JOB_SUBJECT_MAX 32 /* "job 12", as the audit names it */

struct job {
	TAILQ_ENTRY(job) link;
	struct jobs *jobs;
	int64_t id; /* constant, as are the next four */
	char *kind, *who, *from, *body;
	int64_t created_at_ms, ended_at_ms;
	enum job_state state;
	atomic_bool cancelled;
	const char *verb; /* how far it is; "" before the work has said */
	uint64_t done, total, bytes;
	struct job_events events;
	char *outcome; /* of one that ended, as its row has it */
};

TAILQ_HEAD(job_list, job);

struct jobs {
	struct larder *larder;
	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t changed;
	struct job_list all; /* in the order they came */
	size_t adding;       /* those whose rows are being written */
	uint64_t ended;
	atomic_bool stopping;
	pthread_t threads[JOBS_THREADS];
	size_t n_threads;
};

/* Under the lock. NULL: not in memory. */
struct job *jobs_find(struct jobs *jobs, int64_t id);
size_t jobs_count(const struct jobs *jobs, enum job_state state);
void job_destroy(struct job *job);

/* A thread; its context is the table. */
void *jobs_run(void *context);
/*
 * {"result": …, "error": "…", "exit_status": n} as it is kept in the row; the caller's. result NULL: err says
 * why.
 */
char *job_outcome(const struct work_kind *kind, json_t *result, const struct err *err);
/* Of a job that nobody else ends: RUNNING. Takes the outcome; why is for the audit, "" where all went well. */
void job_end(struct job *job, enum job_state state, char *outcome, const char *why);
const char *job_state_name(enum job_state state);

#endif
