/*
 * What is sent to the routes that begin a job, as the job is asked: any bytes of a client, and out of them what is right. Pure; any
 * thread.
 */
#ifndef SERVER_WORK_JOB_BODY_H
#define SERVER_WORK_JOB_BODY_H

#include <jansson.h>
#include <stdbool.h>

#include "storage/base/err.h"
#include "storage/base/text.h"

/*
 * POST /api/v1/fetch: JSON as work_fetch_check wants it, a lockfile, a list, or lines of digests; name is what messages call
 * them. The caller's. NULL: ERR_SYNTAX, ERR_BAD_REQUEST, ERR_TOO_LARGE.
 */
json_t *job_body_fetch(const struct text *body, const char *name, struct err *err);
/*
 * POST /api/v1/catalog: {"source": URL}, which is the caller's. NULL: with err, it is JSON that is wrong; without, it is
 * something else, a source.
 */
json_t *job_body_source(const struct text *body, struct err *err);
/* ?name=, percent-encoded (%NN and nothing else, as in a path). False: it is empty, too long, or holds what no name holds. */
bool job_body_name(const char *from, struct text *ret) MUST_CHECK;

#endif
