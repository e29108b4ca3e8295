/*
 * Who names some bytes. Questions to the index, on the caller's thread; changes nothing. Must not take any archive for a successor only
 * because its bytes came from the same place.
 */
#include "storage/catalog/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/index/catalog_rows.h"

/* The packages of an archive. */
struct names {
	char **items;
	size_t count;
};

static bool
add_name(void *context, const char *package)
{
	struct names *names = context;

	names->items = xrealloc(names->items, (names->count + 1) * sizeof *names->items);
	names->items[names->count++] = xstrdup(package);
	return true;
}

static bool
find_names(struct catalog *catalog, const struct naming_place *place, struct names *ret, struct err *err)
{
	struct digest best = digests_best(place->digests);

	if (place->package[0] != '\0')
		add_name(ret, place->package);
	return place->digests->known == 0 || catalog_packages(catalog, &best, add_name, ret, err);
}

static void
finish_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

/* --- the entries --- */

/* Those that these bytes satisfy. False with err; ret is to be finished in any case. */
static bool
find_entries(struct catalog *catalog, const struct digests *bytes, struct entry_rows *ret, struct err *err)
{
	size_t kept = 0;

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(bytes, (enum digest_algo)algo, &digest) &&
		        !entry_rows_find(catalog->index, &digest, ret, err))
			return false;
	}
	for (size_t i = 0; i < ret->count; i++)
		if (digests_satisfy(bytes, &ret->items[i].digests))
			ret->items[kept++] = ret->items[i];
	ret->count = kept;
	return true;
}

/* One entry, as it stands to the place. */
struct sight {
	const struct naming_place *place;
	const struct names *names;
	bool is_named, is_named_there; /* now */
	char shared[HARVEST_PACKAGE_MAX + 1], first[HARVEST_PACKAGE_MAX + 1];
	struct catalog_naming naming;
};

static void
see_origin(void *context, const struct origin_row *origin)
{
	struct sight *sight = context;

	if (origin->kind != ORIGIN_NAMED || origin->age != ORIGIN_CURRENT)
		return;
	sight->is_named = true;
	if (strcmp(origin->url, sight->place->url) == 0)
		sight->is_named_there = true;
}

static void
see_package(void *context, const char *package)
{
	struct sight *sight = context;

	if (sight->first[0] == '\0')
		snprintf(sight->first, sizeof sight->first, "%s", package);
	for (size_t i = 0; i < sight->names->count && sight->shared[0] == '\0'; i++)
		if (strcmp(sight->names->items[i], package) == 0)
			snprintf(sight->shared, sizeof sight->shared, "%s", package);
}

static void
see_source(void *context, const char *source, int64_t since_ms)
{
	struct sight *sight = context;

	snprintf(sight->naming.source, sizeof sight->naming.source, "%s", source);
	sight->naming.since_ms = since_ms;
}

/* ROW_NONE: no source ever named it. */
static enum row_answer
look_at(struct catalog *catalog, const struct entry_row *entry, struct sight *sight, struct err *err)
{
	enum row_answer answer = entry_row_named(catalog->index, entry->id, see_source, sight, err);
	struct catalog_naming *naming = &sight->naming;

	if (answer != ROW_FOUND)
		return answer;
	if (!origin_rows_of(catalog->index, entry->id, CATALOG_ORIGINS_MAX, see_origin, sight, err) ||
	        !package_rows_of(catalog->index, entry->id, see_package, sight, err))
		return ROW_FAILED;
	naming->digests = entry->digests;
	naming->same_package = sight->shared[0] != '\0';
	memcpy(naming->package, sight->shared[0] != '\0' ? sight->shared : sight->first,
	        sizeof naming->package);
	if (sight->is_named_there || (sight->is_named && sight->shared[0] != '\0'))
		naming->bond = NAMING_SUCCESSOR;
	return ROW_FOUND;
}

/* --- what they come to --- */

/* Two entries of the same bytes and the same bond: what they list belongs together. */
static void
join(struct catalog_naming *naming, bool *shared, const struct sight *sight)
{
	const struct catalog_naming *other = &sight->naming;

	digests_add(&naming->digests, &other->digests);
	if (naming->package[0] == '\0' || (!*shared && sight->shared[0] != '\0'))
		memcpy(naming->package, other->package, sizeof naming->package);
	*shared |= sight->shared[0] != '\0';
	if (other->since_ms >= naming->since_ms)
		return;
	memcpy(naming->source, other->source, sizeof naming->source);
	naming->since_ms = other->since_ms;
}

static enum row_answer
join_entries(struct catalog *catalog, const struct entry_rows *entries, const struct naming_place *place,
        const struct names *names, struct catalog_naming *ret, struct err *err)
{
	enum row_answer answer = ROW_NONE;
	bool shared = false;

	for (size_t i = 0; i < entries->count; i++) {
		struct sight sight = {.place = place, .names = names};
		enum row_answer seen = look_at(catalog, &entries->items[i], &sight, err);

		if (seen == ROW_FAILED)
			return ROW_FAILED;
		if (seen == ROW_NONE || (answer == ROW_FOUND && sight.naming.bond < ret->bond))
			continue;
		if (answer == ROW_FOUND && sight.naming.bond == ret->bond) {
			join(ret, &shared, &sight);
			continue;
		}
		*ret = sight.naming;
		shared = sight.shared[0] != '\0';
		answer = ROW_FOUND;
	}
	return answer;
}

enum row_answer
catalog_naming(struct catalog *catalog, const struct digests *bytes, const struct naming_place *place,
        struct catalog_naming *ret, struct err *err)
{
	struct entry_rows entries = {0};
	struct names names = {0};
	struct catalog_naming naming = {0};
	enum row_answer answer = ROW_FAILED;

	if (find_entries(catalog, bytes, &entries, err) &&
	        (entries.count == 0 || find_names(catalog, place, &names, err)))
		answer = join_entries(catalog, &entries, place, &names, &naming, err);
	finish_names(&names);
	entry_rows_finish(&entries);
	if (answer == ROW_FOUND)
		*ret = naming;
	return answer;
}

/* --- packages alone --- */

/* Names without their versions. */
static bool
is_same_package(const char *left, const char *right)
{
	size_t length = strcspn(left, ".");

	return length == strcspn(right, ".") && strncmp(left, right, length) == 0;
}

static bool
may_share(const struct names *left, const struct names *right)
{
	for (size_t i = 0; i < left->count; i++)
		for (size_t j = 0; j < right->count; j++)
			if (is_same_package(left->items[i], right->items[j]))
				return true;
	return left->count == 0 || right->count == 0;
}

bool
catalog_may_succeed(struct catalog *catalog, const struct naming_place *place, const struct digests *digests,
        bool *ret, struct err *err)
{
	const struct naming_place other = {.url = place->url, .digests = digests, .package = ""};
	struct names ours = {0}, theirs = {0};
	bool done = find_names(catalog, place, &ours, err) && find_names(catalog, &other, &theirs, err);

	if (done)
		*ret = may_share(&ours, &theirs);
	finish_names(&ours);
	finish_names(&theirs);
	return done;
}
