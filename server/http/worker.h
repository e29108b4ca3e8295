/*
 * A worker: one thread and its listening socket, and everybody who connects there. Its loop waits for all of them at once; the fast path
 * answers hits, and libmicrohttpd, which has a daemon here and no thread of its own, everything else.
 */
#ifndef SERVER_HTTP_WORKER_H
#define SERVER_HTTP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/http/access_log.h"
#include "server/http/doorbell.h"
#include "storage/base/err.h"

struct connection;
struct connections;
struct fast_path;
struct hot;
struct listener;
struct MHD_Daemon;

struct worker {
	/*
	 * A cache line of its own: written at every request, by this worker's thread; parked also by the
	 * fetcher's.
	 */
	_Alignas(64) _Atomic int64_t requests;
	_Atomic int64_t parked;
	struct listener *listener;
	struct hot *hot;                 /* server/archive/hot.h; its thread's alone */
	struct connections *connections; /* borrowed */
	int fd;                          /* the listening socket */
	const atomic_bool *closes; /* whether it closes, or the next listener takes it; NULL: it closes */
	/* the loop's (worker.c) */
	struct fast_path *fast;
	struct MHD_Daemon *daemon;
	struct access_lines lines;   /* of the access log */
	struct connection *arriving; /* whose socket libmicrohttpd is being given */
	int epoll;
	struct doorbell bell; /* somebody was woken, or closing or stopping changed */
	bool has_work;        /* libmicrohttpd has something to do at once */
	bool accepts_nobody;  /* any more */
	bool is_resting;      /* accepts nobody for a moment: there are no descriptors left */
	int64_t rests_until_ms;
	_Atomic bool closing, stopping;
	_Atomic bool is_asked; /* whether it is alive; it has answered when this is false again */
	bool has_thread;
	pthread_t thread;
};

/* Starts the thread; daemon, fast and fd are set. ERR_IO: what the system refuses. */
bool worker_start(struct worker *worker, struct err *err) MUST_CHECK;
/* Whether its loop has gone round since this was asked the last time. Any thread. */
bool worker_answers(struct worker *worker);
/* Accepts nobody any more, but for those who wait for a socket that closes. Any thread; idempotent. */
void worker_quiesce(struct worker *worker);
/* Ends the loop and joins the thread. Nobody may be parked. Nothing where it was not started. */
void worker_stop(struct worker *worker);

/*
 * The worker's thread: takes this socket and its connection, which are libmicrohttpd's from now on. What was not read is read there, and
 * the connection goes on as it is: what was found at the door, and since when a header is awaited.
 */
void worker_hand_over(struct worker *worker, int fd, struct connection *connection);

static inline void
worker_parked(struct worker *worker)
{
	atomic_fetch_add_explicit(&worker->parked, 1, memory_order_relaxed);
}

/* One who was parked has left, and will not be woken. */
static inline void
worker_unparked(struct worker *worker)
{
	atomic_fetch_sub_explicit(&worker->parked, 1, memory_order_release);
}

/* Somebody who was parked can go on, which is only noticed when the bell is heard. Any thread. */
void worker_woken(struct worker *worker);

#endif
