/*
 * The connections: limits at the door, and deadlines on real sockets with a clock that the test turns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "server/http/connections.h"
#include "storage/base/clock.h"

#define WINDOW_MS 30000
#define TICK_MS   1000

static struct networks no_networks;

static struct connections *
with_limits(int64_t in_all, int64_t per_address, const struct networks *trusted, struct metrics *metrics)
{
	struct connections_options options = {.max_connections = in_all,
	        .max_per_address = per_address,
	        .header_timeout_ms = 10000,
	        .idle_timeout_ms = 30000,
	        .min_rate = 1024,
	        .rate_window_ms = WINDOW_MS,
	        .trusted = trusted != NULL ? trusted : &no_networks,
	        .metrics = metrics};
	struct err err = ERR_NONE;
	struct connections *connections = connections_create(&options, &err);

	assert_non_null(connections);
	return connections;
}

/* A connection that exists in the registry alone. */
static struct connection *
from(struct connections *connections, const char *address)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return connection_open(connections, 1000000, (struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return connection_open(connections, 1000000, (struct sockaddr *)&v6);
}

static void
each_address_has_its_limit(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 2, NULL, metrics);
	struct connection *a = from(connections, "192.0.2.1"), *b = from(connections, "192.0.2.1");
	struct connection *c = from(connections, "::ffff:192.0.2.1"), *d = from(connections, "192.0.2.2");
	struct connections_figures figures;

	(void)state;
	assert_int_equal(connection_standing(b), CONNECTION_WELCOME);
	assert_int_equal(connection_standing(c), CONNECTION_OVER_ADDRESS);
	assert_int_equal(connection_standing(d), CONNECTION_WELCOME);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_PER_ADDRESS), 1);
	connections_figures(connections, &figures);
	assert_int_equal(figures.connections, 4);
	assert_int_equal(figures.addresses, 2);
	connection_close(connections, a);
	connection_close(connections, c);
	c = from(connections, "192.0.2.1");
	assert_int_equal(connection_standing(c), CONNECTION_WELCOME);
	connection_close(connections, b);
	connection_close(connections, c);
	connection_close(connections, d);
	connections_figures(connections, &figures);
	assert_int_equal(figures.connections, 0);
	assert_int_equal(figures.addresses, 0);
	connections_destroy(connections);
	metrics_destroy(metrics);
}

static void
a_v6_network_counts_as_one_address(void **state)
{
	struct connections *connections = with_limits(0, 1, NULL, NULL);
	struct connection *a = from(connections, "2001:db8:0:1::1"),
	                  *b = from(connections, "2001:db8:0:1:ffff::2");
	struct connection *c = from(connections, "2001:db8:0:2::1");

	(void)state;
	assert_int_equal(connection_standing(a), CONNECTION_WELCOME);
	assert_int_equal(connection_standing(b), CONNECTION_OVER_ADDRESS);
	assert_int_equal(connection_standing(c), CONNECTION_WELCOME);
	connection_close(connections, a);
	connection_close(connections, b);
	connection_close(connections, c);
	connections_destroy(connections);
}

static void
the_control_socket_is_known_by_its_kind(void **state)
{
	struct connections *connections = with_limits(0, 0, NULL, NULL);
	struct sockaddr_storage none = {.ss_family = AF_UNIX};
	struct connection *control, *tcp = from(connections, "127.0.0.1");
	uid_t uid = (uid_t)-1;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	control = connection_open(connections, fds[0], (struct sockaddr *)&none);
	assert_true(connection_is_control(control, &uid));
	assert_int_equal(uid, getuid());
	assert_false(connection_is_control(tcp, &uid));
	connection_close(connections, control);
	connection_close(connections, tcp);
	close(fds[0]);
	close(fds[1]);
	connections_destroy(connections);
}

