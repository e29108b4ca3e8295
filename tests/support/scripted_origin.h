/*
 * An HTTP server for tests, in this process, on a port of its own on 127.0.0.1: it answers each path with
 * bytes written down beforehand and then does what was said. Requests are counted, and can be waited for.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_ORIGIN_H
#define TESTS_SUPPORT_SCRIPTED_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* What follows the bytes. */
enum scripted_then {
	THEN_KEEP, /* the next request on this connection */
	THEN_CLOSE,
	THEN_RESET,  /* RST instead of FIN */
	THEN_STALL,  /* nothing, until the client leaves */
	THEN_REPEAT, /* the same bytes again and again, until the client leaves */
};

struct scripted_origin;

struct scripted_origin *scripted_origin_start(void);
void scripted_origin_stop(struct scripted_origin *origin);
unsigned scripted_origin_port(const struct scripted_origin *origin);

/*
 * Answers this path so from now on; head and body are copied. A gate holds the body back until it is opened.
 * For "/a#2" it is the second request for /a alone that is answered so; /a is to be scripted too.
 */
void scripted_answer(struct scripted_origin *origin, const char *path, const char *head, const void *body,
        size_t length, enum scripted_then then);
/* A 200 with Content-Length, keeping the connection. */
void scripted_serve(struct scripted_origin *origin, const char *path, const void *body, size_t length);
/*
 * A file that is served as good servers do: Range is honoured, as long as If-Range, where sent, names one of
 * its validators. Each answer breaks off after `piece` bytes of its body; 0: none does.
 */
struct scripted_file {
	const char *fields; /* whole lines with their ends: "ETag: \"one\"\r\n", or "" */
	const void *body;
	size_t length, piece;
};
void scripted_file(struct scripted_origin *origin, const char *path, const struct scripted_file *file);
/* Only a status, keeping the connection; fields are whole lines with their ends, or "". */
void scripted_status(
        struct scripted_origin *origin, const char *path, const char *status, const char *fields);
/* The bodies of this path wait until the gate is opened. */
void scripted_gate(struct scripted_origin *origin, const char *path);
void scripted_open_gate(struct scripted_origin *origin, const char *path);

/* Requests for this path so far; waiting until there are that many. */
unsigned scripted_hits(struct scripted_origin *origin, const char *path);
void scripted_wait_hits(struct scripted_origin *origin, const char *path, unsigned hits);
/* Bytes of bodies sent for this path so far. */
size_t scripted_sent(struct scripted_origin *origin, const char *path);
/* Connections accepted so far. */
unsigned scripted_connections(struct scripted_origin *origin);
/* The last request holds this text, as it came. */
bool scripted_last_request_has(struct scripted_origin *origin, const char *text);

#endif
