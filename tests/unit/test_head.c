/*
 * The head of a plain request: what the fast path may answer, and that it leaves to libmicrohttpd whatever is
 * special, strange or not complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/head.h"
#include "storage/base/text.h"

/* In memory of exactly that length, so that a sanitizer sees who reads past the end. */
static char *bytes;
static struct head_memory memory;

static int
set_up(void **state)
{
	(void)state;
	bytes = NULL;
	memset(&memory, 0, sizeof memory);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

static bool
is_plain_of(const char *text, size_t length, struct head *ret)
{
	free(bytes);
	bytes = xmalloc(length);
	memcpy(bytes, text, length);
	return head_is_plain(bytes, length, &memory, ret);
}

static bool
is_plain(const char *text)
{
	struct head head;

	return is_plain_of(text, strlen(text), &head);
}

static void
what_a_client_sends(void **state)
{
	static const char text[] =
	        "GET /md5/ab/abcd/x.tar.gz HTTP/1.1\r\nHost: a.example:80\r\nUser-Agent:\tcurl/8\r\n"
	        "Accept: */*\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n\r\n";
	struct head head;

	(void)state;
	assert_true(is_plain_of(text, sizeof text - 1, &head));
	assert_int_equal(head.method, METHOD_GET);
	assert_string_equal(head.path, "/md5/ab/abcd/x.tar.gz");
	assert_string_equal(head.user_agent, "curl/8");
	assert_string_equal(head.forwarded_for, "192.0.2.1, 10.0.0.1");
	assert_false(head.closes);
	assert_int_equal(head.length, sizeof text - 1);
}

static void
what_comes_after_it_is_not_its(void **state)
{
	static const char text[] = "HEAD / HTTP/1.1\r\nhost:x\r\nCONNECTION: Close\r\n\r\nGET /";
	struct head head;

	(void)state;
	assert_true(is_plain_of(text, sizeof text - 1, &head));
	assert_int_equal(head.method, METHOD_HEAD);
	assert_string_equal(head.path, "/");
	assert_true(head.closes);
	assert_null(head.user_agent);
	assert_int_equal(head.length, sizeof text - 1 - strlen("GET /"));
}

static void
close_is_heard_wherever_it_stands(void **state)
{
	static const char *const fields[] = {"Connection: close\r\nConnection: keep-alive",
	        "Connection: keep-alive\r\nConnection: close", "Connection: close\r\nConnection: close"};
	AUTO_TEXT text = TEXT_EMPTY;
	struct head head;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		text_clear(&text);
		text_addf(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", fields[i]);
		assert_true(is_plain_of(text.bytes, text.length, &head));
		assert_true(head.closes);
	}
}

static void
a_list_of_several_fields_is_not_plain(void **state)
{
	(void)state;
	assert_false(is_plain("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n"
	                      "X-Forwarded-For: 192.0.2.2\r\n\r\n"));
}

static void
a_head_is_plain_when_all_of_it_is_there(void **state)
{
	static const char text[] = "GET /sha256/ab HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
	struct head head;

	(void)state;
	for (size_t length = 1; length < sizeof text - 1; length++)
		assert_false(is_plain_of(text, length, &head));
	assert_true(is_plain_of(text, sizeof text - 1, &head));
}

static void
is_same_string(const char *found, const char *expected)
{
	assert_int_equal(found == NULL, expected == NULL);
	if (expected != NULL)
		assert_string_equal(found, expected);
}

static void
is_same(const struct head *found, const struct head *expected)
{
	assert_int_equal(found->length, expected->length);
	assert_int_equal(found->closes, expected->closes);
	assert_int_equal(found->method, expected->method);
	assert_string_equal(found->path, expected->path);
	is_same_string(found->user_agent, expected->user_agent);
	is_same_string(found->forwarded_for, expected->forwarded_for);
	assert_int_equal(found->is_archive, expected->is_archive);
	if (expected->is_archive)
		assert_true(digest_equal(&found->digest, &expected->digest));
}

/* Whatever is remembered, the answer is that of who remembers nothing. True: it is a plain head. */
static bool
means_the_same(const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct head head, expected;
	bool plain = head_is_plain(copy, strlen(text), NULL, &expected);

	assert_int_equal(is_plain_of(text, strlen(text), &head), plain);
	if (plain)
		is_same(&head, &expected);
	return plain;
}

static void
fields_that_came_before_mean_the_same(void **state)
{
	static const char *const blocks[] = {"Host: x\r\nUser-Agent: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
	        "Host: x\r\nUser-Agent: b\r\nConnection: close\r\n\r\n", "Host: x\r\nUser-Agent: a\r\n\r\n",
	        "Host: x\r\nUser-Agent: a\r\n", "Host: x\r\nRange: bytes=0-1\r\n\r\n", "\r\n"};
	static const char *const lines[] = {
	        "GET /a HTTP/1.1\r\n", "HEAD /b HTTP/1.1\r\n", "GET /\x7f HTTP/1.1\r\n"};

	(void)state;
	for (size_t i = 0; i < 4 * COUNT_OF(blocks) * COUNT_OF(blocks); i++) {
		/* Each behind each other one, and behind itself. */
		const char *block = blocks[i % 2 == 0 ? i / 2 % COUNT_OF(blocks)
		                                      : i / 2 / COUNT_OF(blocks) % COUNT_OF(blocks)];
		const char *line = lines[i % COUNT_OF(lines)];
		AUTO_TEXT text = TEXT_EMPTY;

		text_addf(&text, "%s%sGET", line, block);
		(void)means_the_same(text.bytes);
	}
}

#define HALF "0123456789abcdef0123456789abcdef"

/* Lines that have one place in the memory, being the same there, and others; each behind each other one, and behind itself. */
static void
lines_that_came_before_mean_the_same(void **state)
{
	static const char *const lines[] = {"GET /sha256/01/" HALF HALF " HTTP/1.1\r\n",
	        "HEAD /sha256/01/" HALF HALF " HTTP/1.1\r\n", "GET /sha256/01/" HALF HALF "/x HTTP/1.1\r\n",
	        "GET /sha256/01/" HALF HALF "?x HTTP/1.1\r\n", "GET /sha256/01/" HALF HALF " HTTP/1.0\r\n",
	        "GET /sha256/01/" HALF HALF " HTTP/1.1\n", "GET /sha256/01/" HALF "0" HALF " HTTP/1.1\r\n",
	        "GET /sha512/01/" HALF HALF HALF HALF " HTTP/1.1\r\n",
	        "HEAD /sha512/01/" HALF HALF HALF HALF " HTTP/1.1\r\n",
	        "GET /sha512/01/" HALF HALF HALF HALF "/with-a-name.tar.gz HTTP/1.1\r\n",
	        "GET /cache/sha512/01/" HALF HALF HALF HALF " HTTP/1.1\r\n", "GET /md5/" HALF " HTTP/1.1\r\n",
	        "GET /md5/01/" HALF " HTTP/1.1\r\n", "GET /md5/" HALF, "GET / HTTP/1.1\r\n", ""};
	static const char *const fields[] = {"Host: x\r\n\r\n", "Host: x\r\nUser-Agent: a\r\n\r\n", "\r\n",
	        "Range: x\r\nHost: x\r\n\r\n", "Host: x\r\n\r", ""};
	int plain = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines) * COUNT_OF(lines) * COUNT_OF(fields); i++) {
		const char *pair[2] = {lines[i / COUNT_OF(fields) % COUNT_OF(lines)],
		        lines[i / COUNT_OF(fields) / COUNT_OF(lines)]};

		for (size_t each = 0; each < 4; each++) {
			AUTO_TEXT text = TEXT_EMPTY;

			text_addf(&text, "%s%s", pair[each % 2], fields[(i + each) % COUNT_OF(fields)]);
			plain += text.length > 0 && means_the_same(text.bytes);
		}
	}
	assert_true(plain > 1000);
}

