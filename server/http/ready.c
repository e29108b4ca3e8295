/*
 * Ready answers. The worker's thread: each worker has its own, so that nothing on the way of a hit is shared. Must never be made of bytes
 * that were not found to be right.
 */
#include "server/http/ready.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/archive_fields.h"
#include "server/http/response.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

#define FIELDS_USUAL 500 /* bytes */

/* What each answer needs comes first, in as few lines of the processor's cache as can be. */
struct ready {
	unsigned users;
	int status;
	enum request_cache cache;
	bool has_bytes;       /* the body is in memory; else it is in the file, or a flight has it */
	char *rest;           /* the other fields, with the body behind them where it is in memory */
	size_t fields_length; /* of these */
	uint64_t size_bytes;
	size_t beginning_length;
	char beginning[READY_BEGINNING_MAX]; /* as it is sent, before the date */
	int fd;                              /* of the file; -1: none */
	struct stamp stamp;
	struct digests digests;
};

/* --- making one: without printf, since what is asked for once is made for each who asks --- */

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

static struct ready *
begin(int status, enum request_cache cache, uint64_t size_bytes)
{
	struct ready *ready = xcalloc(1, sizeof *ready);
	AUTO_TEXT beginning = TEXT_EMPTY;
	char digits[TEXT_DECIMAL_MAX];

	ready->users = 1;
	ready->status = status;
	ready->cache = cache;
	ready->size_bytes = size_bytes;
	ready->fd = -1;
	text_decimal((uint64_t)status, digits);
	text_add(&beginning, "HTTP/1.1 ");
	text_add(&beginning, digits);
	text_add(&beginning, " ");
	text_add(&beginning, MHD_get_reason_phrase_for((unsigned)status));
	text_add(&beginning, "\r\nDate: ");
	assert(beginning.length <= READY_BEGINNING_MAX);
	memcpy(ready->beginning, beginning.bytes, beginning.length);
	ready->beginning_length = beginning.length;
	return ready;
}

static void
add_field(struct text *fields, const char *name, const char *value)
{
	text_add(fields, name);
	text_add(fields, ": ");
	text_add(fields, value);
	text_add(fields, "\r\n");
}

/* Room for the body behind the fields; as libmicrohttpd, which puts the length last. */
static void
end_fields(struct ready *ready, struct text *fields, size_t body_length)
{
	char digits[TEXT_DECIMAL_MAX];

	text_decimal(ready->size_bytes, digits);
	add_field(fields, "Content-Length", digits);
	text_add(fields, "\r\n");
	ready->fields_length = fields->length;
	ready->has_bytes = body_length > 0;
	ready->rest = xmalloc(fields->length + body_length);
	memcpy(ready->rest, fields->bytes, fields->length);
}

static struct ready *
of_archive(enum request_cache cache, uint64_t size_bytes, const struct digests *digests, size_t body_length)
{
	struct ready *ready = begin(200, cache, size_bytes);
	struct archive_fields fields;
	AUTO_TEXT text = TEXT_EMPTY;

	ready->digests = *digests;
	text_reserve(&text, FIELDS_USUAL);
	archive_fields_make(cache, digests, &fields);
	for (size_t i = 0; i < fields.count; i++)
		add_field(&text, fields.items[i].name, fields.items[i].value);
	end_fields(ready, &text, body_length);
	return ready;
}

static void
take_file(struct ready *ready, struct blob *blob)
{
	ready->stamp = blob->stamp;
	ready->fd = blob_take_fd(blob);
}

struct ready *
ready_of_file(struct blob *blob, enum request_cache cache)
{
	struct ready *ready = of_archive(cache, blob->size_bytes, &blob->digests, 0);

	take_file(ready, blob);
	return ready;
}

struct ready *
ready_of_flight(uint64_t size_bytes, const struct digests *digests)
{
	return of_archive(CACHE_MISS, size_bytes, digests, 0);
}

struct ready *
ready_of_error(struct error_answer *answer)
{
	struct ready *ready = begin(answer->status, CACHE_MISS, answer->body.length);
	AUTO_TEXT text = TEXT_EMPTY;

	for (size_t i = 0; i < answer->n_fields; i++)
		add_field(&text, answer->fields[i].name, answer->fields[i].value);
	end_fields(ready, &text, answer->body.length);
	memcpy(ready->rest + ready->fields_length, answer->body.bytes, answer->body.length);
	text_finish(&answer->body);
	return ready;
}

struct ready *
ready_create(struct blob *blob, struct err *err)
{
	size_t copied = blob->size_bytes <= READY_MEMORY_MAX ? (size_t)blob->size_bytes : 0;
	struct ready *ready = of_archive(CACHE_HIT, blob->size_bytes, &blob->digests, copied);

	if (copied > 0 && !read_right(blob, ready->rest + ready->fields_length, err)) {
		ready_let_go(ready);
		return NULL;
	}
	take_file(ready, blob);
	return ready;
}

struct ready *
ready_use(struct ready *ready)
{
	ready->users++;
	return ready;
}

void
ready_let_go(struct ready *ready)
{
	if (ready == NULL || --ready->users > 0)
		return;
	if (ready->fd >= 0)
		close(ready->fd);
	free(ready->rest);
	free(ready);
}

void
ready_close_file(struct ready *ready)
{
	assert(ready->has_bytes);
	close(ready->fd);
	ready->fd = -1;
}

/* --- using it --- */

size_t
ready_memory(const struct ready *ready)
{
	return READY_ITSELF + (ready->has_bytes ? (size_t)ready->size_bytes : 0);
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

int
ready_status(const struct ready *ready)
{
	return ready->status;
}

enum request_cache
ready_cache(const struct ready *ready)
{
	return ready->cache;
}

const char *
ready_beginning(const struct ready *ready, size_t *ret_length)
{
	*ret_length = ready->beginning_length;
	return ready->beginning;
}

const char *
ready_fields(const struct ready *ready, size_t *ret_length)
{
	*ret_length = ready->fields_length;
	return ready->rest;
}

uint64_t
ready_size(const struct ready *ready)
{
	return ready->size_bytes;
}

const void *
ready_bytes(const struct ready *ready)
{
	return ready->has_bytes ? ready->rest + ready->fields_length : NULL;
}

int
ready_file(const struct ready *ready)
{
	return ready->fd;
}

const struct digests *
ready_digests(const struct ready *ready)
{
	return &ready->digests;
}
