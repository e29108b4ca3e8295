/*
 * Bodies that name archives: each form told apart and read, everything else refused with a sentence that says
 * where it is wrong.
 */
#include "tests/support/readers.h"

#include "server/jobs/asked.h"

#define LIST_LINE "https://h/a md5=" MD5_A " sha256=" SHA256_A " a.1\n"
#define LOCKFILE                                                                                             \
	"opam-version: \"2.0\"\n"                                                                            \
	"x-opam-monorepo-duniverse-dirs: [\n"                                                                \
	"  [ \"https://h/a.tbz\" \"a\" [ \"sha256=" SHA256_A "\" \"md5=" MD5_A "\" ] ]\n"                    \
	"  [ \"https://h/b.tbz\" \"b\" [ \"sha256=" SHA256_B "\" ] ]\n"                                      \
	"]\n"

static struct asked asked;

static int
tear_down(void **state)
{
	(void)state;
	asked_finish(&asked);
	return 0;
}

static bool
read_bytes(const char *bytes, size_t length, struct err *err)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add_bytes(&body, bytes, length);
	asked_finish(&asked);
	return asked_read_body(&body, &asked, err);
}

static void
assert_read(const char *body, size_t archives)
{
	struct err err = ERR_NONE;

	if (!read_bytes(body, strlen(body), &err))
		fail_msg("%s", err.text);
	assert_int_equal(asked.wants.count, archives);
}

static void
assert_refused(const char *body, enum err_code code, const char *part)
{
	struct err err = ERR_NONE;

	assert_false(read_bytes(body, strlen(body), &err));
	assert_error(&err, code, part);
}

static void
assert_want(size_t number, int digests, const char *best)
{
	char text[DIGEST_TEXT_MAX];

	assert_int_equal(digests_count(&asked.wants.items[number].digests), digests);
	digests_best_text(&asked.wants.items[number].digests, text);
	assert_string_equal(text, best);
}

static void
a_lockfile_and_a_list_are_read_with_their_urls_and_problems(void **state)
{
	(void)state;
	assert_read(LOCKFILE, 2);
	assert_want(0, 2, "sha256:" SHA256_A);
	assert_string_equal(asked.wants.items[0].urls[0], "https://h/a.tbz");
	assert_want(1, 1, "sha256:" SHA256_B);
	assert_int_equal(asked.harvest->n_problems, 0);
	assert_read("# mine\n" LIST_LINE "https://h/b md5=12\n", 1);
	assert_string_equal(asked.wants.items[0].package, "a.1");
	assert_string_equal(asked.wants.items[0].urls[0], "https://h/a");
	assert_problem(asked.harvest, 0, "body", 3, 13, "md5");
}

static void
lines_of_digests_are_an_archive_each(void **state)
{
	(void)state;
	assert_read("sha256:" SHA256_A "\n", 1);
	assert_want(0, 1, "sha256:" SHA256_A);
	assert_null(asked.harvest);
	assert_read("\n# those of today\r\n" MD5_A "\r\n  sha256=" SHA256_B "\tmd5:" MD5_B
	            " # b\n\nSHA256:" SHA256_A,
	        3);
	assert_want(0, 1, "md5:" MD5_A);
	assert_want(1, 2, "sha256:" SHA256_B);
	assert_want(2, 1, "sha256:" SHA256_A);
	assert_read("md5=" MD5_A "\nmd5=" MD5_A "\n", 1);
}

static void
wrong_lines_are_named(void **state)
{
	AUTO_FREE char *word = repeated("a", 1000, "\n");
	AUTO_TEXT body = TEXT_EMPTY;

	(void)state;
	assert_refused("md5:" MD5_A "\nmd5:12\n", ERR_BAD_REQUEST, "line 2: ");
	assert_refused("md5:" MD5_A "\n\nhttps://h/a\n", ERR_BAD_REQUEST, "line 3: ");
	assert_refused("md5:" MD5_A " md5:" MD5_B "\n", ERR_BAD_REQUEST, "line 1: two values of md5");
	text_addf(&body, "md5:%s\n%s", MD5_A, word);
	assert_refused(text_string(&body), ERR_BAD_REQUEST, "line 2: a word that is too long");
}

