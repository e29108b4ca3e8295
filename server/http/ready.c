/*
 * Ready answers. The worker's thread. A response of libmicrohttpd that two threads share takes a lock to be sent, so each worker has its
 * own. Must never be made of bytes that were not found to be right.
 */
#include "server/http/ready.h"

#include <stdlib.h>
#include <string.h>

#include "server/http/response.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

struct ready {
	struct MHD_Response *response;
	uint64_t size_bytes;
	size_t memory_bytes;
	struct stamp stamp;
	int fd;      /* of the file */
	int held_fd; /* the same where the response is a copy in memory; -1: the response closes it */
};

/* --- making one --- */

static bool
is_right(const void *bytes, size_t length, const struct digests *digests)
{
	struct sha256_hasher *hasher = sha256_hasher_create();
	uint8_t found[32];

	sha256_hasher_add(hasher, bytes, length);
	sha256_hasher_value(hasher, found);
	sha256_hasher_destroy(hasher);
	return memcmp(found, digests->sha256, sizeof found) == 0;
}

static bool
read_right(const struct blob *blob, void *ret, struct err *err)
{
	size_t length = (size_t)blob->size_bytes;
	ssize_t got = file_pread(blob->fd, ret, length, 0, err);

	if (got < 0)
		return err_wrap(err, "reading an archive");
	if ((size_t)got != length || !is_right(ret, length, &blob->digests))
		return err_set(err, ERR_MISMATCH, "its bytes are not those of its digest");
	return true;
}

/* A copy of the bytes that lives as long as the response. */
static struct MHD_Response *
memory_response(const struct blob *blob, struct err *err)
{
	AUTO_FREE void *bytes = xmalloc(blob->size_bytes > 0 ? (size_t)blob->size_bytes : 1);
	struct MHD_Response *response;

	if (!read_right(blob, bytes, err))
		return NULL;
	response = MHD_create_response_from_buffer((size_t)blob->size_bytes, bytes, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		err_set(err, ERR_IO, "libmicrohttpd makes no response");
	else
		bytes = NULL; /* the response's now */
	return response;
}

static struct MHD_Response *
file_response(const struct blob *blob, struct err *err)
{
	struct MHD_Response *response =
	        MHD_create_response_from_fd_at_offset64(blob->size_bytes, blob->fd, 0);

	if (response == NULL)
		err_set(err, ERR_IO, "libmicrohttpd makes no response");
	return response;
}

struct ready *
ready_create(struct blob *blob, struct err *err)
{
	const bool in_memory = blob->size_bytes <= READY_MEMORY_MAX;
	struct MHD_Response *response = in_memory ? memory_response(blob, err) : file_response(blob, err);
	struct ready *ready;

	if (response == NULL)
		return NULL;
	response_add_archive(response, CACHE_HIT, &blob->digests);
	ready = xcalloc(1, sizeof *ready);
	ready->response = response;
	ready->size_bytes = blob->size_bytes;
	ready->memory_bytes = READY_ITSELF + (in_memory ? (size_t)blob->size_bytes : 0);
	ready->stamp = blob->stamp;
	ready->fd = blob_take_fd(blob);
	ready->held_fd = in_memory ? ready->fd : -1;
	return ready;
}

void
ready_destroy(struct ready *ready)
{
	if (ready == NULL)
		return;
	if (ready->held_fd >= 0)
		close(ready->held_fd);
	MHD_destroy_response(ready->response);
	free(ready);
}

/* --- using it --- */

size_t
ready_memory(const struct ready *ready)
{
	return ready->memory_bytes;
}

bool
ready_holds(const struct ready *ready)
{
	return blob_is_untouched(ready->fd, &ready->stamp);
}

bool
ready_suits(const struct request *request)
{
	return request_header(request, "Range") == NULL && request_header(request, "If-None-Match") == NULL;
}

enum outcome
reply_ready(struct request *request, const struct ready *ready)
{
	request->body_bytes = request->method == METHOD_HEAD ? 0 : ready->size_bytes;
	return response_send_shared(request, 200, ready->response);
}
