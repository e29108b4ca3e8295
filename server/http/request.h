/*
 * A request: what one client asked, while it is answered. Made by the listener, known to the handlers;
 * everything of libmicrohttpd stays behind it.
 *
 * One worker thread runs a request at a time. A handler that returns PARKED is called again, with the same
 * request, when woken.
 */
#ifndef SERVER_HTTP_REQUEST_H
#define SERVER_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "server/archive/flight.h"
#include "server/larder.h"
#include "storage/base/err.h"
#include "storage/digest.h"

struct MHD_Connection;
struct connection; /* what the listener knows of the client's connection */
struct worker;

/* REPLIED: a response is queued. PARKED: woken later. DROPPED: the connection is closed without an answer. */
enum outcome { REPLIED, PARKED, DROPPED };

/* What a request is about, for metrics and the access log. One row a name in routes.c. */
enum request_kind { KIND_ARCHIVE, KIND_OPERATING, KIND_PAGE, KIND_OTHER };
#define REQUEST_KINDS 4

enum request_method { METHOD_GET, METHOD_HEAD };

/* How the archive's bytes were had, for X-Cache, metrics and the access log. */
enum request_cache { CACHE_NONE, CACHE_HIT, CACHE_MISS };

struct request {
	struct larder *larder;
	enum request_method method;
	enum request_kind kind;
	enum request_cache cache;
	const char *path;      /* as it came, without the query; borrowed from the connection */
	struct digest digest;  /* KIND_ARCHIVE: what the router read from the path */
	struct flight *flight; /* a reference, while this request waits for or reads one; NULL otherwise */
	struct waiter waiter;  /* parked in the flight; park and wake suspend and resume the connection */
	uint64_t flight_size;
	/* for the access log */
	const char *method_name; /* as it came; borrowed from the connection */
	int status;
	uint64_t body_bytes; /* promised by Content-Length (0 for HEAD and 304) */
	int64_t began_at_ms; /* clock_ms */
	const char *
	        reason; /* why it was refused or cut short: a Larder-Reason or another fixed word; NULL: no reason */
	/* libmicrohttpd's */
	struct MHD_Connection *http;
	struct connection *connection;
	struct worker *worker; /* the listener's thread that runs this request */
	char client
	        [64]; /* the address, set when there is an access log; behind a trusted proxy the one it forwards */
};

/* The value of a header field, borrowed while the request lives; NULL: not there. */
const char *request_header(const struct request *request, const char *name);

/*
 * Connects the waiter with the connection; the listener does it once for each request, before the first
 * handler.
 */
void request_prepare_waiter(struct request *request);

typedef enum outcome handler_fn(struct request *request);

#endif
