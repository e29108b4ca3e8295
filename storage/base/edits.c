/*
 * Edits and their diff. Edits that touch the same lines are one change; changes whose context would meet share a hunk. One
 * thread at a time.
 */
#include "storage/base/edits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Lines of a text: each with its newline, the last perhaps without. */
struct lines {
	const char *bytes;
	size_t *starts; /* of each, and behind the last */
	size_t count;
};

/* Old lines from first on that become new ones. */
struct change {
	size_t first, n_old;
	char *with; /* the new lines */
	struct lines lines;
};

struct changes {
	struct change *items;
	size_t count;
};

void
edits_add(struct edits *edits, size_t from, size_t to, const char *with)
{
	assert(from <= to);
	if (edits->count == edits->capacity) {
		edits->capacity = 2 * edits->capacity + 16;
		edits->items = xrealloc(edits->items, edits->capacity * sizeof *edits->items);
	}
	edits->items[edits->count++] = (struct edit){.from = from, .to = to, .with = xstrdup(with)};
}

void
edits_finish(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		free(edits->items[i].with);
	free(edits->items);
	*edits = EDITS_EMPTY;
}

static struct lines
split(const char *bytes, size_t length)
{
	struct lines lines = {.bytes = bytes};
	const char *newline;
	size_t at = 0;

	for (size_t i = 0; i < length; i++)
		lines.count += bytes[i] == '\n';
	lines.starts = xcalloc(lines.count + 2, sizeof *lines.starts);
	lines.count = 0;
	while (at < length) {
		newline = memchr(bytes + at, '\n', length - at);
		lines.starts[lines.count++] = at;
		at = newline != NULL ? (size_t)(newline - bytes) + 1 : length;
	}
	lines.starts[lines.count] = length;
	return lines;
}

/* The line that this byte is in; the last one where it is behind all. */
static size_t
line_of(const struct lines *lines, size_t at)
{
	size_t low = 0, high = lines->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (lines->starts[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool
same_line(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	size_t length = a->starts[i + 1] - a->starts[i];

	return length == b->starts[j + 1] - b->starts[j] &&
	       memcmp(a->bytes + a->starts[i], b->bytes + b->starts[j], length) == 0;
}

/* Leaves out what is the same at its beginning and its end: a list of which one line is new. */
static void
trim(const struct lines *old, struct change *change)
{
	struct lines *new = &change->lines;

	while (change->n_old > 0 && new->count > 0 && same_line(old, change->first, new, 0)) {
		change->first++;
		change->n_old--;
		new->count--;
		memmove(new->starts, new->starts + 1, (new->count + 1) * sizeof *new->starts);
	}
	while (change->n_old > 0 && new->count > 0 &&
	        same_line(old, change->first + change->n_old - 1, new, new->count - 1)) {
		change->n_old--;
		new->count--;
	}
}

/* The edits from here on that touch the same lines become one change; their number is returned. */
static size_t
make_change(const struct edits *edits, size_t at, const struct lines *old, struct change *ret)
{
	struct text with = TEXT_EMPTY;
	size_t first = line_of(old, edits->items[at].from), last = first, done = old->starts[first], n = 0;
	size_t length;

	for (; at + n < edits->count && line_of(old, edits->items[at + n].from) <= last; n++) {
		const struct edit *edit = &edits->items[at + n];

		assert(edit->from >= done);
		text_add_bytes(&with, old->bytes + done, edit->from - done);
		text_add(&with, edit->with);
		done = edit->to;
		if (edit->to > edit->from)
			last = line_of(old, edit->to - 1);
	}
	text_add_bytes(&with, old->bytes + done, old->starts[last + 1] - done);
	length = with.length;
	*ret = (struct change){.first = first, .n_old = last + 1 - first, .with = text_take(&with)};
	ret->lines = split(ret->with, length);
	trim(old, ret);
	return n;
}

static int
compare_edits(const void *a, const void *b)
{
	const struct edit *left = a, *right = b;

	return (left->from > right->from) - (left->from < right->from);
}

static void
finish_change(struct change *change)
{
	free(change->lines.starts);
	free(change->with);
}

static struct changes
make_changes(struct edits *edits, const struct lines *old)
{
	struct changes changes = {.items = xcalloc(edits->count, sizeof *changes.items)};

	qsort(edits->items, edits->count, sizeof *edits->items, compare_edits);
	for (size_t i = 0; i < edits->count;) {
		struct change change;

		i += make_change(edits, i, old, &change);
		if (change.n_old > 0 || change.lines.count > 0)
			changes.items[changes.count++] = change;
		else
			finish_change(&change);
	}
	return changes;
}

/* --- as a diff --- */

static void
add_lines(struct text *text, char sign, const struct lines *lines, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const char *line = lines->bytes + lines->starts[i];
		size_t length = lines->starts[i + 1] - lines->starts[i];

		text_add_bytes(text, &sign, 1);
		text_add_bytes(text, line, length);
		if (line[length - 1] != '\n')
			text_add(text, "\n\\ No newline at end of file\n");
	}
}

/* A hunk is the changes [from, to); shift: by how much new line numbers are ahead of old ones. Returns the next shift. */
static ptrdiff_t
add_hunk(struct text *text, const struct lines *old, const struct change *from, const struct change *to,
        ptrdiff_t shift)
{
	const struct change *last = to - 1;
	size_t start = from->first > EDITS_CONTEXT ? from->first - EDITS_CONTEXT : 0;
	size_t end = last->first + last->n_old + EDITS_CONTEXT, at = start, n_old, n_new;

	end = end < old->count ? end : old->count;
	n_old = n_new = end - start;
	for (const struct change *change = from; change < to; change++)
		n_new += change->lines.count - change->n_old;
	/* Of no lines the number is that of the line before. */
	text_addf(text, "@@ -%zu,%zu +%zu,%zu @@\n", n_old > 0 ? start + 1 : start, n_old,
	        (size_t)((ptrdiff_t)start + shift) + (n_new > 0), n_new);
	for (const struct change *change = from; change < to; change++) {
		add_lines(text, ' ', old, at, change->first);
		add_lines(text, '-', old, change->first, change->first + change->n_old);
		add_lines(text, '+', &change->lines, 0, change->lines.count);
		at = change->first + change->n_old;
	}
	add_lines(text, ' ', old, at, end);
	return shift + (ptrdiff_t)n_new - (ptrdiff_t)n_old;
}

static void
add_hunks(struct text *text, const struct lines *old, const struct changes *changes)
{
	const struct change *all = changes->items;
	ptrdiff_t shift = 0;
	size_t to;

	for (size_t from = 0; from < changes->count; from = to) {
		for (to = from + 1; to < changes->count; to++)
			if (all[to].first > all[to - 1].first + all[to - 1].n_old + 2 * EDITS_CONTEXT)
				break;
		shift = add_hunk(text, old, &all[from], &all[to], shift);
	}
}

void
edits_diff(struct edits *edits, const char *name, const char *bytes, size_t length, struct text *ret)
{
	/* patch(1) takes a name with blanks where a tab ends it. */
	const char *end = strpbrk(name, " \t") != NULL ? "\t" : "";
	struct lines old = split(bytes, length);
	struct changes changes = {0};

	if (edits->count > 0 && old.count > 0)
		changes = make_changes(edits, &old);
	if (changes.count > 0) {
		text_addf(ret, "--- %s%s\n+++ %s%s\n", name, end, name, end);
		add_hunks(ret, &old, &changes);
	}
	for (size_t i = 0; i < changes.count; i++)
		finish_change(&changes.items[i]);
	free(changes.items);
	free(old.starts);
}
