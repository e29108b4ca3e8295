/*
 * The catalog: questions, on the caller's thread. Rows come from storage/index; here is what they mean together.
 */
#include "storage/catalog/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/catalog/site.h"
#include "storage/index/catalog_rows.h"
#include "storage/index/history_rows.h"

struct catalog *
catalog_create(struct index *index)
{
	struct catalog *catalog = xcalloc(1, sizeof *catalog);

	catalog->index = index;
	catalog->network = network_create();
	catalog->trust = NETWORK_TRUSTED; /* until something fails */
	return catalog;
}

void
catalog_destroy(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	network_destroy(catalog->network);
	free(catalog);
}

/*
 * Adds the entries that name the same archive as this one by another of its digests than the one that led to it.
 */
static bool
add_relatives(struct catalog *catalog, const struct entry_row *entry, const struct digest *asked,
        struct entry_rows *rows, struct err *err)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(&entry->digests, (enum digest_algo)algo, &digest) &&
		        !digest_equal(&digest, asked) && !entry_rows_find(catalog->index, &digest, rows, err))
			return false;
	}
	return true;
}

/* The entries that have the digest, and those that one of these leads to and does not contradict. */
static bool
find_family(struct catalog *catalog, const struct digest *digest, struct entry_rows *ret, struct err *err)
{
	size_t own, kept;

	if (!entry_rows_find(catalog->index, digest, ret, err))
		return false;
	own = ret->count;
	for (size_t i = 0; i < own; i++) {
		struct entry_row entry = ret->items[i]; /* a copy: the list may move */

		if (!add_relatives(catalog, &entry, digest, ret, err))
			return false;
	}
	kept = own;
	for (size_t i = own; i < ret->count; i++) {
		bool agrees = false;

		for (size_t j = 0; j < own && !agrees; j++)
			agrees = digests_agree(&ret->items[i].digests, &ret->items[j].digests);
		if (agrees)
			ret->items[kept++] = ret->items[i];
	}
	ret->count = kept;
	return true;
}

/* An origin and what it is sorted by. */
struct found_origin {
	struct catalog_origin origin;
	int64_t last_named, rank;
};

struct finding {
	struct found_origin *items;
	size_t count, capacity;
	const struct digests *digests; /* of the entry at hand */
};

static void
keep_origin(void *context, const struct origin_row *row)
{
	struct finding *finding = context;
	struct catalog_origin origin = {
	        .id = row->id,
	        .url = xstrdup(row->url),
	        .digests = *finding->digests,
	        .kind = row->kind,
	        .first_at_ms = row->first_at_ms,
	        .last_at_ms = row->last_at_ms,
	        .age = row->age,
	        .result = row->result,
	        .detail = xstrdup(row->detail),
	        .tried_at_ms = row->tried_at_ms,
	        .took_ms = row->took_ms,
	        .etag = xstrdup(row->etag),
	        .modified = xstrdup(row->modified),
	        .length = row->length,
	        .memory = row->memory,
	};

	if (finding->count == finding->capacity) {
		finding->capacity = finding->capacity > 0 ? 2 * finding->capacity : 16;
		finding->items = xrealloc(finding->items, finding->capacity * sizeof *finding->items);
	}
	finding->items[finding->count++] =
	        (struct found_origin){.origin = origin, .last_named = row->last_named, .rank = row->rank};
}

static int
compare_numbers(int64_t left, int64_t right)
{
	return (left > right) - (left < right);
}

/* Named now, named once, mirrors; of each the newest source first, then in the source's order. */
static int
compare_origins(const void *a, const void *b)
{
	const struct found_origin *left = a, *right = b;

	if (left->origin.kind != right->origin.kind)
		return compare_numbers(left->origin.kind, right->origin.kind);
	if (left->origin.age != right->origin.age)
		return compare_numbers(left->origin.age, right->origin.age);
	if (left->origin.last_at_ms != right->origin.last_at_ms)
		return compare_numbers(right->origin.last_at_ms, left->origin.last_at_ms);
	if (left->last_named != right->last_named)
		return compare_numbers(right->last_named, left->last_named);
	if (left->rank != right->rank)
		return compare_numbers(left->rank, right->rank);
	return compare_numbers(left->origin.id, right->origin.id);
}

static void
finish_origin(struct catalog_origin *origin)
{
	free(origin->url);
	free(origin->detail);
	free(origin->etag);
	free(origin->modified);
}

static struct catalog_origin *
find_url(const struct catalog_origins *origins, const char *url)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i].url, url) == 0)
			return &origins->items[i];
	return NULL;
}

