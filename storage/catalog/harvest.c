/*
 * The harvest: two growing arrays and an arena for their strings. One thread; nothing here reads, writes or
 * logs.
 */
#include "storage/catalog/harvest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/arena.h"

#define PROBLEM_TEXT_MAX 512 /* bytes of a problem's text; the rest is cut */

struct harvest_memory {
	struct arena arena;
	size_t entries_capacity, problems_capacity, unkept_capacity;
};

struct harvest *
harvest_create(void)
{
	struct harvest *harvest = xcalloc(1, sizeof *harvest);

	harvest->memory = xcalloc(1, sizeof *harvest->memory);
	return harvest;
}

void
harvest_destroy(struct harvest *harvest)
{
	if (harvest == NULL)
		return;
	arena_finish(&harvest->memory->arena);
	free(harvest->memory);
	free(harvest->entries);
	free(harvest->problems);
	free(harvest->unkept);
	free(harvest);
}

/* An array with room for one more. */
static void *
grown(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity > 0 ? 2 * *capacity : 64;
	return xrealloc(array, *capacity * size);
}

static const char *
copied(struct harvest *harvest, const char *string)
{
	return string[0] == '\0' ? "" : arena_copy(&harvest->memory->arena, string, strlen(string));
}

/* The strings are escaped already. */
static void
keep_problem(struct harvest *harvest, const struct harvest_problem *problem)
{
	struct harvest_memory *memory = harvest->memory;

	harvest->problems_in_all++;
	if (harvest->n_problems == HARVEST_PROBLEMS_MAX)
		return;
	harvest->problems = grown(harvest->problems, harvest->n_problems, &memory->problems_capacity,
	        sizeof *harvest->problems);
	harvest->problems[harvest->n_problems++] =
	        (struct harvest_problem){.file = copied(harvest, problem->file),
	                .line = problem->line,
	                .column = problem->column,
	                .text = copied(harvest, problem->text)};
}

