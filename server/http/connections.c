/*
 * The connections. Workers open, close and mark their own; the reaper thread walks all of them, under the one
 * lock, and only ever calls shutdown(2): it must never close a descriptor, which belongs to libmicrohttpd,
 * and never touch one that is no longer in the list.
 */
#include "server/http/connections.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "server/admin/metrics.h"
#include "server/http/forwarded.h"
#include "storage/base/clock.h"
#include "storage/base/table.h"
#include "storage/base/text.h"

#define IPV6_CLIENT_BITS 64 /* what one client is given as a rule */
#define CEILING_EXTRA    64 /* connections past the limit that are still told 503 … */
#define CEILING_SHARE    8  /* … and an eighth of the limit */

/* How many connections one client has. */
struct visitor {
	struct address address;
	int64_t connections;
	UT_hash_handle hh;
};

struct connection {
	LIST_ENTRY(connection) link;
	int fd;     /* -1: shut down, no longer in the list */
	int socket; /* the same, for the worker: constant */
	struct address peer;
	char peer_text[ADDRESS_TEXT_MAX]; /* the worker's; "": nobody wanted to know */
	struct visitor *visitor;          /* NULL: not counted */
	bool is_control;
	enum connection_standing standing;
	struct request *request; /* the worker's */
	/* written by the connection's worker, read by the reaper; since before phase */
	_Atomic int64_t since_ms;
	_Atomic enum connection_phase phase;
	_Atomic bool asked; /* has completed a header once */
	/* the reaper's: the window in which the rate of sending or receiving is measured */
	int64_t window_began_ms, window_phase_ms;
	uint64_t window_bytes;
	bool was_at_end; /* the reaper's, too: at its last tick */
};

LIST_HEAD(connection_list, connection);

struct connections {
	struct connections_options options;
	pthread_mutex_t mutex; /* guards all below; a leaf of the lock order */
	pthread_cond_t stopping_changed;
	struct connection_list list;
	struct visitor *visitors;
	int64_t count, visitor_count;
	bool stopping, has_reaper;
	pthread_t reaper;
};

static void *reap_until_stopped(void *context);
static bool has_left(struct connection *connection);
static enum metric past_deadline(
        struct connections *connections, struct connection *connection, int64_t now_ms);

