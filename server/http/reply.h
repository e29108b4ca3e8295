/*
 * Replies: how an answer goes out, with all the headers the contract promises. Every reply_* queues exactly
 * one response.
 */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include <jansson.h>

#include "server/http/ready.h"
#include "server/http/request.h"
#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/blob.h"

/*
 * A stored archive: 200, 206, 304 or 416 as method, Range, If-Range and If-None-Match ask (RFC 9110, sections
 * 13 and 14). A proven blob goes out by sendfile; an unproven one is hashed on its way, its tail held back,
 * and a Range of it is answered with all of it. Takes the blob.
 */
enum outcome reply_blob(struct request *request, struct blob *blob);

/* 200 with the archive of this answer. */
enum outcome reply_ready(struct request *request, struct ready *ready);

/*
 * An archive that is coming: 200 with the flight's bytes (HEAD: without). request->miss was told
 * NEWS_READY.
 */
enum outcome reply_flight(struct request *request);

/*
 * The status, Larder-Reason and sentence of an error; Retry-After with 503 and 429, WWW-Authenticate with 401. Below /api/
 * the body is {"error": "…", "reason": "…"}. Never cached.
 */
enum outcome reply_error(struct request *request, const struct err *err);

/* A JSON document with this status; takes the value. */
enum outcome reply_json(struct request *request, int status, json_t *value);

/* A status without a body: 204. */
enum outcome reply_empty(struct request *request, int status);

/* A page or document of larder's own, never cached. Takes the text's memory. */
enum outcome reply_text(struct request *request, int status, const char *content_type, struct text *body);

/*
 * A document that others may keep for a minute: 200 with this ETag, or 304 where the client has it (RFC 9110, section 13). Takes the
 * text's memory.
 */
enum outcome reply_document(
        struct request *request, const char *content_type, const char *etag, struct text *body);

#endif