/* A line that is remembered is not read again: seen by one whose digest was changed in the memory. */
static void
a_line_is_read_once(void **state)
{
	static const char text[] = "GET /md5/" HALF " HTTP/1.1\r\nHost: x\r\n\r\n";
	struct head head;
	int remembered = 0;

	(void)state;
	assert_true(is_plain_of(text, sizeof text - 1, &head));
	assert_int_equal(head.digest.bytes[0], 0x01);
	for (size_t i = 0; i < HEAD_LINES; i++) {
		remembered += memory.lines[i].length > 0;
		memory.lines[i].digest.bytes[0] = 0x02;
	}
	assert_int_equal(remembered, 1);
	assert_true(is_plain_of(text, sizeof text - 1, &head));
	assert_int_equal(head.digest.bytes[0], 0x02);
}

static void
long_fields_are_not_remembered(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct head head;

	(void)state;
	text_add(&text, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < HEAD_REMEMBERED_MAX; i++)
		text_add(&text, "x");
	text_add(&text, "\r\n\r\n");
	assert_true(is_plain_of(text.bytes, text.length, &head));
	assert_int_equal(memory.length, 0);
	assert_true(is_plain_of(text.bytes, text.length, &head));
}

static void
what_is_special_is_not_plain(void **state)
{
	static const char *const fields[] = {"Range: bytes=0-1", "range:x", "If-Range: \"x\"",
	        "If-None-Match: *", "If-Match: *", "Expect: 100-continue", "Content-Length: 0",
	        "content-length: 5", "Transfer-Encoding: chunked", "Upgrade: h2c", "Connection: upgrade",
	        "Connection: keep-alive, close", "Connection:", "Host: y", "Content-Length : 5",
	        "Content-Length-X: 5", "Transfer-Encoding\t: x", "A B: c", ": c", "nothing", " folded: line",
	        "\tfolded: line", "X: a\x01z", "X: a\rz", "X\x80: y", "X: y ", "X: y\t"};
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		text_clear(&text);
		text_addf(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", fields[i]);
		if (is_plain(text_string(&text)))
			fail_msg("taken for plain: %s", fields[i]);
	}
	assert_true(is_plain("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"));
	assert_true(is_plain("GET / HTTP/1.1\r\nHost: x\r\nRanges: none\r\nX: \xc3\xa4\r\n\r\n"));
}

