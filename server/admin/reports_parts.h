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
struct policy;

/* Whom larder may ask, by its configuration. */
struct askable {
	const struct config *config;
	struct policy *policy;
	const struct config_mirror **mirrors; /* those that are not refused */
	size_t n_mirrors;
};
bool askable_init(struct askable *ret, const struct config *config, struct err *err) MUST_CHECK;
void askable_finish(struct askable *askable);

/* Those of the catalog, and those of the lockfile that are in no catalog yet; each with its drifts and why it is refused. */
json_t *report_origins(
        const struct askable *askable, const struct known *known, const struct changed *changed);
/* The names of the configured mirrors that could and may be asked, and never were. */
json_t *report_untried_mirrors(const struct askable *askable, const struct known *known);
/* Adds "site", "copies" and "hosts". */
void report_add_copies(json_t *report, const struct known *known);

#endif
