/*
 * What is known of one archive. Any thread; changes nothing and asks nobody.
 */
#include "server/admin/known.h"

#include <assert.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/site.h"

/* --- looking it up --- */

/* Whether somebody removed what has any of these digests. */
static enum row_answer
find_tombstone(struct store *store, const struct digests *digests, struct tombstone *ret, struct err *err)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		enum row_answer answer;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		answer = tombstone_row_find(store_index(store), &digest, ret, err);
		if (answer != ROW_NONE)
			return answer;
	}
	return ROW_NONE;
}

static bool
look_elsewhere(struct store *store, struct known *known, struct err *err)
{
	if (!wants_origins(store_catalog(store), &known->want->digests, &known->origins, err))
		return false;
	known->elsewhere = known_judge(known->want, &known->origins);
	known->copies = catalog_copies(&known->origins);
	return true;
}

/* Of one that is not stored. */
static bool
judge_missing(struct store *store, struct known *known, struct err *err)
{
	known->state = known->elsewhere;
	switch (find_tombstone(store, &known->want->digests, &known->tombstone, err)) {
	case ROW_FOUND:
		known->state = ARCHIVE_IS_REMOVED;
		return true;
	case ROW_NONE:
		return true;
	case ROW_FAILED:
		break;
	}
	return false;
}

bool
known_look_up(struct store *store, const struct want *want, struct known *ret, struct err *err)
{
	*ret = (struct known){.want = want, .state = ARCHIVE_IS_UNKNOWN, .elsewhere = ARCHIVE_IS_UNKNOWN};
	switch (store_has(store, &want->digests, &ret->archive, err)) {
	case STORE_HIT:
		ret->state = ARCHIVE_IS_STORED;
		return look_elsewhere(store, ret, err);
	case STORE_MISS:
		return look_elsewhere(store, ret, err) && judge_missing(store, ret, err);
	case STORE_FAILED:
		break;
	}
	return false;
}

void
known_finish(struct known *known)
{
	catalog_origins_finish(&known->origins);
}

static bool
look_up_each(
        struct store *store, const struct wants *wants, known_visit_fn *visit, void *context, struct err *err)
{
	for (size_t i = 0; i < wants->count; i++) {
		struct known known;
		bool good =
		        known_look_up(store, &wants->items[i], &known, err) && visit(context, &known, err);

		known_finish(&known);
		if (!good)
			return false;
	}
	return true;
}

bool
known_each(
        struct store *store, const struct wants *wants, known_visit_fn *visit, void *context, struct err *err)
{
	struct index *index = store_index(store);
	bool done;

	if (!index_hold(index, err))
		return false;
	done = look_up_each(store, wants, visit, context, err);
	index_let_go(index);
	return done;
}

bool
known_digests(struct store *store, const struct known *known, struct digests *ret, struct err *err)
{
	struct digest best = digests_best(&known->want->digests);
	struct catalog_wanted wanted;

	*ret = known->state == ARCHIVE_IS_STORED ? known->archive.digests : known->want->digests;
	if (known->state == ARCHIVE_IS_STORED)
		return true;
	if (!catalog_wanted(store_catalog(store), &best, &wanted, err))
		return false;
	if (wanted.count != 1 || !digests_agree(ret, &wanted.sets[0]))
		return true;
	digests_add(ret, &wanted.sets[0]);
	return true;
}

/* --- judging --- */

const struct catalog_origin *
known_origin(const struct known *known, const char *url)
{
	for (size_t i = 0; i < known->origins.count; i++)
		if (strcmp(known->origins.items[i].url, url) == 0)
			return &known->origins.items[i];
	return NULL;
}

/* A URL of the lockfile that the catalog does not know yet: nobody has asked it. */
static bool
names_fresh_url(const struct want *want, const struct catalog_origins *origins)
{
	const struct known known = {.origins = *origins};

	for (size_t i = 0; i < want->n_urls; i++)
		if (known_origin(&known, want->urls[i]) == NULL)
			return true;
	return false;
}