static void
request_lines_that_are_not_plain(void **state)
{
	static const char *const lines[] = {"GET / HTTP/1.0", "GET / HTTP/1.2", "GET / http/1.1",
	        "GET / HTTP/1.1 ", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "get / HTTP/1.1",
	        "PUT / HTTP/1.1", "GETS / HTTP/1.1", "GET HTTP/1.1", "GET  HTTP/1.1", "GET x HTTP/1.1",
	        "GET http://x/ HTTP/1.1", "GET * HTTP/1.1", "GET /a b HTTP/1.1", "GET /a?b HTTP/1.1",
	        "GET /a#b HTTP/1.1", "GET /\x80 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\t HTTP/1.1",
	        "GET / HTTP/1.1\r", "GET /", "GET", ""};
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		text_clear(&text);
		text_addf(&text, "%s\r\nHost: x\r\n\r\n", lines[i]);
		if (is_plain(text_string(&text)))
			fail_msg("taken for plain: %s", lines[i]);
	}
}

static void
lines_end_with_cr_lf(void **state)
{
	struct head head;

	(void)state;
	assert_false(is_plain("GET / HTTP/1.1\nHost: x\n\n"));
	assert_false(is_plain("GET / HTTP/1.1\r\nHost: x\n\r\n"));
	assert_false(is_plain("GET / HTTP/1.1\r\nHost: x\r\n\n"));
	assert_false(is_plain("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_false(is_plain("GET / HTTP/1.1\r\n\r\n")); /* no Host */
	assert_false(is_plain_of("GET /\0a HTTP/1.1\r\nHost: x\r\n\r\n", 30, &head));
	assert_false(is_plain_of("GET / HTTP/1.1\r\nHost: \0x\r\n\r\n", 28, &head));
}

static void
more_fields_than_usual_are_not_plain(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	text_add(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 1; i < HEAD_FIELDS_MAX; i++)
		text_add(&text, "A: b\r\n");
	text_add(&text, "\r\n");
	assert_true(is_plain(text_string(&text)));
	text.length -= 2;
	text_add(&text, "A: b\r\n\r\n");
	assert_false(is_plain(text_string(&text)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(what_a_client_sends, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_comes_after_it_is_not_its, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(close_is_heard_wherever_it_stands, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_list_of_several_fields_is_not_plain, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_head_is_plain_when_all_of_it_is_there, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(fields_that_came_before_mean_the_same, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(lines_that_came_before_mean_the_same, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_line_is_read_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(long_fields_are_not_remembered, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_is_special_is_not_plain, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(request_lines_that_are_not_plain, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(lines_end_with_cr_lf, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(more_fields_than_usual_are_not_plain, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
