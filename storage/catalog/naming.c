/*
 * Who named some bytes: the entries that have one of their digests and that all of them satisfy. On the caller's thread.
 */
#include "storage/catalog/naming.h"

#include <stdio.h>

#include "storage/catalog/catalog_parts.h"
#include "storage/index/catalog_rows.h"

static void
keep_first(void *context, const char *package)
{
	char *ret = context;

	if (*ret == '\0')
		snprintf(ret, NAMING_TEXT_MAX, "%s", package);
}

static void
keep_source(void *context, const char *source, int64_t since_ms)
{
	struct catalog_naming *ret = context;

	snprintf(ret->source, sizeof ret->source, "%s", source);
	ret->since_ms = since_ms;
}

/* As the sources of this entry have it, if that is earlier. */
static bool
weigh(struct catalog *catalog, int64_t entry, struct catalog_naming *best, bool *found, struct err *err)
{
	struct catalog_naming naming = {0};

	switch (entry_row_named(catalog->index, entry, keep_source, &naming, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		return true;
	case ROW_FOUND:
		break;
	}
	if (*found && best->since_ms <= naming.since_ms)
		return true;
	if (!package_rows_of(catalog->index, entry, keep_first, naming.package, err))
		return false;
	*best = naming;
	*found = true;
	return true;
}

enum row_answer
catalog_naming(
        struct catalog *catalog, const struct digests *bytes, struct catalog_naming *ret, struct err *err)
{
	struct entry_rows entries = {0};
	struct catalog_naming best = {0};
	bool done = true, found = false;

	for (int algo = 0; done && algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(bytes, (enum digest_algo)algo, &digest))
			done = entry_rows_find(catalog->index, &digest, &entries, err);
	}
	for (size_t i = 0; done && i < entries.count; i++)
		if (digests_satisfy(bytes, &entries.items[i].digests))
			done = weigh(catalog, entries.items[i].id, &best, &found, err);
	entry_rows_finish(&entries);
	if (done && found)
		*ret = best;
	if (!done)
		return ROW_FAILED;
	return found ? ROW_FOUND : ROW_NONE;
}
