/*
 * A worker: one libmicrohttpd daemon with its thread and its socket, and what it counts. Only the listener
 * makes them.
 */
#ifndef SERVER_HTTP_WORKER_H
#define SERVER_HTTP_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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
	struct MHD_Daemon *daemon;
	struct hot *hot; /* server/archive/hot.h; its thread's alone */
	int fd;          /* the listening socket; libmicrohttpd's until it is quiesced */
};

static inline void
worker_parked(struct worker *worker)
{
	atomic_fetch_add_explicit(&worker->parked, 1, memory_order_relaxed);
}

/* Released, so that who sees nobody parked also sees them resumed. */
static inline void
worker_woken(struct worker *worker)
{
	atomic_fetch_sub_explicit(&worker->parked, 1, memory_order_release);
}

#endif
