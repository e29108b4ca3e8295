/*
 * The listener: sockets, and the worker threads that answer on them. One worker thread for
 * each of config->workers and each address, with a socket of its own, so that workers share nothing on the way of a hit.
 *
 * Stop in this order: listener_quiesce, listener_wait_idle, (the fetcher stops and wakes all who are parked),
 * listener_stop.
 */
#ifndef SERVER_HTTP_LISTENER_H
#define SERVER_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/archive/hot.h"
#include "server/larder.h"
#include "storage/base/err.h"

struct listener;
struct sockets;

/*
 * Answers on these sockets, which are borrowed: config->listen is bound to them where nothing is yet, with the errors of sockets_open.
 * Copies what larder points to, so everything else has to run already. Listens on the control socket of the store too, which the caller has
 * the lock of.
 */
struct listener *listener_start(
        const struct larder *larder, struct sockets *sockets, struct err *err) MUST_CHECK;

/* "http://127.0.0.1:8080", with the port in use; borrowed. There is a first; NULL behind the last. */
const char *listener_url(const struct listener *listener, size_t i);

/* Whether the loops of all workers have gone round since this was asked the last time. Any thread. */
bool listener_answers(struct listener *listener);

/*
 * No new connections, but for those who wait for a socket that closes (sockets_end); further requests get 503 and their connections are
 * closed. Idempotent.
 */
void listener_quiesce(struct listener *listener);
/* Waits until no request is under way, nor on its way from who has just connected; false: grace_ms passed before. */
bool listener_wait_idle(struct listener *listener, int64_t grace_ms);
/*
 * Stops the threads, closes the connections, frees; who waits to be accepted goes on waiting. Quiesces first where that was not done. NULL is
 * nothing.
 */
void listener_stop(struct listener *listener);

struct listener_figures {
	int64_t connections, addresses; /* connected, from so many clients */
	int64_t requests, parked;       /* under way; of these, waiting for a flight */
	struct hot_figures hot;         /* answers kept ready by all workers */
	bool stopping;
};
void listener_figures(struct listener *listener, struct listener_figures *ret);

#endif
