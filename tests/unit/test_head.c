/*
 * The head of an origin's answer, line by line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/upstream/head.h"
#include "storage/base/auto.h"

static enum head_fault
add(struct head *head, const char *line)
{
	return head_add(head, line, strlen(line));
}

static void
an_ordinary_head(void **state)
{
	struct head head;

	(void)state;
	head_begin(&head);
	assert_int_equal(add(&head, "HTTP/1.1 200 OK\r\n"), HEAD_FINE);
	assert_int_equal(add(&head, "content-LENGTH:  1234 \r\n"), HEAD_FINE);
	assert_int_equal(add(&head, "Content-Encoding: Identity\r\n"), HEAD_FINE);
	assert_int_equal(add(&head, "Content-Length: 1234\r\n"), HEAD_FINE);
	assert_int_equal(add(&head, "Content-Lengthy: 9\r\n"), HEAD_FINE);
	assert_false(head.complete);
	assert_int_equal(add(&head, "\r\n"), HEAD_FINE);
	assert_true(head.complete);
	assert_int_equal(head.status, 200);
	assert_int_equal(head_size(&head), 1234);
	assert_int_equal(add(&head, "Content-Length: 5\r\n"), HEAD_FINE); /* a trailer */
	assert_int_equal(add(&head, "HTTP/1.1 404 Not Found\r\n"), HEAD_FINE);
	assert_int_equal(head.status, 200);
	assert_int_equal(head_size(&head), 1234);
}

static void
answers_on_the_way_are_forgotten(void **state)
{
	struct head head;

	(void)state;
	head_begin(&head);
	add(&head, "HTTP/1.1 302 Found\r\n");
	add(&head, "Content-Length: 7\r\n");
	add(&head, "Retry-After: 7\r\n");
	add(&head, "\r\n");
	assert_int_equal(head.status, 302);
	add(&head, "HTTP/1.1 200 OK\r\n");
	add(&head, "\r\n");
	assert_int_equal(head.status, 200);
	assert_int_equal(head_size(&head), 0);
	assert_int_equal(head_retry_after(&head, 0), -1);
}

static void
lengths_that_are_none(void **state)
{
	static const char *const bad[] = {"Content-Length: \r\n", "Content-Length: -1\r\n",
	        "Content-Length: +1\r\n", "Content-Length: 1 2\r\n", "Content-Length: 1,1\r\n",
	        "Content-Length: 0x10\r\n", "Content-Length: 99999999999999999999999999\r\n"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct head head;

		head_begin(&head);
		add(&head, "HTTP/1.1 200 OK\r\n");
		assert_int_equal(add(&head, bad[i]), HEAD_BAD_LENGTH);
	}
}

static void
lengths_that_differ_or_do_not_count(void **state)
{
	struct head head;

	(void)state;
	head_begin(&head);
	add(&head, "HTTP/1.1 200 OK\r\n");
	add(&head, "Content-Length: 5\r\n");
	assert_int_equal(add(&head, "Content-Length: 6\r\n"), HEAD_BAD_LENGTH);
	head_begin(&head);
	add(&head, "HTTP/1.1 200 OK\r\n");
	add(&head, "Content-Length: 5\r\n");
	add(&head, "Transfer-Encoding: chunked\r\n");
	assert_int_equal(head_size(&head), 0);
	assert_int_equal(add(&head, "Content-Encoding: gzip\r\n"), HEAD_ENCODED);
	assert_int_equal(add(&head, "Content-Encoding: identity, br\r\n"), HEAD_ENCODED);
}

static void
all_lines_together_are_bounded(void **state)
{
	struct head head;
	size_t lines = 0;

	(void)state;
	head_begin(&head);
	while (add(&head, "HTTP/1.1 100 Continue\r\n") == HEAD_FINE && lines < HEAD_BYTES_MAX)
		lines++;
	assert_int_equal(lines, HEAD_BYTES_MAX / strlen("HTTP/1.1 100 Continue\r\n"));
	assert_int_equal(add(&head, "\r\n"), HEAD_TOO_LARGE);
}

static void
nothing_is_read_past_a_line(void **state)
{
	static const char *const odd[] = {"", "\n", ":", "HTTP/", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 2",
	        "HTTP/1.1 20x", "Content-Length", "Content-Length:", "Retry-After:", "Transfer-Encoding:",
	        "Content-Range:", "Content-Range: bytes ", "Content-Range: bytes 1", "ETag:", "ETag",
	        "Last-Modified:"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		size_t length = strlen(odd[i]);
		char *exact = malloc(length + (length == 0)); /* so that a sanitizer sees one byte too many */
		struct head head;

		memcpy(exact, odd[i], length);
		head_begin(&head);
		(void)!head_add(&head, exact, length);
		assert_int_equal(head.bytes, length);
		free(exact);
	}
}

