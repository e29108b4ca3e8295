/*
 * Answers before the end of a body. libmicrohttpd takes a response only when nothing of the body was read or all of it; in
 * between, and where the client already sends what nobody wants, larder writes the answer by hand.
 */
#ifndef SERVER_HTTP_EARLY_H
#define SERVER_HTTP_EARLY_H

#include "server/http/request.h"
#include "storage/base/err.h"

/* What is read and dropped after the answer, so that the client is not reset before it has read it. */
#define DRAIN_BYTES_MAX (64u << 20)
/* For so long: DRAIN_MS in connections.h. */

/*
 * Writes the answer and ends this direction of the connection; request->body is BODY_REFUSED from here on. DROPPED:
 * the socket did not take it. The worker's thread, in a call with a part of the body or before it.
 */
enum outcome early_answer(struct request *request, const struct err *err);

/* A piece of the body after the answer. DROPPED: that was enough, the connection is closed. */
enum outcome early_drop(struct request *request, size_t length);

#endif
