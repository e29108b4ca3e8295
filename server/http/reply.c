/*
 * Replies that are not archives: errors and documents, and what all replies share. The worker's thread.
 */
#include "server/http/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/http/archive_fields.h"
#include "server/http/connections.h"
#include "server/http/response.h"
#include "server/http/validators.h"

#define RETRY_OVERLOADED "2"  /* seconds */
#define RETRY_LATER      "10" /* stopping, or the disk refuses */
#define RETRY_TOO_MANY   60   /* what is counted is counted for a minute, unless the request says more */

void
response_add(struct MHD_Response *response, const char *name, const char *value)
{
	if (response != NULL)
		MHD_add_response_header(response, name, value);
}

/*
 * After a body, or after what should not have come at all, with a body or without one: then nobody has to tell where the next
 * request begins.
 */
static bool
ends_connection(const struct request *request, int status)
{
	return request->body.state != BODY_NONE || (status >= 400 && !request_reads(request));
}

enum outcome
response_send_shared(struct request *request, int status, struct MHD_Response *response)
{
	connection_enter(request->connection, CONNECTION_SENDS);
	if (MHD_queue_response(request->http, (unsigned)status, response) != MHD_YES)
		return DROPPED;
	request->status = status;
	return REPLIED;
}

enum outcome
response_send(struct request *request, int status, struct MHD_Response *response)
{
	enum outcome outcome;

	if (response == NULL)
		return DROPPED;
	if (ends_connection(request, status))
		response_add(response, "Connection", "close");
	if (request->location != NULL)
		response_add(response, "Location", request->location);
	outcome = response_send_shared(request, status, response);
	MHD_destroy_response(response);
	return outcome;
}

void
response_add_archive(struct MHD_Response *response, enum request_cache cache, const struct digests *digests)
{
	struct archive_fields fields;

	archive_fields_make(cache, digests, &fields);
	for (size_t i = 0; i < fields.count; i++)
		response_add(response, fields.items[i].name, fields.items[i].value);
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
	request->body_bytes = request->method == METHOD_HEAD ? 0 : length;
	return response;
}

enum outcome
reply_text(struct request *request, int status, const char *content_type, struct text *body)
{
	struct MHD_Response *response = document(request, content_type, body);

	response_add(response, "Cache-Control", "no-store");
	if (strncmp(content_type, "text/html", strlen("text/html")) == 0) {
		response_add(response, "Content-Security-Policy",
		        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
		        "frame-ancestors 'none'");
		response_add(response, "Referrer-Policy", "no-referrer");
	}
	return response_send(request, status, response);
}

enum outcome
reply_document(struct request *request, const char *content_type, const char *etag, struct text *body)
{
	bool has_it = etag_listed(request_header(request, "If-None-Match"), etag);
	struct MHD_Response *response;

	if (has_it)
		text_clear(body);
	response = document(request, content_type, body);
	response_add(response, "Cache-Control", "public, max-age=60");
	response_add(response, "ETag", etag);
	return response_send(request, has_it ? 304 : 200, response);
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
reply_empty(struct request *request, int status)
{
	return response_send(
	        request, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

/* --- errors --- */

/* What a program looks at: the Larder-Reason, else the error's own name ("too_large"). */
static json_t *
reason_of(const struct err *err)
{
	char name[64];
	size_t length = 0;

	if (err_reason(err->code)[0] != '\0')
		return json_string(err_reason(err->code));
	for (const char *at = err_name(err->code); *at != '\0' && length + 1 < sizeof name; at++)
		name[length++] = (char)(*at >= 'A' && *at <= 'Z' ? *at | 0x20 : *at);
	name[length] = '\0';
	return json_string(name);
}

static void
add_json(struct text *text, const char *sentence, const struct err *err)
{
	char clean[2 * sizeof err->text];
	json_t *value;
	AUTO_FREE char *encoded = NULL;

	/* A sentence may quote bytes of the client's. */
	text_printable(sentence, clean, sizeof clean);
	value = json_pack("{s:s, s:o}", "error", clean, "reason", reason_of(err));
	encoded = json_dumps(value, JSON_INDENT(2));
	json_decref(value);
	text_add(text, encoded != NULL ? encoded : "{}");
}

static void
add_field(struct error_answer *answer, const char *name, const char *value)
{
	assert(answer->n_fields < ERROR_FIELDS_MAX);
	answer->fields[answer->n_fields].name = name;
	answer->fields[answer->n_fields++].value = value;
}

/* Rounded up: who comes a moment too early is refused again. */
static void
add_retry_too_many(struct error_answer *answer, const struct request *request)
{
	int64_t seconds =
	        request->retry_after_ms > 0 ? (request->retry_after_ms + 999) / 1000 : RETRY_TOO_MANY;

	snprintf(answer->retry_after, sizeof answer->retry_after, "%lld", (long long)seconds);
	add_field(answer, "Retry-After", answer->retry_after);
}

void
error_answer_make(struct request *request, const struct err *err, struct error_answer *ret)
{
	bool is_api = text_starts_with(request->path, "/api/");
	const char *sentence = err->text[0] != '\0' ? err->text : "something went wrong";

	*ret = (struct error_answer){.status = err_http_status(err->code)};
	if (is_api)
		add_json(&ret->body, sentence, err);
	else
		text_add(&ret->body, sentence);
	text_add(&ret->body, "\n");
	request->reason = err_reason(err->code);
	if (request->reason[0] != '\0')
		add_field(ret, "Larder-Reason", request->reason);
	else
		request->reason = NULL;
	if (request->kind == KIND_ARCHIVE && request->cache == CACHE_MISS)
		add_field(ret, "X-Cache", "MISS");
	if (ret->status == 503)
		add_field(ret, "Retry-After", err->code == ERR_OVERLOADED ? RETRY_OVERLOADED : RETRY_LATER);
	if (err->code == ERR_TOO_MANY)
		add_retry_too_many(ret, request);
	if (err->code == ERR_UNAUTHORIZED)
		add_field(ret, "WWW-Authenticate", "Bearer realm=\"larder\"");
	if (err->code == ERR_METHOD)
		add_field(ret, "Allow", request->allowed);
	add_field(ret, "Content-Type", is_api ? "application/json" : "text/plain; charset=utf-8");
	add_field(ret, "X-Content-Type-Options", "nosniff");
	add_field(ret, "Cache-Control", "no-store");
}

enum outcome
reply_error(struct request *request, const struct err *err)
{
	struct error_answer answer;
	struct MHD_Response *response;
	size_t length;

	error_answer_make(request, err, &answer);
	length = answer.body.length;
	response = MHD_create_response_from_buffer(length, text_take(&answer.body), MHD_RESPMEM_MUST_FREE);
	for (size_t i = 0; i < answer.n_fields; i++)
		response_add(response, answer.fields[i].name, answer.fields[i].value);
	request->body_bytes = request->method == METHOD_HEAD ? 0 : length;
	return response_send(request, answer.status, response);
}
