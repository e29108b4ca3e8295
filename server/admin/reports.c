/*
 * Reports. Run on a clerk's thread or a command's; they read the index and change nothing, and go nowhere: what
 * origins said is what they said when they were last asked.
 */
#include "server/admin/reports.h"

#include <assert.h>
#include <string.h>

#include "server/config.h"
#include "server/work/json.h"
#include "storage/catalog/catalog.h"
#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"

/* Of an archive: kept, or by what its origins did when they were last asked. */
enum state {
	STATE_REACHABLE, /* one served it */
	STATE_UNTRIED,   /* one was never asked, and none that was asked served it */
	STATE_FAILING,   /* all were asked and none served it */
	STATE_UNKNOWN,   /* there is none */
	STATE_REMOVED,   /* somebody removed it; it is not fetched again */
	STATE_STORED,
};

const char *const report_states[REPORT_STATES] = {"reachable", "untried", "failing", "unknown", "removed"};

/* One archive as store and catalog know it. */
struct known {
	const struct want *want;
	enum state state;
	struct archive archive;     /* of STATE_STORED */
	int64_t used_at_ms;         /* of STATE_STORED, once look_closer was there */
	struct tombstone tombstone; /* of STATE_REMOVED */
	struct catalog_origins origins;
};

static bool
names_url(const struct catalog_origins *origins, const char *url)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i].url, url) == 0)
			return true;
	return false;
}

/* A URL of the lockfile that the catalog does not know yet: nobody has asked it. */
static bool
names_fresh_url(const struct want *want, const struct catalog_origins *origins)
{
	for (size_t i = 0; i < want->n_urls; i++)
		if (!names_url(origins, want->urls[i]))
			return true;
	return false;
}

static enum state
judge_origins(const struct want *want, const struct catalog_origins *origins)
{
	bool untried = names_fresh_url(want, origins);

	for (size_t i = 0; i < origins->count; i++) {
		if (origins->items[i].result == ORIGIN_SERVED)
			return STATE_REACHABLE;
		untried = untried || origins->items[i].result == ORIGIN_UNTRIED;
	}
	if (untried)
		return STATE_UNTRIED;
	return origins->count > 0 ? STATE_FAILING : STATE_UNKNOWN;
}

/* Whether somebody removed what has any of these digests. */
static enum row_answer
find_tombstone(struct store *store, const struct digests *digests, struct tombstone *ret, struct err *err)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		enum row_answer answer;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		answer = tombstone_row_find(store_index(store), &digest, ret, err);
		if (answer != ROW_NONE)
			return answer;
	}
	return ROW_NONE;
}

static bool
look_elsewhere(struct store *store, struct known *known, struct err *err)
{
	const struct digests *digests = &known->want->digests;

	if (!wants_origins(store_catalog(store), digests, &known->origins, err))
		return false;
	if (known->state == STATE_STORED)
		return true;
	known->state = judge_origins(known->want, &known->origins);
	switch (find_tombstone(store, digests, &known->tombstone, err)) {
	case ROW_FOUND:
		known->state = STATE_REMOVED;
		return true;
	case ROW_NONE:
		return true;
	case ROW_FAILED:
		return false;
	}
	return false;
}

/* False with err: the index failed. The origins are to be released in any case. */
static bool
look_up(struct store *store, const struct want *want, struct known *ret, struct err *err)
{
	*ret = (struct known){.want = want, .state = STATE_UNKNOWN};
	switch (store_has(store, &want->digests, &ret->archive, err)) {
	case STORE_HIT:
		ret->state = STATE_STORED;
		return true;
	case STORE_MISS:
		return look_elsewhere(store, ret, err);
	case STORE_FAILED:
		break;
	}
	return false;
}

static const char *
advice(enum state state, const struct config *config)
{
	switch (state) {
	case STATE_REACHABLE:
	case STATE_UNTRIED:
		return "larder fetch";
	case STATE_FAILING:
		return "larder add FILE, if you have it; larder fetch asks again";
	case STATE_UNKNOWN:
		return config->n_mirrors > 0
		               ? "larder fetch asks the mirrors; larder add FILE, if you have it"
		               : "larder add FILE, if you have it";
	case STATE_REMOVED:
		return "larder remove --forget lets it be fetched again";
	case STATE_STORED:
		break;
	}
	return "";
}

static json_t *
decision_json(const char *who, int64_t at_ms)
{
	return json_pack("{s:o, s:o}", "who", json_text(who), "at", json_time(at_ms));
}

static json_t *
removed_json(const struct known *known)
{
	return known->state == STATE_REMOVED ? decision_json(known->tombstone.who, known->tombstone.at_ms)
	                                     : json_null();
}

/* Those of the catalog, and those of the lockfile that are in no catalog yet. */
static json_t *
origins_json(const struct known *known)
{
	const struct want *want = known->want;
	json_t *list = json_array();

	for (size_t i = 0; i < known->origins.count; i++)
		json_array_append_new(list, json_origin(&known->origins.items[i]));
	for (size_t i = 0; i < want->n_urls; i++) {
		struct catalog_origin fresh = {.url = want->urls[i], .detail = "", .result = ORIGIN_UNTRIED};

		if (!names_url(&known->origins, want->urls[i]))
			json_array_append_new(list, json_origin(&fresh));
	}
	return list;
}

static json_t *
missing_json(const struct known *known, const struct config *config)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s}", "package", json_text(known->want->package),
	        "digests", json_digests(&known->want->digests), "state", report_states[known->state],
	        "removed", removed_json(known), "origins", origins_json(known), "advice",
	        advice(known->state, config));
}

/* What a check has counted so far. */
struct counts {
	uint64_t stored, stored_bytes;
	uint64_t by_state[REPORT_STATES];
};

