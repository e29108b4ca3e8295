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

#define HEADER_USUAL 600 /* bytes */
#define CLOSE_FIELD  "Connection: close\r\n"

/* What each answer needs comes first, in as few lines of the processor's cache as can be. */
struct ready {
	unsigned users;
	int status;
	enum request_cache cache;
	bool has_bytes;       /* the body is in memory; else it is in the file, or a flight has it */
	char *header;         /* to the empty line, with the body behind it where it is in memory */
	size_t header_length; /* without that */
	size_t date_at;
	time_t date_of;
	uint64_t size_bytes;
	int fd; /* of the file; -1: none */
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

/* The first line, and room for a date. */
static struct ready *
begin(int status, enum request_cache cache, uint64_t size_bytes, struct text *header)
{
	struct ready *ready = xcalloc(1, sizeof *ready);
	char digits[TEXT_DECIMAL_MAX];

	ready->users = 1;
	ready->status = status;
	ready->cache = cache;
	ready->size_bytes = size_bytes;
	ready->fd = -1;
	ready->date_of = HTTP_NOW_NONE.second;
	text_reserve(header, HEADER_USUAL);
	text_decimal((uint64_t)status, digits);
	text_add(header, "HTTP/1.1 ");
	text_add(header, digits);
	text_add(header, " ");
	text_add(header, MHD_get_reason_phrase_for((unsigned)status));
	text_add(header, "\r\nDate: ");
	ready->date_at = header->length;
	text_add(header, HTTP_DATE_FIRST "\r\n");
	return ready;
}

static void
add_field(struct text *header, const char *name, const char *value)
{
	text_add(header, name);
	text_add(header, ": ");
	text_add(header, value);
	text_add(header, "\r\n");
}

/* With room for the body behind it. The length comes last, as with libmicrohttpd. */
static void
end_header(struct ready *ready, struct text *header, size_t body_length)
{
	char digits[TEXT_DECIMAL_MAX];

	text_decimal(ready->size_bytes, digits);
	add_field(header, "Content-Length", digits);
	text_add(header, "\r\n");
	ready->header_length = header->length;
	ready->has_bytes = body_length > 0;
	ready->header = xmalloc(header->length + body_length);
	memcpy(ready->header, header->bytes, header->length);
}

static char *
body_of(const struct ready *ready)
{
	return ready->header + ready->header_length;
}

static struct ready *
of_archive(enum request_cache cache, uint64_t size_bytes, const struct digests *digests, size_t body_length)
{
	AUTO_TEXT header = TEXT_EMPTY;
	struct ready *ready = begin(200, cache, size_bytes, &header);
	struct archive_fields fields;

	ready->digests = *digests;
	archive_fields_make(cache, digests, &fields);
	for (size_t i = 0; i < fields.count; i++)
		add_field(&header, fields.items[i].name, fields.items[i].value);
	end_header(ready, &header, body_length);
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
	AUTO_TEXT header = TEXT_EMPTY;
	struct ready *ready = begin(answer->status, CACHE_MISS, answer->body.length, &header);

	for (size_t i = 0; i < answer->n_fields; i++)
		add_field(&header, answer->fields[i].name, answer->fields[i].value);
	end_header(ready, &header, answer->body.length);
	memcpy(body_of(ready), answer->body.bytes, answer->body.length);
	text_finish(&answer->body);
	return ready;
}

struct ready *
ready_create(struct blob *blob, struct err *err)
{
	size_t copied = blob->size_bytes <= READY_MEMORY_MAX ? (size_t)blob->size_bytes : 0;
	struct ready *ready = of_archive(CACHE_HIT, blob->size_bytes, &blob->digests, copied);

	if (copied > 0 && !read_right(blob, body_of(ready), err)) {
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
	free(ready->header);
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

void
ready_set_date(struct ready *ready, const struct http_now *now)
{
	if (ready->date_of == now->second)
		return;
	ready->date_of = now->second;
	memcpy(ready->header + ready->date_at, now->date, HTTP_DATE_LENGTH);
}

/* Who is told that his connection closes is told so behind the date, as by libmicrohttpd. */
size_t
ready_header(const struct ready *ready, enum ready_end end, struct iovec ret[READY_PARTS_MAX])
{
	size_t count = 0, at = 0;

	if (end == READY_CLOSES) {
		at = ready->date_at + HTTP_DATE_LENGTH + strlen("\r\n");
		ret[count++] = (struct iovec){ready->header, at};
		ret[count++] = (struct iovec){(char *)CLOSE_FIELD, strlen(CLOSE_FIELD)};
	}
	ret[count++] = (struct iovec){ready->header + at, ready->header_length - at};
	return count;
}

uint64_t
ready_size(const struct ready *ready)
{
	return ready->size_bytes;
}

const void *
ready_bytes(const struct ready *ready)
{
	return ready->has_bytes ? body_of(ready) : NULL;
}

const struct stamp *
ready_stamp(const struct ready *ready)
{
	return &ready->stamp;
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
