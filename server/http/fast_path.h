/*
 * The fast path: how an archive is answered without libmicrohttpd. Everybody who connects begins here; a plain GET or HEAD of an archive
 * (head.h) is answered, and who asks for anything else belongs to libmicrohttpd from then on, which reads his request itself.
 *
 *   welcome → reads ── plain, stored ──────────────────────────────→ sends ── all of it sent ──→ reads → …
 *               │ └─── plain, not stored ──→ awaits ── it comes ───↗ ↓ ↑ more of it has come
 *               │                              │  └─ it does not ─↗ awaits
 *               └───── anything else ──→ worker_hand_over ←──┘ (stored, but to be read again first)
 *
 * One for each worker, on its thread alone.
 */
#ifndef SERVER_HTTP_FAST_PATH_H
#define SERVER_HTTP_FAST_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct exchange_setting;
struct fast_client;
struct fast_path;
struct worker;

/* To one client, before the others have their turn. */
#define FAST_TURN_BYTES   (2u << 20)
#define FAST_TURN_ANSWERS 64

/* Borrows both. */
struct fast_path *fast_path_create(struct exchange_setting *setting, struct worker *worker);
/* Closes everybody. NULL is nothing. */
void fast_path_destroy(struct fast_path *fast);

/* A client has connected; takes his socket, which does not block. */
void fast_path_welcome(struct fast_path *fast, int fd, const struct sockaddr *peer);
/* Something happened on his socket: these events of epoll. */
void fast_path_attend(struct fast_client *client, uint32_t events);
/* The bell was rung: somebody's flight may have news, who has his turn with the next of fast_path_go_on. */
void fast_path_hear(struct fast_path *fast);
/*
 * The next turn of those whose last was over before all was sent, and of those who were woken. False: there are none (any more). After all
 * events that epoll has told of: some of those whom they are about may be gone afterwards.
 */
bool fast_path_go_on(struct fast_path *fast);

#endif
