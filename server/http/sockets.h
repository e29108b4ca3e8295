/*
 * Listening sockets: from "127.0.0.1:8080" or "[::1]:8080" to one bound socket for each worker.
 */
#ifndef SERVER_HTTP_SOCKETS_H
#define SERVER_HTTP_SOCKETS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"

#define SOCKETS_URL_MAX 80
#define SOCKETS_BACKLOG 4096 /* connections that wait to be accepted; the kernel may allow fewer */

/* SOCKETS_NO_FAMILY: this machine does not have such an address at all (IPv6 switched off). */
enum sockets_answer { SOCKETS_BOUND, SOCKETS_NO_FAMILY, SOCKETS_FAILED };

/*
 * count sockets on the same address and port, which the kernel spreads connections over; port 0: all on one
 * free port. Filled into ret_fds, owned by the caller; ret_url gets "http://127.0.0.1:8080". Unless
 * SOCKETS_BOUND, err names the address and what to do: ERR_CONFIG where it is wrong, ERR_IO where the system
 * refuses it (the port is in use).
 */
enum sockets_answer sockets_listen(const char *text, size_t count, int *ret_fds,
        char ret_url[SOCKETS_URL_MAX], struct err *err) MUST_CHECK;

#define SOCKETS_ADDRESSES_MAX 64

/* All that a daemon listens on. {0}: nothing yet. */
struct sockets {
	struct sockets_address {
		char url[SOCKETS_URL_MAX];
		int *fds; /* per_address */
	} addresses[SOCKETS_ADDRESSES_MAX];
	size_t count, per_address;
	atomic_bool closing; /* no listener comes after this one */
};

/*
 * Binds count addresses as sockets_listen does, with a socket for each of so many workers. An IPv6 address on a machine without IPv6 is a
 * warning as long as another address works. false: nothing is bound, with the errors of sockets_listen.
 */
bool sockets_open(struct sockets *sockets, const char *const *texts, size_t count, size_t workers,
        struct err *err) MUST_CHECK;
/* From when the listener quiesces on who comes is refused, and does not wait for the next one. Call before that. */
void sockets_end(struct sockets *sockets);
/* No listener has them any more. {0} is nothing. */
void sockets_close(struct sockets *sockets);

#define CONTROL_SOCKET "control.sock"

/*
 * The control socket in the store's directory, for this user alone (0600). The store's lock is held, so whatever lies
 * there is left from a process that is gone, and makes room. -1: ERR_IO.
 */
int sockets_listen_control(const char *directory, struct err *err) MUST_CHECK;
/* Removes its file; nothing where there is none. */
void sockets_remove_control(const char *directory);

#endif
