/*
 * Looking ahead on a socket: what is done with is not seen again, what is not stays for who reads after, and nothing is left when the socket
 * is closed; over TCP with the kernel's moving place and without it, and over a unix socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/lookahead.h"

enum kind { TCP_MOVES, TCP_STAYS, UNIX_STAYS };

struct pair {
	int client;
	struct lookahead ahead; /* at the other end */
};

static void
connect_tcp(int ret[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ret[0], (struct sockaddr *)&address, length), 0);
	ret[1] = accept(listener, NULL, NULL);
	assert_true(ret[1] >= 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(setsockopt(ret[i], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
	close(listener);
}

static struct pair
connect_pair(enum kind kind)
{
	struct pair pair;
	int fds[2];

	if (kind == TCP_MOVES || kind == TCP_STAYS)
		connect_tcp(fds);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pair.client = fds[0];
	lookahead_start(&pair.ahead, fds[1], kind == TCP_MOVES ? LOOKAHEAD_FIRST : LOOKAHEAD_STAYS);
	return pair;
}

static void
close_pair(struct pair *pair)
{
	close(pair->client);
	close(pair->ahead.fd);
}

static void
client_sends(struct pair *pair, const char *bytes)
{
	assert_int_equal(send(pair->client, bytes, strlen(bytes), 0), strlen(bytes));
}

/* It comes in a moment: over loopback, mostly at once. */
static void
is_seen(struct pair *pair, const char *expected)
{
	const ssize_t length = (ssize_t)strlen(expected);
	char bytes[8192] = "";
	ssize_t got;

	while ((got = lookahead_read(&pair->ahead, bytes, sizeof bytes - 1)) < length)
		sched_yield(); /* for ever, if it does not: SIGALRM ends that */
	assert_int_equal(got, length);
	assert_string_equal(bytes, expected);
}

/* Done with, and answered: with the answer the client hears that his bytes have come. */
static void
is_answered(struct pair *pair, size_t length)
{
	char byte = '.';

	assert_true(lookahead_done(&pair->ahead, length));
	assert_int_equal(send(pair->ahead.fd, &byte, 1, 0), 1);
	assert_int_equal(recv(pair->client, &byte, 1, 0), 1);
}

/* More than the two after which the place moves. */
static void
some_requests(struct pair *pair)
{
	for (int i = 0; i < 5; i++) {
		client_sends(pair, "mine,");
		is_seen(pair, "mine,");
		is_answered(pair, 5);
	}
}

static void
nothing_is_seen(struct pair *pair)
{
	char byte;

	assert_int_equal(lookahead_read(&pair->ahead, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static int
unread(const struct pair *pair)
{
	int count;

	assert_int_equal(ioctl(pair->ahead.fd, FIONREAD, &count), 0);
	return count;
}

/* Does the kernel of this machine move the place? */
static bool
can_move(enum kind kind)
{
	struct pair pair = connect_pair(kind);
	int fd = pair.ahead.fd, place = 0;
	bool can = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &place, sizeof place) == 0;

	close_pair(&pair);
	return can && kind == TCP_MOVES;
}

#define EACH_KIND(kind) for (enum kind kind = TCP_MOVES; kind <= UNIX_STAYS; kind++)

static void
one_after_the_other(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);

		nothing_is_seen(&pair);
		for (int i = 0; i < 2000; i++) {
			char request[16];
			int length = snprintf(request, sizeof request, "request %d", i);

			client_sends(&pair, request);
			is_seen(&pair, request);
			is_answered(&pair, (size_t)length);
			nothing_is_seen(&pair);
		}
		close_pair(&pair);
	}
}

static void
in_pieces_and_at_once(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);

		for (int i = 0; i < 500; i++) {
			client_sends(&pair, "one,t");
			is_seen(&pair, "one,t");
			is_seen(&pair, "one,t");
			is_answered(&pair, 4);
			is_seen(&pair, "t");
			client_sends(&pair, "wo,three,");
			is_seen(&pair, "two,three,");
			is_answered(&pair, 4);
			is_seen(&pair, "three,");
			client_sends(&pair, "four,");
			is_seen(&pair, "three,four,");
			is_answered(&pair, 11);
			nothing_is_seen(&pair);
		}
		close_pair(&pair);
	}
}

