/*
 * The heads of origins' answers, line by line, as anybody on the internet may send them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "server/upstream/head.h"
#include "storage/base/text.h"

#define OK   "HTTP/1.1 200 OK\r\n"
#define PART "HTTP/1.1 206 Partial Content\r\n"
#define END  "\r\n"

/* All lines of the text; what the last one of them was. */
static enum head_fault
read_head(struct head *head, const char *text)
{
	enum head_fault fault = HEAD_FINE;

	head_begin(head);
	for (const char *at = text; *at != '\0' && fault == HEAD_FINE;) {
		size_t length = strcspn(at, "\n") + 1;

		fault = head_add(head, at, length);
		at += length;
	}
	return fault;
}

static void
reads_what_is_wanted(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(
	        read_head(&head, OK "content-LENGTH:  12 \t\r\nETag: \"a b\"\r\nLast-Modified: Tue\r\n"
	                            "Retry-After: 7\r\nContent-Lengthy: 13\r\nContent-Encoding: Identity\r\n"
	                            "no field\r\n" END "Content-Length: 99\r\nHTTP/1.1 500 No\r\n"),
	        HEAD_FINE);
	assert_true(head.complete);
	assert_int_equal(head.status, 200);
	assert_int_equal(head_size(&head), 12);
	assert_int_equal(head_whole(&head), 12);
	assert_string_equal(head.etag, "\"a b\"");
	assert_string_equal(head.modified, "Tue");
	assert_int_equal(head_retry_after(&head, 0), 7000);
}

/* What the answers on the way said is forgotten; how long they were is not. */
static void
the_last_answer_counts(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(
	        read_head(&head, "HTTP/1.1 302 Found\r\nContent-Length: 5\r\nETag: \"x\"\r\nContent-Range: "
	                         "bytes 0-1/2\r\n" END "Retry-After: 1\r\n" OK END),
	        HEAD_FINE);
	assert_int_equal(head.status, 200);
	assert_int_equal(head_size(&head), 0);
	assert_int_equal(head_whole(&head), -1);
	assert_string_equal(head.etag, "");
	assert_string_equal(head.retry_after, "");
	assert_int_equal(head.ranges, 0);
	assert_true(head.bytes > 80);
}

static void
status_lines_that_are_none(void **state)
{
	static const char *const lines[] = {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 2", "HTTP/1.1 20",
	        "HTTP/1.1 20\n", "HTTP/1.1\t200", "HTTP/1.1 2x0 OK", "HTTP/1.1  200"};
	struct head head;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		head_begin(&head);
		assert_int_equal(head_add(&head, lines[i], strlen(lines[i])), HEAD_FINE);
		if (head.status >= 100)
			fail_msg("'%s' is %d", lines[i], head.status);
	}
	assert_int_equal(head_add(&head, "HTTP/2 404", strlen("HTTP/2 404")), HEAD_FINE);
	assert_int_equal(head.status, 404);
	assert_int_equal(head_add(&head, "", 0), HEAD_FINE);
	assert_true(head.complete);
}

static void
lengths(void **state)
{
	static const char *const wrong[] = {"", "x", "-1", "+1", "1 2", "1, 1", "0x10", "9223372036854775808",
	        "18446744073709551616", "1.5"};
	struct head head;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		AUTO_TEXT text = TEXT_EMPTY;

		text_addf(&text, OK "Content-Length: %s\r\n" END, wrong[i]);
		if (read_head(&head, text_string(&text)) != HEAD_BAD_LENGTH)
			fail_msg("'%s' is a length", wrong[i]);
	}
	assert_int_equal(read_head(&head, OK "Content-Length: 1\r\nContent-Length: 2\r\n"), HEAD_BAD_LENGTH);
	assert_int_equal(read_head(&head, OK "Content-Length: 3\r\nContent-Length: 3\r\n" END), HEAD_FINE);
	assert_int_equal(head_size(&head), 3);
	assert_int_equal(
	        read_head(&head, OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END), HEAD_FINE);
	assert_int_equal(head_size(&head), 0);
	assert_int_equal(head_whole(&head), -1);
	assert_int_equal(read_head(&head, OK "Content-Length: 9223372036854775807\r\n" END), HEAD_FINE);
	assert_int_equal(head_whole(&head), INT64_MAX);
}

static void
encoded_bytes_are_not_the_archive(void **state)
{
	struct head head;

	(void)state;
	assert_int_equal(read_head(&head, OK "Content-Encoding: gzip\r\n"), HEAD_ENCODED);
	assert_int_equal(read_head(&head, OK "content-encoding: identity, gzip\r\n"), HEAD_ENCODED);
	assert_int_equal(read_head(&head, OK "Content-Encoding:\r\n" END), HEAD_FINE);
}

