/*
 * The report of `check`: the state of each archive, where it could still be had, and what to do. On a clerk's thread or a
 * command's; it reads the index and changes nothing, and goes nowhere: what origins said is what they said when they were
 * last asked.
 */
#include <string.h>

#include "server/admin/changed.h"
#include "server/admin/known.h"
#include "server/admin/reports.h"
#include "server/admin/reports_parts.h"
#include "server/jobs/json.h"
#include "storage/base/text.h"
#include "storage/catalog/section.h"
#include "storage/catalog/site.h"

/* Every archive that is named, as it is looked at. */
struct checking {
	struct larder *larder;
	struct askable askable;
	uint64_t stored_bytes, only_here;
	uint64_t corrected; /* of those that are stored */
	uint64_t by_state[ARCHIVE_STATES];
	json_t *missing, *kept;
};

/* --- what to do --- */

#define ASK_AROUND "ask around: larder add FILE, or larder push from whoever has it in a download cache"

#define MAY_BE_CORRECTED "its checksum may have been corrected"

/* Where a newer source names other bytes that nobody has looked at. */
static const char *
advice_where_named(enum archive_state state)
{
	switch (state) {
	case ARCHIVE_IS_REACHABLE:
	case ARCHIVE_IS_UNTRIED:
	case ARCHIVE_IS_FAILING:
		return MAY_BE_CORRECTED ": larder fetch tells";
	case ARCHIVE_IS_CHANGED:
	case ARCHIVE_IS_VANISHED:
	case ARCHIVE_IS_UNKNOWN:
		return MAY_BE_CORRECTED ": name the new one, or " ASK_AROUND;
	case ARCHIVE_IS_REMOVED:
	case ARCHIVE_IS_STORED:
		break;
	}
	return "";
}

/* Of report_origins: neither lost, nor a mirror that was asked in vain. */
static bool
may_have_it(const json_t *origin)
{
	const char *state = json_text_of(origin, "state");

	if (json_flag_of(origin, "mirror") && json_is_null(json_object_get(origin, "served")))
		return false;
	return strcmp(state, origin_state_name(ORIGIN_IS_VANISHED)) != 0 &&
	       strcmp(state, origin_state_name(ORIGIN_IS_CHANGED)) != 0;
}

/* Its own configuration keeps larder from all that may still have it. */
static bool
is_forbidden(const struct known *known, const json_t *origins, const json_t *mirrors)
{
	bool any = false;

	if (json_array_size(mirrors) > 0 || known->state == ARCHIVE_IS_REMOVED)
		return false;
	for (size_t i = 0; i < json_array_size(origins); i++) {
		const json_t *origin = json_array_get(origins, i);

		if (!may_have_it(origin))
			continue;
		if (!json_is_string(json_object_get(origin, "refused")))
			return false;
		any = true;
	}
	return any;
}

enum asking { MAY_BE_ASKED, IS_FORBIDDEN };

static const char *
advice(const struct known *known, const struct correction *correction, const json_t *mirrors,
        enum asking asking)
{
	const bool mirrors_left = json_array_size(mirrors) > 0;

	if (known->state != ARCHIVE_IS_REMOVED && correction->url != NULL &&
	        correction->ground == CORRECTION_NAMED)
		return advice_where_named(known->state);
	if (asking == IS_FORBIDDEN)
		return "larder may not ask who could have it (below, why): allow that and fetch, or larder "
		       "add FILE, if you have it";
	switch (known->state) {
	case ARCHIVE_IS_REACHABLE:
	case ARCHIVE_IS_UNTRIED:
		return "larder fetch";
	case ARCHIVE_IS_FAILING:
		return "larder fetch asks again; larder add FILE, if you have it";
	case ARCHIVE_IS_CHANGED:
		if (correction->url != NULL)
			return "its checksum was corrected: name the new one, or " ASK_AROUND;
		return mirrors_left ? "larder fetch asks the mirrors too; " ASK_AROUND : ASK_AROUND;
	case ARCHIVE_IS_VANISHED:
		return mirrors_left ? "larder fetch asks the mirrors too; " ASK_AROUND : ASK_AROUND;
	case ARCHIVE_IS_UNKNOWN:
		return mirrors_left ? "larder fetch asks the mirrors; larder add FILE, if you have it"
		                    : "larder add FILE, if you have it";
	case ARCHIVE_IS_REMOVED:
		return "larder remove --forget lets it be fetched again";
	case ARCHIVE_IS_STORED:
		break;
	}
	return "";
}

/* --- one archive --- */