/* The first at once; then as many together as have room, and not more. */
static void
taken_together(void **state)
{
	static const char request[] = "a request of thirty characters";
	const int length = sizeof request - 1;

	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);
		bool moves = can_move(kind);
		int most = 0;

		for (int i = 0; i < 1000; i++) {
			client_sends(&pair, request);
			is_seen(&pair, request);
			is_answered(&pair, (size_t)length);
			if (i == 0)
				assert_int_equal(unread(&pair), 0);
			if (i == 1)
				assert_int_equal(unread(&pair), moves ? length : 0);
			most = unread(&pair) > most ? unread(&pair) : most;
		}
		assert_true(most <= LOOKAHEAD_DONE_MAX);
		assert_true(moves ? most > LOOKAHEAD_DONE_MAX - length : most == 0);
		close_pair(&pair);
	}
}

/* Of what was not done with, whoever reads next finds every byte, and finds the socket as any other. */
static void
somebody_else_reads(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);
		char bytes[16] = "";
		int place = 0;
		socklen_t length = sizeof place;

		some_requests(&pair);
		client_sends(&pair, "mine,yours");
		is_seen(&pair, "mine,yours");
		is_answered(&pair, 5);
		is_seen(&pair, "yours");
		assert_true(lookahead_end(&pair.ahead));
		for (int i = 0; i < 2; i++)
			assert_int_equal(recv(pair.ahead.fd, bytes, sizeof bytes, MSG_PEEK), 5);
		assert_int_equal(recv(pair.ahead.fd, bytes, sizeof bytes, 0), 5);
		assert_string_equal(bytes, "yours");
		if (can_move(kind)) {
			assert_int_equal(
			        getsockopt(pair.ahead.fd, SOL_SOCKET, SO_PEEK_OFF, &place, &length), 0);
			assert_int_equal(place, -1);
		}
		close_pair(&pair);
	}
}

/* To close over bytes that were not read is a reset; the client is to see an end. */
static void
closed_after_it(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);
		char byte;

		some_requests(&pair);
		assert_true(lookahead_take(&pair.ahead));
		assert_true(lookahead_take(&pair.ahead)); /* nothing */
		assert_int_equal(unread(&pair), 0);
		close(pair.ahead.fd);
		assert_int_equal(recv(pair.client, &byte, 1, 0), 0);
		close(pair.client);
	}
}

/* The client's end is seen behind what is done with. */
static void
end_of_the_client(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);
		char byte;

		some_requests(&pair);
		client_sends(&pair, "last");
		shutdown(pair.client, SHUT_WR);
		is_seen(&pair, "last");
		is_answered(&pair, 4);
		assert_int_equal(lookahead_read(&pair.ahead, &byte, 1), 0);
		assert_true(lookahead_take(&pair.ahead));
		close_pair(&pair);
	}
}

/* More is said to be done with than the socket has: seen as it is taken, which of the first request is at once. */
static void
more_than_there_is(void **state)
{
	(void)state;
	EACH_KIND(kind)
	{
		struct pair pair = connect_pair(kind);

		client_sends(&pair, "first");
		is_seen(&pair, "first");
		assert_false(lookahead_done(&pair.ahead, 6));
		close_pair(&pair);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_after_the_other),
	        cmocka_unit_test(in_pieces_and_at_once),
	        cmocka_unit_test(taken_together),
	        cmocka_unit_test(somebody_else_reads),
	        cmocka_unit_test(closed_after_it),
	        cmocka_unit_test(end_of_the_client),
	        cmocka_unit_test(more_than_there_is),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