static enum archive_state
judge_origin(const struct catalog_origin *origin)
{
	const bool never_had_it = origin->kind == ORIGIN_OF_MIRROR && origin->memory.served_at_ms == 0;

	if (never_had_it && origin->memory.state != ORIGIN_IS_SERVING)
		return ARCHIVE_IS_UNKNOWN;
	switch (origin->memory.state) {
	case ORIGIN_IS_SERVING:
		return ARCHIVE_IS_REACHABLE;
	case ORIGIN_IS_UNTRIED: /* or asked too seldom for a verdict, and never with success */
		return origin->result == ORIGIN_UNTRIED ? ARCHIVE_IS_UNTRIED : ARCHIVE_IS_FAILING;
	case ORIGIN_IS_FAILING:
		return ARCHIVE_IS_FAILING;
	case ORIGIN_IS_VANISHED:
		return ARCHIVE_IS_VANISHED;
	case ORIGIN_IS_CHANGED:
		return ARCHIVE_IS_CHANGED;
	}
	return ARCHIVE_IS_UNKNOWN;
}

enum archive_state
known_judge(const struct want *want, const struct catalog_origins *origins)
{
	/* The first of these that any origin is in. */
	static const enum archive_state order[] = {ARCHIVE_IS_REACHABLE, ARCHIVE_IS_CHANGED,
	        ARCHIVE_IS_UNTRIED, ARCHIVE_IS_FAILING, ARCHIVE_IS_VANISHED};
	unsigned seen = names_fresh_url(want, origins) ? 1u << ARCHIVE_IS_UNTRIED : 0;

	for (size_t i = 0; i < origins->count; i++)
		seen |= 1u << judge_origin(&origins->items[i]);
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if ((seen & 1u << order[i]) != 0)
			return order[i];
	return ARCHIVE_IS_UNKNOWN;
}

/* Those of the catalog's sources, of this age. */
static size_t
add_named(const struct known *known, enum origin_age age, const char **urls)
{
	size_t count = 0;

	for (size_t i = 0; i < known->origins.count; i++)
		if (known->origins.items[i].kind == ORIGIN_NAMED && known->origins.items[i].age == age)
			urls[count++] = known->origins.items[i].url;
	return count;
}

const char **
known_named(const struct known *known, size_t *ret_count)
{
	const struct want *want = known->want;
	const char **urls = xcalloc(want->n_urls + known->origins.count, sizeof *urls);

	*ret_count = want->n_urls;
	for (size_t i = 0; i < want->n_urls; i++)
		urls[i] = want->urls[i];
	if (*ret_count == 0)
		*ret_count = add_named(known, ORIGIN_CURRENT, urls);
	if (*ret_count == 0)
		*ret_count = add_named(known, ORIGIN_PAST, urls);
	return urls;
}

bool
known_only_here(const struct known *known)
{
	return known->state == ARCHIVE_IS_STORED && known->elsewhere != ARCHIVE_IS_REACHABLE &&
	       known->elsewhere != ARCHIVE_IS_UNTRIED;
}

bool
known_site(const struct known *known, struct site *ret)
{
	const struct catalog_origins *origins = &known->origins;

	for (size_t i = 0; i < origins->count; i++)
		if (origins->items[i].memory.state == ORIGIN_IS_SERVING &&
		        site_of(origins->items[i].url, ret))
			return true;
	for (size_t i = 0; i < known->want->n_urls; i++)
		if (site_of(known->want->urls[i], ret))
			return true;
	for (size_t i = 0; i < origins->count; i++)
		if (site_of(origins->items[i].url, ret))
			return true;
	return false;
}

/* --- mirrors --- */

static bool
serves_by_one_of(const struct config_mirror *mirror, const struct digests *digests)
{
	struct digest digest;

	for (size_t i = 0; i < mirror->n_digests; i++)
		if (digests_get(digests, mirror->digests[i], &digest))
			return true;
	return false;
}

/* By what was asked for, or by what the catalog lists together with it. */
static bool
could_ask(const struct known *known, const struct config_mirror *mirror)
{
	if (serves_by_one_of(mirror, &known->want->digests))
		return true;
	for (size_t i = 0; i < known->origins.count; i++)
		if (serves_by_one_of(mirror, &known->origins.items[i].digests))
			return true;
	return false;
}

/* The URL is what the mirror's template makes of some digest, as far as that begins. */
static bool
is_of_mirror(const char *url, const struct config_mirror *mirror)
{
	size_t length = strcspn(mirror->url, "{");

	return strncmp(url, mirror->url, length) == 0;
}

bool
known_mirror_untried(const struct known *known, const struct config_mirror *mirror)
{
	if (!could_ask(known, mirror))
		return false;
	for (size_t i = 0; i < known->origins.count; i++)
		if (known->origins.items[i].kind == ORIGIN_OF_MIRROR &&
		        is_of_mirror(known->origins.items[i].url, mirror))
			return false;
	return true;
}