static const struct {
	const char *value, *text;
	int64_t whole;
} ranges[] = {
        {"bytes 0-0/1", "bytes 0-0/1", 1},
        {"Bytes 100-499/500", "bytes 100-499/500", 500},
        {"bytes 100-499/*", "bytes 100-499", -1},
        {"bytes 18446744073709551615-18446744073709551615/18446744073709551615", "no range", -1},
        {"bytes 0-9/9223372036854775808", "no range", -1},
        {"bytes 100-499/499", "no range", -1},
        {"bytes 5-4/10", "no range", -1},
        {"bytes */10", "no range", -1},
        {"bytes 0-/10", "no range", -1},
        {"bytes -1-4/10", "no range", -1},
        {"bytes 0-4/10 ", "bytes 0-4/10", 10},
        {"bytes 0-4/10x", "no range", -1},
        {"bytes 0-4", "no range", -1},
        {"items 0-4/10", "no range", -1},
        {"bytes=0-4/10", "no range", -1},
        {"", "no range", -1},
};

static void
parts_of_a_whole(void **state)
{
	char text[HEAD_RANGE_TEXT_MAX], line[128];
	struct head head;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ranges); i++) {
		head_begin(&head);
		add(&head, "HTTP/1.1 206 Partial Content\r\n");
		add(&head, "Content-Length: 5\r\n");
		snprintf(line, sizeof line, "Content-Range: %s\r\n", ranges[i].value);
		add(&head, line);
		head_range_text(&head, text);
		if (strcmp(text, ranges[i].text) != 0 || head_whole(&head) != ranges[i].whole)
			fail_msg("%s: %s of %lld", ranges[i].value, text, (long long)head_whole(&head));
	}
	head_begin(&head);
	add(&head, "HTTP/1.1 206 Partial Content\r\n");
	for (int i = 0; i < 3; i++)
		add(&head, "Content-Range: bytes 0-4/10\r\n");
	assert_false(head.has_range);
	add(&head, "\r\n");
	add(&head, "HTTP/1.1 200 OK\r\n"); /* a trailer that looks like a head */
	assert_int_equal(head.status, 206);
}

static void
validators_are_kept_when_they_can_be_sent_back(void **state)
{
	char line[400], long_tag[HEAD_VALIDATOR_MAX + 2];
	struct head head;

	(void)state;
	head_begin(&head);
	add(&head, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(head.etag, "");
	assert_int_equal(head_whole(&head), -1);
	add(&head, "etag: \"abc\" \r\n");
	add(&head, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	add(&head, "Content-Length: 0\r\n");
	assert_string_equal(head.etag, "\"abc\"");
	assert_string_equal(head.modified, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(head_whole(&head), 0);
	add(&head, "ETag: \"a\tb\"\r\n");
	assert_string_equal(head.etag, "");
	memset(long_tag, 'x', sizeof long_tag - 1);
	long_tag[HEAD_VALIDATOR_MAX] = '\0';
	snprintf(line, sizeof line, "ETag: %s\r\n", long_tag);
	add(&head, line);
	assert_int_equal(strlen(head.etag), HEAD_VALIDATOR_MAX);
	snprintf(line, sizeof line, "ETag: %sx\r\n", long_tag);
	add(&head, line);
	assert_string_equal(head.etag, "");
	add(&head, "HTTP/1.1 404 Not Found\r\n");
	assert_string_equal(head.modified, "");
	assert_true(head_etag_is_strong("\"\""));
	assert_false(head_etag_is_strong("W/\"abc\""));
	assert_false(head_etag_is_strong("\""));
	assert_false(head_etag_is_strong("abc"));
	assert_false(head_etag_is_strong(""));
}

#define NOW_MS  784111777000LL /* Sun, 06 Nov 1994 08:49:37 GMT */
#define YEAR_MS (365LL * 24 * 3600000)

static const struct {
	const char *value;
	int64_t ms;
} retries[] = {
        {"120", 120000},
        {"0", 0},
        {"99999999999999999999999999", YEAR_MS},
        {"31536001", YEAR_MS},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60000},
        {"Sunday, 06-Nov-94 08:50:37 GMT", 60000},
        {"Sun Nov  6 08:50:37 1994", 60000},
        {"Sun, 06 Nov 1994 08:48:37 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", YEAR_MS},
        {"soon", -1},
        {"-5", -1},
        {"1.5", -1},
        {"", -1},
};

static void
retry_after_in_all_its_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(retries); i++) {
		struct head head;
		char line[128];

		head_begin(&head);
		add(&head, "HTTP/1.1 429 Too Many Requests\r\n");
		snprintf(line, sizeof line, "Retry-After: %s\r\n", retries[i].value);
		add(&head, line);
		if (head_retry_after(&head, NOW_MS) != retries[i].ms)
			fail_msg("%s: %lld", retries[i].value, (long long)head_retry_after(&head, NOW_MS));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_ordinary_head),
	        cmocka_unit_test(answers_on_the_way_are_forgotten),
	        cmocka_unit_test(lengths_that_are_none),
	        cmocka_unit_test(lengths_that_differ_or_do_not_count),
	        cmocka_unit_test(all_lines_together_are_bounded),
	        cmocka_unit_test(nothing_is_read_past_a_line),
	        cmocka_unit_test(parts_of_a_whole),
	        cmocka_unit_test(validators_are_kept_when_they_can_be_sent_back),
	        cmocka_unit_test(retry_after_in_all_its_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