static void
a_trusted_proxy_has_no_limit_of_its_own(void **state)
{
	char proxies[] = "192.0.2.0/24";
	char *texts[] = {proxies};
	struct networks trusted;
	struct err err = ERR_NONE;
	struct connections *connections;
	struct connection *a, *b;

	(void)state;
	assert_true(networks_parse(texts, 1, &trusted, &err));
	connections = with_limits(0, 1, &trusted, NULL);
	a = from(connections, "192.0.2.1");
	b = from(connections, "192.0.2.1");
	assert_int_equal(connection_standing(b), CONNECTION_WELCOME);
	connection_close(connections, a);
	connection_close(connections, b);
	connections_destroy(connections);
	networks_finish(&trusted);
}

static void
past_the_limit_in_all_there_is_a_ceiling(void **state)
{
	struct connection *all[1000];
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(10, 0, NULL, metrics);
	size_t count = 0;

	(void)state;
	while (connections_have_room(connections)) {
		assert_true(count < 1000);
		all[count] = from(connections, "192.0.2.1");
		assert_int_equal(connection_standing(all[count]),
		        count < 10 ? CONNECTION_WELCOME : CONNECTION_OVER_TOTAL);
		count++;
	}
	assert_true(count > 20 && count < 200);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_CONNECTIONS), count - 10);
	while (count > 0)
		connection_close(connections, all[--count]);
	assert_true(connections_have_room(connections));
	connections_destroy(connections);
	metrics_destroy(metrics);
}

/* A TCP connection over the loopback: the server's end in the registry, and the client's. */
struct pair {
	int server, client;
	struct connection *connection;
};

static struct pair
connected(struct connections *connections)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct pair pair;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	pair.client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair.client, (struct sockaddr *)&address, sizeof address), 0);
	pair.server = accept(listener, NULL, NULL);
	assert_true(pair.server >= 0);
	close(listener);
	pair.connection = connection_open(connections, pair.server, (struct sockaddr *)&address);
	return pair;
}

static void
finish(struct connections *connections, struct pair *pair)
{
	connection_close(connections, pair->connection);
	close(pair->server);
	close(pair->client);
	connections_destroy(connections);
}

static bool
is_shut(const struct pair *pair)
{
	char byte;

	return recv(pair->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
a_header_has_its_time(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	int64_t now_ms = clock_coarse_ms();

	(void)state;
	assert_int_equal(connections_reap(connections, now_ms + 9000), 0);
	assert_false(is_shut(&pair));
	assert_int_equal(connections_reap(connections, now_ms + 11000), 1);
	assert_true(is_shut(&pair));
	assert_int_equal(connections_reap(connections, now_ms + 12000), 0);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_HEADER_TIMEOUT), 1);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

static void
between_requests_there_is_more_time(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	int64_t now_ms;

	(void)state;
	connection_enter(pair.connection, CONNECTION_WORKS);
	now_ms = clock_coarse_ms();
	assert_int_equal(connections_reap(connections, now_ms + 1000000), 0);
	connection_enter(pair.connection, CONNECTION_WAITS);
	now_ms = clock_coarse_ms();
	assert_int_equal(connections_reap(connections, now_ms + 39000), 0);
	assert_int_equal(connections_reap(connections, now_ms + 41000), 1);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_IDLE_TIMEOUT), 1);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

/* Who waits for the last requests waits for these as well. */
static void
who_has_just_connected_is_about_to_ask(void **state)
{
	struct connections *connections = with_limits(0, 0, NULL, NULL);
	struct pair pair = connected(connections);
	int64_t now_ms = clock_coarse_ms();

	(void)state;
	assert_true(connections_have_newcomers(connections, now_ms));
	assert_false(connections_have_newcomers(connections, now_ms + NEWCOMER_MS + 1));
	connection_enter(pair.connection, CONNECTION_SENDS);
	assert_false(connections_have_newcomers(connections, now_ms));
	connection_enter(pair.connection, CONNECTION_WAITS);
	assert_false(connections_have_newcomers(connections, now_ms));
	finish(connections, &pair);
}

