/*
 * The table of what is answered besides archives. Read-only; any thread.
 */
#include "server/admin/status.h"
#include "server/http/router.h"

const struct route routes[] = {
        {METHOD_GET, "/", KIND_PAGE, ACCESS_ANYONE, status_page, NULL, NULL},
        {METHOD_GET, "/healthz", KIND_OPERATING, ACCESS_ANYONE, status_healthz, NULL, NULL},
        {METHOD_GET, "/readyz", KIND_OPERATING, ACCESS_ANYONE, status_readyz, NULL, NULL},
        {METHOD_GET, "/metrics", KIND_OPERATING, ACCESS_ANYONE, status_metrics, NULL, NULL},
        {METHOD_GET, "/version", KIND_OPERATING, ACCESS_ANYONE, status_version, NULL, NULL},
        {METHOD_GET, "/status", KIND_OPERATING, ACCESS_ANYONE, status_status, NULL, NULL},
};

const size_t n_routes = COUNT_OF(routes);
