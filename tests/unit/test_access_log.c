/*
 * The access log and who the client is: whatever a client sends stays inside its place on one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <jansson.h>

#include "server/http/access_log.h"
#include "server/http/forwarded.h"
#include "storage/base/text.h"

static struct access_entry
an_entry(void)
{
	return (struct access_entry){.client = "192.0.2.1",
	        .method = "GET",
	        .path = "/sha256/ab",
	        .status = 200,
	        .body_bytes = 5000,
	        .took_ms = 3,
	        .cache = CACHE_HIT,
	        .user_agent = "opam/2.1.2"};
}

static void
a_line_of_text(void **state)
{
	struct access_entry entry = an_entry();
	char line[LOG_LINE_MAX];

	(void)state;
	access_format(&entry, LOG_FORMAT_TEXT, line);
	assert_non_null(strstr(line, " access  192.0.2.1 GET /sha256/ab 200 5000 3ms HIT - \"opam/2.1.2\""));
}

static void
hostile_bytes_stay_inside(void **state)
{
	struct access_entry entry = an_entry();
	char line[LOG_LINE_MAX];
	json_t *document;

	(void)state;
	entry.path = "/\n{\"\x01";
	entry.method = "G\"\nT";
	entry.user_agent = "a\" 200 HIT \"\n\x1b[2J\xff";
	access_format(&entry, LOG_FORMAT_TEXT, line);
	assert_null(strpbrk(line, "\n\x1b\x01\xff"));
	assert_non_null(strstr(line, "\"a' 200 HIT '"));
	access_format(&entry, LOG_FORMAT_JSON, line);
	assert_null(strchr(line, '\n'));
	document = json_loads(line, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "path")), entry.path);
	assert_string_equal(json_string_value(json_object_get(document, "method")), "G\"\nT");
	json_decref(document);
}

static void
long_bytes_are_cut(void **state)
{
	char path[9000], agent[9000], line[LOG_LINE_MAX];
	struct access_entry entry = an_entry();
	json_t *document;

	(void)state;
	memset(path, 1, sizeof path - 1);
	memset(agent, '"', sizeof agent - 1);
	path[sizeof path - 1] = agent[sizeof agent - 1] = '\0';
	entry.path = path;
	entry.method = entry.user_agent = agent;
	access_format(&entry, LOG_FORMAT_TEXT, line);
	assert_true(strlen(line) < 1200);
	access_format(&entry, LOG_FORMAT_JSON, line);
	document = json_loads(line, 0, NULL);
	assert_non_null(document);
	json_decref(document);
}

static void
the_client_behind_proxies(void **state)
{
	char proxies[] = "10.0.0.0/8";
	char *texts[] = {proxies};
	struct networks trusted = {0};
	struct err err = ERR_NONE;
	static const struct {
		const char *peer, *header, *client;
	} rows[] = {
	        {"192.0.2.1", "203.0.113.9", "192.0.2.1"},
	        {"10.0.0.1", NULL, "10.0.0.1"},
	        {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
	        {"10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"},
	        {"10.0.0.1", "198.51.100.7,\t203.0.113.9 , 10.2.3.4", "203.0.113.9"},
	        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
	        {"10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"},
	        {"10.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9"},
	        {"10.0.0.1", "", "10.0.0.1"},
	        {"10.0.0.1", ",,,", "10.0.0.1"},
	        {"10.0.0.1", "2001:db8::1", "2001:db8::1"},
	};

	(void)state;
	assert_true(networks_parse(texts, 1, &trusted, &err));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct address peer, client;
		char text[ADDRESS_TEXT_MAX];

		assert_true(address_parse(rows[i].peer, &peer));
		client = forwarded_client(rows[i].header, &trusted, &peer);
		address_text(&client, text);
		assert_string_equal(text, rows[i].client);
	}
	networks_finish(&trusted);
}

static void
the_scheme_behind_proxies(void **state)
{
	char proxies[] = "10.0.0.0/8";
	char *texts[] = {proxies};
	struct networks trusted = {0};
	struct err err = ERR_NONE;
	static const struct {
		const char *peer, *header, *scheme;
	} rows[] = {
	        {"10.0.0.1", "https", "https"},
	        {"10.0.0.1", "HTTPS ", "https"},
	        {"10.0.0.1", "http, https", "https"},
	        {"10.0.0.1", "https,http", "http"},
	        {"10.0.0.1", "https,", "http"},
	        {"10.0.0.1", "javascript", "http"},
	        {"10.0.0.1", "", "http"},
	        {"10.0.0.1", NULL, "http"},
	        {"192.0.2.1", "https", "http"},
	};

	(void)state;
	assert_true(networks_parse(texts, 1, &trusted, &err));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct address peer;

		assert_true(address_parse(rows[i].peer, &peer));
		assert_string_equal(forwarded_scheme(rows[i].header, &trusted, &peer), rows[i].scheme);
	}
	networks_finish(&trusted);
}

/* Writes access lines to a pipe instead of standard error; what came of it is read from the result. */
static int
redirect(int *ret_before)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	*ret_before = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static void
lines_are_written_together_and_whole(void **state)
{
	struct access_entry entry = an_entry();
	static const char last[] = " 200 5000 3ms HIT - \"opam/2.1.2\"";
	struct access_lines lines = {0};
	char long_path[ACCESS_PATH_MAX], got[2 * ACCESS_LINES_MAX];
	int before, fd = redirect(&before), added = 0, written = 0;
	ssize_t length;

	(void)state;
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[0] = '/';
	long_path[sizeof long_path - 1] = '\0';
	entry.path = long_path;
	while ((length = read(fd, got, sizeof got)) < 0) {
		access_log(&lines, &entry);
		added++;
	}
	access_log_write(&lines);
	access_log_write(&lines);
	dup2(before, STDERR_FILENO);
	close(before);
	assert_true(added > 3 && length <= ACCESS_LINES_MAX);
	length += read(fd, got + length, sizeof got - (size_t)length);
	close(fd);
	for (const char *at = got; at < got + length; written++) {
		const char *end = memchr(at, '\n', (size_t)(got + length - at));

		assert_non_null(end);
		assert_memory_equal(end - strlen(last), last, strlen(last));
		at = end + 1;
	}
	assert_int_equal(written, added);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_line_of_text),
	        cmocka_unit_test(hostile_bytes_stay_inside),
	        cmocka_unit_test(long_bytes_are_cut),
	        cmocka_unit_test(lines_are_written_together_and_whole),
	        cmocka_unit_test(the_client_behind_proxies),
	        cmocka_unit_test(the_scheme_behind_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
