/*
 * The connections: who is connected, how many there may be, and how long each may take. A reaper thread shuts down those that take too
 * long; libmicrohttpd then notices and closes them as if the client had left.
 *
 *   open → WAITS ─ a header is complete → WORKS ─ a response is queued → SENDS ─ all of it is sent → WAITS → … → closed
 *                                          │ ↑
 *                          a body is taken ↓ │ it is complete
 *                                        RECEIVES ─ refused → DRAINS → closed
 *
 * Deadlines: header_timeout in the first WAITS; idle_timeout + header_timeout in the later ones; min_rate in SENDS and
 * RECEIVES; DRAIN_MS in DRAINS. None in WORKS: flights, clerks and the disk have bounds of their own. The control
 * socket's connections have no rate and count for no limit. Who has left in RECEIVES is noticed by the reaper.
 */
#ifndef SERVER_HTTP_CONNECTIONS_H
#define SERVER_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "server/net.h"
#include "storage/base/err.h"

struct connection;
struct connections;
struct metrics;
struct request;

enum connection_phase {
	CONNECTION_WAITS,
	CONNECTION_WORKS,
	CONNECTION_SENDS,
	CONNECTION_RECEIVES,
	CONNECTION_DRAINS
};

/*
 * What was found at the door. Who is over a limit stays connected until his first request was answered with
 * 503.
 */
enum connection_standing { CONNECTION_WELCOME, CONNECTION_OVER_TOTAL, CONNECTION_OVER_ADDRESS };

struct connections_options {
	int64_t max_connections, max_per_address; /* 0: no limit; an IPv6 /64 counts as one address */
	int64_t header_timeout_ms, idle_timeout_ms;
	uint64_t min_rate; /* bytes a second, over … */
	int64_t rate_window_ms;
	int64_t tick_ms;                /* how often the reaper looks */
	const struct networks *trusted; /* proxies: not counted for each address; borrowed */
	struct metrics *metrics;        /* borrowed, may be NULL */
};

#define CONNECTIONS_RATE_WINDOW_MS 30000
#define CONNECTIONS_TICK_MS        500
#define DRAIN_MS                   2000 /* for what a client still sends after it was refused */

/* Starts the reaper; tick_ms 0: none, the caller reaps (tests). NULL: ERR_IO. */
struct connections *connections_create(const struct connections_options *options, struct err *err) MUST_CHECK;
void connections_destroy(
        struct connections *connections); /* stops the reaper; every connection is closed; NULL is nothing */

/*
 * Room for one more, if only to be told 503? Past this, connections are dropped without a word. Any thread.
 */
bool connections_have_room(struct connections *connections);
/* A client has connected; fd stays the caller's. The result lives until connection_close. Any thread. */
struct connection *connection_open(struct connections *connections, int fd, const struct sockaddr *peer);
/* Call before the descriptor is closed. */
void connection_close(struct connections *connections, struct connection *connection);

/* The connection's own worker thread says how far it is; costs two stores. */
void connection_enter(struct connection *connection, enum connection_phase phase);
/* The request that is being answered; NULL: none. The connection's own worker thread. */
void connection_set_request(struct connection *connection, struct request *request);
struct request *connection_request(const struct connection *connection);
/* As connection_enter with CONNECTION_SENDS, but an answer that is being sent already goes on as it is. */
void connection_sends_again(struct connection *connection);
/*
 * Ends the connection under an answer that cannot be finished. For content readers, before
 * MHD_CONTENT_READER_END_WITH_ERROR: a reader that runs because its connection was resumed is not looked at
 * again by libmicrohttpd 0.9.75 until something happens on the socket, which would stay open.
 */
void connection_cut(struct connection *connection);
/*
 * Sends these last bytes without waiting, and nothing after them; the client may still send. False: not all of them
 * were taken.
 */
bool connection_say_last(struct connection *connection, const void *bytes, size_t length);
enum connection_standing connection_standing(const struct connection *connection);
const struct address *connection_peer(const struct connection *connection);
#define CLIENT_NAME_MAX 64
/*
 * Who the log and the audit say it was: the client's address, or whom a trusted proxy forwards (X-Forwarded-For; NULL: none), or
 * "control".
 */
void connection_name_client(struct connection *connection, const char *forwarded_for,
        const struct networks *trusted, char ret[CLIENT_NAME_MAX]);
/*
 * It came through a unix socket, which only the control socket is; and who is at the other end (ret_uid NULL: not
 * asked).
 */
bool connection_is_control(const struct connection *connection, uid_t *ret_uid);

/* Shuts down every connection that is past its deadline or whose client has left in the middle of a body; how many. The reaper's work, also for tests. */
int connections_reap(struct connections *connections, int64_t now_ms);

struct connections_figures {
	int64_t connections, addresses;
};
void connections_figures(struct connections *connections, struct connections_figures *ret);

#define NEWCOMER_MS 1000
/* Whether anybody has connected in the last NEWCOMER_MS and not asked yet: his request is on its way. Any thread. */
bool connections_have_newcomers(struct connections *connections, int64_t now_ms);

#endif
