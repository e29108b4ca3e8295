/*
 * Range: every form of RFC 9110, section 14, against sizes at the edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "server/http/range.h"
#include "storage/base/auto.h"

static void
parts(void **state)
{
	static const struct {
		const char *header;
		uint64_t size, first, length;
	} rows[] = {
	        {"bytes=0-0", 10, 0, 1},
	        {"bytes=0-9", 10, 0, 10},
	        {"bytes=3-5", 10, 3, 3},
	        {"bytes=9-", 10, 9, 1},
	        {"bytes=0-", 1, 0, 1},
	        {"bytes=5-100", 10, 5, 5},
	        {"bytes=-1", 10, 9, 1},
	        {"bytes=-10", 10, 0, 10},
	        {"bytes=-999", 10, 0, 10},
	        {"BYTES=1-1", 10, 1, 1},
	        {"bytes=5-99999999999999999999999999", 10, 5, 5},
	        {"bytes=-18446744073709551616", 10, 0, 10},
	        {"bytes=1-", UINT64_MAX, 1, UINT64_MAX - 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct range range = {0};

		assert_int_equal(range_parse(rows[i].header, rows[i].size, &range), RANGE_PART);
		assert_true(range.first == rows[i].first);
		assert_true(range.length == rows[i].length);
	}
}

static void
what_is_not_honoured_is_all(void **state)
{
	static const char *const headers[] = {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3",
	        "bytes=0-1,3-4", "bytes=0-1,", "bytes= 0-1", "bytes=0 -1", "bytes=0-1 ", "lines=0-1",
	        "bytes=--1", "bytes=0-1-2", "bytes=+0-1", "bytes=0x0-1", "bytes=-1,-2"};
	struct range range;

	(void)state;
	assert_int_equal(range_parse(NULL, 10, &range), RANGE_ALL);
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		assert_int_equal(range_parse(headers[i], 10, &range), RANGE_ALL);
	assert_int_equal(range_parse("bytes=-5", 0, &range), RANGE_ALL);
}

static void
past_the_end_is_nowhere(void **state)
{
	struct range range;

	(void)state;
	assert_int_equal(range_parse("bytes=10-", 10, &range), RANGE_NOWHERE);
	assert_int_equal(range_parse("bytes=10-11", 10, &range), RANGE_NOWHERE);
	assert_int_equal(range_parse("bytes=-0", 10, &range), RANGE_NOWHERE);
	assert_int_equal(range_parse("bytes=0-", 0, &range), RANGE_NOWHERE);
	assert_int_equal(range_parse("bytes=99999999999999999999999-", 10, &range), RANGE_NOWHERE);
}

static void
content_range_says_it(void **state)
{
	struct range range = {.first = 2, .length = 3};
	char text[RANGE_TEXT_MAX];

	(void)state;
	range_content(&range, 10, text);
	assert_string_equal(text, "bytes 2-4/10");
	range_content(NULL, 10, text);
	assert_string_equal(text, "bytes */10");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parts),
	        cmocka_unit_test(what_is_not_honoured_is_all),
	        cmocka_unit_test(past_the_end_is_nowhere),
	        cmocka_unit_test(content_range_says_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
