/*
 * Listening sockets: workers share a port, programs do not, and what is no address is refused with a
 * sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/http/sockets.h"
#include "tests/support/temp.h"

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
	/*
	 * The first has opened its port to others of the same user; a second program must still not slip in.
	 */
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

/* Connects through the directory, as a path of any length can be. */
static int
connect_control(const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" CONTROL_SOCKET, directory_fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		fd = -1;
	}
	close(directory_fd);
	return fd;
}

static void
check_control(const char *directory)
{
	struct err err = ERR_NONE;
	int fd = sockets_listen_control(directory, &err), client, directory_fd;
	struct stat status;

	assert_true(fd >= 0);
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(fstatat(directory_fd, CONTROL_SOCKET, &status, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0600);
	client = connect_control(directory);
	assert_true(client >= 0);
	close(client);
	/* As if killed: the file stays, and nobody answers. */
	close(fd);
	assert_int_equal(connect_control(directory), -1);
	fd = sockets_listen_control(directory, &err);
	assert_true(fd >= 0);
	client = connect_control(directory);
	assert_true(client >= 0);
	close(client);
	close(fd);
	sockets_remove_control(directory);
	sockets_remove_control(directory);
	assert_int_not_equal(fstatat(directory_fd, CONTROL_SOCKET, &status, AT_SYMLINK_NOFOLLOW), 0);
	close(directory_fd);
}

static void
the_control_socket_replaces_a_dead_one(void **state)
{
	char *directory = temp_make();
	mode_t before = umask(0);

	(void)state;
	check_control(directory);
	umask(before);
	temp_remove(directory);
}

static void
a_long_path_has_a_control_socket_too(void **state)
{
	char *directory = temp_make();
	char deep[512];

	(void)state;
	snprintf(deep, sizeof deep, "%s/%0200d", directory, 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	check_control(deep);
	temp_remove(directory);
}

static void
where_no_socket_can_be_that_is_said(void **state)
{
	char *directory = temp_make();
	struct err err = ERR_NONE;
	char inside[512];

	(void)state;
	snprintf(inside, sizeof inside, "%s/" CONTROL_SOCKET, directory);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(sockets_listen_control(directory, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, inside));
	temp_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(workers_share_a_free_port),
	        cmocka_unit_test(a_port_in_use_is_named),
	        cmocka_unit_test(v6_stands_in_brackets),
	        cmocka_unit_test(what_is_no_address_is_refused),
	        cmocka_unit_test(the_control_socket_replaces_a_dead_one),
	        cmocka_unit_test(a_long_path_has_a_control_socket_too),
	        cmocka_unit_test(where_no_socket_can_be_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