struct connections *
connections_create(const struct connections_options *options, struct err *err)
{
	struct connections *connections = xcalloc(1, sizeof *connections);
	pthread_condattr_t monotonic;

	connections->options = *options;
	LIST_INIT(&connections->list);
	pthread_mutex_init(&connections->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&connections->stopping_changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (options->tick_ms == 0)
		return connections;
	errno = pthread_create(&connections->reaper, NULL, reap_until_stopped, connections);
	if (errno != 0) {
		err_errno(err, "starting the thread that watches connections");
		connections_destroy(connections);
		return NULL;
	}
	connections->has_reaper = true;
	return connections;
}

void
connections_destroy(struct connections *connections)
{
	if (connections == NULL)
		return;
	if (connections->has_reaper) {
		pthread_mutex_lock(&connections->mutex);
		connections->stopping = true;
		pthread_cond_signal(&connections->stopping_changed);
		pthread_mutex_unlock(&connections->mutex);
		pthread_join(connections->reaper, NULL);
	}
	pthread_cond_destroy(&connections->stopping_changed);
	pthread_mutex_destroy(&connections->mutex);
	free(connections);
}

bool
connections_have_room(struct connections *connections)
{
	int64_t most = connections->options.max_connections;
	int64_t count;

	if (most == 0)
		return true;
	pthread_mutex_lock(&connections->mutex);
	count = connections->count;
	pthread_mutex_unlock(&connections->mutex);
	return count < most + most / CEILING_SHARE + CEILING_EXTRA;
}

/* Under the lock. NULL: connections from here are not counted. */
static struct visitor *
visitor_enter(struct connections *connections, const struct address *peer)
{
	struct address key = peer->family == AF_INET6 ? address_masked(peer, IPV6_CLIENT_BITS) : *peer;
	struct visitor *visitor;

	if (peer->family == 0 || networks_have(connections->options.trusted, peer))
		return NULL;
	HASH_FIND(hh, connections->visitors, &key, sizeof key, visitor);
	if (visitor == NULL) {
		visitor = xcalloc(1, sizeof *visitor);
		visitor->address = key;
		HASH_ADD(hh, connections->visitors, address, sizeof visitor->address, visitor);
		connections->visitor_count++;
	}
	visitor->connections++;
	return visitor;
}

/* Under the lock. */
static void
visitor_leave(struct connections *connections, struct visitor *visitor)
{
	if (visitor == NULL || --visitor->connections > 0)
		return;
	HASH_DEL(connections->visitors, visitor);
	connections->visitor_count--;
	free(visitor);
}

static enum connection_standing
judge(const struct connections *connections, const struct connection *connection)
{
	const struct visitor *visitor = connection->visitor;
	const struct connections_options *limits = &connections->options;

	if (connection->is_control)
		return CONNECTION_WELCOME;
	if (limits->max_connections != 0 && connections->count > limits->max_connections)
		return CONNECTION_OVER_TOTAL;
	if (limits->max_per_address != 0 && visitor != NULL && visitor->connections > limits->max_per_address)
		return CONNECTION_OVER_ADDRESS;
	return CONNECTION_WELCOME;
}

struct connection *
connection_open(struct connections *connections, int fd, const struct sockaddr *peer)
{
	struct connection *connection = xcalloc(1, sizeof *connection);
	enum connection_standing standing;

	connection->fd = connection->socket = fd;
	address_of(peer, &connection->peer);
	atomic_init(&connection->since_ms, clock_coarse_ms());
	pthread_mutex_lock(&connections->mutex);
	connection->is_control = peer->sa_family == AF_UNIX;
	if (!connection->is_control)
		connections->count++;
	connection->visitor = visitor_enter(connections, &connection->peer);
	standing = connection->standing = judge(connections, connection);
	LIST_INSERT_HEAD(&connections->list, connection, link);
	pthread_mutex_unlock(&connections->mutex);
	if (standing == CONNECTION_OVER_TOTAL)
		metrics_add(connections->options.metrics, METRIC_LIMIT_CONNECTIONS, 1);
	if (standing == CONNECTION_OVER_ADDRESS)
		metrics_add(connections->options.metrics, METRIC_LIMIT_PER_ADDRESS, 1);
	return connection;
}

void
connection_close(struct connections *connections, struct connection *connection)
{
	pthread_mutex_lock(&connections->mutex);
	if (connection->fd >= 0)
		LIST_REMOVE(connection, link);
	if (!connection->is_control)
		connections->count--;
	visitor_leave(connections, connection->visitor);
	pthread_mutex_unlock(&connections->mutex);
	free(connection);
}

void
connection_enter(struct connection *connection, enum connection_phase phase)
{
	if (phase != CONNECTION_WAITS)
		atomic_store_explicit(&connection->asked, true, memory_order_release);
	/* The time first: a reaper that sees the new phase sees at least its time and never an older one. */
	atomic_store_explicit(&connection->since_ms, clock_coarse_ms(), memory_order_relaxed);
	atomic_store_explicit(&connection->phase, phase, memory_order_release);
}

void
connection_set_request(struct connection *connection, struct request *request)
{
	connection->request = request;
}

struct request *
connection_request(const struct connection *connection)
{
	return connection->request;
}

void
connection_sends_again(struct connection *connection)
{
	if (atomic_load_explicit(&connection->phase, memory_order_relaxed) != CONNECTION_SENDS)
		connection_enter(connection, CONNECTION_SENDS);
}

/*
 * Without the lock: only the worker that runs this closes the descriptor, and it keeps its value when the
 * reaper has shut it down.
 */
void
connection_cut(struct connection *connection)
{
	shutdown(connection->socket, SHUT_RDWR);
}

/* Without the lock, as connection_cut. */
bool
connection_say_last(struct connection *connection, const void *bytes, size_t length)
{
	ssize_t sent = send(connection->socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	shutdown(connection->socket, SHUT_WR);
	return sent == (ssize_t)length;
}

enum connection_standing
connection_standing(const struct connection *connection)
{
	return connection->standing;
}

const struct address *
connection_peer(const struct connection *connection)
{
	return &connection->peer;
}

void
connection_name_client(struct connection *connection, const char *forwarded_for,
        const struct networks *trusted, char ret[CLIENT_NAME_MAX])
{
	struct address client;

	if (connection->is_control) {
		memcpy(ret, "control", sizeof "control");
		return;
	}
	if (forwarded_for != NULL) {
		client = forwarded_client(forwarded_for, trusted, &connection->peer);
		address_text(&client, ret);
		return;
	}
	if (connection->peer_text[0] == '\0')
		address_text(&connection->peer, connection->peer_text);
	memcpy(ret, connection->peer_text, strlen(connection->peer_text) + 1);
}

/* The kernel knows both: nothing of it is said by the client. */
bool
connection_is_control(const struct connection *connection, uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t length = sizeof peer;

	if (!connection->is_control || ret_uid == NULL)
		return connection->is_control;
	if (getsockopt(connection->socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return false;
	*ret_uid = peer.uid;
	return true;
}

void
connections_figures(struct connections *connections, struct connections_figures *ret)
{
	pthread_mutex_lock(&connections->mutex);
	ret->connections = connections->count;
	ret->addresses = connections->visitor_count;
	pthread_mutex_unlock(&connections->mutex);
}

static bool
is_newcomer(const struct connection *connection, int64_t now_ms)
{
	return !atomic_load_explicit(&connection->asked, memory_order_acquire) &&
	       now_ms - atomic_load_explicit(&connection->since_ms, memory_order_relaxed) <= NEWCOMER_MS;
}

bool
connections_have_newcomers(struct connections *connections, int64_t now_ms)
{
	const struct connection *connection;

	pthread_mutex_lock(&connections->mutex);
	LIST_FOREACH (connection, &connections->list, link) {
		if (is_newcomer(connection, now_ms))
			break;
	}
	pthread_mutex_unlock(&connections->mutex);
	return connection != NULL;
}

/* --- the reaper --- */

static void *
reap_until_stopped(void *context)
{
	struct connections *connections = context;
	struct timespec until;

	pthread_setname_np(pthread_self(), "reaper");
	pthread_mutex_lock(&connections->mutex);
	while (!connections->stopping) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += (long)(connections->options.tick_ms % 1000) * 1000000;
		until.tv_sec += (time_t)(connections->options.tick_ms / 1000) + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&connections->stopping_changed, &connections->mutex, &until);
		pthread_mutex_unlock(&connections->mutex);
		connections_reap(connections, clock_coarse_ms());
		pthread_mutex_lock(&connections->mutex);
	}
	pthread_mutex_unlock(&connections->mutex);
	return NULL;
}

int
connections_reap(struct connections *connections, int64_t now_ms)
{
	struct connection *connection, *next;
	int reaped = 0;

	pthread_mutex_lock(&connections->mutex);
	for (connection = LIST_FIRST(&connections->list); connection != NULL; connection = next) {
		enum metric limit;

		next = LIST_NEXT(connection, link);
		limit = past_deadline(connections, connection, now_ms);
		if (limit == METRICS && !has_left(connection))
			continue;
		/*
		 * Under the lock, and out of the list, so that the descriptor cannot be closed and reused
		 * meanwhile.
		 */
		shutdown(connection->fd, SHUT_RDWR);
		LIST_REMOVE(connection, link);
		connection->fd = -1;
		if (limit != METRICS)
			metrics_add(connections->options.metrics, limit, 1);
		reaped++;
	}
	pthread_mutex_unlock(&connections->mutex);
	return reaped;
}

static bool
is_at_end(const struct connection *connection)
{
	char byte;

	return atomic_load_explicit(&connection->phase, memory_order_acquire) == CONNECTION_RECEIVES &&
	       recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/*
 * Nothing more comes of a body that is not complete. libmicrohttpd 0.9.75 does not see an end that arrives together
 * with the last bytes. Seen twice, since a body that was just read to its end may be complete in a moment.
 */
static bool
has_left(struct connection *connection)
{
	bool before = connection->was_at_end;

	connection->was_at_end = is_at_end(connection);
	return before && connection->was_at_end;
}

/* Bytes that the client's machine has taken, or sent. */
static uint64_t
bytes_moved(int fd, enum connection_phase phase)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return phase == CONNECTION_RECEIVES ? info.tcpi_bytes_received : info.tcpi_bytes_acked;
}

/* When a connection came into its phase, as the reaper saw it. */
struct stay {
	enum connection_phase phase;
	int64_t since_ms;
};

/* A window is at most one tick late to begin, so a short answer costs no system call here. */
static bool
is_too_slow(struct connections *connections, struct connection *connection, struct stay stay, int64_t now_ms)
{
	const struct connections_options *options = &connections->options;
	bool has_window = connection->window_began_ms != 0 && connection->window_phase_ms == stay.since_ms;
	uint64_t moved, least;

	if (options->min_rate == 0 || connection->is_control || now_ms - stay.since_ms < options->tick_ms)
		return false;
	if (has_window && now_ms - connection->window_began_ms < options->rate_window_ms)
		return false;
	moved = bytes_moved(connection->fd, stay.phase);
	least = options->min_rate * (uint64_t)options->rate_window_ms / 1000;
	if (has_window && moved - connection->window_bytes < least)
		return true;
	connection->window_began_ms = now_ms;
	connection->window_phase_ms = stay.since_ms;
	connection->window_bytes = moved;
	return false;
}

/* The limit that the connection has run into; METRICS: none. */
static enum metric
past_deadline(struct connections *connections, struct connection *connection, int64_t now_ms)
{
	const struct connections_options *options = &connections->options;
	struct stay stay = {.phase = atomic_load_explicit(&connection->phase, memory_order_acquire)};

	stay.since_ms = atomic_load_explicit(&connection->since_ms, memory_order_relaxed);
	switch (stay.phase) {
	case CONNECTION_WAITS:
		if (!atomic_load_explicit(&connection->asked, memory_order_relaxed))
			return now_ms - stay.since_ms > options->header_timeout_ms
			               ? METRIC_LIMIT_HEADER_TIMEOUT
			               : METRICS;
		return now_ms - stay.since_ms > options->idle_timeout_ms + options->header_timeout_ms
		               ? METRIC_LIMIT_IDLE_TIMEOUT
		               : METRICS;
	case CONNECTION_WORKS:
		return METRICS;
	case CONNECTION_SENDS:
		return is_too_slow(connections, connection, stay, now_ms) ? METRIC_LIMIT_MIN_RATE : METRICS;
	case CONNECTION_RECEIVES:
		return is_too_slow(connections, connection, stay, now_ms) ? METRIC_LIMIT_UPLOAD_RATE
		                                                          : METRICS;
	case CONNECTION_DRAINS:
		return now_ms - stay.since_ms > DRAIN_MS ? METRIC_LIMIT_DRAIN : METRICS;
	}
	return METRICS;
}
