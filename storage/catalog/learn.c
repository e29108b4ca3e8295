/*
 * Learning: a harvest becomes rows, in one transaction on the index writer's thread. Learning the same twice
 * changes nothing but which import named it last.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/catalog/site.h"
#include "storage/index/catalog_rows.h"
#include "storage/index/history_rows.h"

/* A growing list of numbers, of which the distinct ones are counted in the end. */
struct numbers {
	int64_t *items;
	size_t count, capacity;
};

struct learning {
	struct chore chore;
	const struct harvest *harvest;
	const char *source;
	struct catalog_learned learned;

	int64_t at_ms;          /* when it is */
	int64_t import;         /* this one's number */
	int64_t last_entry;     /* the newest entry there was before */
	struct entry_rows near; /* the entries that share a digest with the one at hand */
	struct numbers entries; /* the id of each entry of the harvest */
	struct numbers origins; /* twice the id of each origin, plus one when this import named it first */
};

static void
add_number(struct numbers *numbers, int64_t number)
{
	if (numbers->count == numbers->capacity) {
		numbers->capacity = numbers->capacity > 0 ? 2 * numbers->capacity : 1024;
		numbers->items = xrealloc(numbers->items, numbers->capacity * sizeof *numbers->items);
	}
	numbers->items[numbers->count++] = number;
}

static int
compare_numbers(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Sorts them and drops repetitions. */
static void
make_distinct(struct numbers *numbers)
{
	size_t kept = 0;

	if (numbers->count == 0)
		return;
	qsort(numbers->items, numbers->count, sizeof *numbers->items, compare_numbers);
	for (size_t i = 0; i < numbers->count; i++) {
		if (kept == 0 || numbers->items[i] != numbers->items[kept - 1])
			numbers->items[kept++] = numbers->items[i];
	}
	numbers->count = kept;
}

/* All that is known of what has one of these digests; how many of them nobody had named before. */
static bool
find_near(struct learning *learning, const struct digests *digests, struct writing *writing,
        unsigned *ret_new, struct err *err)
{
	*ret_new = 0;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct entry_rows *near = &learning->near;
		struct digest digest;
		bool named = false;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		if (!entry_rows_known(writing, &digest, near, err))
			return false;
		for (size_t i = 0; i < near->count && !named; i++)
			named = digests_have(&near->items[i].digests, &digest);
		*ret_new += !named;
	}
	return true;
}

/* Inside the new entry now: what lists less of the same archive names no archive of its own any more. */
static bool
cover_lesser(struct learning *learning, const struct digests *digests, int64_t id, struct writing *writing,
        struct err *err)
{
	for (size_t i = 0; i < learning->near.count; i++) {
		const struct entry_row *row = &learning->near.items[i];

		if (row->within != 0 || !digests_satisfy(digests, &row->digests))
			continue;
		if (!entry_row_put_within(writing, row->id, id, err))
			return false;
		writing->figures.entries--;
	}
	return true;
}

static int64_t
find_greater(const struct learning *learning, const struct digests *digests)
{
	for (size_t i = 0; i < learning->near.count; i++) {
		if (digests_satisfy(&learning->near.items[i].digests, digests))
			return learning->near.items[i].id;
	}
	return 0;
}

static bool
add_entry(struct learning *learning, const struct digests *digests, unsigned new_digests,
        struct writing *writing, int64_t *ret, struct err *err)
{
	int64_t within = find_greater(learning, digests);

	if (!entry_row_add(writing, digests, within, ret, err))
		return false;
	writing->figures.digests += new_digests;
	learning->learned.new_digests += new_digests;
	if (within != 0)
		return true;
	writing->figures.entries++;
	return cover_lesser(learning, digests, *ret, writing, err);
}

/* The id of the entry with exactly these digests, which is made if there is none. */
static bool
learn_entry(struct learning *learning, const struct digests *digests, struct writing *writing, int64_t *ret,
        struct err *err)
{
	const struct entry_row *known;
	unsigned new_digests;

	learning->near.count = 0;
	if (!find_near(learning, digests, writing, &new_digests, err))
		return false;
	known = entry_rows_exactly(&learning->near, digests);
	if (known == NULL)
		return add_entry(learning, digests, new_digests, writing, ret, err);
	*ret = known->id;
	return true;
}

static bool
learn_origins(struct learning *learning, const struct harvest_entry *entry, int64_t id,
        struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < entry->n_urls; i++) {
		struct site site;
		struct origin_row origin = {.url = entry->urls[i],
		        .entry = id,
		        .site = site.text,
		        .rank = (int64_t)i,
		        .first_at_ms = entry->first_ms != 0 ? entry->first_ms : learning->at_ms,
		        .last_at_ms = entry->last_ms != 0 ? entry->last_ms : learning->at_ms,
		        .age = entry->past ? ORIGIN_PAST : ORIGIN_CURRENT};
		int64_t origin_id, first_named;

		(void)site_of(entry->urls[i], &site); /* of ftp there is none */
		if (!origin_row_name(writing, &origin, learning->import, &origin_id, &first_named, err))
			return false;
		add_number(&learning->origins, 2 * origin_id + (first_named == learning->import));
	}
	return true;
}

