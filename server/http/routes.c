/*
 * The tables of what is answered. Read-only; any thread.
 */
#include "server/admin/manage.h"
#include "server/admin/reports.h"
#include "server/admin/status.h"
#include "server/admin/upload.h"
#include "server/archive/archive.h"
#include "server/http/router.h"
#include "server/watch/feed.h"
#include "server/jobs/jobs.h"

const struct route routes[] = {
        {METHOD_GET, "/", KIND_PAGE, ACCESS_ANYONE, status_page, NULL, NULL},
        {METHOD_GET, "/healthz", KIND_OPERATING, ACCESS_ANYONE, status_healthz, NULL, NULL},
        {METHOD_GET, "/readyz", KIND_OPERATING, ACCESS_ANYONE, status_readyz, NULL, NULL},
        {METHOD_GET, "/metrics", KIND_OPERATING, ACCESS_ANYONE, status_metrics, NULL, NULL},
        {METHOD_GET, "/version", KIND_OPERATING, ACCESS_ANYONE, status_version, NULL, NULL},
        {METHOD_GET, "/status", KIND_OPERATING, ACCESS_ANYONE, status_status, NULL, NULL},
        {METHOD_GET, "/events.atom", KIND_OPERATING, ACCESS_ANYONE, feed_atom, NULL, NULL},
        {METHOD_PUT, "/api/v1/pins/{digest}", KIND_API, RIGHT_REMOVE, NULL, api_pin, NULL},
        {METHOD_DELETE, "/api/v1/pins/{digest}", KIND_API, RIGHT_REMOVE, NULL, api_unpin, NULL},
        {METHOD_DELETE, "/api/v1/tombstones/{digest}", KIND_API, RIGHT_REMOVE, NULL, api_forget, NULL},
        {METHOD_POST, "/api/v1/check", KIND_API, ACCESS_TOKEN | ACCESS_DONATION, NULL, api_check, &body_text},
        {METHOD_GET, "/api/v1/wanted", KIND_API, ACCESS_TOKEN | ACCESS_DONATION, NULL, api_wanted, NULL},
        {METHOD_GET, "/api/v1/archives/{digest}", KIND_API, ACCESS_TOKEN, NULL, api_archive, NULL},
        {METHOD_GET, "/api/v1/events", KIND_API, ACCESS_TOKEN, NULL, api_events, NULL},
        {METHOD_GET, "/api/v1/openapi.json", KIND_API, ACCESS_ANYONE, api_description, NULL, NULL},
        {METHOD_GET, "/api/v1/tokens", KIND_API, ACCESS_CONTROL, NULL, api_tokens, NULL},
        {METHOD_POST, "/api/v1/tokens", KIND_API, ACCESS_CONTROL, NULL, api_token_add, &body_text},
        {METHOD_DELETE, "/api/v1/tokens", KIND_API, ACCESS_CONTROL, NULL, api_token_revoke, NULL},
        {METHOD_POST, "/api/v1/fetch", KIND_API, RIGHT_FETCH, NULL, api_fetch, &body_text},
        {METHOD_POST, "/api/v1/catalog", KIND_API, RIGHT_CATALOG, NULL, api_catalog, &body_spool},
        {METHOD_POST, "/api/v1/verify", KIND_API, RIGHT_REMOVE, NULL, api_verify, NULL},
        {METHOD_GET, "/api/v1/jobs", KIND_API, ACCESS_TOKEN, NULL, api_jobs, NULL},
        {METHOD_GET, "/api/v1/jobs/{id}", KIND_API, ACCESS_TOKEN, NULL, api_job, NULL},
        {METHOD_DELETE, "/api/v1/jobs/{id}", KIND_API, RIGHT_FETCH | RIGHT_CATALOG, NULL, api_job_cancel,
                NULL},
        {METHOD_POST, "/api/v1/archives", KIND_UPLOAD, RIGHT_UPLOAD, upload_post, NULL, &body_upload},
};

const size_t n_routes = COUNT_OF(routes);

/* Archives, in every spelling of their paths. */
const struct route archive_routes[] = {
        {METHOD_GET, "/{digest}", KIND_ARCHIVE, ACCESS_ANYONE, archive_get, NULL, NULL},
        {METHOD_DELETE, "/{digest}", KIND_API, RIGHT_REMOVE, NULL, api_remove, NULL},
        {METHOD_PUT, "/{digest}", KIND_UPLOAD, RIGHT_UPLOAD | ACCESS_DONATION, upload_put, NULL,
                &body_upload},
};

const size_t n_archive_routes = COUNT_OF(archive_routes);
