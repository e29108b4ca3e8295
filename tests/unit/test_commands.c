/*
 * The pieces that commands share: progress, tables, paths that name digests, names that were mistyped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/commands/command.h"
#include "server/commands/progress.h"
#include "server/commands/table.h"
#include "server/commands/trees.h"

static void
test_text(void **state)
{
	struct progress progress = {
	        .verb = "fetched", .total = 100, .done = 25, .bytes = 4 << 20, .began_ms = 1000};
	char text[PROGRESS_TEXT_MAX];

	(void)state;
	progress_text(&progress, 5000, text);
	assert_string_equal(text, "fetched 25 of 100, 4.0 MiB, 1.0 MiB/s, 12 s left");
	progress.done = 1;
	progress_text(&progress, 5000, text);
	assert_string_equal(text, "fetched 1 of 100, 4.0 MiB, 1.0 MiB/s, 7 min left");
	progress.done = 0;
	progress.bytes = 0;
	progress_text(&progress, 1000, text);
	assert_string_equal(text, "fetched 0 of 100, 0 B, 0 B/s");
	progress.measure = PROGRESS_COUNT;
	progress.done = 50;
	progress_text(&progress, 3000, text);
	assert_string_equal(text, "fetched 50 of 100, 2 s left");
	progress = (struct progress){.verb = "done", .done = 3, .bytes = 10, .began_ms = 0};
	progress_text(&progress, 1000, text);
	assert_string_equal(text, "done 3, 10 B, 10 B/s");
	progress.under_way = 20;
	progress_text(&progress, 1000, text);
	assert_string_equal(text, "done 3, 30 B, 30 B/s");
}

static void
test_quiet(void **state)
{
	(void)state;
	assert_int_equal(progress_choose(FLAG_QUIET), PROGRESS_NONE);
	assert_int_not_equal(progress_choose(0), PROGRESS_NONE);
}

static void
test_table_columns(void **state)
{
	struct table table;
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	table_init(&table, (const char *const[]){"a", "long heading", "c"}, 3);
	table_add(&table, (const char *const[]){"wide cell", "x", "tab\there"});
	table_add(&table, (const char *const[]){"", "", ""});
	table_add(&table, (const char *const[]){"ü", "y", "z"});
	table_render(&table, &text);
	assert_string_equal(text_string(&text), "a          long heading  c\n"
	                                        "wide cell  x             tab\\x09here\n"
	                                        "\n"
	                                        "ü          y             z\n");
	table_finish(&table);
}

static void
test_digest_of_path(void **state)
{
	static const char *const named[] = {
	        "/home/a/.opam/download-cache/md5/d4/d41d8cd98f00b204e9800998ecf8427e",
	        "md5/d41d8cd98f00b204e9800998ecf8427e",
	        "cache/sha1/da/da39a3ee5e6b4b0d3255bfef95601890afd80709",
	};
	static const char *const plain[] = {"", "/", "a", "md5", "d41d8cd98f00b204e9800998ecf8427e",
	        "md5/d4/zlist.tbz", "d4/d41d8cd98f00b204e9800998ecf8427e",
	        "sha256/d4/d41d8cd98f00b204e9800998ecf8427e", "crc/d41d8cd98f00b204e9800998ecf8427e", "//",
	        "md5//"};
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(named); i++)
		assert_true(trees_path_digest(named[i], &digest));
	assert_int_equal(digest.algo, DIGEST_SHA1);
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		assert_false(trees_path_digest(plain[i], &digest));
}

static void
test_suggestions(void **state)
{
	(void)state;
	assert_string_equal(command_suggest("srve"), "serve");
	assert_string_equal(command_suggest("ftech"), "fetch");
	assert_string_equal(command_suggest("verfy"), "verify");
	assert_string_equal(command_suggest("gte"), "get");
	assert_null(command_suggest("frobnicate"));
	assert_null(command_suggest(""));
	assert_null(command_suggest("serve-serve-serve-serve-serve-serve-serve-serve"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text),
	        cmocka_unit_test(test_quiet),
	        cmocka_unit_test(test_table_columns),
	        cmocka_unit_test(test_digest_of_path),
	        cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
