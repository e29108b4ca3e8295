/*
 * Responses of libmicrohttpd: what all reply_*.c share. Only they and the listener include this.
 */
#ifndef SERVER_HTTP_RESPONSE_H
#define SERVER_HTTP_RESPONSE_H

#include <microhttpd.h>

#include "server/http/request.h"
#include "storage/base/err.h"
#include "storage/base/text.h"

/* Adds a header; the names and values are larder's own, so that libmicrohttpd has nothing to refuse. */
void response_add(struct MHD_Response *response, const char *name, const char *value);

/*
 * Queues the response, takes it, and notes status and length in the request. DROPPED where libmicrohttpd had
 * no response to give (NULL: out of memory) or does not take it.
 */
enum outcome response_send(struct request *request, int status, struct MHD_Response *response);

/* The same for a response that others are answered with too: it is not taken, nothing is added to it. */
enum outcome response_send_shared(struct request *request, int status, struct MHD_Response *response);

/*
 * What every answer with an archive's bytes carries. digests: those that are known of it; the sha256 is told
 * where it is among them.
 */
void response_add_archive(
        struct MHD_Response *response, enum request_cache cache, const struct digests *digests);

#define ERROR_FIELDS_MAX 12

/* The answer to an error before it goes out: by libmicrohttpd (reply_error) or by hand (early_answer). */
struct error_answer {
	int status;
	struct text body;
	struct {
		const char *name, *value;
	} fields[ERROR_FIELDS_MAX];
	size_t n_fields;
	char retry_after[24]; /* the value of one of them */
};

/* ret->body is the caller's. Notes the reason in the request. */
void error_answer_make(struct request *request, const struct err *err, struct error_answer *ret);

#endif
