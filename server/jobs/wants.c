/*
 * From the arguments of fetch, check and show to sets of digests. Main thread; reads the catalog and
 * lockfiles, changes nothing.
 */
#include "server/jobs/wants.h"

#include <string.h>
#include <sys/stat.h>

#include "storage/base/table.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/source.h"

/* One of the digests of a want. */
struct wants_name {
	struct digest digest;
	size_t item;
	UT_hash_handle hh;
};

/* The want that has one of these digests and none that is another; NULL: there is none. */
static struct want *
find_same(struct wants *wants, const struct digests *digests)
{
	for (int i = 0; i < DIGEST_ALGOS; i++) {
		struct wants_name *name = NULL;
		struct digest digest;

		if (digests_get(digests, digests_best_first[i], &digest))
			HASH_FIND(hh, wants->names, &digest, sizeof digest, name);
		if (name != NULL && digests_agree(&wants->items[name->item].digests, digests))
			return &wants->items[name->item];
	}
	return NULL;
}

/* Where two wants have the same name, which happens to md5 and sha1 alone, the first keeps it. */
static void
enter_names(struct wants *wants, const struct want *want)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct wants_name *name;
		struct digest digest;

		if (!digests_get(&want->digests, (enum digest_algo)algo, &digest))
			continue;
		HASH_FIND(hh, wants->names, &digest, sizeof digest, name);
		if (name != NULL)
			continue;
		name = xcalloc(1, sizeof *name);
		name->digest = digest;
		name->item = (size_t)(want - wants->items);
		HASH_ADD(hh, wants->names, digest, sizeof name->digest, name);
	}
}

static bool
has_url(const struct want *want, const char *url)
{
	for (size_t i = 0; i < want->n_urls; i++)
		if (strcmp(want->urls[i], url) == 0)
			return true;
	return false;
}

static void
add_urls(struct want *want, const char *const *urls, size_t n_urls)
{
	if (n_urls > 0)
		want->urls = xrealloc(want->urls, (want->n_urls + n_urls) * sizeof want->urls[0]);
	for (size_t i = 0; i < n_urls; i++)
		if (!has_url(want, urls[i]))
			want->urls[want->n_urls++] = xstrdup(urls[i]);
}

static struct want *
new_want(struct wants *wants)
{
	if (wants->count == wants->capacity) {
		wants->capacity = wants->capacity * 2 + 64;
		wants->items = xrealloc(wants->items, wants->capacity * sizeof wants->items[0]);
	}
	wants->items[wants->count] = (struct want){.package = xstrdup("")};
	return &wants->items[wants->count++];
}

static void
add_want(struct wants *wants, const struct digests *digests, const char *package, const char *const *urls,
        size_t n_urls)
{
	struct want *want = find_same(wants, digests);

	if (want == NULL)
		want = new_want(wants);
	digests_add(&want->digests, digests);
	enter_names(wants, want);
	add_urls(want, urls, n_urls);
	if (want->package[0] == '\0') {
		free(want->package);
		want->package = xstrdup(package);
	}
}

void
wants_add_digests(struct wants *wants, const struct digests *digests)
{
	add_want(wants, digests, "", NULL, 0);
}

/* Of entries of the catalog, whether or not they are wanted already. */
struct tour {
	struct wants *wants;
	size_t entries;
};

static bool
visit_entry(void *context, const struct digests *digests, const char *package)
{
	struct tour *tour = context;

	tour->entries++;
	add_want(tour->wants, digests, package != NULL ? package : "", NULL, 0);
	return true;
}

void
wants_add_harvest(struct wants *wants, const struct harvest *harvest)
{
	for (size_t i = 0; i < harvest->n_entries; i++) {
		const struct harvest_entry *entry = &harvest->entries[i];

		add_want(wants, &entry->digests, entry->package, entry->urls, entry->n_urls);
	}
}

bool
wants_is_file(const char *argument)
{
	struct digest digest;
	struct err err = ERR_NONE;
	struct stat info;

	if (digest_parse_text(argument, &digest, &err) || stat(argument, &info) != 0)
		return false;
	/* A directory beside a package's name is most likely its source and not meant. */
	return S_ISREG(info.st_mode) || strchr(argument, '/') != NULL || text_ends_with(argument, ".lock");
}

bool
wants_add(struct wants *wants, struct larder *larder, const char *argument, struct err *err)
{
	struct tour tour = {.wants = wants};
	struct digest digest;

	if (digest_parse_text(argument, &digest, err)) {
		struct digests digests = {0};

		digests_put(&digests, &digest);
		wants_add_digests(wants, &digests);
		return true;
	}
	*err = ERR_NONE;
	if (!catalog_package_entries(store_catalog(larder->store), argument, visit_entry, &tour, err))
		return false;
	if (tour.entries > 0)
		return true;
	return err_set(err, ERR_UNKNOWN,
	        "'%.100s' is no digest, no file and no package the catalog knows; `larder import` tells it "
	        "of more",
	        argument);
}

bool
wants_add_catalog(struct wants *wants, struct larder *larder, struct err *err)
{
	struct tour tour = {.wants = wants};

	return catalog_entries(store_catalog(larder->store), visit_entry, &tour, err);
}

void
wants_finish(struct wants *wants)
{
	struct wants_name *name, *next;

	HASH_ITER (hh, wants->names, name, next) {
		HASH_DEL(wants->names, name);
		free(name);
	}
	for (size_t i = 0; i < wants->count; i++) {
		for (size_t n = 0; n < wants->items[i].n_urls; n++)
			free(wants->items[i].urls[n]);
		free(wants->items[i].urls);
		free(wants->items[i].package);
	}
	free(wants->items);
	*wants = WANTS_EMPTY;
}

bool
wants_origins(
        struct catalog *catalog, const struct digests *digests, struct catalog_origins *ret, struct err *err)
{
	*ret = (struct catalog_origins){0};
	for (size_t i = 0; i < DIGEST_ALGOS && ret->count == 0; i++) {
		struct digest digest;

		if (!digests_get(digests, digests_best_first[i], &digest))
			continue;
		catalog_origins_finish(ret);
		if (!catalog_origins(catalog, &digest, ret, err))
			return false;
	}
	return true;
}
