/*
 * Reports: what larder knows, as JSON; used by the API and by the commands alike. They read the index and block
 * on the disk.
 */
#ifndef SERVER_ADMIN_REPORTS_H
#define SERVER_ADMIN_REPORTS_H

#include <jansson.h>

#include "server/http/desk.h"
#include "server/larder.h"
#include "server/jobs/wants.h"

/*
 * What `larder check --json` prints: {"archives", "stored", "stored_bytes", "only_here", "corrected", "states": {state: count},
 * "missing": [{"package", "digests", "state", "site", "copies", "hosts", "removed", "origins", "correction",
 * "mirrors_untried", "forbidden", "advice"}], "kept": [{"package", "digests", "size", "site", "copies", "hosts", "elsewhere",
 * "correction"}]}. missing are those that are not stored, kept those that are; corrected counts the corrections of these. NULL with err.
 */
json_t *report_check(struct larder *larder, const struct wants *wants, struct err *err) MUST_CHECK;
/*
 * What of a lockfile or list larder can do nothing with, into its report: "problems", of what could not be read; "without_digest" and
 * "not_archives", how many sections name no checksum or no archive; and the first of these as "unkept": [{"why", "package", "url",
 * "site"}].
 */
void report_add_harvest(json_t *report, const struct harvest *harvest);

/*
 * What `larder show --json` prints of one archive, which has all of these digests: {"digests", "state", "stored",
 * "size", "stored_at", "used_at", "came_from", "git_commit", "pinned", "removed", "packages", "copies", "hosts",
 * "origins"}. NULL: ERR_UNKNOWN when nothing is known.
 */
json_t *report_archive(struct larder *larder, const struct digests *digests, struct err *err) MUST_CHECK;

/*
 * What `larder repair --json` prints of these: {"archives", "untried", "failing", "unknown", "repairs": [{"package", "digests", "checksums", "stored", "how", "url",
 * "serving", "correction", "named", "untried", "mirrors_untried", "file"}]}. Of an archive whose named origins have all
 * vanished, changed or fail, or are named for other bytes by a newer source while it is not stored (REPAIR_ALL: of each); named by the
 * want's own URLs or, where it has none, by today's sources.
 * Of all others nobody knows whether they are gone where no origin was asked (untried), answers (failing) or is known.
 *
 * how: "named" (they serve it), "elsewhere" (url does, serving is that origin), "corrected" (a source names other bytes there now:
 * checksums are theirs; whether anybody has seen them correction says), "rescue" (url is null: nobody is known to serve it). NULL with err.
 */
enum repair_extent { REPAIR_BROKEN, REPAIR_ALL };
json_t *report_repair(struct larder *larder, const struct wants *wants, enum repair_extent extent,
        struct err *err) MUST_CHECK;

#define REPORT_LIMIT     100 /* items of one answer, where the request names no limit */
#define REPORT_LIMIT_MAX 1000
#define REPORT_DATA_MAX                                                                                      \
	(8u << 20) /* bytes of the data of events in one answer; fewer events where it is more */

/* The API. */
api_fn api_check;   /* POST /api/v1/check: what server/jobs/asked.h reads */
api_fn api_archive; /* GET /api/v1/archives/{digest} */
api_fn api_wanted; /* GET /api/v1/wanted?after=&limit=  {"wanted": [{"digests", "package"}], "next": id or null} */
/* GET /api/v1/events?since=&limit=&level=  {"events": [{"id", "at", "kind", …, "about": {} or null}], "next": id} */
api_fn api_events;
handler_fn api_description; /* GET /api/v1/openapi.json */

#endif
