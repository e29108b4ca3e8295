/*
 * Other bytes. Any thread; changes nothing and asks nobody.
 */
#include "server/admin/changed.h"

#include <stdio.h>
#include <string.h>

#include "server/jobs/json.h"
#include "server/watch/came.h"
#include "storage/base/text.h"
#include "storage/catalog/naming.h"
#include "storage/index/watch_rows.h"

/* One row with texts of its own, and what the catalog knows these bytes as. */
struct instead {
	struct drift_row row;
	char *kind, *detail;
	struct catalog_naming naming; /* zero: nobody lists them */
};

/* --- what came instead --- */

static void
keep_drift(void *context, const struct drift_row *row, const char *kind, const char *detail)
{
	struct changed *changed = context;

	changed->drifts = xrealloc(changed->drifts, (changed->n_drifts + 1) * sizeof *changed->drifts);
	changed->drifts[changed->n_drifts++] =
	        (struct instead){.row = *row, .kind = xstrdup(kind), .detail = xstrdup(detail)};
}

static bool
may_have_drifted(const struct catalog_origin *origin)
{
	return origin->id != 0 &&
	       (origin->memory.state == ORIGIN_IS_CHANGED || origin->result == ORIGIN_CHANGED);
}

static struct digest
name_of(const struct instead *drift)
{
	struct digest name = {.algo = DIGEST_SHA256};

	memcpy(name.bytes, drift->row.sha256, sizeof drift->row.sha256);
	return name;
}

/* Whether some source lists the bytes that came. */
static bool
find_naming(struct store *store, const struct known *known, const struct catalog_origin *origin,
        struct instead *drift, struct err *err)
{
	const struct naming_place place = {
	        .url = origin->url, .digests = &known->want->digests, .package = known->want->package};
	struct digests bytes;

	came_noted(&drift->row, drift->detail, &bytes);
	return came_complete(store, &bytes, err) &&
	       catalog_naming(store_catalog(store), &bytes, &place, &drift->naming, err) != ROW_FAILED;
}

/* What the same package was before: no source names it for that any more. */
static bool
is_earlier(const struct instead *drift)
{
	return drift->naming.same_package && drift->naming.bond != NAMING_SUCCESSOR;
}

/* The index is asked again before they are told. */
static bool
find_drifts_of(struct store *store, const struct known *known, const struct catalog_origin *origin,
        struct changed *ret, struct err *err)
{
	size_t before = ret->n_drifts;

	if (!drift_rows_of(store_index(store), origin->id, keep_drift, ret, err))
		return false;
	for (size_t i = before; i < ret->n_drifts; i++)
		if (!find_naming(store, known, origin, &ret->drifts[i], err))
			return false;
	return true;
}

static bool
find_drifts(struct store *store, const struct known *known, struct changed *ret, struct err *err)
{
	for (size_t i = 0; i < known->origins.count; i++) {
		const struct catalog_origin *origin = &known->origins.items[i];

		if (may_have_drifted(origin) && !find_drifts_of(store, known, origin, ret, err))
			return false;
	}
	return true;
}

/* --- what should be named --- */

/* By the newest of its bytes that a source names in place of the archive. */
static enum row_answer
correct_by_bytes(const struct catalog_origin *origin, struct changed *changed)
{
	for (size_t i = 0; i < changed->n_drifts; i++) {
		const struct instead *drift = &changed->drifts[i];

		if (drift->row.origin != origin->id || drift->naming.bond != NAMING_SUCCESSOR)
			continue;
		changed->correction =
		        (struct correction){.url = xstrdup(origin->url), .digests = drift->naming.digests};
		memcpy(changed->correction.package, drift->naming.package, sizeof drift->naming.package);
		return ROW_FOUND;
	}
	return ROW_NONE;
}

/* What the archive is known to have. */
static struct digests
digests_at(const struct known *known, const struct catalog_origin *origin)
{
	struct digests digests =
	        known->state == ARCHIVE_IS_STORED ? known->archive.digests : known->want->digests;

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(&origin->digests, (enum digest_algo)algo, &digest) &&
		        digests_bytes(&digests, digest.algo) == NULL)
			digests_put(&digests, &digest);
	}
	return digests;
}

/* A source that is newer than the last that named this archive there. */
static enum row_answer
correct_by_url(struct store *store, const struct known *known, const struct catalog_origin *origin,
        struct correction *ret, struct err *err)
{
	struct digests digests = digests_at(known, origin);
	const struct naming_place place = {
	        .url = origin->url, .digests = &digests, .package = known->want->package};
	struct catalog *catalog = store_catalog(store);
	const bool seen = may_have_drifted(origin);
	struct catalog_successor naming;
	enum row_answer answer = catalog_named_now(catalog, origin->url, &digests, &naming, err);
	bool fits = true;