static bool
check_one(struct larder *larder, const struct want *want, struct counts *counts, json_t *missing,
        struct err *err)
{
	struct known known;
	bool good = look_up(larder->store, want, &known, err);

	if (good && known.state == STATE_STORED) {
		counts->stored++;
		counts->stored_bytes += known.archive.size_bytes;
	} else if (good) {
		counts->by_state[known.state]++;
		json_array_append_new(missing, missing_json(&known, larder->config));
	}
	catalog_origins_finish(&known.origins);
	return good;
}

json_t *
report_check(struct larder *larder, const struct wants *wants, struct err *err)
{
	json_t *states, *missing = json_array();
	struct counts counts = {0};

	for (size_t i = 0; i < wants->count; i++) {
		if (!check_one(larder, &wants->items[i], &counts, missing, err)) {
			json_decref(missing);
			return NULL;
		}
	}
	states = json_object();
	for (size_t i = 0; i < REPORT_STATES; i++)
		json_object_set_new(states, report_states[i], json_integer((json_int_t)counts.by_state[i]));
	return json_pack("{s:I, s:I, s:I, s:o, s:o}", "archives", (json_int_t)wants->count, "stored",
	        (json_int_t)counts.stored, "stored_bytes", (json_int_t)counts.stored_bytes, "states", states,
	        "missing", missing);
}

static bool
visit_package(void *context, const char *package)
{
	json_array_append_new(context, json_text(package));
	return true;
}

/* Of a stored archive all; else what was asked, and what the catalog lists with it if it knows but one such set. */
static bool
complete_digests(struct store *store, const struct known *known, struct digests *ret, struct err *err)
{
	struct digest best = wants_best(&known->want->digests);
	struct catalog_wanted wanted;

	*ret = known->state == STATE_STORED ? known->archive.digests : known->want->digests;
	if (known->state == STATE_STORED)
		return true;
	if (!catalog_wanted(store_catalog(store), &best, &wanted, err))
		return false;
	if (wanted.count != 1 || !digests_agree(ret, &wanted.sets[0]))
		return true;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(&wanted.sets[0], (enum digest_algo)algo, &digest))
			digests_put(ret, &digest);
	}
	return true;
}

/* {"who", "at"}, or null. NULL with err: the index failed. */
static json_t *
pinned_json(struct store *store, const struct known *known, struct err *err)
{
	struct pin pin;

	if (known->state != STATE_STORED)
		return json_null();
	switch (pin_row_find(store_index(store), known->archive.digests.sha256, &pin, err)) {
	case ROW_FOUND:
		return decision_json(pin.who, pin.at_ms);
	case ROW_NONE:
		return json_null();
	case ROW_FAILED:
		break;
	}
	return NULL;
}

static void
add_storage(json_t *report, const struct known *known)
{
	const bool stored = known->state == STATE_STORED;
	const struct archive *archive = &known->archive;

	json_object_set_new(report, "stored", json_boolean(stored));
	json_object_set_new(
	        report, "size", stored ? json_integer((json_int_t)archive->size_bytes) : json_null());
	json_object_set_new(report, "stored_at", json_time(stored ? archive->stored_at_ms : 0));
	json_object_set_new(report, "used_at", json_time(known->used_at_ms));
	json_object_set_new(report, "came_from", stored ? json_text(archive->came_from) : json_null());
}

static json_t *
known_json(struct store *store, const struct known *known, struct err *err)
{
	struct digest best = wants_best(&known->want->digests);
	json_t *report = json_object(), *packages = json_array(), *pinned = pinned_json(store, known, err);
	struct digests digests;

	json_object_set_new(report, "packages", packages);
	if (pinned == NULL || !complete_digests(store, known, &digests, err) ||
	        !catalog_packages(store_catalog(store), &best, visit_package, packages, err)) {
		json_decref(pinned);
		json_decref(report);
		return NULL;
	}
	json_object_set_new(report, "digests", json_digests(&digests));
	json_object_set_new(report, "state",
	        json_string(known->state == STATE_STORED ? "stored" : report_states[known->state]));
	add_storage(report, known);
	json_object_set_new(report, "pinned", pinned);
	json_object_set_new(report, "removed", removed_json(known));
	json_object_set_new(report, "origins", origins_json(known));
	return report;
}

/* Of a stored archive: where else it is, and when it was last asked for. False with err: the index failed. */
static bool
look_closer(struct store *store, struct known *known, struct err *err)
{
	struct archive_row row;
	struct digest name;

	if (known->state != STATE_STORED)
		return true;
	digests_get(&known->archive.digests, DIGEST_SHA256, &name);
	switch (archive_row_find(store_index(store), &name, &row, err)) {
	case ROW_FOUND:
		known->used_at_ms = row.used_at_ms;
		return look_elsewhere(store, known, err);
	case ROW_NONE: /* removed in this very moment */
		return look_elsewhere(store, known, err);
	case ROW_FAILED:
		break;
	}
	return false;
}

json_t *
report_archive(struct larder *larder, const struct digests *digests, struct err *err)
{
	const struct want want = {.digests = *digests, .package = ""};
	json_t *report = NULL;
	struct known known;

	if (look_up(larder->store, &want, &known, err) && look_closer(larder->store, &known, err))
		report = known_json(larder->store, &known, err);
	if (report != NULL && known.state == STATE_UNKNOWN &&
	        json_array_size(json_object_get(report, "packages")) == 0) {
		err_set(err, ERR_UNKNOWN, "nothing is known of it: it is neither stored nor in the catalog");
		json_decref(report);
		report = NULL;
	}
	catalog_origins_finish(&known.origins);
	return report;
}
