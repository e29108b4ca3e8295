/*
 * The head of an origin's answer: status line and header fields, as far as larder wants them. Fed line by
 * line; every answer on the way to the last one (1xx, redirects) begins it anew.
 */
#ifndef SERVER_UPSTREAM_HEAD_H
#define SERVER_UPSTREAM_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_BYTES_MAX     (64u << 10) /* of all lines of one request's answers, 1xx included */
#define HEAD_VALIDATOR_MAX 128         /* bytes of an ETag or a Last-Modified; a longer one counts as none */

struct head {
	int status;    /* 0: none yet */
	bool complete; /* the empty line was seen */
	bool has_length;
	bool has_coding;      /* Transfer-Encoding: the length does not count */
	uint64_t length;      /* of the body as Content-Length tells it */
	char retry_after[64]; /* the field's value, or "" */
	char etag[HEAD_VALIDATOR_MAX + 1], modified[HEAD_VALIDATOR_MAX + 1]; /* ETag, Last-Modified; or "" */
	unsigned ranges;                                                     /* how many Content-Range */
	bool has_range;       /* one, and one that can be read: */
	uint64_t first, last; /* of the whole, both included */
	bool has_total;
	uint64_t total; /* bytes of the whole */
	size_t bytes;   /* of all lines since head_begin */
};

enum head_fault {
	HEAD_FINE,
	HEAD_TOO_LARGE,  /* HEAD_BYTES_MAX */
	HEAD_BAD_LENGTH, /* Content-Length is no number, or two differ */
	HEAD_ENCODED,    /* Content-Encoding other than identity: not the bytes that have the digest */
};

/* A request is about to be sent. */
void head_begin(struct head *head);
/* One line with its line end, as it came; not terminated. Lines after the head (trailers) only count. */
enum head_fault head_add(struct head *head, const char *line, size_t length);
/* The bytes the body will have; 0: not told. */
uint64_t head_size(const struct head *head);
/* The bytes of the whole that the body is all or a part of; -1: not told. */
int64_t head_whole(const struct head *head);
/* "bytes 100-499/500", "bytes 100-499", or "no range": for people. */
#define HEAD_RANGE_TEXT_MAX 80
void head_range_text(const struct head *head, char ret[HEAD_RANGE_TEXT_MAX]);
/* The ETag proves the same bytes (RFC 9110, section 8.8.3): not a weak one. */
bool head_etag_is_strong(const char *etag);
/*
 * Retry-After (RFC 9110, section 10.2.3) in milliseconds from wall_now_ms on; -1: none, or none that can be
 * read. Never over a year.
 */
int64_t head_retry_after(const struct head *head, int64_t wall_now_ms);

#endif