static void
who_takes_nothing_is_shut_out(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	int64_t now_ms;

	(void)state;
	connection_enter(pair.connection, CONNECTION_SENDS);
	now_ms = clock_coarse_ms() + TICK_MS;
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(connections_reap(connections, now_ms + WINDOW_MS - 1), 0);
	assert_int_equal(connections_reap(connections, now_ms + WINDOW_MS), 1);
	assert_true(is_shut(&pair));
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_MIN_RATE), 1);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

static void
who_takes_enough_is_left_alone(void **state)
{
	struct connections *connections = with_limits(0, 0, NULL, NULL);
	struct pair pair = connected(connections);
	char bytes[31 * 1024] = {0}, got[sizeof bytes];
	int64_t now_ms;

	(void)state;
	connection_enter(pair.connection, CONNECTION_SENDS);
	now_ms = clock_coarse_ms() + TICK_MS;
	for (int window = 0; window < 3; window++) {
		assert_int_equal(connections_reap(connections, now_ms + window * WINDOW_MS), 0);
		assert_int_equal(send(pair.server, bytes, sizeof bytes, 0), sizeof bytes);
		assert_int_equal(recv(pair.client, got, sizeof got, MSG_WAITALL), sizeof got);
	}
	finish(connections, &pair);
}

static void
who_sends_his_body_too_slowly_is_shut_out(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	char bytes[31 * 1024] = {0}, got[sizeof bytes];
	int64_t now_ms;

	(void)state;
	connection_enter(pair.connection, CONNECTION_RECEIVES);
	now_ms = clock_coarse_ms() + TICK_MS;
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(send(pair.client, bytes, sizeof bytes, 0), sizeof bytes);
	assert_int_equal(recv(pair.server, got, sizeof got, MSG_WAITALL), sizeof got);
	assert_int_equal(connections_reap(connections, now_ms + WINDOW_MS), 0);
	/* One byte a second. */
	assert_int_equal(send(pair.client, bytes, 30, 0), 30);
	assert_int_equal(recv(pair.server, got, 30, MSG_WAITALL), 30);
	assert_int_equal(connections_reap(connections, now_ms + 2 * WINDOW_MS - 1), 0);
	assert_int_equal(connections_reap(connections, now_ms + 2 * WINDOW_MS), 1);
	assert_true(is_shut(&pair));
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_UPLOAD_RATE), 1);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_MIN_RATE), 0);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

static void
who_leaves_in_the_middle_of_a_body_is_noticed(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	int64_t now_ms = clock_coarse_ms();
	char got[4];

	(void)state;
	connection_enter(pair.connection, CONNECTION_RECEIVES);
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(send(pair.client, "some", 4, 0), 4);
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(connections_reap(connections, now_ms), 0); /* there is something to read */
	assert_int_equal(recv(pair.server, got, sizeof got, MSG_WAITALL), 4);
	assert_int_equal(connections_reap(connections, now_ms), 0);
	connection_enter(pair.connection, CONNECTION_WORKS); /* it was all */
	assert_int_equal(connections_reap(connections, now_ms), 0);
	connection_enter(pair.connection, CONNECTION_RECEIVES);
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(connections_reap(connections, now_ms), 1);
	assert_true(is_shut(&pair));
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_UPLOAD_RATE), 0);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

static void
who_goes_on_sending_after_a_refusal_is_cut(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(0, 0, NULL, metrics);
	struct pair pair = connected(connections);
	char got[8];
	int64_t now_ms;

	(void)state;
	assert_true(connection_say_last(pair.connection, "no", 2));
	connection_enter(pair.connection, CONNECTION_DRAINS);
	now_ms = clock_coarse_ms();
	assert_int_equal(recv(pair.client, got, sizeof got, MSG_WAITALL), 2);
	assert_true(is_shut(&pair));
	/* This direction only: what he still sends does not reset the connection. */
	assert_int_equal(send(pair.client, "more", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(recv(pair.server, got, sizeof got, 0), 4);
	assert_int_equal(connections_reap(connections, now_ms + DRAIN_MS - 100), 0);
	assert_int_equal(connections_reap(connections, now_ms + DRAIN_MS + 100), 1);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_DRAIN), 1);
	finish(connections, &pair);
	metrics_destroy(metrics);
}