static void
json_is_a_list_of_lists(void **state)
{
	(void)state;
	assert_read("{\"digests\": []}", 0);
	assert_read(
	        " {\"digests\": [[\"sha256:" SHA256_A "\", \"md5:" MD5_A "\"], [\"md5=" MD5_B "\"]]}\n", 2);
	assert_want(0, 2, "sha256:" SHA256_A);
	assert_want(1, 1, "md5:" MD5_B);
}

static void
json_that_is_wrong_is_refused(void **state)
{
	(void)state;
	assert_refused("{\"digests\": [", ERR_SYNTAX, "line 1");
	assert_refused("[]", ERR_BAD_REQUEST, "an object with \"digests\"");
	assert_refused("{}", ERR_BAD_REQUEST, "an object with \"digests\"");
	assert_refused("{\"digests\": [], \"all\": true}", ERR_BAD_REQUEST, "nothing else");
	assert_refused("{\"digests\": {}}", ERR_BAD_REQUEST, "has to be a list");
	assert_refused(
	        "{\"digests\": [[\"md5:" MD5_A "\"], []]}", ERR_BAD_REQUEST, "archive 2 of \"digests\"");
	assert_refused("{\"digests\": [\"md5:" MD5_A "\"]}", ERR_BAD_REQUEST, "archive 1 of \"digests\"");
	assert_refused("{\"digests\": [[7]]}", ERR_BAD_REQUEST, "not a string");
	assert_refused("{\"digests\": [[\"md5:12\"]]}", ERR_BAD_REQUEST, "archive 1 of \"digests\"");
	assert_refused("{\"digests\": [], \"digests\": []}", ERR_SYNTAX, "duplicate");
}

static void
what_is_none_of_these_is_refused(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_refused("", ERR_BAD_REQUEST, "empty");
	assert_refused("hello there\n", ERR_SYNTAX, "text of another kind");
	assert_refused("a: [", ERR_SYNTAX, "body:1:5");
	assert_false(read_bytes("\x1f\x8b\x08\0\0", 5, &err));
	assert_error(&err, ERR_SYNTAX, "binary");
	assert_false(read_bytes("md5:" MD5_A "\0", 37, &err));
	assert_error(&err, ERR_SYNTAX, "binary");
}

/* So many archives in one of the forms. */
static char *
many(const char *before, const char *line, size_t count, const char *after)
{
	struct text text = TEXT_EMPTY;

	text_add(&text, before);
	for (size_t i = 0; i < count; i++)
		text_addf(&text, "%s%s%032zx%s", i > 0 && line[0] == '[' ? ", " : "", line, i, after);
	return text_take(&text);
}

static void
no_more_archives_than_allowed(void **state)
{
	static const struct {
		const char *before, *line, *after;
	} forms[] = {
	        {"", "md5:", "\n"}, {"", "https://h/a md5=", "\n"}, {"{\"digests\": [", "[\"md5:", "\"]"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		AUTO_FREE char *most =
		        many(forms[i].before, forms[i].line, ASKED_ARCHIVES_MAX, forms[i].after);
		AUTO_FREE char *over =
		        many(forms[i].before, forms[i].line, ASKED_ARCHIVES_MAX + 1, forms[i].after);
		AUTO_TEXT closed = TEXT_EMPTY;

		text_addf(&closed, "%s%s", most, forms[i].before[0] != '\0' ? "]}" : "");
		assert_read(text_string(&closed), ASKED_ARCHIVES_MAX);
		text_clear(&closed);
		text_addf(&closed, "%s%s", over, forms[i].before[0] != '\0' ? "]}" : "");
		assert_refused(text_string(&closed), ERR_TOO_LARGE, "more than 20000 archives");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(
	                a_lockfile_and_a_list_are_read_with_their_urls_and_problems, tear_down),
	        cmocka_unit_test_teardown(lines_of_digests_are_an_archive_each, tear_down),
	        cmocka_unit_test_teardown(wrong_lines_are_named, tear_down),
	        cmocka_unit_test_teardown(json_is_a_list_of_lists, tear_down),
	        cmocka_unit_test_teardown(json_that_is_wrong_is_refused, tear_down),
	        cmocka_unit_test_teardown(what_is_none_of_these_is_refused, tear_down),
	        cmocka_unit_test_teardown(no_more_archives_than_allowed, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