/* Another entry names the archive there too: an older one by fewer digests, most often. */
static void
take_times(struct catalog_origin *origin, const struct catalog_origin *other)
{
	if (origin->kind != ORIGIN_NAMED || other->kind != ORIGIN_NAMED)
		return;
	if (other->first_at_ms < origin->first_at_ms)
		origin->first_at_ms = other->first_at_ms;
	if (other->last_at_ms > origin->last_at_ms)
		origin->last_at_ms = other->last_at_ms;
}

/* Sorted, each URL once, no more than may be asked; takes the items. */
static void
choose_origins(struct finding *finding, struct catalog_origins *ret)
{
	if (finding->count > 0)
		qsort(finding->items, finding->count, sizeof *finding->items, compare_origins);
	ret->items = xcalloc(finding->count, sizeof *ret->items);
	ret->count = 0;
	for (size_t i = 0; i < finding->count; i++) {
		struct catalog_origin *origin = &finding->items[i].origin;
		struct catalog_origin *same = find_url(ret, origin->url);

		if (same != NULL)
			take_times(same, origin);
		if (same == NULL && ret->count < CATALOG_ORIGINS_MAX)
			ret->items[ret->count++] = *origin;
		else
			finish_origin(origin);
	}
	free(finding->items);
}

bool
catalog_origins(
        struct catalog *catalog, const struct digest *digest, struct catalog_origins *ret, struct err *err)
{
	struct entry_rows entries = {0};
	struct finding finding = {0};
	bool found = find_family(catalog, digest, &entries, err);

	for (size_t i = 0; found && i < entries.count; i++) {
		finding.digests = &entries.items[i].digests;
		found = origin_rows_of(
		        catalog->index, entries.items[i].id, CATALOG_ORIGINS_MAX, keep_origin, &finding, err);
	}
	entry_rows_finish(&entries);
	choose_origins(&finding, ret);
	if (!found)
		catalog_origins_finish(ret);
	return found;
}

void
catalog_origins_finish(struct catalog_origins *origins)
{
	for (size_t i = 0; i < origins->count; i++)
		finish_origin(&origins->items[i]);
	free(origins->items);
	*origins = (struct catalog_origins){0};
}

/*
 * Whether a set adds nothing beside another: of sets that prove, the one that demands more (who satisfies it
 * satisfies the other); of sets that only name, the one that demands less, so that as much as is known is
 * compared.
 */
static bool
is_redundant(const struct digests *set, const struct digests *beside)
{
	return digests_strong(set) ? digests_satisfy(set, beside) : digests_satisfy(beside, set);
}

static void
add_alternative(struct catalog_wanted *wanted, const struct digests *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		if (is_redundant(set, &wanted->sets[i]))
			return;
	}
	for (size_t i = 0; i < wanted->count; i++) {
		if (!is_redundant(&wanted->sets[i], set))
			wanted->sets[kept++] = wanted->sets[i];
	}
	wanted->count = kept;
	if (wanted->count < CATALOG_ALTERNATIVES_MAX)
		wanted->sets[wanted->count++] = *set;
}

bool
catalog_wanted(
        struct catalog *catalog, const struct digest *digest, struct catalog_wanted *ret, struct err *err)
{
	struct entry_rows entries = {0};
	bool found = entry_rows_find(catalog->index, digest, &entries, err), strong = false;

	*ret = (struct catalog_wanted){0};
	for (size_t i = 0; found && i < entries.count; i++)
		strong = strong || digests_strong(&entries.items[i].digests);
	for (size_t i = entries.count; found && i > 0; i--) {
		const struct digests *set = &entries.items[i - 1].digests;

		if (!strong || digests_strong(set))
			add_alternative(ret, set);
	}
	entry_rows_finish(&entries);
	return found;
}

bool
catalog_is_right(const struct catalog_wanted *wanted, const struct digest *asked, const struct digests *bytes)
{
	if (!digests_have(bytes, asked))
		return false;
	for (size_t i = 0; i < wanted->count; i++)
		if (digests_satisfy(bytes, &wanted->sets[i]))
			return true;
	return wanted->count == 0;
}

bool
catalog_lists(struct catalog *catalog, const struct digests *digests, bool *ret, struct err *err)
{
	bool listed = false;

	for (int algo = 0; algo < DIGEST_ALGOS && !listed; algo++) {
		struct catalog_wanted wanted;
		struct digest digest;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		if (!catalog_wanted(catalog, &digest, &wanted, err))
			return false;
		for (size_t i = 0; i < wanted.count && !listed; i++)
			listed = digests_satisfy(digests, &wanted.sets[i]);
	}
	*ret = listed;
	return true;
}

struct names {
	char **items;
	size_t count, capacity;
};

