/*
 * Other bytes. Any thread; changes nothing and asks nobody.
 */
#include "server/admin/changed.h"

#include <stdio.h>
#include <string.h>

#include "server/work/json.h"
#include "storage/base/text.h"
#include "storage/index/watch_rows.h"

/* --- what came instead --- */

/* One row with texts of its own: the index is asked again before it is told. */
struct drift {
	struct drift_row row;
	char *kind, *detail;
};

struct drifts {
	struct drift *items;
	size_t count;
};

static void
keep_drift(void *context, const struct drift_row *row, const char *kind, const char *detail)
{
	struct drifts *drifts = context;

	drifts->items = xrealloc(drifts->items, (drifts->count + 1) * sizeof *drifts->items);
	drifts->items[drifts->count++] =
	        (struct drift){.row = *row, .kind = xstrdup(kind), .detail = xstrdup(detail)};
}

static void
finish_drifts(struct drifts *drifts)
{
	for (size_t i = 0; i < drifts->count; i++) {
		free(drifts->items[i].kind);
		free(drifts->items[i].detail);
	}
	free(drifts->items);
}

static bool
may_have_drifted(const struct catalog_origin *origin)
{
	return origin->id != 0 &&
	       (origin->memory.state == ORIGIN_IS_CHANGED || origin->result == ORIGIN_CHANGED);
}

static bool
find_drifts(struct store *store, const struct catalog_origin *origin, struct drifts *ret, struct err *err)
{
	*ret = (struct drifts){0};
	return !may_have_drifted(origin) ||
	       drift_rows_of(store_index(store), origin->id, keep_drift, ret, err);
}

static struct digest
name_of(const struct drift *drift)
{
	struct digest name = {.algo = DIGEST_SHA256};

	memcpy(name.bytes, drift->row.sha256, sizeof drift->row.sha256);
	return name;
}

static bool
keep_first(void *context, const char *package)
{
	struct correction *correction = context;

	snprintf(correction->package, sizeof correction->package, "%s", package);
	return false;
}

/* Whether some source lists the bytes that came; ret gets digests and package. */
static enum row_answer
find_bytes(struct store *store, const struct drift *drift, struct correction *ret, struct err *err)
{
	struct digest name = name_of(drift);
	struct catalog_wanted wanted;

	*ret = (struct correction){0};
	if (!catalog_wanted(store_catalog(store), &name, &wanted, err) ||
	        !catalog_packages(store_catalog(store), &name, keep_first, ret, err))
		return ROW_FAILED;
	if (wanted.count == 0)
		return ROW_NONE;
	ret->digests = wanted.sets[0];
	return ROW_FOUND;
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
drift_json(struct store *store, const struct drift *drift, struct err *err)
{
	struct digest name = name_of(drift);
	struct correction known;
	char hex[DIGEST_HEX_MAX];

	if (find_bytes(store, drift, &known, err) == ROW_FAILED)
		return NULL;
	digest_hex(&name, hex);
	return json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:o}", "sha256", hex, "size",
	        (json_int_t)drift->row.size_bytes, "kept", drift->row.keeping == DRIFT_KEPT, "kind",
	        text_or_null(drift->kind), "detail", detail_json(drift->detail), "at",
	        json_time(drift->row.at_ms), "known", text_or_null(known.package));
}

json_t *
changed_drifts(struct store *store, const struct catalog_origin *origin, struct err *err)
{
	json_t *list = json_array(), *one;
	struct drifts drifts;
	bool done = find_drifts(store, origin, &drifts, err);

	for (size_t i = 0; done && i < drifts.count; i++) {
		one = drift_json(store, &drifts.items[i], err);
		done = one != NULL;
		if (done)
			json_array_append_new(list, one);
	}
	finish_drifts(&drifts);
	if (done)
		return list;
	json_decref(list);
	return NULL;
}

/* --- what should be named --- */

/* By the newest of its bytes that the catalog knows. */
static enum row_answer
correct_by_bytes(
        struct store *store, const struct catalog_origin *origin, struct correction *ret, struct err *err)
{
	enum row_answer answer = ROW_NONE;
	struct drifts drifts;

	if (!find_drifts(store, origin, &drifts, err))
		answer = ROW_FAILED;
	for (size_t i = 0; answer == ROW_NONE && i < drifts.count; i++)
		answer = find_bytes(store, &drifts.items[i], ret, err);
	finish_drifts(&drifts);
	if (answer == ROW_FOUND)
		ret->url = xstrdup(origin->url);
	return answer;
}

/* A source that is newer than the last that named this archive there. */
static enum row_answer
correct_by_url(struct store *store, const struct known *known, const char *url, int64_t named_at_ms,
        struct correction *ret, struct err *err)
{
	struct catalog_successor naming;
	enum row_answer answer =
	        catalog_named_now(store_catalog(store), url, &known->want->digests, &naming, err);

	if (answer != ROW_FOUND)
		return answer;
	if (naming.at_ms <= named_at_ms)
		return ROW_NONE;
	*ret = (struct correction){.url = xstrdup(url), .digests = naming.digests};
	memcpy(ret->package, naming.package, sizeof ret->package);
	return ROW_FOUND;
}

static bool
is_named_now(const struct known *known)
{
	for (size_t i = 0; i < known->origins.count; i++)
		if (known->origins.items[i].kind == ORIGIN_NAMED &&
		        known->origins.items[i].age == ORIGIN_CURRENT)
			return true;
	return false;
}

/* The same for the URLs of a lockfile that the catalog has under other digests alone. */
static enum row_answer
correct_fresh_urls(struct store *store, const struct known *known, struct correction *ret, struct err *err)
{
	enum row_answer answer = ROW_NONE;

	for (size_t i = 0; answer == ROW_NONE && i < known->want->n_urls; i++)
		if (known_origin(known, known->want->urls[i]) == NULL)
			answer = correct_by_url(store, known, known->want->urls[i], 0, ret, err);
	return answer;
}

enum row_answer
changed_correction(struct store *store, const struct known *known, struct correction *ret, struct err *err)
{
	const bool orphaned = !is_named_now(known);
	enum row_answer answer = ROW_NONE;

	for (size_t i = 0; answer == ROW_NONE && i < known->origins.count; i++) {
		const struct catalog_origin *origin = &known->origins.items[i];

		if (!orphaned && !may_have_drifted(origin))
			continue;
		answer = correct_by_bytes(store, origin, ret, err);
		if (answer == ROW_NONE)
			answer = correct_by_url(store, known, origin->url, origin->last_at_ms, ret, err);
	}
	if (answer != ROW_NONE)
		return answer;
	return correct_fresh_urls(store, known, ret, err);
}

void
correction_finish(struct correction *correction)
{
	free(correction->url);
	correction->url = NULL;
}

json_t *
changed_correction_json(struct store *store, const struct known *known, struct err *err)
{
	struct correction correction;
	json_t *value = NULL;

	switch (changed_correction(store, known, &correction, err)) {
	case ROW_FOUND:
		value = json_pack("{s:o, s:o, s:o}", "url", json_text(correction.url), "digests",
		        json_digests(&correction.digests), "package", json_text(correction.package));
		correction_finish(&correction);
		return value;
	case ROW_NONE:
		return json_null();
	case ROW_FAILED:
		break;
	}
	return NULL;
}
