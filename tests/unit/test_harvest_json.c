/*
 * A harvest written as JSON and read again is the same; what is none, cut short or past a limit is told
 * apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "server/jobs/harvest_json.h"
#include "storage/base/clock.h"

#define HEADING                                                                                              \
	"{\"harvest\":1,\"source\":\"x.list\",\"form\":\"list\",\"files\":1,\"sections\":2,"                 \
	"\"without_digest\":0,\"not_archives\":0,\"problems\":0}\n"
#define TIP          "0123456789abcdef0123456789abcdef01234567"
#define HISTORY(tip) "{\"harvest\":1,\"form\":\"history of an opam repository\",\"tip\":\"" tip "\"}\n"
#define DATED(first, last)                                                                                   \
	HEADING "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[\"https://x.example/\"],\"first\":" first      \
	        ",\"last\":" last "}\n{\"end\":1}\n"
#define MD5   "d41d8cd98f00b204e9800998ecf8427e"
#define ENTRY "{\"digests\":{\"md5\":\"" MD5 "\"},\"package\":\"\",\"urls\":[\"https://x.example/a\"]}\n"

static struct harvest *read_back;
static enum source_form form;
static char *name;

/* Reads the text into read_back. */
static bool
read_text(const char *bytes, size_t length, struct err *err)
{
	FILE *file = tmpfile();
	bool read;

	*err = ERR_NONE;
	harvest_destroy(read_back);
	free(name);
	name = NULL;
	read_back = harvest_create();
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fflush(file), 0);
	read = harvest_json_read(fileno(file), read_back, &form, &name, err);
	fclose(file);
	return read;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(read_back);
	read_back = NULL;
	free(name);
	name = NULL;
	return 0;
}

static struct harvest *
make_harvest(void)
{
	static const char *const urls[] = {"https://x.example/a.tar.gz", "ftp://y.example/ä.tar.gz"};
	struct harvest *harvest = harvest_create();
	struct harvest_entry entry = {.package = "rosa.0.2.0", .urls = urls, .n_urls = 2};
	struct err err = ERR_NONE;
	struct digest digest;

	assert_true(digest_parse_text(MD5, &digest, &err));
	digests_put(&entry.digests, &digest);
	assert_true(harvest_add(harvest, &entry, "f", 1));
	entry.package = "";
	entry.n_urls = 1;
	assert_true(harvest_add(harvest, &entry, "f", 2));
	harvest_problem(harvest, "packages/a\x1b/opam", 7, 3, "a tab\there and a \\ there; skipped");
	harvest->files = 5;
	harvest->sections = 6;
	harvest->without_digest = 1;
	harvest->not_archives = 2;
	harvest->problems_in_all = 4000;
	return harvest;
}

static void
is_the_same_again(void **state)
{
	struct harvest *harvest = make_harvest();
	json_t *asked = json_pack("{s:s, s:s}", "source", "x.list", "form", "list");
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err;

	(void)state;
	harvest_json_add(&text, harvest, asked);
	json_decref(asked);
	assert_true(strncmp(text_string(&text), HARVEST_JSON_START, strlen(HARVEST_JSON_START)) == 0);
	assert_true(read_text(text.bytes, text.length, &err));
	assert_int_equal(form, SOURCE_LIST);
	assert_string_equal(name, "x.list");
	assert_int_equal(read_back->n_entries, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct harvest_entry *a = &harvest->entries[i], *b = &read_back->entries[i];

		assert_memory_equal(&a->digests, &b->digests, sizeof a->digests);
		assert_string_equal(a->package, b->package);
		assert_int_equal(a->n_urls, b->n_urls);
		for (size_t n = 0; n < a->n_urls; n++)
			assert_string_equal(a->urls[n], b->urls[n]);
	}
	assert_int_equal(read_back->n_problems, 1);
	assert_string_equal(read_back->problems[0].file, harvest->problems[0].file);
	assert_string_equal(read_back->problems[0].text, harvest->problems[0].text);
	assert_int_equal(read_back->problems[0].line, 7);
	assert_int_equal(read_back->problems[0].column, 3);
	assert_int_equal(read_back->problems_in_all, 4000);
	assert_int_equal(read_back->files, 5);
	assert_int_equal(read_back->sections, 6);
	assert_int_equal(read_back->without_digest, 1);
	assert_int_equal(read_back->not_archives, 2);
	/* Cut off anywhere it is none. */
	for (size_t length = 0; length < text.length; length++)
		assert_false(read_text(text.bytes, length, &err));
	harvest_destroy(harvest);
}