static void
heads_have_a_size(void **state)
{
	static char line[HEAD_BYTES_MAX];
	struct head head;

	(void)state;
	memset(line, 'x', sizeof line);
	head_begin(&head);
	assert_int_equal(head_add(&head, line, sizeof line), HEAD_FINE);
	assert_int_equal(head_add(&head, "\n", 1), HEAD_TOO_LARGE);
	/* Trailers and 1xx count, too. */
	read_head(&head, "HTTP/1.1 100 Continue\r\n" END OK END);
	assert_int_equal(head_add(&head, line, sizeof line - 1), HEAD_TOO_LARGE);
}

static void
assert_range(const char *value, const char *told, int64_t whole)
{
	AUTO_TEXT text = TEXT_EMPTY;
	char range[HEAD_RANGE_TEXT_MAX];
	struct head head;

	text_addf(&text, PART "Content-Range: %s\r\n" END, value);
	assert_int_equal(read_head(&head, text_string(&text)), HEAD_FINE);
	head_range_text(&head, range);
	assert_string_equal(range, told);
	assert_int_equal(head_whole(&head), whole);
}

static void
ranges(void **state)
{
	static const char *const wrong[] = {"", "bytes", "bytes */10", "items 0-4/5", "bytes 0-4",
	        "bytes 0-/5", "bytes -4/5", "bytes 4-3/5", "bytes 0-5/5", "bytes 0-4/", "bytes 0-4/x",
	        "bytes 0-4/5x", "bytes 0-4/5, bytes 0-4/5", "bytes 0 -4/5", "bytes 0-9223372036854775808/*",
	        "bytes 0-4/9223372036854775808", "bytes 0-4/000000000000000000000000000005"};
	char range[HEAD_RANGE_TEXT_MAX];
	struct head head;

	(void)state;
	assert_range("bytes 0-4/5", "bytes 0-4/5", 5);
	assert_range("BYTES 2-2/9223372036854775807", "bytes 2-2/9223372036854775807", INT64_MAX);
	assert_range("bytes 3-9223372036854775807/*", "bytes 3-9223372036854775807", -1);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_range(wrong[i], "no range", -1);
	/* Of two neither counts, though they say the same. */
	read_head(&head, PART "Content-Range: bytes 0-4/5\r\nContent-Range: bytes 0-4/5\r\n" END);
	head_range_text(&head, range);
	assert_string_equal(range, "no range");
	assert_int_equal(head.ranges, 2);
}

/* They may be sent back, and are shown to people. */
static void
validators(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct head head;

	(void)state;
	read_head(&head, OK "ETag: \"\x01\"\r\nLast-Modified: T\xc3\xbcsday\r\n" END);
	assert_string_equal(head.etag, "");
	assert_string_equal(head.modified, "");
	text_addf(&text, OK "ETag: \"%0*d\"\r\n" END, HEAD_VALIDATOR_MAX - 2, 1);
	read_head(&head, text_string(&text));
	assert_int_equal(strlen(head.etag), HEAD_VALIDATOR_MAX);
	text_clear(&text);
	text_addf(&text, OK "ETag: \"%0*d\"\r\n" END, HEAD_VALIDATOR_MAX - 1, 1);
	read_head(&head, text_string(&text));
	assert_string_equal(head.etag, "");
	assert_true(head_etag_is_strong("\"\"") && head_etag_is_strong("\"a\""));
	assert_false(head_etag_is_strong("") || head_etag_is_strong("\"") || head_etag_is_strong("W/\"a\"") ||
	             head_etag_is_strong("\"a") || head_etag_is_strong("a\""));
}

static int64_t
retry_after(const char *value, int64_t now_ms)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct head head;

	text_addf(&text, "HTTP/1.1 429 Too Many\r\nRetry-After: %s\r\n" END, value);
	read_head(&head, text_string(&text));
	return head_retry_after(&head, now_ms);
}

static void
when_to_come_again(void **state)
{
	const int64_t year_ms = 365 * 24 * INT64_C(3600) * 1000,
	              now_ms = 784111777 * INT64_C(1000); /* 6 November 1994 */

	(void)state;
	assert_int_equal(retry_after("0", now_ms), 0);
	assert_int_equal(retry_after("120", now_ms), 120000);
	assert_int_equal(retry_after("31536001", now_ms), year_ms);
	assert_int_equal(retry_after("99999999999999999999999999", now_ms), year_ms);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now_ms), 3000);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:30 GMT", now_ms), 0); /* it is over */
	assert_int_equal(retry_after("Sun, 06 Nov 2094 08:49:30 GMT", now_ms), year_ms);
	assert_int_equal(retry_after("", now_ms), -1);
	assert_int_equal(retry_after("soon", now_ms), -1);
	assert_int_equal(retry_after("1s", now_ms), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_what_is_wanted),
	        cmocka_unit_test(the_last_answer_counts),
	        cmocka_unit_test(status_lines_that_are_none),
	        cmocka_unit_test(lengths),
	        cmocka_unit_test(encoded_bytes_are_not_the_archive),
	        cmocka_unit_test(heads_have_a_size),
	        cmocka_unit_test(ranges),
	        cmocka_unit_test(validators),
	        cmocka_unit_test(when_to_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
