/*
 * The report of `repair`: for each archive that is not to be had any more where it is named, what to name instead. On a
 * command's thread; it reads the index and the first bytes of stored archives, changes nothing and goes nowhere.
 */
#include <stdio.h>
#include <string.h>

#include "server/admin/changed.h"
#include "server/admin/known.h"
#include "server/admin/reports.h"
#include "server/admin/reports_parts.h"
#include "server/jobs/archive_name.h"
#include "server/jobs/json.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/blob.h"

/* What is to be named for one archive. */
struct repair {
	const struct known *known;
	char package[HARVEST_PACKAGE_MAX + 1]; /* the first that uses it; "" where none is known */
	const char **named;                    /* the URLs it is named by; borrowed */
	size_t n_named;
	const struct catalog_origin *serving; /* the best place; NULL: none */
	bool serves_where_named;
	struct changed changed;
};

/* --- whether, and how --- */

static bool
is_broken(const struct catalog_origin *origin)
{
	if (origin == NULL)
		return false;
	switch (origin->memory.state) {
	case ORIGIN_IS_FAILING:
	case ORIGIN_IS_VANISHED:
	case ORIGIN_IS_CHANGED:
		return true;
	case ORIGIN_IS_UNTRIED:
	case ORIGIN_IS_SERVING:
		break;
	}
	return false;
}

/* A newer source names other bytes there. */
static bool
is_contradicted(const struct repair *repair, const char *url)
{
	const struct correction *correction = &repair->changed.correction;

	return correction->url != NULL && strcmp(correction->url, url) == 0;
}

/* What is stored is to be had, though a source may name another by now. */
static bool
needs_repair(const struct repair *repair)
{
	const bool stored = repair->known->state == ARCHIVE_IS_STORED;

	for (size_t i = 0; i < repair->n_named; i++)
		if (!is_broken(known_origin(repair->known, repair->named[i])) &&
		        (stored || !is_contradicted(repair, repair->named[i])))
			return false;
	return repair->n_named > 0;
}

static bool
is_named(const struct repair *repair, const char *url)
{
	for (size_t i = 0; i < repair->n_named; i++)
		if (strcmp(repair->named[i], url) == 0)
			return true;
	return false;
}

/*
 * One where it is named before all others; they stand in the order in which they are to be asked, mirrors last. That something is where a
 * newer source names other bytes is no sign of the archive, unless it is stored, and came from there.
 */
static void
find_serving(struct repair *repair)
{
	const struct catalog_origins *origins = &repair->known->origins;
	const bool stored = repair->known->state == ARCHIVE_IS_STORED;

	for (size_t i = 0; i < origins->count && !repair->serves_where_named; i++) {
		const struct catalog_origin *origin = &origins->items[i];

		if (origin->memory.state != ORIGIN_IS_SERVING ||
		        (!stored && is_contradicted(repair, origin->url)))
			continue;
		repair->serves_where_named = is_named(repair, origin->url);
		if (repair->serving == NULL || repair->serves_where_named)
			repair->serving = origin;
	}
}

enum how { HOW_NAMED, HOW_ELSEWHERE, HOW_CORRECTED, HOW_RESCUE };

static const char *const how_names[] = {
        [HOW_NAMED] = "named",
        [HOW_ELSEWHERE] = "elsewhere",
        [HOW_CORRECTED] = "corrected",
        [HOW_RESCUE] = "rescue",
};

/* A place where it was published is better than a correction, and that better than a mirror's copy. */
static enum how
choose_how(const struct repair *repair)
{
	if (repair->serves_where_named)
		return HOW_NAMED;
	if (repair->serving != NULL && repair->serving->kind == ORIGIN_NAMED)
		return HOW_ELSEWHERE;
	if (repair->changed.correction.url != NULL)
		return HOW_CORRECTED;
	return repair->serving != NULL ? HOW_ELSEWHERE : HOW_RESCUE;
}

static bool
keep_package(void *context, const char *package)
{
	struct repair *repair = context;

	snprintf(repair->package, sizeof repair->package, "%s", package);
	return false;
}

/* As it was wanted, or else as the catalog says. False with err: the index failed. */
static bool
find_package(struct store *store, struct repair *repair, struct err *err)
{
	struct digest best = digests_best(&repair->known->want->digests);

	if (repair->known->want->package[0] == '\0')
		return catalog_packages(store_catalog(store), &best, keep_package, repair, err);
	keep_package(repair, repair->known->want->package);
	return true;
}

/* --- what its file is to be called --- */

/* The first bytes of a stored archive; 0: they are not at hand. */
static size_t
read_start(struct store *store, const struct known *known, char ret[ARCHIVE_NAME_START])
{
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	struct digest name;
	ssize_t count;

	if (known->state != ARCHIVE_IS_STORED)
		return 0;
	digests_get(&known->archive.digests, DIGEST_SHA256, &name);
	if (store_find(store, &name, &blob, &err) != STORE_HIT)
		return 0; /* the URL has to tell then */
	count = file_pread(blob.fd, ret, ARCHIVE_NAME_START, 0, &err);
	return count > 0 ? (size_t)count : 0;
}

static bool
is_taken(const json_t *repairs, const char *file)
{
	for (size_t i = 0; i < json_array_size(repairs); i++)
		if (strcmp(json_text_of(json_array_get(repairs, i), "file"), file) == 0)
			return true;
	return false;
}