static bool
learn_entries(struct learning *learning, struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < learning->harvest->n_entries; i++) {
		const struct harvest_entry *entry = &learning->harvest->entries[i];
		int64_t id;

		if (!learn_entry(learning, &entry->digests, writing, &id, err))
			return false;
		add_number(&learning->entries, id);
		if (!learn_origins(learning, entry, id, writing, err))
			return false;
		if (entry->package[0] != '\0' && !package_row_name(writing, entry->package, id, err))
			return false;
	}
	return true;
}

/* Up to which commits a history was read, so that the next reading goes on from there. */
static bool
learn_tips(struct learning *learning, struct writing *writing, struct err *err)
{
	const char *tip = learning->harvest->tip != NULL ? learning->harvest->tip : "";

	while (*tip != '\0') {
		size_t length = strcspn(tip, " ");
		AUTO_FREE char *commit = xstrndup(tip, length);

		if (length > 0 && !history_row_add(writing, commit, learning->at_ms, err))
			return false;
		tip += length + strspn(tip + length, " ");
	}
	return true;
}

/* Distinct archives: entries within another count as that one. */
static bool
count_archives(struct learning *learning, struct writing *writing, struct err *err)
{
	make_distinct(&learning->entries);
	for (size_t i = 0; i < learning->entries.count; i++) {
		int64_t within = learning->entries.items[i];

		while (within != 0) {
			learning->entries.items[i] = within;
			if (!entry_row_within(writing, within, &within, err))
				return false;
		}
	}
	make_distinct(&learning->entries);
	learning->learned.archives = learning->entries.count;
	for (size_t i = 0; i < learning->entries.count; i++)
		learning->learned.new_archives += learning->entries.items[i] > learning->last_entry;
	return true;
}

static void
count_origins(struct learning *learning, struct writing *writing)
{
	make_distinct(&learning->origins);
	learning->learned.origins = learning->origins.count;
	for (size_t i = 0; i < learning->origins.count; i++)
		learning->learned.new_origins += learning->origins.items[i] % 2 != 0;
	writing->figures.origins += learning->learned.new_origins;
}

static bool
count_packages(struct learning *learning, struct writing *writing, struct err *err)
{
	int64_t packages;

	if (!package_rows_count(writing, &packages, err))
		return false;
	learning->learned.new_packages = (uint64_t)packages - writing->figures.packages;
	writing->figures.packages = (uint64_t)packages;
	return true;
}

static enum chore_result
run_learning(struct chore *chore, struct writing *writing, struct err *err)
{
	struct learning *learning = (struct learning *)chore;
	bool learned;

	learning->at_ms = clock_wall_ms();
	learned = entry_row_last(writing, &learning->last_entry, err) &&
	          import_row_add(writing, learning->source, learning->at_ms, &learning->import, err) &&
	          learn_entries(learning, writing, err) && learn_tips(learning, writing, err) &&
	          count_archives(learning, writing, err) && count_packages(learning, writing, err);

	if (!learned)
		return CHORE_FAILED;
	count_origins(learning, writing);
	return CHORE_WRITTEN;
}

/* A digest as far as telling digests apart needs it. */
struct digest_key {
	uint8_t bytes[16]; /* the algorithm, then the beginning of the value */
};

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest_key));
}

static uint64_t
count_digests(const struct harvest *harvest)
{
	AUTO_FREE struct digest_key *keys = xcalloc(harvest->n_entries * DIGEST_ALGOS, sizeof *keys);
	size_t count = 0;
	uint64_t distinct = 0;

	for (size_t i = 0; i < harvest->n_entries; i++) {
		for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
			const uint8_t *bytes =
			        digests_bytes(&harvest->entries[i].digests, (enum digest_algo)algo);

			if (bytes == NULL)
				continue;
			keys[count].bytes[0] = (uint8_t)algo;
			memcpy(keys[count++].bytes + 1, bytes, sizeof keys->bytes - 1);
		}
	}
	qsort(keys, count, sizeof *keys, compare_keys);
	for (size_t i = 0; i < count; i++)
		distinct += i == 0 || compare_keys(&keys[i], &keys[i - 1]) != 0;
	return distinct;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint64_t
count_package_names(const struct harvest *harvest)
{
	AUTO_FREE const char **names = xcalloc(harvest->n_entries, sizeof *names);
	uint64_t distinct = 0;

	for (size_t i = 0; i < harvest->n_entries; i++)
		names[i] = harvest->entries[i].package;
	qsort(names, harvest->n_entries, sizeof *names, compare_strings);
	for (size_t i = 0; i < harvest->n_entries; i++)
		distinct += names[i][0] != '\0' && (i == 0 || strcmp(names[i], names[i - 1]) != 0);
	return distinct;
}

bool
catalog_learn(struct catalog *catalog, const struct harvest *harvest, const char *source,
        struct catalog_learned *ret, struct err *err)
{
	struct writer *writer = index_writer(catalog->index);
	struct learning learning = {
	        .chore = {.kind = CHORE_ALONE, .run = run_learning},
	        .harvest = harvest,
	        .source = source,
	};
	bool learned;

	if (writer == NULL)
		return err_set(err, ERR_IO, "the store is open for reading only; nothing can be learned");
	learning.learned.digests = count_digests(harvest);
	learning.learned.packages = count_package_names(harvest);
	learned = writer_run(writer, &learning.chore, err);
	if (learned)
		*ret = learning.learned;
	entry_rows_finish(&learning.near);
	free(learning.entries.items);
	free(learning.origins.items);
	return learned;
}
