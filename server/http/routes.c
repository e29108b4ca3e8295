/*
 * The table of pages: everything larder answers besides archives. Read-only; any thread.
 */
#include <string.h>

#include "server/admin/status.h"
#include "server/http/router.h"

static const struct route routes[] = {
        {"/", KIND_PAGE, status_page},
        {"/healthz", KIND_OPERATING, status_healthz},
        {"/readyz", KIND_OPERATING, status_readyz},
        {"/metrics", KIND_OPERATING, status_metrics},
        {"/version", KIND_OPERATING, status_version},
        {"/status", KIND_OPERATING, status_status},
};

const struct route *
route_find(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
	return NULL;
}
