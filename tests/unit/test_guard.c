/*
 * The guard: every form in which one request can be read as two is refused, and honest requests pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "server/http/guard.h"

#define FIELDS 8

/* "Name: value" lines, split at the first colon as the parser does; the value's leading space is skipped. */
static bool
passes(const char *method, const char *target, const char *version, const char *const *lines)
{
	struct guard_field fields[FIELDS];
	struct guard_request request = {method, target, version, fields, 0};
	struct err err = ERR_NONE;
	bool clean;

	for (; *lines != NULL; lines++) {
		const char *colon = strchr(*lines, ':');
		const char *value = colon[1] == ' ' ? colon + 2 : colon + 1;

		fields[request.count++] =
		        (struct guard_field){*lines, value, (size_t)(colon - *lines), strlen(value)};
	}
	clean = guard_check(&request, &err);
	assert_int_equal(err.code, clean ? ERR_OK : ERR_BAD_REQUEST);
	assert_int_equal(err.text[0] != '\0', !clean);
	return clean;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
honest_requests_pass(void **state)
{
	(void)state;
	assert_true(passes("GET", "/", "HTTP/1.1", LINES("Host: x")));
	assert_true(passes(
	        "GET", "/", "HTTP/1.1", LINES("Host: [::1]:8080", "User-Agent: opam/2.1.2", "Accept: */*")));
	assert_true(passes("GET", "/", "HTTP/1.1", LINES("Host:")));
	assert_true(passes("GET", "/", "HTTP/1.0", LINES("Accept: */*")));
	assert_true(passes("HEAD", "/sha256/ab", "HTTP/1.1", LINES("Host: x", "Content-Length: 0")));
	assert_true(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X-Tab: a\tb", "X-High: \xc3\xa9")));
	assert_true(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 5")));
	assert_true(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "transfer-encoding: Chunked")));
}

static void
framing_that_can_be_read_in_two_ways_is_refused(void **state)
{
	(void)state;
	assert_false(passes(
	        "PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked")));
	assert_false(
	        passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 5", "Content-Length: 6")));
	assert_false(
	        passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 5", "content-length: 5")));
	assert_false(passes("PUT", "/", "HTTP/1.1",
	        LINES("Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length : 5")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding\t: chunked")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length-X: 5")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Content-Length\x0b: 5")));
	assert_false(passes("PUT", "/", "HTTP/1.0", LINES("Transfer-Encoding: chunked")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding: gzip, chunked")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding: identity")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding: chunked ")));
	assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding:")));
}

static void
a_length_is_a_number_of_digits(void **state)
{
	static const char *const wrong[] = {"Content-Length: +5", "Content-Length: -1", "Content-Length: 0x5",
	        "Content-Length: 5, 5", "Content-Length: 5 5", "Content-Length:", "Content-Length: 5 ",
	        "Content-Length: 99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(passes("PUT", "/", "HTTP/1.1", LINES("Host: x", wrong[i])));
}

static void
reading_has_no_body(void **state)
{
	(void)state;
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 5")));
	assert_false(passes("HEAD", "/", "HTTP/1.1", LINES("Host: x", "Transfer-Encoding: chunked")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "Content-Length: 00")));
}

static void
one_host_and_it_is_one(void **state)
{
	(void)state;
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Accept: */*")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "host: x")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x/y")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: a@b")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: a b")));
}

static void
the_request_line_is_plain(void **state)
{
	(void)state;
	assert_false(passes("GET", "http://x/", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "*", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "/a b", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "/\x01", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "/\xc3\xa9", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("GET", "/", "HTTP/2.0", LINES("Host: x")));
	assert_false(passes("GET", "/", "", LINES("Host: x")));
	assert_false(passes("G(T", "/", "HTTP/1.1", LINES("Host: x")));
	assert_false(passes("", "/", "HTTP/1.1", LINES("Host: x")));
}

static void
names_and_values_are_clean(void **state)
{
	struct guard_field zero[] = {{"Host", "x", 4, 1}, {"X", "a\0b", 1, 3}};
	struct guard_request request = {"GET", "/", "HTTP/1.1", zero, COUNT_OF(zero)};
	struct err err = ERR_NONE;

	(void)state;
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X(A): a")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X A: a")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", ": a")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X: a\rb")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X: a\nb")));
	assert_false(passes("GET", "/", "HTTP/1.1", LINES("Host: x", "X: a\x7f")));
	assert_false(guard_check(&request, &err));
}

static void
there_is_a_limit_of_fields(void **state)
{
	struct guard_field fields[GUARD_FIELDS_MAX + 1];
	struct guard_request request = {"GET", "/", "HTTP/1.1", fields, GUARD_FIELDS_MAX};
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		fields[i] = (struct guard_field){"X", "y", 1, 1};
	fields[0] = (struct guard_field){"Host", "x", 4, 1};
	assert_true(guard_check(&request, &err));
	request.count++;
	assert_false(guard_check(&request, &err));
}

/* A literal of bytes, and how it is judged. */
#define JUDGED(literal) judge(literal, sizeof(literal) - 1)

static enum guard_bytes
judge(const char *bytes, size_t length)
{
	struct err err = ERR_NONE;
	enum guard_bytes verdict = guard_check_bytes(bytes, length, &err);

	assert_int_equal(err.code, verdict == GUARD_UNCLEAN ? ERR_BAD_REQUEST : ERR_OK);
	return verdict;
}

static void
what_a_parser_of_strings_does_not_show(void **state)
{
	(void)state;
	assert_int_equal(JUDGED("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), GUARD_CLEAN);
	assert_int_equal(JUDGED("GET / HTTP/1.1\nHost: x\n\n"), GUARD_CLEAN);
	assert_int_equal(JUDGED("PUT / HTTP/1.1\r\nHost: x\r\n\r\nbody\0: body\r\n:"), GUARD_CLEAN);
	assert_int_equal(JUDGED("\r\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), GUARD_CLEAN);
	assert_int_equal(JUDGED("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), GUARD_UNCLEAN);
	assert_int_equal(JUDGED("GET / HTTP/1.1\r\n\0Transfer-Encoding: chunked\r\n\r\n"), GUARD_UNCLEAN);
	assert_int_equal(JUDGED("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"), GUARD_UNCLEAN);
	assert_int_equal(JUDGED("GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n"), GUARD_UNCLEAN);
	assert_int_equal(JUDGED("\r\nGET / HTTP/1.1\r\n:\r\n\r\n"), GUARD_UNCLEAN);
	assert_int_equal(JUDGED("GET / HTTP/1.1\r\n\0"), GUARD_UNCLEAN);
}

static void
a_head_that_has_not_come_whole(void **state)
{
	static const char head[] = "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";

	(void)state;
	for (size_t length = 0; length < sizeof head - 1; length++)
		assert_int_equal(judge(head, length), GUARD_UNFINISHED);
	assert_int_equal(judge(head, sizeof head - 1), GUARD_CLEAN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(honest_requests_pass),
	        cmocka_unit_test(framing_that_can_be_read_in_two_ways_is_refused),
	        cmocka_unit_test(a_length_is_a_number_of_digits),
	        cmocka_unit_test(reading_has_no_body),
	        cmocka_unit_test(one_host_and_it_is_one),
	        cmocka_unit_test(the_request_line_is_plain),
	        cmocka_unit_test(names_and_values_are_clean),
	        cmocka_unit_test(there_is_a_limit_of_fields),
	        cmocka_unit_test(what_a_parser_of_strings_does_not_show),
	        cmocka_unit_test(a_head_that_has_not_come_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