	if (answer != ROW_FOUND)
		return answer;
	if (naming.at_ms <= origin->last_at_ms)
		return ROW_NONE;
	if (!seen && !catalog_may_succeed(catalog, &place, &naming.digests, &fits, err))
		return ROW_FAILED;
	if (!fits)
		return ROW_NONE;
	*ret = (struct correction){.url = xstrdup(origin->url),
	        .ground = seen ? CORRECTION_SEEN : CORRECTION_NAMED,
	        .digests = naming.digests};
	memcpy(ret->package, naming.package, sizeof ret->package);
	return ROW_FOUND;
}

/* Where other bytes came from. */
static enum row_answer
correct_seen(struct store *store, const struct known *known, struct changed *changed, struct err *err)
{
	enum row_answer answer = ROW_NONE;

	for (size_t i = 0; answer == ROW_NONE && i < known->origins.count; i++) {
		const struct catalog_origin *origin = &known->origins.items[i];

		if (!may_have_drifted(origin))
			continue;
		answer = correct_by_bytes(origin, changed);
		if (answer == ROW_NONE)
			answer = correct_by_url(store, known, origin, &changed->correction, err);
	}
	return answer;
}

/* Where the catalog contradicts itself, or the lockfile. A mirror's URL is named by nobody. */
static enum row_answer
correct_named(struct store *store, const struct known *known, struct correction *ret, struct err *err)
{
	enum row_answer answer = ROW_NONE;

	for (size_t i = 0; answer == ROW_NONE && i < known->origins.count; i++) {
		const struct catalog_origin *origin = &known->origins.items[i];

		if (!may_have_drifted(origin) && origin->kind == ORIGIN_NAMED)
			answer = correct_by_url(store, known, origin, ret, err);
	}
	for (size_t i = 0; answer == ROW_NONE && i < known->want->n_urls; i++) {
		const struct catalog_origin fresh = {.url = known->want->urls[i]};

		if (known_origin(known, fresh.url) == NULL)
			answer = correct_by_url(store, known, &fresh, ret, err);
	}
	return answer;
}

static enum row_answer
find_correction(struct store *store, const struct known *known, struct changed *changed, struct err *err)
{
	enum row_answer answer = correct_seen(store, known, changed, err);

	return answer != ROW_NONE ? answer : correct_named(store, known, &changed->correction, err);
}

/* --- all of it --- */

bool
changed_look_up(struct store *store, const struct known *known, struct changed *ret, struct err *err)
{
	*ret = (struct changed){0};
	return find_drifts(store, known, ret, err) && find_correction(store, known, ret, err) != ROW_FAILED;
}

void
changed_finish(struct changed *changed)
{
	for (size_t i = 0; i < changed->n_drifts; i++) {
		free(changed->drifts[i].kind);
		free(changed->drifts[i].detail);
	}
	free(changed->drifts);
	free(changed->correction.url);
	*changed = (struct changed){0};
}

static json_t *
text_or_null(const char *text)
{
	return text[0] != '\0' ? json_text(text) : json_null();
}

static json_t *
detail_json(const char *detail)
{
	json_t *value = json_loads(detail, 0, NULL);

	return value != NULL ? value : text_or_null(detail);
}

static json_t *
drift_json(const struct instead *drift)
{
	struct digest name = name_of(drift);
	char hex[DIGEST_HEX_MAX];

	digest_hex(&name, hex);
	return json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "sha256", hex, "size",
	        (json_int_t)drift->row.size_bytes, "kept", drift->row.keeping == DRIFT_KEPT, "kind",
	        text_or_null(drift->kind), "detail", detail_json(drift->detail), "at",
	        json_time(drift->row.at_ms), "known", text_or_null(drift->naming.package), "known_from",
	        text_or_null(drift->naming.source), "known_since", json_time(drift->naming.since_ms),
	        "successor", drift->naming.bond == NAMING_SUCCESSOR, "earlier", is_earlier(drift));
}

json_t *
changed_drifts_json(const struct changed *changed, const struct catalog_origin *origin)
{
	json_t *list = json_array();

	for (size_t i = 0; i < changed->n_drifts; i++)
		if (changed->drifts[i].row.origin == origin->id)
			json_array_append_new(list, drift_json(&changed->drifts[i]));
	return list;
}

json_t *
changed_correction_json(const struct changed *changed)
{
	const struct correction *correction = &changed->correction;

	if (correction->url == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:b}", "url", json_text(correction->url), "digests",
	        json_digests(&correction->digests), "package", json_text(correction->package), "seen",
	        correction->ground == CORRECTION_SEEN);
}
