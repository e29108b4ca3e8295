/*
 * Who named some bytes: the entries that have one of their digests and that all of them satisfy. On the caller's thread.
 */
#include "storage/catalog/naming.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/index/catalog_rows.h"

/* By what a naming is known to be of the same. */
struct kin {
	struct text packages; /* of what was asked for, each between two line ends */
	bool succeeded;       /* the URL is named for … */
	struct digests now;   /* … these */
};

static bool
add_package(void *context, const char *package)
{
	struct kin *kin = context;

	text_addf(&kin->packages, "%s\n", package);
	return true;
}

static bool
find_kin(struct catalog *catalog, const struct catalog_asked *asked, struct kin *ret, struct err *err)
{
	struct digest best = digests_best(asked->digests);
	struct catalog_successor successor;

	text_add(&ret->packages, "\n");
	switch (catalog_named_now(catalog, asked->url, asked->digests, &successor, err)) {
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		ret->succeeded = true;
		ret->now = successor.digests;
		break;
	case ROW_NONE:
		break;
	}
	return catalog_packages(catalog, &best, add_package, ret, err);
}

/* One entry, as it is looked at. */
struct candidate {
	const struct kin *kin;
	struct catalog_naming naming;
};

static void
keep_package(void *context, const char *package)
{
	struct candidate *candidate = context;
	struct catalog_naming *naming = &candidate->naming;
	AUTO_TEXT line = TEXT_EMPTY;
	bool same;

	text_addf(&line, "\n%s\n", package);
	same = strstr(text_string(&candidate->kin->packages), text_string(&line)) != NULL;
	if (naming->package[0] == '\0' || (same && naming->kin == NAMED_APART))
		snprintf(naming->package, sizeof naming->package, "%s", package);
	if (same)
		naming->kin = NAMED_INSTEAD;
}

static void
keep_source(void *context, const char *source, int64_t since_ms)
{
	struct candidate *candidate = context;

	snprintf(candidate->naming.source, sizeof candidate->naming.source, "%s", source);
	candidate->naming.since_ms = since_ms;
}

static bool
is_better(const struct catalog_naming *naming, const struct catalog_naming *than)
{
	if (naming->kin != than->kin)
		return naming->kin == NAMED_INSTEAD;
	return naming->since_ms < than->since_ms;
}

/* As the sources of this entry have it, if that is better. */
static bool
weigh(struct catalog *catalog, const struct entry_row *entry, const struct kin *kin,
        struct catalog_naming *best, bool *found, struct err *err)
{
	struct candidate candidate = {.kin = kin, .naming = {.digests = entry->digests}};

	switch (entry_row_named(catalog->index, entry->id, keep_source, &candidate, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		return true;
	case ROW_FOUND:
		break;
	}
	if (!package_rows_of(catalog->index, entry->id, keep_package, &candidate, err))
		return false;
	if (kin->succeeded &&
	        (digests_satisfy(&entry->digests, &kin->now) || digests_satisfy(&kin->now, &entry->digests)))
		candidate.naming.kin = NAMED_INSTEAD;
	if (!*found || is_better(&candidate.naming, best))
		*best = candidate.naming;
	*found = true;
	return true;
}

static enum row_answer
find_best(struct catalog *catalog, const struct digests *bytes, const struct kin *kin,
        struct catalog_naming *ret, struct err *err)
{
	struct entry_rows entries = {0};
	bool done = true, found = false;

	for (int algo = 0; done && algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(bytes, (enum digest_algo)algo, &digest))
			done = entry_rows_find(catalog->index, &digest, &entries, err);
	}
	for (size_t i = 0; done && i < entries.count; i++)
		if (digests_satisfy(bytes, &entries.items[i].digests))
			done = weigh(catalog, &entries.items[i], kin, ret, &found, err);
	entry_rows_finish(&entries);
	if (!done)
		return ROW_FAILED;
	return found ? ROW_FOUND : ROW_NONE;
}

enum row_answer
catalog_naming(struct catalog *catalog, const struct digests *bytes, const struct catalog_asked *asked,
        struct catalog_naming *ret, struct err *err)
{
	struct kin kin = {0};
	struct catalog_naming best = {0};
	enum row_answer answer = ROW_FAILED;

	if (asked == NULL || asked->digests->known == 0 || find_kin(catalog, asked, &kin, err))
		answer = find_best(catalog, bytes, &kin, &best, err);
	text_finish(&kin.packages);
	if (answer == ROW_FOUND)
		*ret = best;
	return answer;
}
