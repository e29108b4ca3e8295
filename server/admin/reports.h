/*
 * Reports: what larder knows, as JSON; used by the API and by the commands alike. They read the index and block
 * on the disk.
 */
#ifndef SERVER_ADMIN_REPORTS_H
#define SERVER_ADMIN_REPORTS_H

#include <jansson.h>

#include "server/http/desk.h"
#include "server/larder.h"
#include "server/work/wants.h"

/* What `larder check --json` prints. NULL with err. */
json_t *report_check(struct larder *larder, const struct wants *wants, struct err *err) MUST_CHECK;
/* What `larder show --json` prints of one archive. NULL: ERR_UNKNOWN when nothing is known. */
json_t *report_archive(struct larder *larder, const struct digest *digest, struct err *err) MUST_CHECK;

/* The API. */
api_fn api_check; /* POST /api/v1/check: a lockfile, list, lines of digests, or JSON {"digests": [[…], …]} */
api_fn api_archive; /* GET /api/v1/archives/{digest} */
api_fn api_wanted; /* GET /api/v1/wanted?after=&limit=  {"wanted": [{"digests", "package"}], "next": id or null} */
api_fn api_events;          /* GET /api/v1/events?since=&limit= */
handler_fn api_description; /* GET /api/v1/openapi.json */

#endif
