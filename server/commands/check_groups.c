/*
 * The groups of `check`: archives for which the same is to be done, by site. Main thread.
 */
#include "server/commands/check_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/commands/check_text.h"
#include "server/commands/origin_text.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "storage/base/text.h"

void
check_group_add(struct check_group *group, const json_t *archive)
{
	struct digests digests;
	struct err err = ERR_NONE;
	AUTO_TEXT label = TEXT_EMPTY;
	char digest[DIGEST_TEXT_MAX] = "";

	if (group->count == group->capacity) {
		group->capacity = 2 * group->capacity + 16;
		group->items = xrealloc(group->items, group->capacity * sizeof *group->items);
	}
	if (json_digests_read(json_object_get(archive, "digests"), &digests, &err))
		digests_best_text(&digests, digest);
	origin_add_safe(&label, json_text_of(archive, "package"));
	if (label.length == 0)
		text_add(&label, digest);
	if (label.length == 0)
		origin_add_safe(&label, json_text_of(archive, "url"));
	group->items[group->count++] =
	        (struct check_grouped){.site = json_text_of(archive, "site"), .label = text_take(&label)};
}

static int
compare_grouped(const void *a, const void *b)
{
	const struct check_grouped *left = a, *right = b;
	int order = strcmp(left->site, right->site);

	return order != 0 ? order : strcmp(left->label, right->label);
}

/* Those of one site, next to each other in the group. */
struct run {
	const struct check_grouped *first;
	size_t count;
};

static int
compare_runs(const void *a, const void *b)
{
	const struct run *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return strcmp(left->first->site, right->first->site);
}

/* The largest first; the array is the caller's. */
static struct run *
make_runs(struct check_group *group, size_t *ret_count)
{
	struct run *runs = xcalloc(group->count, sizeof *runs);
	size_t count = 0;

	qsort(group->items, group->count, sizeof *group->items, compare_grouped);
	for (size_t i = 0; i < group->count; i++) {
		if (i == 0 || strcmp(group->items[i].site, group->items[i - 1].site) != 0)
			runs[count++] = (struct run){.first = &group->items[i]};
		runs[count - 1].count++;
	}
	qsort(runs, count, sizeof *runs, compare_runs);
	*ret_count = count;
	return runs;
}

static void
print_run(const struct run *run)
{
	AUTO_TEXT line = TEXT_EMPTY;

	text_add(&line, "  ");
	origin_add_safe(&line, run->first->site);
	text_add(&line, run->first->site[0] != '\0' ? ": " : "");
	for (size_t i = 0; i < run->count && i < CHECK_NAMES_SHOWN; i++)
		text_addf(&line, "%s%s", i > 0 ? ", " : "", run->first[i].label);
	if (run->count > CHECK_NAMES_SHOWN) {
		text_add(&line, " and ");
		text_add_number(&line, run->count - CHECK_NAMES_SHOWN);
		text_add(&line, " more");
	}
	puts(text_string(&line));
}

void
check_group_print(struct check_group *group)
{
	AUTO_TEXT more = TEXT_EMPTY;
	size_t count, hidden = 0;
	struct run *runs = make_runs(group, &count);

	for (size_t i = 0; i < count && i < CHECK_SITES_SHOWN; i++)
		print_run(&runs[i]);
	for (size_t i = CHECK_SITES_SHOWN; i < count; i++)
		hidden += runs[i].count;
	if (hidden > 0) {
		text_add(&more, "  and ");
		text_add_number(&more, hidden);
		text_add(&more, " more of ");
		text_add_number(&more, count - CHECK_SITES_SHOWN);
		text_add(&more, " other sites");
		puts(text_string(&more));
	}
	free(runs);
}

void
check_group_finish(struct check_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		free(group->items[i].label);
	free(group->items);
	*group = (struct check_group){0};
}
