/*
 * A client of another larder, or of the daemon that serves this store: what commands say over HTTP. One thread.
 */
#ifndef SERVER_UPSTREAM_CLIENT_H
#define SERVER_UPSTREAM_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"

struct client;
struct text;

struct client_target {
	const char *url;    /* "https://larder.example.org", with a path before /api where there is one */
	const char *socket; /* a control socket instead; NULL: none */
	const char *token;  /* NULL: none */
	const char *ca_file, *user_agent; /* "" and NULL: the system's certificates, larder's name */
};

/* ERR_USAGE: the URL is none, or has a password or a query in it. */
struct client *client_create(const struct client_target *target, struct err *err) MUST_CHECK;
void client_destroy(struct client *client); /* breaks off what is under way; NULL is nothing */
/* How messages call the other side: its URL without a slash at the end, or "the daemon". */
const char *client_name(const struct client *client);
/* Whether anybody listens at the control socket: 0, or what connecting to it set errno to. */
int client_probe(const struct client *client);
/* What is said can be read on its way: http to a host that is not this one. */
bool client_is_overheard(const struct client *client);

/* Borrowed until the answer is there. */
struct client_request {
	const char *method;                   /* "GET" */
	const char *path;                     /* "/api/v1/check?limit=5" */
	const char *content_type, *came_from; /* NULL: none */
	const void *body;
	size_t body_length;
	int body_fd; /* in place of body, from its start: body_size bytes; -1: none */
	uint64_t body_size;
	void *tag; /* the caller's, for client_next */
};

struct client_answer {
	int status;
	json_t *json; /* NULL: the body was none */
	char *text;   /* the body, at most CLIENT_ANSWER_MAX bytes */
	void *tag;
	int64_t retry_after_ms; /* the server asked for this pause; 0: it did not */
	/*
	 * ERR_OK: an answer came, whatever its status. ERR_OVERLOADED: the server cannot be reached, or left in
	 * the middle; trying again may help. ERR_IO: no use trying (a certificate, a file that cannot be read).
	 */
	struct err err;
};
#define CLIENT_ANSWER_MAX (256u << 20)
/* Its body, which it takes: any bytes at all. Pure. */
void client_answer_read(struct client_answer *answer, struct text *body);
void client_answer_finish(struct client_answer *answer);
/*
 * An answer that is an error as an err: its sentence, and the code that fits the status (413 → ERR_TOO_LARGE …).
 * True: it is none (2xx).
 */
bool client_answer_good(const struct client_answer *answer, struct err *err) MUST_CHECK;

/* Several at once: send starts one, next waits for any of them to end. */
void client_send(struct client *client, const struct client_request *request);
size_t client_under_way(const struct client *client);
/* Bytes of the bodies under way that have gone. */
uint64_t client_sent_bytes(const struct client *client);
/* False: none ended within timeout_ms. */
bool client_next(struct client *client, int64_t timeout_ms, struct client_answer *ret);

#endif
