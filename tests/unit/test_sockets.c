/*
 * Listening sockets: workers share a port, programs do not, and what is no address is refused with a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/sockets.h"

#define WORKERS 3

static void
close_all(int *fds)
{
	for (int i = 0; i < WORKERS; i++)
		close(fds[i]);
}

static void
workers_share_a_free_port(void **state)
{
	struct err err = ERR_NONE;
	char url[SOCKETS_URL_MAX];
	int fds[WORKERS], value;
	socklen_t length = sizeof value;

	(void)state;
	assert_int_equal(sockets_listen("127.0.0.1:0", WORKERS, fds, url, &err), SOCKETS_BOUND);
	assert_int_equal(strncmp(url, "http://127.0.0.1:", 17), 0);
	assert_string_not_equal(url, "http://127.0.0.1:0");
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_ACCEPTCONN, &value, &length), 0);
		assert_int_equal(value, 1);
	}
	close_all(fds);
}

static void
a_port_in_use_is_named(void **state)
{
	struct err err = ERR_NONE;
	char url[SOCKETS_URL_MAX], second_url[SOCKETS_URL_MAX];
	int fds[WORKERS], second[WORKERS];

	(void)state;
	assert_int_equal(sockets_listen("127.0.0.1:0", WORKERS, fds, url, &err), SOCKETS_BOUND);
	/* The first has opened its port to others of the same user; a second program must still not slip in. */
	assert_int_equal(
	        sockets_listen(url + strlen("http://"), WORKERS, second, second_url, &err), SOCKETS_FAILED);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, url + strlen("http://")));
	close_all(fds);
	err = ERR_NONE;
	assert_int_equal(
	        sockets_listen(url + strlen("http://"), WORKERS, second, second_url, &err), SOCKETS_BOUND);
	assert_string_equal(url, second_url);
	close_all(second);
}

static void
v6_stands_in_brackets(void **state)
{
	struct err err = ERR_NONE;
	char url[SOCKETS_URL_MAX];
	int fds[WORKERS];

	(void)state;
	switch (sockets_listen("[::1]:0", WORKERS, fds, url, &err)) {
	case SOCKETS_BOUND:
		assert_int_equal(strncmp(url, "http://[::1]:", 13), 0);
		close_all(fds);
		break;
	case SOCKETS_NO_FAMILY:
		assert_non_null(strstr(err.text, "IPv6"));
		break;
	case SOCKETS_FAILED:
		fail_msg("%s", err.text);
	}
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = {"", ":8080", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http",
	        "127.0.0.1:65536", "127.0.0.1:-1", "localhost:8080", "::1:8080", "[127.0.0.1]:8080", "[::1]",
	        "[::1", "[]:8080", "*:8080", "http://127.0.0.1:8080", "192.0.2.1:0"};
	char url[SOCKETS_URL_MAX];
	int fds[WORKERS];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(sockets_listen(wrong[i], WORKERS, fds, url, &err), SOCKETS_FAILED);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_true(strlen(err.text) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(workers_share_a_free_port),
	        cmocka_unit_test(a_port_in_use_is_named),
	        cmocka_unit_test(v6_stands_in_brackets),
	        cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
