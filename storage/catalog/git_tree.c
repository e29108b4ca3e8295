/*
 * Trees. An index of where entries start makes it possible to skip what two trees have in common: bytes are
 * compared, and the entry in which they begin to differ is looked up. The index of a tree is itself made from that
 * of a tree like it. Pure; one thread.
 */
#include "storage/catalog/git_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"

#define COMPARED_AT_ONCE 1024 /* bytes; where these differ, … */
#define NARROWER         4    /* … a part of them each time, down to the one that does */

void
git_tree_finish(struct git_tree *tree)
{
	free(tree->starts);
	*tree = (struct git_tree){0};
}

/* --- the index --- */

/* Room for so many more starts. */
static void
make_room(struct git_tree *tree, size_t more)
{
	if (tree->count + more <= tree->starts_capacity)
		return;
	tree->starts_capacity = 2 * tree->starts_capacity + more;
	tree->starts = xrealloc(tree->starts, tree->starts_capacity * sizeof *tree->starts);
}

static void
add_start(struct git_tree *tree, size_t start)
{
	make_room(tree, 1);
	tree->starts[tree->count++] = (uint32_t)start;
}

/* The starts of another tree from one entry to before another, so many bytes further. */
static void
add_starts(struct git_tree *tree, const struct git_tree *like, size_t from, size_t to, size_t shift)
{
	uint32_t *starts;

	if (from == to)
		return;
	make_room(tree, to - from);
	starts = tree->starts + tree->count;
	memcpy(starts, like->starts + from, (to - from) * sizeof *starts);
	for (size_t i = 0; shift != 0 && i < to - from; i++)
		starts[i] += (uint32_t)shift;
	tree->count += to - from;
}

static size_t
common_prefix(const uint8_t *a, const uint8_t *b, size_t length)
{
	size_t at = 0;

	for (size_t step = COMPARED_AT_ONCE; step > 0; step /= NARROWER)
		while (length - at >= step && memcmp(a + at, b + at, step) == 0)
			at += step;
	return at;
}

/* Of the bytes that end there. */
static size_t
common_suffix(const uint8_t *a_end, const uint8_t *b_end, size_t length)
{
	size_t count = 0;

	for (size_t step = COMPARED_AT_ONCE; step > 0; step /= NARROWER)
		while (length - count >= step &&
		        memcmp(a_end - count - step, b_end - count - step, step) == 0)
			count += step;
	return count;
}

