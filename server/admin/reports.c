/*
 * Reports: all that is known of one archive, and what the reports tell in the same way. Run on a clerk's thread or a
 * command's; they read the index and change nothing, and go nowhere: what origins said is what they said when they were
 * last asked.
 */
#include "server/admin/reports.h"

#include <string.h>

#include "server/admin/changed.h"
#include "server/admin/known.h"
#include "server/admin/reports_parts.h"
#include "server/jobs/json.h"
#include "server/upstream/origins.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"
#include "storage/index/pin_rows.h"

/* --- parts --- */

json_t *
report_decision(const char *who, int64_t at_ms)
{
	return json_pack("{s:o, s:o}", "who", json_text(who), "at", json_time(at_ms));
}

json_t *
report_removed(const struct known *known)
{
	return known->state == ARCHIVE_IS_REMOVED
	               ? report_decision(known->tombstone.who, known->tombstone.at_ms)
	               : json_null();
}

bool
askable_init(struct askable *ret, const struct config *config, struct err *err)
{
	struct policy *policy = policy_create(&config->fetch, err);

	if (policy == NULL)
		return false;
	*ret = (struct askable){.config = config,
	        .policy = policy,
	        .mirrors = xcalloc(config->n_mirrors + 1, sizeof *ret->mirrors)};
	for (size_t i = 0; i < config->n_mirrors; i++)
		if (origins_refusal(config, policy, config->mirrors[i].url) == NULL)
			ret->mirrors[ret->n_mirrors++] = &config->mirrors[i];
	return true;
}

void
askable_finish(struct askable *askable)
{
	policy_destroy(askable->policy);
	free(askable->mirrors);
	*askable = (struct askable){0};
}

/* By its URL, or by the address that its host had when it was last to be asked. */
static const char *
refusal(const struct askable *askable, const struct catalog_origin *origin)
{
	const char *why = origins_refusal(askable->config, askable->policy, origin->url);

	if (why == NULL && origin->result == ORIGIN_UNTRIED && origin->detail != NULL &&
	        *origin->detail != '\0')
		why = origin->detail;
	return why;
}

static void
add_origin(const struct askable *askable, const struct changed *changed, const struct catalog_origin *origin,
        json_t *list)
{
	const char *why = refusal(askable, origin);
	json_t *one = json_origin(origin);

	json_object_set_new(one, "refused", why != NULL ? json_text(why) : json_null());
	json_object_set_new(one, "drifts", changed_drifts_json(changed, origin));
	json_array_append_new(list, one);
}

json_t *
report_origins(const struct askable *askable, const struct known *known, const struct changed *changed)
{
	const struct want *want = known->want;
	json_t *list = json_array();

	for (size_t i = 0; i < known->origins.count; i++)
		add_origin(askable, changed, &known->origins.items[i], list);
	for (size_t i = 0; i < want->n_urls; i++) {
		struct catalog_origin fresh = {.url = want->urls[i]};

		if (known_origin(known, want->urls[i]) == NULL)
			add_origin(askable, changed, &fresh, list);
	}
	return list;
}

