/*
 * The table of members: growing within its limits, sorted, hard links resolved. Runs on the thread of whoever
 * compares archives; knows nothing of libarchive.
 */
#include "storage/drift/members.h"

#include <string.h>

#include "storage/drift/members_parts.h"

#define FIRST_CAPACITY 64

static bool
charge(struct members_table *table, uint64_t bytes, struct err *err)
{
	table->bytes += bytes;
	if (table->bytes <= table->limits->table)
		return true;
	return err_set(err, ERR_TOO_LARGE,
	        "its list of files takes more than the %llu bytes of memory allowed",
	        (unsigned long long)table->limits->table);
}

static void
grow(struct members_table *table)
{
	struct members *members = table->members;

	if (members->count < table->capacity)
		return;
	table->capacity = table->capacity > 0 ? 2 * table->capacity : FIRST_CAPACITY;
	members->all = xrealloc(members->all, table->capacity * sizeof *members->all);
}

/* "./a//b/" → "a/b", in a place of the same length. A "/" at the start and ".." stay: those are other names. */
static void
normalize(char *path)
{
	const char *from = path;
	char *to = path;

	if (*from == '/')
		*to++ = *from++;
	while (*from != '\0') {
		size_t length = strcspn(from, "/");

		if (length > 0 && !(length == 1 && *from == '.')) {
			if (to > path && to[-1] != '/')
				*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
		from += *from == '/';
	}
	*to = '\0';
}

/* A copy in the arena; the one of the member before, where it is the same. */
static const char *
keep(struct members_table *table, const char *string, const char *before)
{
	size_t length = strlen(string);

	if (length == 0)
		return "";
	if (before != NULL && strcmp(before, string) == 0)
		return before;
	table->bytes += length + 1;
	return arena_copy(&table->members->arena, string, length);
}

bool
members_add(struct members_table *table, const struct member *member, struct err *err)
{
	struct members *members = table->members;
	size_t length = strlen(member->path);
	const char *owner_before = members->count > 0 ? members->all[members->count - 1].owner : NULL;
	struct member *added;
	char *path;

	if (members->count == table->limits->entries)
		return err_set(err, ERR_TOO_LARGE, "holds more than the %llu members allowed",
		        (unsigned long long)table->limits->entries);
	if (length > table->limits->path || strlen(member->target) > table->limits->path)
		return err_set(err, ERR_TOO_LARGE, "holds a name longer than the %zu bytes allowed",
		        table->limits->path);
	if (!charge(table, sizeof *added + sizeof *members->sorted + length + 1, err))
		return false;
	grow(table);
	path = arena_copy(&members->arena, member->path, length);
	normalize(path);
	added = &members->all[members->count++];
	*added = *member;
	added->path = path;
	added->target = keep(table, member->target, NULL);
	added->owner = keep(table, member->owner, owner_before);
	return charge(table, 0, err);
}

/* By path, then by place in the archive. */
static int
by_path(const void *a, const void *b, void *context)
{
	const struct members *members = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	int order = strcmp(members->all[left].path, members->all[right].path);

	if (order != 0)
		return order;
	return left < right ? -1 : left > right;
}

/* The last member of that name before a place in the archive; NULL: there is none. */
static const struct member *
find_before(const struct members *members, const char *path, uint32_t before)
{
	size_t low = 0, high = members->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t place = members->sorted[middle];
		int order = strcmp(members->all[place].path, path);

		if (order < 0 || (order == 0 && place < before))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || strcmp(members->all[members->sorted[low - 1]].path, path) != 0)
		return NULL;
	return &members->all[members->sorted[low - 1]];
}

/* In the order of the archive, so that a link to a link finds it resolved. */
static void
resolve_hard_links(struct members *members)
{
	for (uint32_t i = 0; i < members->count; i++) {
		struct member *link = &members->all[i];
		const struct member *target;
		AUTO_FREE char *path = NULL;

		if (!link->is_hard_link)
			continue;
		path = xstrdup(link->target);
		normalize(path);
		target = find_before(members, path, i);
		if (target == NULL)
			continue;
		link->type = target->type;
		link->size = target->size;
		link->target = target->target;
		memcpy(link->sha256, target->sha256, sizeof link->sha256);
	}
}

static void
keep_last_of_each(struct members *members)
{
	size_t kept = 0;

	for (size_t i = 0; i < members->count; i++) {
		const char *path = members->all[members->sorted[i]].path;
		bool last = i + 1 == members->count ||
		            strcmp(path, members->all[members->sorted[i + 1]].path) != 0;

		if (last)
			members->sorted[kept++] = members->sorted[i];
	}
	members->distinct = kept;
}

/* Whether the path is that of the directory, or of something in it. */
static bool
is_below(const struct member *member, const char *top, size_t length)
{
	if (strncmp(member->path, top, length) != 0)
		return false;
	return member->path[length] == '/' ||
	       (member->path[length] == '\0' && member->type == MEMBER_DIRECTORY);
}

static void
find_top(struct members *members)
{
	const char *first = members->count > 0 ? members->all[members->sorted[0]].path : "";
	size_t length = strcspn(first, "/");

	members->top = "";
	if (length == 0 || strncmp(first, "..", length) == 0)
		return;
	for (size_t i = 0; i < members->count; i++)
		if (!is_below(&members->all[i], first, length))
			return;
	members->top = arena_copy(&members->arena, first, length);
}

void
members_settle(struct members *members)
{
	members->sorted = xmalloc(members->count * sizeof *members->sorted);
	for (uint32_t i = 0; i < members->count; i++)
		members->sorted[i] = i;
	qsort_r(members->sorted, members->count, sizeof *members->sorted, by_path, members);
	resolve_hard_links(members);
	keep_last_of_each(members);
	find_top(members);
}

void
members_finish(struct members *members)
{
	free(members->all);
	free(members->sorted);
	arena_finish(&members->arena);
	*members = (struct members){.form = MEMBERS_NONE};
}
