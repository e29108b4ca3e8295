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
#include "server/work/json.h"
#include "storage/base/text.h"

/* Every archive that is named, as it is looked at. */
struct checking {
	struct larder *larder;
	uint64_t stored_bytes, only_here;
	uint64_t by_state[ARCHIVE_STATES];
	json_t *missing, *kept;
};

/* --- what to do --- */

#define ASK_AROUND "ask around: larder add FILE, or larder push from whoever has it in a download cache"

static const char *
advice(enum archive_state state, const json_t *correction, const json_t *mirrors)
{
	const bool mirrors_left = json_array_size(mirrors) > 0;

	switch (state) {
	case ARCHIVE_IS_REACHABLE:
	case ARCHIVE_IS_UNTRIED:
		return "larder fetch";
	case ARCHIVE_IS_FAILING:
		return "larder fetch asks again; larder add FILE, if you have it";
	case ARCHIVE_IS_CHANGED:
		if (json_is_object(correction))
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
missing_json(struct larder *larder, const struct known *known, struct err *err)
{
	json_t *mirrors, *report, *origins = report_origins(larder->store, known, err);
	json_t *correction = origins != NULL ? changed_correction_json(larder->store, known, err) : NULL;

	if (correction == NULL) {
		json_decref(origins);
		return NULL;
	}
	mirrors = report_untried_mirrors(known, larder->config);
	report = json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o}", "package",
	        json_text(known->want->package), "digests", json_digests(&known->want->digests), "state",
	        archive_state_name(known->state), "removed", report_removed(known), "origins", origins,
	        "advice", advice(known->state, correction, mirrors), "correction", correction,
	        "mirrors_untried", mirrors);
	report_add_copies(report, known);
	return report;
}

static json_t *
kept_json(const struct known *known)
{
	json_t *report = json_pack("{s:o, s:o, s:I, s:s}", "package", json_text(known->want->package),
	        "digests", json_digests(&known->want->digests), "size", (json_int_t)known->archive.size_bytes,
	        "elsewhere", archive_state_name(known->elsewhere));

	report_add_copies(report, known);
	return report;
}

static bool
note(void *context, const struct known *known, struct err *err)
{
	struct checking *checking = context;
	json_t *missing;

	checking->by_state[known->state]++;
	if (known->state == ARCHIVE_IS_STORED) {
		checking->stored_bytes += known->archive.size_bytes;
		checking->only_here += known_only_here(known);
		json_array_append_new(checking->kept, kept_json(known));
		return true;
	}
	missing = missing_json(checking->larder, known, err);
	if (missing == NULL)
		return false;
	json_array_append_new(checking->missing, missing);
	return true;
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
	struct checking checking = {.larder = larder, .missing = json_array(), .kept = json_array()};

	if (!known_each(larder->store, wants, note, &checking, err)) {
		json_decref(checking.missing);
		json_decref(checking.kept);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "archives", (json_int_t)wants->count,
	        "stored", (json_int_t)checking.by_state[ARCHIVE_IS_STORED], "stored_bytes",
	        (json_int_t)checking.stored_bytes, "only_here", (json_int_t)checking.only_here, "states",
	        states_json(&checking), "missing", checking.missing, "kept", checking.kept);
}
