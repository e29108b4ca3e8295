/*
 * The base: errors and their table, text and units, escapes, files, and bells between threads.
 */
#include "tests/support/stores.h"

#include <errno.h>
#include <pthread.h>

#include "storage/base/bell.h"
#include "storage/base/clock.h"

static void
errors_gain_context(void **state)
{
	struct err err = ERR_NONE;
	char longer[500];

	(void)state;
	assert_false(err_set(&err, ERR_TOO_LARGE, "%d bytes", 7));
	assert_false(err_wrap(&err, "reading %s", "x"));
	assert_string_equal(err.text, "reading x: 7 bytes");
	assert_int_equal(err.code, ERR_TOO_LARGE);
	errno = ENOSPC;
	assert_false(err_errno(&err, "writing"));
	assert_int_equal(err.code, ERR_NO_SPACE);
	errno = EIO;
	assert_false(err_errno(&err, "writing"));
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.text, "writing: Input/output error");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	err_set(&err, ERR_IO, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	err_wrap(&err, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void
errors_have_statuses(void **state)
{
	(void)state;
	assert_int_equal(err_http_status(ERR_NO_SPACE), 507);
	assert_int_equal(err_exit_status(ERR_CONFIG), 2);
	assert_string_equal(err_reason(ERR_VANISHED), "vanished");
	assert_string_equal(err_reason(ERR_ABSENT), "failing");
	assert_string_equal(err_reason(ERR_IO), "");
	assert_string_equal(err_name(ERR_COLLISION), "COLLISION");
}

static void
text_grows(void **state)
{
	struct text text = TEXT_EMPTY;
	char *taken;

	(void)state;
	assert_string_equal(text_string(&text), "");
	for (int i = 0; i < 1000; i++)
		text_addf(&text, "%03d,", i);
	assert_int_equal(text.length, 4000);
	assert_memory_equal(text.bytes + 3996, "999,", 5);
	text_clear(&text);
	text_add(&text, "again");
	text_add_bytes(&text, "\0x", 2);
	assert_int_equal(text.length, 7);
	taken = text_take(&text);
	assert_string_equal(taken, "again");
	free(taken);
	taken = text_take(&text);
	assert_string_equal(taken, "");
	free(taken);
	text_finish(&text);
}

static void
units_are_read(void **state)
{
	uint64_t size, number;
	int64_t ms;

	(void)state;
	assert_true(text_parse_size("0", &size) && size == 0);
	assert_true(text_parse_size("1MiB", &size) && size == 1 << 20);
	assert_true(text_parse_size("4GiB", &size) && size == 4ull << 30);
	assert_false(text_parse_size("", &size) || text_parse_size("MiB", &size) ||
	             text_parse_size("1 MiB", &size));
	assert_false(text_parse_size("-1", &size) || text_parse_size("1MB", &size) ||
	             text_parse_size("99999999999TiB", &size));
	assert_true(text_parse_duration("500ms", &ms) && ms == 500);
	assert_true(text_parse_duration("30d", &ms) && ms == 30 * 86400000ll);
	assert_true(text_parse_duration("0", &ms) && ms == 0);
	assert_false(text_parse_duration("10", &ms) || text_parse_duration("s", &ms) ||
	             text_parse_duration("1.5s", &ms));
	assert_true(text_parse_number("65535", &number) && number == 65535);
	assert_false(text_parse_number("1x", &number) || text_parse_number("", &number));
	assert_false(text_parse_number("99999999999999999999", &number));
}

static void
units_are_written(void **state)
{
	char size[TEXT_SIZE_MAX], when[TEXT_TIME_MAX];

	(void)state;
	text_size(0, size);
	assert_string_equal(size, "0 B");
	text_size(4200, size);
	assert_string_equal(size, "4.1 KiB");
	text_size(23u << 20, size);
	assert_string_equal(size, "23 MiB");
	text_time(0, when);
	assert_string_equal(when, "1970-01-01T00:00:00.000Z");
	text_time(1694476800123, when);
	assert_string_equal(when, "2023-09-12T00:00:00.123Z");
}

static void
hexadecimal_goes_both_ways(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x7f, 0xab, 0xff};
	uint8_t back[4];
	char hex[9];

	(void)state;
	text_hex(bytes, sizeof bytes, hex);
	assert_string_equal(hex, "007fabff");
	assert_true(text_unhex("007FabFF", back, sizeof back));
	assert_memory_equal(back, bytes, sizeof back);
	assert_false(text_unhex("007fabf", back, sizeof back) || text_unhex("007fabff0", back, sizeof back));
	assert_false(text_unhex("007fabfg", back, sizeof back) || text_unhex("", back, sizeof back));
	/* Each character at each place, among eight digits that are taken at once and two that are not. */
	for (int at = 0; at < 10; at++) {
		for (int c = 1; c < 256; c++) {
			char ten[] = "0123456789";
			uint8_t five[5];
			int value = text_hex_digit((char)c);

			ten[at] = (char)c;
			assert_int_equal(text_unhex(ten, five, sizeof five), value >= 0);
			if (value >= 0)
				assert_int_equal(at % 2 == 0 ? five[at / 2] >> 4 : five[at / 2] & 15, value);
		}
	}
}

static void
outside_bytes_are_escaped(void **state)
{
	char escaped[64], little[6];
	struct text html = TEXT_EMPTY;

	(void)state;
	text_escape("a\nb\x1b[1m\\\xff€", escaped, sizeof escaped);
	assert_string_equal(escaped, "a\\x0ab\\x1b[1m\\x5c\\xff€");
	text_printable("a\nb\x1b[1m\\\xff€\\x1b", escaped, sizeof escaped);
	assert_string_equal(escaped, "a\\x0ab\\x1b[1m\\\\xff€\\x1b");
	text_escape("abc€", little, sizeof little);
	assert_string_equal(little, "abc"); /* no half characters */
	text_json_escape("\"\\\n", escaped, sizeof escaped);
	assert_string_equal(escaped, "\\\"\\\\\\u000a");
	text_add_html(&html, "<a href=\"x\">'&'</a>");
	assert_string_equal(text_string(&html), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
	text_clear(&html);
	text_add_percent(&html, "/a-._~ %4\xff&+");
	assert_string_equal(text_string(&html), "/a-._~%20%254%FF%26%2B");
	text_finish(&html);
	assert_true(text_starts_with("https://x", "https://") && !text_starts_with("http", "https"));
	assert_true(text_ends_with("a.opam.locked", ".locked") && !text_ends_with("d", "locked"));
}

static void
files_are_read_whole_or_not(void **state)
{
	char *directory = temp_make();
	AUTO_FREE char *path = path_below(directory, "file"), *deep = path_below(directory, "a/b/c");
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err = ERR_NONE;
	struct stat facts;

	(void)state;
	write_file(path, "twelve bytes", 12);
	assert_true(file_read_path(path, 12, &text, &err));
	assert_string_equal(text_string(&text), "twelve bytes");
	assert_false(file_read_path(path, 11, &text, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_false(file_read_path(deep, 11, &text, &err));
	assert_non_null(strstr(err.text, deep));
	assert_true(file_make_directories(deep, &err) && file_make_directories(deep, &err));
	assert_int_equal(stat(deep, &facts), 0);
	assert_int_equal(facts.st_mode & 07777, 0700);
	assert_false(file_make_directories(path, &err) && file_open_directory(path, &err) >= 0);
	temp_remove(directory);
}

static void *
stop_bell(void *argument)
{
	bell_stop(argument);
	return NULL;
}

static void
bells_wake_who_sleeps(void **state)
{
	struct bell bell;
	pthread_t thread;

	(void)state;
	bell_init(&bell);
	assert_int_equal(bell_wait(&bell, clock_ms() + 1), BELL_SILENT);
	bell_ring(&bell);
	assert_int_equal(bell_wait(&bell, INT64_MAX), BELL_RUNG);
	assert_int_equal(bell_wait(&bell, 0), BELL_SILENT);
	assert_int_equal(pthread_create(&thread, NULL, stop_bell, &bell), 0);
	assert_int_equal(bell_wait(&bell, INT64_MAX), BELL_STOPPED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	bell_ring(&bell);
	assert_int_equal(bell_wait(&bell, INT64_MAX), BELL_STOPPED);
	assert_true(bell_is_stopped(&bell));
	bell_finish(&bell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(errors_gain_context),
	        cmocka_unit_test(errors_have_statuses),
	        cmocka_unit_test(text_grows),
	        cmocka_unit_test(units_are_read),
	        cmocka_unit_test(units_are_written),
	        cmocka_unit_test(hexadecimal_goes_both_ways),
	        cmocka_unit_test(outside_bytes_are_escaped),
	        cmocka_unit_test(files_are_read_whole_or_not),
	        cmocka_unit_test(bells_wake_who_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
