/*
 * Replies that are not archives: errors and documents, and what all replies share. The worker's thread.
 */
#include "server/http/reply.h"

#include <stdio.h>
#include <string.h>

#include "server/http/access_log.h"
#include "server/http/connections.h"
#include "server/http/response.h"
#include "server/http/validators.h"

#define RETRY_OVERLOADED "2"  /* seconds */
#define RETRY_LATER      "10" /* stopping, or the disk refuses */

void
response_add(struct MHD_Response *response, const char *name, const char *value)
{
	if (response != NULL)
		MHD_add_response_header(response, name, value);
}

enum outcome
response_send(struct request *request, int status, struct MHD_Response *response)
{
	enum MHD_Result queued;

	if (response == NULL)
		return DROPPED;
	connection_enter(request->connection, CONNECTION_SENDS);
	queued = MHD_queue_response(request->http, (unsigned)status, response);
	MHD_destroy_response(response);
	if (queued != MHD_YES)
		return DROPPED;
	request->status = status;
	return REPLIED;
}

void
response_add_archive(
        struct MHD_Response *response, const struct request *request, const struct digests *digests)
{
	const char *cache = access_cache_name(request->cache);
	char etag[ETAG_MAX], digest[REPR_DIGEST_MAX];

	response_add(response, "Cache-Control", "public, max-age=31536000, immutable");
	response_add(response, "Accept-Ranges", "bytes");
	response_add(response, "Content-Type", "application/octet-stream");
	response_add(response, "X-Content-Type-Options", "nosniff");
	if (cache != NULL)
		response_add(response, "X-Cache", cache);
	if (digests_bytes(digests, DIGEST_SHA256) == NULL)
		return;
	etag_of(digests, etag);
	repr_digest(digests, digest);
	response_add(response, "ETag", etag);
	response_add(response, "Repr-Digest", digest);
}

/* A document in memory; takes it. */
static struct MHD_Response *
document(struct request *request, const char *content_type, struct text *body)
{
	size_t length = body->length;
	struct MHD_Response *response =
	        MHD_create_response_from_buffer(length, text_take(body), MHD_RESPMEM_MUST_FREE);

	response_add(response, "Content-Type", content_type);
	response_add(response, "X-Content-Type-Options", "nosniff");
	response_add(response, "Cache-Control", "no-store");
	request->body_bytes = request->method == METHOD_HEAD ? 0 : length;
	return response;
}

enum outcome
reply_text(struct request *request, int status, const char *content_type, struct text *body)
{
	struct MHD_Response *response = document(request, content_type, body);

	if (strncmp(content_type, "text/html", strlen("text/html")) == 0) {
		response_add(response, "Content-Security-Policy",
		        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
		        "frame-ancestors 'none'");
		response_add(response, "Referrer-Policy", "no-referrer");
	}
	return response_send(request, status, response);
}

enum outcome
reply_json(struct request *request, int status, json_t *value)
{
	AUTO_TEXT body = TEXT_EMPTY;
	AUTO_FREE char *encoded = json_dumps(value, JSON_INDENT(2));

	json_decref(value);
	text_add(&body, encoded != NULL ? encoded : "{}");
	text_add(&body, "\n");
	return reply_text(request, status, "application/json", &body);
}

enum outcome
reply_error(struct request *request, const struct err *err)
{
	int status = err_http_status(err->code);
	AUTO_TEXT sentence = TEXT_EMPTY;
	struct MHD_Response *response;

	text_add(&sentence, err->text[0] != '\0' ? err->text : "something went wrong");
	text_add(&sentence, "\n");
	response = document(request, "text/plain; charset=utf-8", &sentence);
	request->reason = err_reason(err->code);
	if (request->reason[0] != '\0')
		response_add(response, "Larder-Reason", request->reason);
	else
		request->reason = NULL;
	if (request->kind == KIND_ARCHIVE && request->cache == CACHE_MISS)
		response_add(response, "X-Cache", "MISS");
	if (status == 503)
		response_add(response, "Retry-After",
		        err->code == ERR_OVERLOADED ? RETRY_OVERLOADED : RETRY_LATER);
	if (err->code == ERR_METHOD)
		response_add(response, "Allow", "GET, HEAD");
	return response_send(request, status, response);
}