static json_t *
missing_json(const struct askable *askable, const struct known *known, const struct changed *changed)
{
	json_t *mirrors = report_untried_mirrors(askable, known);
	json_t *origins = report_origins(askable, known, changed);
	enum asking asking = is_forbidden(known, origins, mirrors) ? IS_FORBIDDEN : MAY_BE_ASKED;
	json_t *report = json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:b, s:o, s:o}", "package",
	        json_text(known->want->package), "digests", json_digests(&known->want->digests), "state",
	        archive_state_name(known->state), "removed", report_removed(known), "origins", origins,
	        "advice", advice(known, &changed->correction, mirrors, asking), "forbidden",
	        asking == IS_FORBIDDEN, "correction", changed_correction_json(changed), "mirrors_untried",
	        mirrors);

	report_add_copies(report, known);
	return report;
}

static json_t *
kept_json(const struct known *known, const struct changed *changed)
{
	json_t *report = json_pack("{s:o, s:o, s:I, s:s, s:o}", "package", json_text(known->want->package),
	        "digests", json_digests(&known->want->digests), "size", (json_int_t)known->archive.size_bytes,
	        "elsewhere", archive_state_name(known->elsewhere), "correction",
	        changed_correction_json(changed));

	report_add_copies(report, known);
	return report;
}

static void
note_kept(struct checking *checking, const struct known *known, const struct changed *changed)
{
	checking->stored_bytes += known->archive.size_bytes;
	checking->only_here += known_only_here(known);
	checking->corrected += changed->correction.url != NULL;
	json_array_append_new(checking->kept, kept_json(known, changed));
}

static bool
note(void *context, const struct known *known, struct err *err)
{
	struct checking *checking = context;
	struct changed changed;
	bool done = changed_look_up(checking->larder->store, known, &changed, err);

	checking->by_state[known->state]++;
	if (done && known->state == ARCHIVE_IS_STORED)
		note_kept(checking, known, &changed);
	else if (done)
		json_array_append_new(checking->missing, missing_json(&checking->askable, known, &changed));
	changed_finish(&changed);
	return done;
}

/* --- all of them --- */

static json_t *
states_json(const struct checking *checking)
{
	json_t *states = json_object();

	for (int state = 0; state < ARCHIVE_STATES; state++)
		if (state != ARCHIVE_IS_STORED)
			json_object_set_new(states, archive_state_name((enum archive_state)state),
			        json_integer((json_int_t)checking->by_state[state]));
	return states;
}

json_t *
report_check(struct larder *larder, const struct wants *wants, struct err *err)
{
	struct checking checking = {.larder = larder};
	bool done;

	if (!askable_init(&checking.askable, larder->config, err))
		return NULL;
	checking.missing = json_array();
	checking.kept = json_array();
	done = known_each(larder->store, wants, note, &checking, err);
	askable_finish(&checking.askable);
	if (!done) {
		json_decref(checking.missing);
		json_decref(checking.kept);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "archives", (json_int_t)wants->count,
	        "stored", (json_int_t)checking.by_state[ARCHIVE_IS_STORED], "stored_bytes",
	        (json_int_t)checking.stored_bytes, "only_here", (json_int_t)checking.only_here, "corrected",
	        (json_int_t)checking.corrected, "states", states_json(&checking), "missing", checking.missing,
	        "kept", checking.kept);
}

/* --- what cannot be kept --- */

/* Of version control too: "git+https://…". */
static const char *
web_part(const char *url)
{
	const char *plus = strchr(url, '+');

	return plus != NULL && section_is_web_url(plus + 1) ? plus + 1 : url;
}

static json_t *
unkept_json(const struct harvest *harvest)
{
	static const char *const names[] = {
	        [HARVEST_NO_DIGEST] = "no checksum", [HARVEST_NO_ARCHIVE] = "no archive"};
	json_t *list = json_array();

	for (size_t i = 0; i < harvest->n_unkept; i++) {
		const struct harvest_unkept *unkept = &harvest->unkept[i];
		struct site site;

		json_array_append_new(
		        list, json_pack("{s:s, s:o, s:o, s:o}", "why", names[unkept->lack], "package",
		                      json_text(unkept->package), "url", json_text(unkept->url), "site",
		                      json_text(site_of(web_part(unkept->url), &site) ? site.text : "")));
	}
	return list;
}

void
report_add_harvest(json_t *report, const struct harvest *harvest)
{
	json_object_set_new(report, "problems", json_problems(harvest));
	json_object_set_new(report, "without_digest", json_integer((json_int_t)harvest->without_digest));
	json_object_set_new(report, "not_archives", json_integer((json_int_t)harvest->not_archives));
	json_object_set_new(report, "unkept", unkept_json(harvest));
}