void
harvest_problem(
        struct harvest *harvest, const char *file, unsigned line, unsigned column, const char *format, ...)
{
	char raw[PROBLEM_TEXT_MAX], text[PROBLEM_TEXT_MAX], name[PROBLEM_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof raw, format, args);
	va_end(args);
	text_escape(raw, text, sizeof text);
	text_escape(file, name, sizeof name);
	keep_problem(harvest,
	        &(struct harvest_problem){.file = name, .line = line, .column = column, .text = text});
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

/* Notes a problem and returns false when the entry is over a limit, or names a package that can be none. */
static bool
within_limits(struct harvest *harvest, const struct harvest_entry *entry, const char *file, unsigned line)
{
	if (harvest->n_entries == HARVEST_ENTRIES_MAX) {
		harvest_problem(harvest, file, line, 0,
		        "more than the %d archives allowed in one source; skipped", HARVEST_ENTRIES_MAX);
		return false;
	}
	if (strlen(entry->package) > HARVEST_PACKAGE_MAX) {
		harvest_problem(harvest, file, line, 0, "the package name is longer than %d bytes; skipped",
		        HARVEST_PACKAGE_MAX);
		return false;
	}
	if (!is_printable(entry->package)) {
		harvest_problem(harvest, file, line, 0,
		        "the package name '%.80s' has a blank or a control character; skipped",
		        entry->package);
		return false;
	}
	if (entry->n_urls > HARVEST_URLS_MAX) {
		harvest_problem(harvest, file, line, 0, "more than %d URLs for one archive; skipped",
		        HARVEST_URLS_MAX);
		return false;
	}
	for (size_t i = 0; i < entry->n_urls; i++) {
		if (strlen(entry->urls[i]) <= HARVEST_URL_MAX)
			continue;
		harvest_problem(
		        harvest, file, line, 0, "a URL is longer than %d bytes; skipped", HARVEST_URL_MAX);
		return false;
	}
	return true;
}

bool
harvest_add(struct harvest *harvest, const struct harvest_entry *entry, const char *file, unsigned line)
{
	struct harvest_memory *memory = harvest->memory;
	const char **urls;

	assert(digests_count(&entry->digests) > 0);
	if (!within_limits(harvest, entry, file, line))
		return false;
	urls = arena_take(&memory->arena, entry->n_urls * sizeof *urls);
	for (size_t i = 0; i < entry->n_urls; i++)
		urls[i] = copied(harvest, entry->urls[i]);
	harvest->entries = grown(
	        harvest->entries, harvest->n_entries, &memory->entries_capacity, sizeof *harvest->entries);
	harvest->entries[harvest->n_entries++] = (struct harvest_entry){.digests = entry->digests,
	        .package = copied(harvest, entry->package),
	        .urls = urls,
	        .n_urls = entry->n_urls,
	        .first_ms = entry->first_ms,
	        .last_ms = entry->last_ms,
	        .past = entry->past};
	return true;
}

static void
keep_unkept(struct harvest *harvest, const struct harvest_unkept *unkept)
{
	struct harvest_memory *memory = harvest->memory;
	const bool too_long =
	        strlen(unkept->package) > HARVEST_PACKAGE_MAX || strlen(unkept->url) > HARVEST_URL_MAX;

	if (harvest->n_unkept == HARVEST_UNKEPT_MAX || too_long)
		return;
	harvest->unkept =
	        grown(harvest->unkept, harvest->n_unkept, &memory->unkept_capacity, sizeof *harvest->unkept);
	harvest->unkept[harvest->n_unkept++] = (struct harvest_unkept){.lack = unkept->lack,
	        .package = copied(harvest, unkept->package),
	        .url = copied(harvest, unkept->url)};
}

void
harvest_add_unkept(struct harvest *harvest, const struct harvest_unkept *unkept)
{
	switch (unkept->lack) {
	case HARVEST_NO_DIGEST:
		harvest->without_digest++;
		break;
	case HARVEST_NO_ARCHIVE:
		harvest->not_archives++;
		break;
	}
	keep_unkept(harvest, unkept);
}

void
harvest_put_tip(struct harvest *harvest, const char *tip)
{
	harvest->tip = copied(harvest, tip);
}

void
harvest_absorb(struct harvest *harvest, struct harvest *other)
{
	uint64_t not_kept = other->problems_in_all - other->n_problems;

	for (size_t i = 0; i < other->n_problems; i++)
		keep_problem(harvest, &other->problems[i]);
	harvest->problems_in_all += not_kept;
	for (size_t i = 0; i < other->n_unkept; i++)
		keep_unkept(harvest, &other->unkept[i]);
	harvest->files += other->files;
	harvest->sections += other->sections;
	harvest->without_digest += other->without_digest;
	harvest->not_archives += other->not_archives;
	harvest->commits += other->commits;
	arena_clear(&other->memory->arena);
	*other = (struct harvest){.memory = other->memory,
	        .entries = other->entries,
	        .problems = other->problems,
	        .unkept = other->unkept};
}

/* Same digests first, then in the order of the source. */
static int
compare_entries(const void *left, const void *right)
{
	const struct harvest_entry *a = *(const struct harvest_entry *const *)left;
	const struct harvest_entry *b = *(const struct harvest_entry *const *)right;
	int order = memcmp(&a->digests, &b->digests, sizeof a->digests);

	return order != 0 ? order : (a > b) - (a < b);
}

static int
compare_positions(const void *left, const void *right)
{
	const struct harvest_entry *a = *(const struct harvest_entry *const *)left;
	const struct harvest_entry *b = *(const struct harvest_entry *const *)right;

	return (a > b) - (a < b);
}

const struct harvest_entry **
harvest_archives(const struct harvest *harvest, size_t *ret_count)
{
	const struct harvest_entry **sorted = xmalloc(harvest->n_entries * sizeof *sorted);
	size_t count = 0;

	for (size_t i = 0; i < harvest->n_entries; i++)
		sorted[i] = &harvest->entries[i];
	qsort(sorted, harvest->n_entries, sizeof *sorted, compare_entries);
	for (size_t i = 0; i < harvest->n_entries; i++)
		if (count == 0 || memcmp(&sorted[i]->digests, &sorted[count - 1]->digests,
		                          sizeof sorted[i]->digests) != 0)
			sorted[count++] = sorted[i];
	qsort(sorted, count, sizeof *sorted, compare_positions);
	*ret_count = count;
	return sorted;
}
