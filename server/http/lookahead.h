/*
 * Looking at what a client has sent without taking it from the socket, so that somebody else can still find it there whole. To look and then
 * to take are two system calls a request. Where the kernel lets the place move that a look begins at (SO_PEEK_OFF, socket(7); of TCP since
 * Linux 6.9), what is done with stays in the socket's buffer for a while, and many requests are taken at once:
 *
 *   in the socket's buffer:   done with │ looked at, and to be looked at again │ not seen yet
 *                                       ↑ lookahead_read begins here           ↑ so does the kernel's next look
 */
#ifndef SERVER_HTTP_LOOKAHEAD_H
#define SERVER_HTTP_LOOKAHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LOOKAHEAD_DONE_MAX 2048 /* bytes that are done with, before they are taken */

/* Whether the place moves. The kernel is not asked before the second request: many connections have but one. */
enum lookahead_way { LOOKAHEAD_FIRST, LOOKAHEAD_ASKS, LOOKAHEAD_MOVES, LOOKAHEAD_STAYS };

/* On the thread of who reads from the socket. */
struct lookahead {
	int fd; /* borrowed */
	enum lookahead_way way;
	size_t done; /* bytes; none but where the place moves */
	size_t kernel_at;
};

/* LOOKAHEAD_FIRST; or LOOKAHEAD_STAYS for a unix socket: who writes to it has room for few pieces that nobody has taken. */
void lookahead_start(struct lookahead *ahead, int fd, enum lookahead_way way);
/* As recv(2), without waiting. Gives the same bytes again, until they are done with. */
ssize_t lookahead_read(struct lookahead *ahead, char *ret_bytes, size_t length);
/* So many bytes of those that lookahead_read gave are done with. False: the socket does not have them. */
bool lookahead_done(struct lookahead *ahead, size_t length);
/* Takes them. Before the socket is closed: over bytes that nobody took, that would be a reset. */
bool lookahead_take(struct lookahead *ahead);
/* Takes them, and leaves the socket as it was in the beginning: somebody else reads from it. */
bool lookahead_end(struct lookahead *ahead);

#endif
