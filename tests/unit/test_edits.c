/*
 * Edits as a unified diff: where hunks begin and end, what a line without an end is, what changes nothing.
 * That patch(1) takes such diffs is tested from end to end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "storage/base/edits.h"

#define TWELVE "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"

/* The first place of a word in a text becomes another. */
static void
replace(struct edits *edits, const char *in, const char *word, const char *with)
{
	size_t from = (size_t)(strstr(in, word) - in);

	edits_add(edits, from, from + strlen(word), with);
}

static void
assert_diff(struct edits *edits, const char *name, const char *bytes, const char *wanted)
{
	AUTO_TEXT diff = TEXT_EMPTY;

	edits_diff(edits, name, bytes, strlen(bytes), &diff);
	assert_string_equal(text_string(&diff), wanted);
	edits_finish(edits);
}

static void
one_word(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, TWELVE, "6", "six");
	assert_diff(&edits, "file", TWELVE,
	        "--- file\n+++ file\n@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n");
}

static void
nothing_is_no_diff(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	assert_diff(&edits, "file", TWELVE, "");
	replace(&edits, TWELVE, "6", "6");
	assert_diff(&edits, "file", TWELVE, "");
	assert_diff(&edits, "file", "", "");
}

static void
at_the_start_and_at_the_end(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, TWELVE, "12", "twelve"); /* in any order */
	replace(&edits, TWELVE, "1", "one");
	assert_diff(&edits, "a b", TWELVE,
	        "--- a b\t\n+++ a b\t\n@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n"
	        "@@ -9,4 +9,4 @@\n 9\n 10\n 11\n-12\n+twelve\n");
}

static void
changes_whose_contexts_meet_share_a_hunk(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, TWELVE, "2", "two");
	replace(&edits, TWELVE, "9", "nine");
	assert_diff(&edits, "file", TWELVE,
	        "--- file\n+++ file\n@@ -1,12 +1,12 @@\n 1\n-2\n+two\n 3\n 4\n 5\n 6\n 7\n 8\n-9\n+nine\n "
	        "10\n 11\n 12\n");
	replace(&edits, TWELVE, "2", "two");
	replace(&edits, TWELVE, "10", "ten");
	assert_diff(&edits, "file", TWELVE,
	        "--- file\n+++ file\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n"
	        "@@ -7,6 +7,6 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n");
}

static void
lines_that_come_and_go_move_the_numbers(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, TWELVE, "1\n2\n", "");
	replace(&edits, TWELVE, "12", "12\n13\n14\n15");
	assert_diff(&edits, "file", TWELVE,
	        "--- file\n+++ file\n@@ -1,5 +1,3 @@\n-1\n-2\n 3\n 4\n 5\n"
	        "@@ -10,3 +8,6 @@\n 10\n 11\n 12\n+13\n+14\n+15\n");
}

static void
edits_of_the_same_lines_are_one_change(void **state)
{
	static const char text[] = "[ a b ]\n[\n  c\n] d\nend\n";
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, text, "a", "A");
	replace(&edits, text, "b", "B");
	replace(&edits, text, "[\n  c\n]", "[\n  c\n  C\n]");
	replace(&edits, text, "d", "D");
	assert_diff(&edits, "file", text,
	        "--- file\n+++ file\n@@ -1,5 +1,6 @@\n-[ a b ]\n+[ A B ]\n [\n   c\n-] d\n+  C\n+] D\n "
	        "end\n");
}

static void
a_last_line_without_an_end(void **state)
{
	struct edits edits = EDITS_EMPTY;

	(void)state;
	replace(&edits, "1\n2", "2", "two");
	assert_diff(&edits, "file", "1\n2",
	        "--- file\n+++ file\n@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+two\n"
	        "\\ No newline at end of file\n");
	replace(&edits, "1\n2", "1", "one");
	assert_diff(&edits, "file", "1\n2",
	        "--- file\n+++ file\n@@ -1,2 +1,2 @@\n-1\n+one\n 2\n\\ No newline at end of file\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_word),
	        cmocka_unit_test(nothing_is_no_diff),
	        cmocka_unit_test(at_the_start_and_at_the_end),
	        cmocka_unit_test(changes_whose_contexts_meet_share_a_hunk),
	        cmocka_unit_test(lines_that_come_and_go_move_the_numbers),
	        cmocka_unit_test(edits_of_the_same_lines_are_one_change),
	        cmocka_unit_test(a_last_line_without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
