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

#include "server/admin/auth.h"
#include "server/archive/miss.h"
#include "server/http/connections.h"
#include "server/larder.h"
#include "storage/base/err.h"
#include "storage/digest.h"

struct MHD_Connection;
struct worker;
struct body_kind;
struct desk_work;
struct route;

/* REPLIED: a response is queued. PARKED: woken later. DROPPED: the connection is closed without an answer. */
enum outcome { REPLIED, PARKED, DROPPED };

/* What a request is about, for metrics and the access log. One row a name in routes.c. */
enum request_kind { KIND_ARCHIVE, KIND_UPLOAD, KIND_API, KIND_OPERATING, KIND_PAGE, KIND_OTHER };
#define REQUEST_KINDS 6

/* Those that are answered at all; any other is 405. */
enum request_method { METHOD_GET, METHOD_HEAD, METHOD_PUT, METHOD_POST, METHOD_DELETE, METHOD_OTHER };

/* How the archive's bytes were had, for X-Cache, metrics and the access log. */
enum request_cache { CACHE_NONE, CACHE_HIT, CACHE_MISS };

/*
 *   COMES ── its end ──→ COMPLETE
 *     └── an error ──→ REFUSED: the answer went out, and what still comes is read and dropped
 */
enum body_state { BODY_NONE, BODY_COMES, BODY_COMPLETE, BODY_REFUSED };

/* The body of a request that takes one. */
struct body {
	enum body_state state;        /* BODY_NONE: none was announced */
	const struct body_kind *kind; /* NULL: none is taken */
	void *context;                /* the kind's */
	uint64_t max_bytes;           /* more is 413 */
	uint64_t announced;           /* Content-Length; 0: none given, or none to come */
	uint64_t received;
};

#define ALLOWED_MAX 32

struct request {
	struct larder *larder;
	enum request_method method;
	enum request_kind kind;
	enum request_cache cache;
	const char *path;          /* as it came, without the query; borrowed from the connection */
	struct digest digest;      /* of a path with one in it: what the router read from it */
	int64_t id;                /* of a path with {id} in it */
	const struct route *route; /* who answers; NULL: not looked for yet, or nobody */
	char allowed[ALLOWED_MAX]; /* "GET, HEAD, PUT": what the path answers, where the method is another */
	const char *scheme;        /* by which the client came, as far as is known: "http", "https" */
	const char *location;      /* for the next reply; NULL: none. Borrowed */
	int64_t retry_after_ms;    /* for a 429; 0: what is counted is counted for a minute */
	struct caller caller;      /* who asks, as far as he said and it was looked at */
	struct body body;          /* what he sends; server/http/body.h */
	void *upload;              /* server/admin/upload.c */
	struct desk_work *desk;    /* server/http/desk.h: while a clerk works on it, and his answer */
	struct hot *hot;           /* server/archive/hot.h: the worker's; NULL: it has none */
	struct waiter waiter;      /* park and wake suspend and resume the connection */
	struct miss miss;          /* the flight that this request waits for or reads */
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
	/*
	 * The address; behind a trusted proxy the one it forwards; "control" for the control socket. Set when
	 * there is an access log, and for all that is not GET or HEAD.
	 */
	char client[CLIENT_NAME_MAX];
};

static inline bool
request_reads(const struct request *request)
{
	return request->method == METHOD_GET || request->method == METHOD_HEAD;
}

/* The value of a parameter of the query ("?limit=5"), as it came: nothing is decoded; NULL: not there. */
const char *request_parameter(const struct request *request, const char *name);
/* The value of a header field, borrowed while the request lives; NULL: not there. */
const char *request_header(const struct request *request, const char *name);
/* Its values in all fields of that name, in their order, as one list (RFC 9110, section 5.3); NULL: none. The caller frees it. */
char *request_header_list(const struct request *request, const char *name);

/*
 * Connects the waiter with the connection; the listener does it once for each request, before the first
 * handler.
 */
void request_prepare_waiter(struct request *request);

typedef enum outcome handler_fn(struct request *request);

#endif