static void
the_control_socket_has_no_limits(void **state)
{
	struct metrics *metrics = metrics_create();
	struct connections *connections = with_limits(1, 1, NULL, metrics);
	struct sockaddr_storage none = {.ss_family = AF_UNIX};
	struct connection *tcp = from(connections, "192.0.2.1"), *first, *second;
	struct connections_figures figures;
	int fds[2];
	int64_t now_ms;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	first = connection_open(connections, fds[0], (struct sockaddr *)&none);
	second = connection_open(connections, fds[1], (struct sockaddr *)&none);
	assert_int_equal(connection_standing(first), CONNECTION_WELCOME);
	assert_int_equal(connection_standing(second), CONNECTION_WELCOME);
	connections_figures(connections, &figures);
	assert_int_equal(figures.connections, 1);
	connection_enter(tcp, CONNECTION_WORKS);
	connection_enter(first, CONNECTION_SENDS);
	connection_enter(second, CONNECTION_RECEIVES);
	now_ms = clock_coarse_ms() + TICK_MS;
	assert_int_equal(connections_reap(connections, now_ms), 0);
	assert_int_equal(connections_reap(connections, now_ms + 10 * WINDOW_MS), 0);
	connection_close(connections, first);
	connection_close(connections, second);
	connection_close(connections, tcp);
	connections_figures(connections, &figures);
	assert_int_equal(figures.connections, 0);
	close(fds[0]);
	close(fds[1]);
	connections_destroy(connections);
	metrics_destroy(metrics);
}

static void
parking_starts_the_window_anew(void **state)
{
	struct connections *connections = with_limits(0, 0, NULL, NULL);
	struct pair pair = connected(connections);
	int64_t now_ms;

	(void)state;
	connection_enter(pair.connection, CONNECTION_SENDS);
	now_ms = clock_coarse_ms() + TICK_MS;
	assert_int_equal(connections_reap(connections, now_ms), 0);
	connection_enter(pair.connection, CONNECTION_WORKS);
	assert_int_equal(connections_reap(connections, now_ms + 10 * WINDOW_MS), 0);
	connection_sends_again(pair.connection);
	finish(connections, &pair);
}

static void
the_reaper_starts_and_stops(void **state)
{
	struct connections_options options = {.tick_ms = 3600000, .trusted = &no_networks};
	struct err err = ERR_NONE;
	struct connections *connections = connections_create(&options, &err);

	(void)state;
	assert_non_null(connections);
	connections_destroy(connections);
	connections_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_address_has_its_limit),
	        cmocka_unit_test(a_v6_network_counts_as_one_address),
	        cmocka_unit_test(the_control_socket_is_known_by_its_kind),
	        cmocka_unit_test(a_trusted_proxy_has_no_limit_of_its_own),
	        cmocka_unit_test(past_the_limit_in_all_there_is_a_ceiling),
	        cmocka_unit_test(a_header_has_its_time),
	        cmocka_unit_test(between_requests_there_is_more_time),
	        cmocka_unit_test(who_has_just_connected_is_about_to_ask),
	        cmocka_unit_test(who_takes_nothing_is_shut_out),
	        cmocka_unit_test(who_takes_enough_is_left_alone),
	        cmocka_unit_test(who_sends_his_body_too_slowly_is_shut_out),
	        cmocka_unit_test(who_leaves_in_the_middle_of_a_body_is_noticed),
	        cmocka_unit_test(who_goes_on_sending_after_a_refusal_is_cut),
	        cmocka_unit_test(the_control_socket_has_no_limits),
	        cmocka_unit_test(parking_starts_the_window_anew),
	        cmocka_unit_test(the_reaper_starts_and_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