static void
keep_name(void *context, const char *package)
{
	struct names *names = context;

	if (names->count == names->capacity) {
		names->capacity = names->capacity > 0 ? 2 * names->capacity : 8;
		names->items = xrealloc(names->items, names->capacity * sizeof *names->items);
	}
	names->items[names->count++] = xstrdup(package);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each once, in order; releases them. */
static void
tell_names(struct names *names, package_visit_fn *visit, void *context)
{
	bool more = visit != NULL;

	if (names->count > 0)
		qsort(names->items, names->count, sizeof *names->items, compare_names);
	for (size_t i = 0; i < names->count && more; i++) {
		if (i == 0 || strcmp(names->items[i], names->items[i - 1]) != 0)
			more = visit(context, names->items[i]);
	}
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

bool
catalog_packages(struct catalog *catalog, const struct digest *digest, package_visit_fn *visit, void *context,
        struct err *err)
{
	struct entry_rows entries = {0};
	struct names names = {0};
	bool found = find_family(catalog, digest, &entries, err);

	for (size_t i = 0; found && i < entries.count; i++)
		found = package_rows_of(catalog->index, entries.items[i].id, keep_name, &names, err);
	entry_rows_finish(&entries);
	tell_names(&names, found ? visit : NULL, context);
	return found;
}

struct naming {
	const struct digests *apart_from;
	struct catalog_successor *found;
	int64_t entry; /* that names it */
	enum row_answer answer;
};

static void
keep_naming(void *context, const struct entry_row *entry, int64_t at_ms)
{
	struct naming *naming = context;

	if (naming->answer == ROW_FOUND || digests_agree(&entry->digests, naming->apart_from))
		return;
	naming->answer = ROW_FOUND;
	naming->entry = entry->id;
	*naming->found = (struct catalog_successor){.digests = entry->digests, .at_ms = at_ms};
}

static void
keep_first_package(void *context, const char *package)
{
	struct catalog_successor *successor = context;

	if (successor->package[0] == '\0')
		snprintf(successor->package, sizeof successor->package, "%s", package);
}

enum row_answer
catalog_named_now(struct catalog *catalog, const char *url, const struct digests *apart_from,
        struct catalog_successor *ret, struct err *err)
{
	struct naming naming = {.apart_from = apart_from, .found = ret, .answer = ROW_NONE};
	struct site site;

	if (!site_of(url, &site))
		return ROW_NONE;
	if (!entry_rows_naming(catalog->index, site.text, url, keep_naming, &naming, err))
		return ROW_FAILED;
	if (naming.answer == ROW_FOUND &&
	        !package_rows_of(catalog->index, naming.entry, keep_first_package, ret, err))
		return ROW_FAILED;
	return naming.answer;
}

/* What the visits of entries hand on. */
struct entry_visit {
	entry_visit_fn *visit;
	void *context;
};

static bool
visit_entry(void *context, const struct entry_row *entry, const char *package)
{
	const struct entry_visit *hand = context;

	return hand->visit(hand->context, &entry->digests, package);
}

bool
catalog_package_entries(
        struct catalog *catalog, const char *package, entry_visit_fn *visit, void *context, struct err *err)
{
	struct entry_visit hand = {.visit = visit, .context = context};

	return entry_rows_of_package(catalog->index, package, visit_entry, &hand, err);
}

bool
catalog_entries(struct catalog *catalog, entry_visit_fn *visit, void *context, struct err *err)
{
	struct entry_visit hand = {.visit = visit, .context = context};

	return entry_rows_walk(catalog->index, visit_entry, &hand, err);
}

bool
catalog_missing(struct catalog *catalog, const struct catalog_page *page, entry_visit_fn *visit,
        void *context, int64_t *ret_last, struct err *err)
{
	struct entry_visit hand = {.visit = visit, .context = context};
	struct entry_page rows = {.after = page->after, .max = page->max};

	return entry_rows_missing(catalog->index, &rows, visit_entry, &hand, ret_last, err);
}

bool
catalog_figures(struct catalog *catalog, struct catalog_figures *ret, struct err *err)
{
	struct index_state state;

	if (!index_state(catalog->index, &state, err))
		return false;
	*ret = (struct catalog_figures){
	        .archives = state.figures.entries,
	        .digests = state.figures.digests,
	        .origins = state.figures.origins,
	        .packages = state.figures.packages,
	};
	return true;
}

bool
catalog_history_tips(struct catalog *catalog, struct text *ret, struct err *err)
{
	return history_rows_tips(catalog->index, ret, err);
}

bool
catalog_count_wanted(struct catalog *catalog, uint64_t *ret, struct err *err)
{
	return entry_rows_wanted(catalog->index, ret, err);
}
