/*
 * What the reports tell in the same way. For server/admin/reports*.c.
 */
#ifndef SERVER_ADMIN_REPORTS_PARTS_H
#define SERVER_ADMIN_REPORTS_PARTS_H

#include <jansson.h>

#include "server/admin/changed.h"
#include "server/admin/known.h"

/* {"who", "at"} */
json_t *report_decision(const char *who, int64_t at_ms);
/* Who removed it, or null. */
json_t *report_removed(const struct known *known);
/* Those of the catalog, and those of the lockfile that are in no catalog yet; each with its drifts. */
json_t *report_origins(const struct known *known, const struct changed *changed);
/* The names of the configured mirrors that could be asked and never were. */
json_t *report_untried_mirrors(const struct known *known, const struct config *config);
/* Adds "site", "copies" and "hosts". */
void report_add_copies(json_t *report, const struct known *known);

#endif