static void
refused(const char *text, const char *why)
{
	struct err err;

	assert_false(read_text(text, strlen(text), &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, why);
}

static void
what_is_none_is_refused(void **state)
{
	(void)state;
	refused("", "cut short");
	refused("{\"harvest\":2,\"form\":\"list\"}\n", "no harvest");
	refused("{\"harvest\":1,\"form\":\"poem\"}\n", "no harvest");
	refused("[]\n", "no object");
	refused("{\"harvest\"\n", "no JSON");
	refused(HEADING ENTRY "{\"end\":2}\n", "missing");
	refused(HEADING ENTRY "{\"end\":1}\n" ENTRY, "behind its end");
	refused(HEADING "{\"digests\":{},\"urls\":[\"https://x.example/\"]}\n", "without a digest");
	refused(HEADING "{\"digests\":{\"crc\":\"00\"},\"urls\":[\"https://x.example/\"]}\n", "line 2");
	refused(HEADING "{\"digests\":{\"md5\":\"00\"},\"urls\":[\"https://x.example/\"]}\n", "line 2");
	refused(HEADING "{\"digests\":{\"md5\":5},\"urls\":[\"https://x.example/\"]}\n", "hexadecimal");
	refused(HEADING "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[]}\n", "at least one");
	refused(HEADING "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[\"file:///etc/passwd\"]}\n", "no http");
	refused(HEADING "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[\"https://x.example/ x\"]}\n",
	        "no http");
	refused(HEADING "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[7]}\n", "no http");
}

static void
a_history_keeps_its_dates(void **state)
{
	struct harvest *harvest = make_harvest();
	json_t *asked = json_pack("{s:s, s:s}", "source", "r.git", "form", source_form_name(SOURCE_HISTORY));
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err;

	(void)state;
	harvest->entries[0].first_ms = 1;
	harvest->entries[0].last_ms = 1695000000000;
	harvest->entries[0].past = true;
	harvest->commits = 70000;
	harvest_put_tip(harvest, TIP " " TIP);
	harvest_json_add(&text, harvest, asked);
	json_decref(asked);
	assert_true(read_text(text.bytes, text.length, &err));
	assert_int_equal(form, SOURCE_HISTORY);
	assert_string_equal(read_back->tip, TIP " " TIP);
	assert_int_equal(read_back->commits, 70000);
	assert_int_equal(read_back->entries[0].first_ms, 1);
	assert_int_equal(read_back->entries[0].last_ms, 1695000000000);
	assert_true(read_back->entries[0].past);
	assert_int_equal(read_back->entries[1].first_ms, 0);
	assert_int_equal(read_back->entries[1].last_ms, 0);
	assert_false(read_back->entries[1].past);
	harvest_destroy(harvest);
}

static void
dates_are_of_the_past(void **state)
{
	int64_t began_ms = clock_wall_ms();
	struct err err;

	(void)state;
	assert_true(read_text(DATED("1", "99999999999999"), strlen(DATED("1", "99999999999999")), &err));
	assert_true(read_back->entries[0].last_ms >= began_ms);
	assert_true(read_back->entries[0].last_ms <= clock_wall_ms());
	assert_null(read_back->tip);
	refused(DATED("2", "1"), "its dates are none");
	refused(DATED("0", "1"), "its dates are none");
	refused(DATED("-1", "1"), "its dates are none");
	refused(DATED("\"1\"", "1"), "its dates are none");
	refused(HISTORY(""), "no list of commits");
	refused(HISTORY(TIP " "), "no list of commits");
	refused(HISTORY(TIP "  " TIP), "no list of commits");
	refused(HISTORY(TIP "0"), "no list of commits");
	refused("{\"harvest\":1,\"form\":\"list\",\"tip\":\"" TIP "\"}\n", "only a history has a tip");
}

/* A line of this length, with something before and behind it. */
static void
add_long(struct text *text, const char *before, size_t length, const char *behind)
{
	text_add(text, before);
	for (size_t i = 0; i < length; i++)
		text_add(text, "x");
	text_add(text, behind);
}

static void
limits_are_problems(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err;

	(void)state;
	text_add(&text, HEADING ENTRY);
	add_long(&text, "{\"digests\":{\"md5\":\"" MD5 "\"},\"package\":\"", HARVEST_PACKAGE_MAX + 1,
	        "\",\"urls\":[\"https://x.example/\"]}\n");
	add_long(&text, "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[\"https://", HARVEST_URL_MAX, "\"]}\n");
	text_add(&text, "{\"digests\":{\"md5\":\"" MD5 "\"},\"urls\":[\"https://x.example/0\"");
	for (int i = 0; i < HARVEST_URLS_MAX; i++)
		text_addf(&text, ",\"https://x.example/%d\"", i);
	text_add(&text, "]}\n{\"end\":4}\n");
	assert_true(read_text(text.bytes, text.length, &err));
	assert_int_equal(read_back->n_entries, 1);
	assert_int_equal(read_back->problems_in_all, 3);
	assert_int_equal(read_back->problems[0].line, 3);
}

/* A list may hold any bytes, and JSON may not. */
static void
what_is_no_utf8_names_the_same(void **state)
{
	AUTO_TEXT package = TEXT_EMPTY, text = TEXT_EMPTY;
	const char *const urls[] = {"https://x.example/\xe9/\xff.tgz?a=%20b"};
	struct harvest *harvest = harvest_create();
	struct harvest_entry entry = {.urls = urls, .n_urls = 1};
	json_t *asked = json_pack("{s:s, s:s}", "source", "x.list", "form", "list");
	struct digest digest;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(digest_parse_text(MD5, &digest, &err));
	digests_put(&entry.digests, &digest);
	text_add(&package, "a.1");
	while (package.length < HARVEST_PACKAGE_MAX)
		text_add(&package, "\xff");
	entry.package = text_string(&package);
	assert_true(harvest_add(harvest, &entry, "f", 1));
	harvest_json_add(&text, harvest, asked);
	assert_true(read_text(text.bytes, text.length, &err));
	assert_int_equal(read_back->n_entries, 1);
	assert_string_equal(read_back->entries[0].urls[0], "https://x.example/%E9/%FF.tgz?a=%20b");
	assert_memory_equal(read_back->entries[0].package, "a.1\\xff", 7);
	json_decref(asked);
	harvest_destroy(harvest);
}

static void
a_line_has_an_end(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err;

	(void)state;
	add_long(&text, HEADING "{\"digests\":\"", HARVEST_LINE_MAX, "");
	assert_false(read_text(text.bytes, text.length, &err));
	assert_non_null(strstr(err.text, "longer than allowed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(is_the_same_again, tear_down),
	        cmocka_unit_test_teardown(what_is_none_is_refused, tear_down),
	        cmocka_unit_test_teardown(a_history_keeps_its_dates, tear_down),
	        cmocka_unit_test_teardown(dates_are_of_the_past, tear_down),
	        cmocka_unit_test_teardown(limits_are_problems, tear_down),
	        cmocka_unit_test_teardown(a_line_has_an_end, tear_down),
	        cmocka_unit_test_teardown(what_is_no_utf8_names_the_same, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
