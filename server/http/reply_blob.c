/*
 * A stored archive as an answer: conditions first, then a range, then the bytes. The worker's thread;
 * sendfile does the work for proven blobs, whose files never change.
 */
#include "server/http/reply.h"

#include <fcntl.h>

#include "server/http/proof.h"
#include "server/http/range.h"
#include "server/http/response.h"
#include "server/http/validators.h"

#define PROOF_BLOCK (128u << 10) /* bytes read, hashed and sent at a time */

static enum outcome reply_not_modified(struct request *request, struct blob *blob);
static enum outcome reply_no_range(struct request *request, struct blob *blob);
static enum outcome reply_all(struct request *request, struct blob *blob);
static enum outcome reply_part(struct request *request, struct blob *blob, const struct range *range);
static enum outcome reply_proof(struct request *request, struct blob *blob);

/* RFC 9110, section 13.2.2: If-None-Match, then If-Range, then Range, which is for GET alone. */
enum outcome
reply_blob(struct request *request, struct blob *blob)
{
	struct range range;
	char etag[ETAG_MAX];

	etag_of(&blob->digests, etag);
	if (etag_listed(request_header(request, "If-None-Match"), etag))
		return reply_not_modified(request, blob);
	if (blob->trust == BLOB_UNPROVEN && request->method == METHOD_GET)
		return reply_proof(request, blob);
	if (request->method == METHOD_HEAD || !etag_allows_range(request_header(request, "If-Range"), etag))
		return reply_all(request, blob);
	switch (range_parse(request_header(request, "Range"), blob->size_bytes, &range)) {
	case RANGE_ALL:
		return reply_all(request, blob);
	case RANGE_PART:
		return reply_part(request, blob, &range);
	case RANGE_NOWHERE:
		break;
	}
	return reply_no_range(request, blob);
}

/* The bytes from first on, by sendfile; takes the descriptor. */
static struct MHD_Response *
file_response(struct blob *blob, const struct range *range)
{
	struct MHD_Response *response =
	        MHD_create_response_from_fd_at_offset64(range->length, blob->fd, range->first);

	if (response != NULL)
		blob_take_fd(blob);
	else
		blob_close(blob);
	return response;
}

static enum outcome
reply_all(struct request *request, struct blob *blob)
{
	struct range all = {.first = 0, .length = blob->size_bytes};
	struct MHD_Response *response = file_response(blob, &all);

	response_add_archive(response, request->cache, &blob->digests);
	request->body_bytes = request->method == METHOD_HEAD ? 0 : all.length;
	return response_send(request, 200, response);
}

static enum outcome
reply_part(struct request *request, struct blob *blob, const struct range *range)
{
	struct MHD_Response *response = file_response(blob, range);
	char content_range[RANGE_TEXT_MAX];

	response_add_archive(response, request->cache, &blob->digests);
	range_content(range, blob->size_bytes, content_range);
	response_add(response, "Content-Range", content_range);
	request->body_bytes = range->length;
	return response_send(request, 206, response);
}

/*
 * A 304 either has the Content-Length that the 200 would have or none (RFC 9110, section 8.6): so the file,
 * which is not sent.
 */
static enum outcome
reply_not_modified(struct request *request, struct blob *blob)
{
	struct range all = {.first = 0, .length = blob->size_bytes};
	struct MHD_Response *response = file_response(blob, &all);

	response_add_archive(response, request->cache, &blob->digests);
	return response_send(request, 304, response);
}

static enum outcome
reply_no_range(struct request *request, struct blob *blob)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	char content_range[RANGE_TEXT_MAX];

	blob_close(blob);
	range_content(NULL, blob->size_bytes, content_range);
	response_add(response, "Content-Range", content_range);
	response_add(response, "Accept-Ranges", "bytes");
	response_add(response, "Cache-Control", "no-store");
	return response_send(request, 416, response);
}

/* --- an answer that is ready --- */

static void
let_go(void *context)
{
	ready_let_go(context);
}

static struct MHD_Response *
memory_response(struct ready *ready)
{
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
	        (size_t)ready_size(ready), (void *)ready_bytes(ready), let_go, ready_use(ready));

	if (response == NULL)
		ready_let_go(ready);
	return response;
}

enum outcome
reply_ready(struct request *request, struct ready *ready)
{
	struct blob blob = {.fd = -1, .size_bytes = ready_size(ready), .digests = *ready_digests(ready)};
	struct MHD_Response *response;
	struct err err = ERR_NONE;

	if (ready_bytes(ready) == NULL) {
		blob.fd = fcntl(ready_file(ready), F_DUPFD_CLOEXEC, 0);
		if (blob.fd >= 0)
			return reply_all(request, &blob);
		err_errno(&err, "opening an archive once more");
		return reply_error(request, &err);
	}
	response = memory_response(ready);
	response_add_archive(response, request->cache, &blob.digests);
	request->body_bytes = request->method == METHOD_HEAD ? 0 : blob.size_bytes;
	return response_send(request, 200, response);
}

/* --- a blob that is proven on its way --- */

static ssize_t
read_proof(void *context, uint64_t position, char *ret, size_t max)
{
	size_t length;

	switch (proof_read(context, position, ret, max, &length)) {
	case PROOF_BYTES:
		return (ssize_t)length;
	case PROOF_WRONG:
		break;
	}
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
end_proof(void *context)
{
	proof_destroy(context);
}

/* Always all of it, whatever Range asks for: a part could not be proven without reading the rest first. */
static enum outcome
reply_proof(struct request *request, struct blob *blob)
{
	struct digests digests = blob->digests;
	uint64_t size = blob->size_bytes;
	struct proof *proof = proof_create(request, blob);
	struct MHD_Response *response =
	        MHD_create_response_from_callback(size, PROOF_BLOCK, read_proof, proof, end_proof);

	if (response == NULL)
		proof_destroy(proof);
	response_add_archive(response, request->cache, &digests);
	request->body_bytes = size;
	return response_send(request, 200, response);
}