/* Of a package with several archives the others are told apart by their digest. */
static void
name_file(struct store *store, const struct repair *repair, const json_t *repairs, struct text *ret)
{
	char start[ARCHIVE_NAME_START], hex[DIGEST_HEX_MAX];
	struct digest best = digests_best(&repair->known->want->digests);
	struct archive_naming naming = {.package = repair->package,
	        .url = repair->n_named > 0 ? repair->named[0] : "",
	        .suffix = "",
	        .start = start,
	        .n_start = read_start(store, repair->known, start)};

	archive_name(&naming, ret);
	if (!is_taken(repairs, text_string(ret)))
		return;
	digest_hex(&best, hex);
	hex[8] = '\0';
	naming.suffix = hex;
	text_clear(ret);
	archive_name(&naming, ret);
}

/* --- telling it --- */

/* Those of report_origins that name it. */
static json_t *
named_json(const struct repair *repair, const json_t *origins)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(origins); i++)
		if (is_named(repair, json_text_of(json_array_get(origins, i), "url")))
			json_array_append(list, json_array_get(origins, i));
	return list;
}

/* The URLs that nobody asked yet, and may. */
static json_t *
untried_json(const json_t *origins)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(origins); i++) {
		const json_t *origin = json_array_get(origins, i);

		if (strcmp(json_text_of(origin, "outcome"), "untried") == 0 &&
		        json_is_null(json_object_get(origin, "refused")))
			json_array_append(list, json_object_get(origin, "url"));
	}
	return list;
}

static json_t *
serving_json(const struct repair *repair, const json_t *origins)
{
	for (size_t i = 0; repair->serving != NULL && i < json_array_size(origins); i++)
		if (strcmp(json_text_of(json_array_get(origins, i), "url"), repair->serving->url) == 0)
			return json_incref(json_array_get(origins, i));
	return json_null();
}

/* What to name: the URL and the checksums. */
static void
add_how(json_t *report, const struct repair *repair, const struct digests *digests)
{
	const struct digests *checksums = digests;
	enum how how = choose_how(repair);
	json_t *url = json_null();

	switch (how) {
	case HOW_NAMED:
	case HOW_ELSEWHERE:
		url = json_text(repair->serving->url);
		break;
	case HOW_CORRECTED:
		url = json_text(repair->changed.correction.url);
		checksums = &repair->changed.correction.digests;
		break;
	case HOW_RESCUE:
		break;
	}
	json_object_set_new(report, "how", json_string(how_names[how]));
	json_object_set_new(report, "url", url);
	json_object_set_new(report, "digests", json_digests(digests));
	json_object_set_new(report, "checksums", json_digests(checksums));
}

static json_t *
repair_json(struct larder *larder, const struct askable *askable, const struct repair *repair,
        const json_t *repairs, struct err *err)
{
	const struct known *known = repair->known;
	json_t *report, *origins;
	AUTO_TEXT file = TEXT_EMPTY;
	struct digests digests;

	if (!known_digests(larder->store, known, &digests, err))
		return NULL;
	origins = report_origins(askable, known, &repair->changed);
	name_file(larder->store, repair, repairs, &file);
	report = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "package", json_text(repair->package),
	        "stored", known->state == ARCHIVE_IS_STORED, "serving", serving_json(repair, origins),
	        "correction", changed_correction_json(&repair->changed), "named", named_json(repair, origins),
	        "untried", untried_json(origins), "mirrors_untried", report_untried_mirrors(askable, known),
	        "file", json_text(text_string(&file)));
	add_how(report, repair, &digests);
	json_decref(origins);
	return report;
}

/* --- all of them --- */

/* All that are named, as they are looked at. */
struct repairing {
	struct larder *larder;
	struct askable askable;
	enum repair_extent extent;
	json_t *repairs;
	uint64_t by_state[ARCHIVE_STATES]; /* of those without a repair: what their origins amount to */
};

static bool
add_repair(struct repairing *repairing, struct repair *repair, struct err *err)
{
	json_t *report;

	find_serving(repair);
	if (!find_package(repairing->larder->store, repair, err))
		return false;
	report = repair_json(repairing->larder, &repairing->askable, repair, repairing->repairs, err);
	if (report == NULL)
		return false;
	json_array_append_new(repairing->repairs, report);
	return true;
}

/* False with err: the index failed. */
static bool
repair_known(void *context, const struct known *known, struct err *err)
{
	struct repairing *repairing = context;
	struct repair repair = {.known = known};
	bool done = changed_look_up(repairing->larder->store, known, &repair.changed, err);

	repair.named = known_named(known, &repair.n_named);
	if (done && (repairing->extent == REPAIR_ALL || needs_repair(&repair)))
		done = add_repair(repairing, &repair, err);
	else
		repairing->by_state[known->elsewhere]++;
	changed_finish(&repair.changed);
	free(repair.named);
	return done;
}

json_t *
report_repair(struct larder *larder, const struct wants *wants, enum repair_extent extent, struct err *err)
{
	struct repairing repairing = {.larder = larder, .extent = extent};
	bool done;

	if (!askable_init(&repairing.askable, larder->config, err))
		return NULL;
	repairing.repairs = json_array();
	done = known_each(larder->store, wants, repair_known, &repairing, err);
	askable_finish(&repairing.askable);
	if (done)
		return json_pack("{s:I, s:I, s:I, s:I, s:o}", "archives", (json_int_t)wants->count, "untried",
		        (json_int_t)repairing.by_state[ARCHIVE_IS_UNTRIED], "failing",
		        (json_int_t)repairing.by_state[ARCHIVE_IS_FAILING], "unknown",
		        (json_int_t)repairing.by_state[ARCHIVE_IS_UNKNOWN], "repairs", repairing.repairs);
	json_decref(repairing.repairs);
	return NULL;
}