/* How many entries, from this one on, start at or before an offset. */
static size_t
starts_up_to(const struct git_tree *tree, size_t from, size_t offset)
{
	size_t low = from, high = tree->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tree->starts[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low - from;
}

/* Where the entry that starts here ends: "100644 name", a 0, the identity; 0: it is none. */
static size_t
entry_end(const struct git_tree *tree, size_t start)
{
	const uint8_t *at = tree->bytes + start, *end = tree->bytes + tree->length, *name;

	while (at < end && *at >= '0' && *at <= '7')
		at++;
	if (at == end || *at != ' ' || at == tree->bytes + start)
		return 0;
	name = at + 1;
	at = memchr(name, '\0', (size_t)(end - name));
	if (at == NULL || at == name || (size_t)(end - at) < 1 + GIT_ID_SIZE)
		return 0;
	return (size_t)(at - tree->bytes) + 1 + GIT_ID_SIZE;
}

/* Takes over the starts in the bytes that both begin with; where the first entry is that has yet to be found. */
static size_t
take_beginning(struct git_tree *tree, const struct git_tree *like)
{
	size_t shorter = tree->length < like->length ? tree->length : like->length;
	size_t known = starts_up_to(like, 0, common_prefix(tree->bytes, like->bytes, shorter));

	/* The last of them may go on differently. */
	if (known == 0)
		return 0;
	add_starts(tree, like, 0, known - 1, 0);
	return like->starts[known - 1];
}

/* The first entry of like in the bytes that both end with, behind what both begin with. */
static size_t
find_end(const struct git_tree *tree, const struct git_tree *like, size_t beginning)
{
	size_t shorter = tree->length < like->length ? tree->length : like->length;
	/* A tree without entries has no bytes to point into. */
	size_t same = shorter > 0 ? common_suffix(tree->bytes + tree->length, like->bytes + like->length,
	                                    shorter - beginning)
	                          : 0;

	return same < like->length ? starts_up_to(like, 0, like->length - same - 1) : 0;
}

bool
git_tree_index(struct git_tree *tree, const uint8_t *bytes, size_t length, const struct git_tree *like,
        struct git_common *ret_common)
{
	size_t shift = length - like->length; /* may wrap around, and back again */
	size_t at, behind;

	assert(length <= GIT_TREE_MAX);
	tree->bytes = bytes;
	tree->length = length;
	tree->count = 0;
	at = take_beginning(tree, like);
	behind = find_end(tree, like, at);
	*ret_common = (struct git_common){.first = tree->count};
	while (at < tree->length) {
		size_t end;

		while (behind < like->count && like->starts[behind] + shift < at)
			behind++;
		if (behind < like->count && like->starts[behind] + shift == at) {
			add_starts(tree, like, behind, like->count, shift);
			ret_common->last = like->count - behind;
			return true;
		}
		end = entry_end(tree, at);
		if (end == 0)
			return false;
		add_start(tree, at);
		at = end;
	}
	return true;
}

/* --- comparing --- */

struct entry {
	const char *name;
	size_t length;
	struct git_side side;
};

/* "40000" is a directory, "100644" a file, with any permissions; links and submodules begin differently. */
static enum git_mode
mode_of(const uint8_t *bytes, size_t length)
{
	if (length == 5 && memcmp(bytes, "40000", 5) == 0)
		return GIT_MODE_DIRECTORY;
	return length == 6 && memcmp(bytes, "100", 3) == 0 ? GIT_MODE_FILE : GIT_MODE_OTHER;
}

static size_t
end_of(const struct git_tree *tree, size_t number)
{
	return number + 1 < tree->count ? tree->starts[number + 1] : tree->length;
}

static struct entry
entry_at(const struct git_tree *tree, size_t number)
{
	const uint8_t *start = tree->bytes + tree->starts[number], *end = tree->bytes + end_of(tree, number);
	const uint8_t *blank = memchr(start, ' ', (size_t)(end - start));
	const uint8_t *id = end - GIT_ID_SIZE;

	return (struct entry){.name = (const char *)blank + 1,
	        .length = (size_t)(id - 1 - (blank + 1)),
	        .side = {.mode = mode_of(start, (size_t)(blank - start)), .id = id}};
}

/* Git's order: a directory's name counts as if a slash stood behind it. */
static int
compare_entries(const struct entry *a, const struct entry *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->name, b->name, shorter);
	int a_next, b_next;

	if (order != 0)
		return order;
	a_next = a->length > shorter ? (unsigned char)a->name[shorter]
	                             : (a->side.mode == GIT_MODE_DIRECTORY ? '/' : '\0');
	b_next = b->length > shorter ? (unsigned char)b->name[shorter]
	                             : (b->side.mode == GIT_MODE_DIRECTORY ? '/' : '\0');
	return a_next - b_next;
}

/* The entries that are still to be compared. */
struct rest {
	const struct git_tree *tree;
	size_t at, end; /* numbers of entries */
};

static size_t
bytes_in(const struct rest *rest)
{
	size_t end = rest->end < rest->tree->count ? rest->tree->starts[rest->end] : rest->tree->length;

	return end - rest->tree->starts[rest->at];
}

/* Goes on behind the entries that are the same in both. */
static void
skip_same(struct rest *old, struct rest *new)
{
	size_t start, left_old, left_new, same, count;

	if (old->at == old->end || new->at == new->end)
		return;
	start = old->tree->starts[old->at];
	left_old = bytes_in(old);
	left_new = bytes_in(new);
	same = common_prefix(old->tree->bytes + start, new->tree->bytes + new->tree->starts[new->at],
	        left_old < left_new ? left_old : left_new);
	/* They differ in the last entry that starts there or before, unless all of the old ones are in the new. */
	count = same == left_old ? old->end - old->at : starts_up_to(old->tree, old->at, start + same) - 1;
	old->at += count;
	new->at += count;
}

static void
tell_first(struct rest *old, struct rest *new, git_differs_fn *differs, void *context)
{
	static const struct entry nothing = {.side = {.mode = GIT_MODE_NONE}};
	struct entry before = nothing, after = nothing;
	int order;

	if (old->at < old->end)
		before = entry_at(old->tree, old->at);
	if (new->at < new->end)
		after = entry_at(new->tree, new->at);
	order = old->at == old->end ? 1 : new->at == new->end ? -1 : compare_entries(&before, &after);
	old->at += order <= 0;
	new->at += order >= 0;
	if (order < 0)
		differs(context, before.name, before.length, &before.side, &nothing.side);
	else if (order > 0)
		differs(context, after.name, after.length, &nothing.side, &after.side);
	else
		differs(context, before.name, before.length, &before.side, &after.side);
}

void
git_tree_compare(const struct git_tree *old, const struct git_tree *new, const struct git_common *common,
        git_differs_fn *differs, void *context)
{
	struct rest before = {.tree = old, .at = common->first, .end = old->count - common->last};
	struct rest after = {.tree = new, .at = common->first, .end = new->count - common->last};

	for (;;) {
		skip_same(&before, &after);
		if (before.at == before.end && after.at == after.end)
			return;
		tell_first(&before, &after, differs, context);
	}
}
