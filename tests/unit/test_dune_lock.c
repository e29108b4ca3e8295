/*
 * Dune lock directories and the s-expressions they are made of.
 */
#include "tests/support/readers.h"

#include <unistd.h>

#include "storage/catalog/dune_lock.h"
#include "storage/catalog/sexp.h"

static struct harvest *harvest;
static struct arena arena;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	arena = ARENA_EMPTY;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(harvest);
	arena_finish(&arena);
	return 0;
}

static void
show(struct text *text, const struct sexp *sexp)
{
	for (; sexp != NULL; sexp = sexp->next) {
		if (sexp->text != NULL) {
			text_addf(text, "<%s>", sexp->text);
			continue;
		}
		text_add(text, "(");
		show(text, sexp->first);
		text_add(text, ")");
	}
}

static void
assert_sexp(const char *source, const char *wanted)
{
	AUTO_TEXT shown = TEXT_EMPTY;
	const struct sexp *sexp = NULL;
	struct err err = ERR_NONE;
	struct place place;

	if (!sexp_parse(&arena, source, strlen(source), &sexp, &place, &err))
		fail_msg("%u:%u: %s", place.line, place.column, err.text);
	show(&shown, sexp);
	assert_string_equal(text_string(&shown), wanted);
}

static void
assert_mistake(const char *source, size_t length, unsigned line, unsigned column, const char *part)
{
	const struct sexp *sexp;
	struct err err = ERR_NONE;
	struct place place;

	assert_false(sexp_parse(&arena, source, length, &sexp, &place, &err));
	assert_error(&err, ERR_SYNTAX, part);
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void
reads_expressions(void **state)
{
	(void)state;
	assert_sexp("", "");
	assert_sexp("a (b (c) ()) d", "<a>(<b>(<c>)())<d>");
	assert_sexp("; a ( comment\n(a;b\r\n c)", "(<a><c>)");
	assert_sexp("\"a b\" \"\" \"(;\"", "<a b><><(;>");
	assert_sexp("\"\\n\\t\\b\\r\\\\\\\"\\'\\ \\%{x}\\065\\x42\"", "<\n\t\b\r\\\"' %{x}AB>");
	assert_sexp("\"one\\\n   two\"", "<onetwo>");
	assert_sexp("a\"b\"c", "<a><b><c>");
	assert_sexp("\"\\| one\\n\n  \"\\> two\\n\n\"\\|\n(x)", "<one\n\ntwo\\n\n>(<x>)");
	assert_sexp("\"\\| a\\065\\\n b\n\"\\| c", "<aAb\nc>");
	assert_sexp("\"a\\\r\n\tb\"", "<ab>");
	assert_sexp("%{x}/#|y", "<%{x}/#|y>");
}

static void
tells_mistakes(void **state)
{
	(void)state;
	assert_mistake("(a\n (b)", 7, 1, 1, "never closed");
	assert_mistake("a\n )", 4, 2, 2, "')' without");
	assert_mistake("(a \"b", 5, 1, 4, "string is never closed");
	assert_mistake("\"\\q\"", 4, 1, 1, "begins no escape");
	assert_mistake("\"\\256\"", 6, 1, 1, "begins no escape");
	assert_mistake("\"\\x4", 4, 1, 1, "begins no escape");
	assert_mistake("\"\\", 2, 1, 1, "begins no escape");
	assert_mistake("\"\\| \\q", 6, 1, 1, "begins no escape");
	assert_mistake("a \0", 3, 1, 3, "0x00");
}

static void
bounds_depth_and_size(void **state)
{
	AUTO_FREE char *deep = repeated("(", 10000, "");
	AUTO_FREE char *allowed = repeated("(", SEXP_NESTING_MAX, "");
	AUTO_FREE char *many = repeated("a ", SEXP_VALUES_MAX + 1, "");
	AUTO_FREE char *close = repeated(")", SEXP_NESTING_MAX, "");
	AUTO_TEXT both = TEXT_EMPTY;

	(void)state;
	assert_mistake(deep, 10000, 1, 101, "nested more than 100 deep");
	text_addf(&both, "%s%s", allowed, close);
	assert_sexp(text_string(&both), text_string(&both));
	assert_mistake(many, strlen(many), 1, 2 * SEXP_VALUES_MAX + 1, "more than 1000000 expressions");
}

static void
read_file(const char *path, const char *text)
{
	dune_lock_read_file(path, text, strlen(text), harvest);
}

static void
reads_a_package(void **state)
{
	(void)state;
	read_file("dune.lock/a.pkg",
	        "(version 0.2.0)\n(build (run x (fetch (url https://no/) (checksum " MD5_B "))))\n"
	        "(source (fetch (url https://h/a) (checksum md5=" MD5_A ") (checksum sha256=" SHA256_A ")))\n"
	        "(extra_sources\n (dir (fetch (url \"https://h/b\") (checksum sha256=" SHA256_B ")))\n"
	        " (fetch (fetch (url https://h/c) (checksum " MD5_B "))))\n");
	assert_int_equal(harvest->problems_in_all, 0);
	assert_int_equal(harvest->n_entries, 3);
	assert_int_equal(harvest->sections, 3);
	assert_string_equal(harvest->entries[0].package, "a.0.2.0");
	assert_string_equal(harvest->entries[0].urls[0], "https://h/a");
	assert_digests(&harvest->entries[0], MD5_A, "sha256=" SHA256_A);
	assert_digests(&harvest->entries[1], "sha256=" SHA256_B, NULL);
	assert_string_equal(harvest->entries[2].urls[0], "https://h/c");
}

static void
reads_a_choice_of_platforms(void **state)
{
	(void)state;
	read_file("a.0.2.0.pkg",
	        "(version 0.2.0)(source (choice ((((os linux))) (fetch (url https://h/l) (checksum " MD5_A
	        ")))\n"
	        "((((os win32))) (fetch (url https://h/w) (checksum " MD5_B ")))))");
	assert_int_equal(harvest->n_entries, 2);
	assert_string_equal(harvest->entries[1].package, "a.0.2.0");
}

static void
counts_what_cannot_be_kept(void **state)
{
	(void)state;
	read_file("a.pkg", "(source (copy /tmp/x))");
	read_file("b.pkg", "(source (fetch (url git+https://h/b)))");
	read_file("c.pkg", "(source (fetch (url https://h/c)))");
	read_file("d.pkg", "(dev)");
	assert_int_equal(harvest->files, 4);
	assert_int_equal(harvest->sections, 3);
	assert_int_equal(harvest->not_archives, 2);
	assert_int_equal(harvest->without_digest, 1);
	assert_int_equal(harvest->n_unkept, 3);
	assert_string_equal(harvest->unkept[0].package, "a");
	assert_int_equal(harvest->problems_in_all, 0);
	read_file("e.pkg", "(source (fetch\n (url https://h/c)\n (checksum md5=12)))");
	assert_problem(harvest, 0, "e.pkg", 3, 12, "32 hexadecimal digits");
}

static void
reads_a_directory(void **state)
{
	char *root = temp_make();
	AUTO_FREE char *link = path_in(root, "link.pkg");
	struct dune_limits limits = {.file = 98, .files = 5};
	struct err err = ERR_NONE;
	AUTO_FD fd = -1;

	(void)state;
	fd = file_open_directory(root, &err);
	assert_false(dune_lock_read_directory(fd, "dune.lock", &limits, harvest, &err));
	assert_error(&err, ERR_SYNTAX, "neither lock.dune nor");
	put_file(root, "lock.dune", "(lang package 0.1)\n)");
	put_file(root, "a.pkg", "(version 1)(source (fetch (url https://h/a) (checksum " MD5_A ")))");
	put_file(root, "b.pkg", "(source");
	put_file(root, "big.pkg",
	        "(                                                                                           "
	        "      )");
	put_file(root, "c.files/x.pkg", "(source");
	put_file(root, "other", "(source");
	assert_int_equal(symlink("a.pkg", link), 0);
	assert_true(dune_lock_read_directory(fd, "dune.lock", &limits, harvest, &err));
	assert_int_equal(harvest->files, 2);
	assert_int_equal(harvest->n_entries, 1);
	assert_string_equal(harvest->entries[0].package, "a.1");
	assert_int_equal(harvest->problems_in_all, 4);
	assert_problem(harvest, 0, "b.pkg", 1, 1, "the file is skipped");
	assert_problem(harvest, 1, "big.pkg", 0, 0, "larger than the 98 bytes");
	assert_problem(harvest, 2, "link.pkg", 0, 0, "symbolic links");
	assert_problem(harvest, 3, "lock.dune", 2, 1, "')' without");
	limits.files = 4;
	assert_false(dune_lock_read_directory(fd, "dune.lock", &limits, harvest, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 4 files");
	assert_false(dune_lock_read_directory(-1, "dune.lock", &limits, harvest, &err));
	assert_error(&err, ERR_IO, "listing dune.lock");
	temp_remove(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(reads_expressions, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_mistakes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_depth_and_size, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_package, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_choice_of_platforms, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_what_cannot_be_kept, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_directory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
