/*
 * The desk: what a request asks that may block (the disk, the index writer) is done by one of a few clerk
 * threads, while the request is parked and its worker serves others.
 *
 *   handler ── desk_take ──→ parked … a clerk runs the api_fn … woken ── desk_take ──→ the answer goes out
 */
#ifndef SERVER_HTTP_DESK_H
#define SERVER_HTTP_DESK_H

#include <jansson.h>

#include "server/http/request.h"

#define DESK_CLERKS      2
#define DESK_WAITING_MAX 256 /* requests that wait for a clerk; more get 503 */

#define DESK_TEXT_MAX (256u << 20) /* bytes of bodies in memory (body_text) at once; more get 503 */

struct desk;

/* A clerk's answer; json NULL: no body (204). location: for 201 and 202, or NULL; both are taken. */
struct api_answer {
	int status;
	json_t *json;
	char *location;
};

/*
 * Answers one request, on a clerk's thread; may block. Reads the request (its headers, parameters and body may
 * be looked at) and changes nothing in it. False: err decides status and text.
 */
typedef bool api_fn(struct request *request, struct api_answer *ret, struct err *err);

struct desk *desk_create(struct metrics *metrics, struct err *err) MUST_CHECK;
/* Does all that was taken; whoever comes later gets 503. Nobody is parked afterwards. Idempotent, NULL is nothing. */
void desk_close(struct desk *desk);
/* When no worker runs any more. NULL is nothing. */
void desk_destroy(struct desk *desk);

/* Called by the exchange, again after the wake. */
enum outcome desk_take(struct desk *desk, struct request *request, api_fn *api);
/* The request is over: frees request->desk. */
void desk_forget(struct request *request);

/* Room for a piece of a body in memory; ERR_OVERLOADED: too many bodies at once. Given back when it is freed. */
bool desk_hold_text(struct desk *desk, size_t bytes, struct err *err) MUST_CHECK;
void desk_release_text(struct desk *desk, size_t bytes);

#endif
