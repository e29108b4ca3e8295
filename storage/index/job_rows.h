/*
 * Jobs as they are kept, so that long work which somebody asked for goes on after a restart.
 *
 *   WAITING ──→ RUNNING ──→ DONE | FAILED | CANCELLED    a restart finds WAITING and RUNNING ones, and runs them (again)
 *       └→ CANCELLING ←┘            ↑                    and CANCELLING ones, which it ends
 *               └───────────────────┘
 */
#ifndef STORAGE_INDEX_JOB_ROWS_H
#define STORAGE_INDEX_JOB_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

/* Kept in the table: the numbers stay. */
enum job_state {
	JOB_WAITING = 0,
	JOB_RUNNING = 1,
	JOB_DONE = 2,
	JOB_FAILED = 3,
	JOB_CANCELLED = 4,
	JOB_CANCELLING = 5, /* somebody was promised that it ends; only an end follows */
};

#define JOB_ROWS_MAX 200 /* of those that ended; the oldest make room */

struct job_row {
	int64_t id;
	enum job_state state;
	int64_t created_at_ms, ended_at_ms; /* since 1970; 0: not yet */
	char *kind, *who;
	char *asked;  /* JSON */
	char *body;   /* the name of a file in spool/; "": none */
	char *result; /* JSON; "": none yet */
};
void job_row_finish(struct job_row *job); /* releases the texts */

/* Durable when they return; block. */
bool job_row_add(struct index *index, const struct job_row *job, int64_t *ret_id, struct err *err) MUST_CHECK;
/*
 * The new state; with an ended one also the result and the time, and ended jobs past JOB_ROWS_MAX are
 * deleted. result NULL: stays. What is CANCELLING stays so until it ends, whatever else it is moved to.
 */
bool job_row_move(struct index *index, int64_t id, enum job_state state, const char *result,
        struct err *err) MUST_CHECK;

/* Any thread. The texts are the caller's. */
enum row_answer job_row_find(
        struct index *index, int64_t id, struct job_row *ret, struct err *err) MUST_CHECK;
/* All, newest first; borrowed for the call. False from the visitor ends the walk. */
typedef bool job_row_visit_fn(void *context, const struct job_row *job);
bool job_rows_walk(struct index *index, job_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

#endif
