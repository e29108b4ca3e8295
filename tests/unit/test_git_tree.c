/*
 * Trees: whatever two of them have in common, comparing them says what a plain comparison of their names
 * says; an index made from another tree is the index made from nothing; bytes that are no tree are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdlib.h>

#include "storage/base/text.h"
#include "storage/catalog/git_tree.h"

#define NAMES 60

/*
 * What a tree holds: 0 nothing, else a mode and a first byte of the identity; the name is that of the number.
 */
struct content {
	unsigned char modes[NAMES]; /* 0 nothing, 1 a file, 2 a directory, 3 a link */
	unsigned char ids[NAMES];
};

static const struct git_tree empty;
static unsigned random_state;

static unsigned
random_below(unsigned limit)
{
	random_state = random_state * 1103515245u + 12345;
	return (random_state >> 16) % limit;
}

/* Names of different lengths, in git's order whatever they are: "n07", "n08xxxx" … */
static void
name_of(unsigned number, char ret[32])
{
	snprintf(ret, 32, "n%02u%.*s", number, (int)(number * 7 % 13), "xxxxxxxxxxxxx");
}

/* The bytes are the caller's. */
static struct text
make_tree(const struct content *content)
{
	static const char *const modes[] = {"", "100644", "40000", "120000"};
	struct text bytes = TEXT_EMPTY;

	for (unsigned i = 0; i < NAMES; i++) {
		uint8_t id[GIT_ID_SIZE] = {content->ids[i], '\0', '1', '0', '0', ' ', 'n'};
		char name[32];

		if (content->modes[i] == 0)
			continue;
		name_of(i, name);
		text_addf(&bytes, "%s %s", modes[content->modes[i]], name);
		text_add_bytes(&bytes, "", 1);
		text_add_bytes(&bytes, id, sizeof id);
	}
	text_string(&bytes);
	return bytes;
}

static void
index_like(struct git_tree *tree, const struct text *bytes, const struct git_tree *like,
        struct git_common *common)
{
	assert_true(git_tree_index(tree, (const uint8_t *)bytes->bytes, bytes->length, like, common));
}

struct seen {
	const struct content *old, *new;
	bool told[NAMES];
};

static void
check_side(const struct git_side *side, unsigned char mode, unsigned char id)
{
	static const enum git_mode modes[] = {
	        GIT_MODE_NONE, GIT_MODE_FILE, GIT_MODE_DIRECTORY, GIT_MODE_OTHER};

	assert_int_equal(side->mode, modes[mode]);
	if (mode != 0)
		assert_int_equal(side->id[0], id);
}

/* A file and a directory of one name are two names to git, and come one after the other. */
static void
differs(void *context, const char *name, size_t length, const struct git_side *old,
        const struct git_side *new)
{
	struct seen *seen = context;
	unsigned number = (unsigned)(name[1] - '0') * 10 + (unsigned)(name[2] - '0');
	char wanted[32];

	name_of(number, wanted);
	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(name, wanted, length);
	if (old->mode != GIT_MODE_NONE)
		check_side(old, seen->old->modes[number], seen->old->ids[number]);
	if (new->mode != GIT_MODE_NONE)
		check_side(new, seen->new->modes[number], seen->new->ids[number]);
	assert_true(old->mode != GIT_MODE_NONE || new->mode != GIT_MODE_NONE);
	seen->told[number] = true;
}

static void
compare(const struct git_tree *old, const struct git_tree *new, const struct git_common *common,
        struct seen *seen)
{
	memset(seen->told, 0, sizeof seen->told);
	git_tree_compare(old, new, common, differs, seen);
	for (unsigned i = 0; i < NAMES; i++) {
		bool same = seen->old->modes[i] == seen->new->modes[i] &&
		            (seen->old->modes[i] == 0 || seen->old->ids[i] == seen->new->ids[i]);

		assert_int_equal(seen->told[i], !same);
	}
}

static void
change_a_little(struct content *content, unsigned changes)
{
	while (changes-- > 0) {
		unsigned i = random_below(NAMES);

		content->modes[i] = (unsigned char)random_below(4);
		content->ids[i] = (unsigned char)random_below(3);
	}
}

static void
finds_every_difference(void **state)
{
	static const struct git_common nothing;

	(void)state;
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct git_tree old = {0}, new = {0}, plain = {0};
		struct content before = {0}, after;
		struct seen seen = {.old = &before, .new = &after};
		struct text old_bytes, new_bytes;
		struct git_common common;

		random_state = seed;
		change_a_little(&before, random_below(2 * NAMES));
		after = before;
		change_a_little(&after, random_below(4));
		new_bytes = make_tree(&after);
		old_bytes = make_tree(&before);
		index_like(&new, &new_bytes, &empty, &common);
		index_like(&plain, &old_bytes, &empty, &common);
		index_like(&old, &old_bytes, &new, &common);
		assert_int_equal(old.count, plain.count);
		if (old.count > 0)
			assert_memory_equal(old.starts, plain.starts, old.count * sizeof *old.starts);
		compare(&old, &new, &common, &seen);
		compare(&old, &new, &nothing, &seen);
		seen.old = &after;
		seen.new = &before;
		compare(&new, &old, &common, &seen);
		git_tree_finish(&old);
		git_tree_finish(&new);
		git_tree_finish(&plain);
		text_finish(&old_bytes);
		text_finish(&new_bytes);
	}
}

static void
refused(const char *bytes, size_t length)
{
	struct git_common common;
	struct git_tree tree = {0};

	assert_false(git_tree_index(&tree, (const uint8_t *)bytes, length, &empty, &common));
	git_tree_finish(&tree);
}

static void
refuses_what_is_no_tree(void **state)
{
	(void)state;
	refused("1", 1);
	refused("100644", 6);
	refused("100644 ", 7);
	refused(" name\0aaaaaaaaaaaaaaaaaaaa", 26);
	refused("100x44 name\0aaaaaaaaaaaaaaaaaaaa", 32);
	refused("100644 \0aaaaaaaaaaaaaaaaaaaa", 28);
	refused("100644 name\0aaaaaaaaaaaaaaaaaaa", 31);
	refused("100644 name\0aaaaaaaaaaaaaaaaaaaa1", 33);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(finds_every_difference),
	        cmocka_unit_test(refuses_what_is_no_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
