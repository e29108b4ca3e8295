/*
 * Jobs: work that somebody asked the daemon for. Each has a row in the index, so that it goes on after a
 * restart; a few threads run them, in the order they came.
 */
#ifndef SERVER_WORK_JOBS_H
#define SERVER_WORK_JOBS_H

#include <jansson.h>

#include "server/admin/auth.h"
#include "server/http/desk.h"
#include "server/jobs/work.h"

#define JOBS_THREADS     2
#define JOBS_WAITING_MAX 100    /* more: ERR_OVERLOADED */
#define JOBS_EVENTS_MAX  200000 /* kept in memory of one job; the oldest make room */
#define JOB_NAME_MAX     200    /* bytes of ?name=, without control characters */

struct jobs;

/* Starts the threads, and the jobs that a stop or a kill left unfinished. Borrows larder. */
struct jobs *jobs_create(struct larder *larder, struct err *err) MUST_CHECK;
/*
 * Nothing new from here on (ERR_STOPPING), and what runs is told to stop where it is: it goes on at the next
 * start. Returns at once. NULL is nothing.
 */
void jobs_refuse(struct jobs *jobs);
/* Waits until the threads have ended; after fetcher_stop, since they may wait for it. NULL is nothing. */
void jobs_destroy(struct jobs *jobs);

struct job_wish {
	const char *kind;
	const json_t *asked;
	const char *body; /* a name in the spool, which the job owns from here on; "": none */
	const struct caller *caller;
	const char *detail; /* for the audit: what it is about; "" where there is nothing to say */
};
/* Durable and in the audit when it returns; how it ends comes there, too. ERR_OVERLOADED, ERR_STOPPING: the body is removed. Blocks. */
bool jobs_add(struct jobs *jobs, const struct job_wish *wish, int64_t *ret_id, struct err *err) MUST_CHECK;

/*
 * {"id", "kind", "state": "waiting|running|done|failed|cancelled", "who", "created", "ended",
 *  "progress": {"verb", "done", "total", "bytes"}, "events": [...], "next": n, "result": {...}, "error": "…",
 *  "exit_status": n}
 * events: those from number `since` on, at most JOBS_EVENTS_TOLD; next: what to ask since. Once it has ended:
 * result is what the work answered, in any state; null where it answered none, and then error says why and
 * exit_status is that of a command. NULL: ERR_NOT_FOUND.
 */
#define JOBS_EVENTS_TOLD 1000
json_t *jobs_tell(struct jobs *jobs, int64_t id, uint64_t since, struct err *err) MUST_CHECK;
/* {"jobs": […]}: the newest JOBS_LISTED of them, without events and results. */
#define JOBS_LISTED 100
json_t *jobs_list(struct jobs *jobs, struct err *err) MUST_CHECK;
/*
 * Ends it, once it has heard; durable when it returns: one that a kill overtakes is ended at the next start.
 * ERR_NOT_FOUND, ERR_TAKEN (it has ended already). Blocks.
 */
bool jobs_cancel(struct jobs *jobs, int64_t id, struct err *err) MUST_CHECK;

struct jobs_figures {
	uint64_t waiting, running, ended;
};
void jobs_figures(struct jobs *jobs, struct jobs_figures *ret);

/* The API (server/jobs/jobs_api.c). Each answers 202 with {"id", "url"} and Location, or what its name says. */
api_fn api_fetch; /* POST /api/v1/fetch: a lockfile, a list, lines of digests; or JSON as work_fetch reads it */
api_fn api_catalog;    /* POST /api/v1/catalog: a source; or JSON {"source": URL}; ?name= for messages */
api_fn api_verify;     /* POST /api/v1/verify?repair=yes */
api_fn api_jobs;       /* GET /api/v1/jobs: the newest, without events */
api_fn api_job;        /* GET /api/v1/jobs/{id}?since=N */
api_fn api_job_cancel; /* DELETE /api/v1/jobs/{id} */

#endif