static bool
holds(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

void
report_add_copies(json_t *report, const struct known *known)
{
	json_t *hosts = json_array();
	struct site site;

	for (size_t i = 0; i < known->origins.count; i++) {
		const struct catalog_origin *origin = &known->origins.items[i];

		if (catalog_serves(origin) && site_of(origin->url, &site) && !holds(hosts, site.host))
			json_array_append_new(hosts, json_text(site.host));
	}
	json_object_set_new(report, "copies", json_integer((json_int_t)known->copies));
	json_object_set_new(report, "hosts", hosts);
	json_object_set_new(report, "site", json_text(known_site(known, &site) ? site.text : ""));
}

json_t *
report_untried_mirrors(const struct askable *askable, const struct known *known)
{
	json_t *names = json_array();

	for (size_t i = 0; i < askable->n_mirrors; i++)
		if (known_mirror_untried(known, askable->mirrors[i]))
			json_array_append_new(names, json_text(askable->mirrors[i]->name));
	return names;
}

/* --- one archive --- */

static bool
visit_package(void *context, const char *package)
{
	json_array_append_new(context, json_text(package));
	return true;
}

/* {"who", "at"}, or null. NULL with err: the index failed. */
static json_t *
pinned_json(struct store *store, const struct known *known, struct err *err)
{
	struct pin pin;

	if (known->state != ARCHIVE_IS_STORED)
		return json_null();
	switch (pin_row_find(store_index(store), known->archive.digests.sha256, &pin, err)) {
	case ROW_FOUND:
		return report_decision(pin.who, pin.at_ms);
	case ROW_NONE:
		return json_null();
	case ROW_FAILED:
		break;
	}
	return NULL;
}

static void
add_storage(json_t *report, const struct known *known, int64_t used_at_ms)
{
	const bool stored = known->state == ARCHIVE_IS_STORED;
	const struct archive *archive = &known->archive;

	json_object_set_new(report, "stored", json_boolean(stored));
	json_object_set_new(
	        report, "size", stored ? json_integer((json_int_t)archive->size_bytes) : json_null());
	json_object_set_new(report, "stored_at", json_time(stored ? archive->stored_at_ms : 0));
	json_object_set_new(report, "used_at", json_time(used_at_ms));
	json_object_set_new(report, "came_from", stored ? json_text(archive->came_from) : json_null());
	json_object_set_new(report, "git_commit",
	        stored && archive->git_commit[0] != '\0' ? json_text(archive->git_commit) : json_null());
}

/* When a stored archive was last asked for; 0 where it is none. False with err: the index failed. */
static bool
find_use(struct store *store, const struct known *known, int64_t *ret_at_ms, struct err *err)
{
	struct archive_row row;
	struct digest name;

	*ret_at_ms = 0;
	if (known->state != ARCHIVE_IS_STORED)
		return true;
	digests_get(&known->archive.digests, DIGEST_SHA256, &name);
	switch (archive_row_find(store_index(store), &name, &row, err)) {
	case ROW_FOUND:
		*ret_at_ms = row.used_at_ms;
		return true;
	case ROW_NONE: /* removed in this very moment */
		return true;
	case ROW_FAILED:
		break;
	}
	return false;
}

/* False with err: the index failed. */
static bool
add_origins(struct larder *larder, json_t *report, const struct known *known, struct err *err)
{
	struct askable askable;
	struct changed changed;
	bool done;

	if (!askable_init(&askable, larder->config, err))
		return false;
	done = changed_look_up(larder->store, known, &changed, err);
	if (done)
		json_object_set_new(report, "origins", report_origins(&askable, known, &changed));
	changed_finish(&changed);
	askable_finish(&askable);
	return done;
}

/* The members that take questions of their own. False with err: the index failed. */
static bool
add_answers(struct larder *larder, json_t *report, const struct known *known, struct err *err)
{
	struct store *store = larder->store;
	struct digest best = digests_best(&known->want->digests);
	json_t *packages = json_array(), *pinned;
	struct digests digests;
	int64_t used_at_ms;

	json_object_set_new(report, "packages", packages);
	if (!known_digests(store, known, &digests, err) || !find_use(store, known, &used_at_ms, err) ||
	        !catalog_packages(store_catalog(store), &best, visit_package, packages, err))
		return false;
	json_object_set_new(report, "digests", json_digests(&digests));
	add_storage(report, known, used_at_ms);
	pinned = pinned_json(store, known, err);
	if (pinned == NULL)
		return false;
	json_object_set_new(report, "pinned", pinned);
	return add_origins(larder, report, known, err);
}

static json_t *
known_json(struct larder *larder, const struct known *known, struct err *err)
{
	json_t *report = json_object();

	json_object_set_new(report, "state", json_string(archive_state_name(known->state)));
	json_object_set_new(report, "removed", report_removed(known));
	report_add_copies(report, known);
	if (add_answers(larder, report, known, err))
		return report;
	json_decref(report);
	return NULL;
}

json_t *
report_archive(struct larder *larder, const struct digests *digests, struct err *err)
{
	const struct want want = {.digests = *digests, .package = ""};
	json_t *report = NULL;
	struct known known;

	if (known_look_up(larder->store, &want, &known, err))
		report = known_json(larder, &known, err);
	if (report != NULL && known.state == ARCHIVE_IS_UNKNOWN &&
	        json_array_size(json_object_get(report, "packages")) == 0) {
		err_set(err, ERR_UNKNOWN, "nothing is known of it: it is neither stored nor in the catalog");
		json_decref(report);
		report = NULL;
	}
	known_finish(&known);
	return report;
}
