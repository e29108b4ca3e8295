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

struct wants_seen {
	struct digests digests;
	UT_hash_handle hh;
};

static void
add_want(struct wants *wants, const struct digests *digests, const char *package, const char *const *urls,
        size_t n_urls)
{
	struct wants_seen *seen;
	struct want *want;

	HASH_FIND(hh, wants->seen, digests, sizeof *digests, seen);
	if (seen != NULL)
		return;
	seen = xcalloc(1, sizeof *seen);
	seen->digests = *digests;
	HASH_ADD(hh, wants->seen, digests, sizeof seen->digests, seen);
	if (wants->count == wants->capacity) {
		wants->capacity = wants->capacity * 2 + 64;
		wants->items = xrealloc(wants->items, wants->capacity * sizeof wants->items[0]);
	}
	want = &wants->items[wants->count++];
	*want = (struct want){.digests = *digests, .package = xstrdup(package), .n_urls = n_urls};
	want->urls = n_urls > 0 ? xcalloc(n_urls, sizeof want->urls[0]) : NULL;
	for (size_t i = 0; i < n_urls; i++)
		want->urls[i] = xstrdup(urls[i]);
}

void
wants_add_digests(struct wants *wants, const struct digests *digests)
{
	add_want(wants, digests, "", NULL, 0);
}

static bool
visit_entry(void *context, const struct digests *digests, const char *package)
{
	add_want(context, digests, package != NULL ? package : "", NULL, 0);
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
	size_t before = wants->count;
	struct digest digest;

	if (digest_parse_text(argument, &digest, err)) {
		struct digests digests = {0};

		digests_put(&digests, &digest);
		add_want(wants, &digests, "", NULL, 0);
		return true;
	}
	*err = ERR_NONE;
	if (!catalog_package_entries(store_catalog(larder->store), argument, visit_entry, wants, err))
		return false;
	if (wants->count > before)
		return true;
	return err_set(err, ERR_UNKNOWN,
	        "'%.100s' is no digest, no file and no package the catalog knows; `larder import` tells it "
	        "of more",
	        argument);
}

bool
wants_add_catalog(struct wants *wants, struct larder *larder, struct err *err)
{
	return catalog_entries(store_catalog(larder->store), visit_entry, wants, err);
}

void
wants_finish(struct wants *wants)
{
	struct wants_seen *seen, *next;

	HASH_ITER (hh, wants->seen, seen, next) {
		HASH_DEL(wants->seen, seen);
		free(seen);
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
