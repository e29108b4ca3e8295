/*
 * Decompression by zlib, a block at a time. One thread; never writes, never holds more than two blocks.
 */
#include "storage/catalog/gunzip.h"

#include <errno.h>
#include <stdio.h>

#include <zlib.h>

#include "storage/base/text.h"

#define BLOCK          (128u << 10)
#define GZIP_ONLY_BITS (MAX_WBITS + 16) /* tells zlib to expect a gzip member, and to verify its trailer */

/*
 * START → PLAIN
 *   ↓
 * MEMBER ⇄ BETWEEN
 */
enum gunzip_state {
	GUNZIP_START,  /* nothing was looked at yet */
	GUNZIP_PLAIN,  /* the file is no gzip */
	GUNZIP_MEMBER, /* inside a gzip member */
	GUNZIP_BETWEEN /* behind one: padding, the end, or another */
};

struct gunzip {
	int fd;
	struct gunzip_limits limits;
	enum gunzip_state state;
	z_stream stream;
	uint64_t in, out; /* bytes so far */
	unsigned char compressed[BLOCK], plain[BLOCK];
};

struct gunzip *
gunzip_create(int fd, const struct gunzip_limits *limits)
{
	struct gunzip *gunzip = xmalloc(sizeof *gunzip);

	gunzip->fd = fd;
	gunzip->limits = *limits;
	gunzip->state = GUNZIP_START;
	gunzip->stream = (z_stream){0};
	gunzip->in = gunzip->out = 0;
	if (inflateInit2(&gunzip->stream, GZIP_ONLY_BITS) == Z_OK)
		return gunzip;
	fputs("larder: zlib cannot start, out of memory; stopping\n", stderr);
	abort();
}

void
gunzip_destroy(struct gunzip *gunzip)
{
	if (gunzip == NULL)
		return;
	inflateEnd(&gunzip->stream);
	free(gunzip);
}

static bool
over(struct err *err, const char *what, uint64_t limit)
{
	return err_set(err, ERR_TOO_LARGE, "%s the %llu bytes allowed for one source", what,
	        (unsigned long long)limit);
}

/* Fills the empty block of compressed bytes; it stays empty at the end of the file. */
static bool
refill(struct gunzip *gunzip, struct err *err)
{
	size_t count = 0;

	while (count < sizeof gunzip->compressed) {
		ssize_t got = read(gunzip->fd, gunzip->compressed + count, sizeof gunzip->compressed - count);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "reading");
		if (got == 0)
			break;
		count += (size_t)got;
	}
	gunzip->in += count;
	if (gunzip->in > gunzip->limits.bytes)
		return over(err, "larger than", gunzip->limits.bytes);
	gunzip->stream.next_in = gunzip->compressed;
	gunzip->stream.avail_in = (uInt)count;
	return true;
}

static bool
check_limits(const struct gunzip *gunzip, struct err *err)
{
	if (gunzip->out > gunzip->limits.bytes)
		return over(err, "decompresses to more than", gunzip->limits.bytes);
	if (gunzip->out > gunzip->limits.ratio_free && gunzip->out / gunzip->limits.ratio > gunzip->in)
		return err_set(err, ERR_TOO_LARGE,
		        "decompresses to more than %llu times its size, the ratio allowed",
		        (unsigned long long)gunzip->limits.ratio);
	return true;
}

/* Two bytes tell gzip (RFC 1952, 2.3.1). */
static void
look_at_start(struct gunzip *gunzip)
{
	const unsigned char *at = gunzip->compressed;
	bool gzip = gunzip->stream.avail_in >= 2 && at[0] == 0x1f && at[1] == 0x8b;

	gunzip->state = gzip ? GUNZIP_MEMBER : GUNZIP_PLAIN;
}

/* Zeros behind a member are padding, anything else is the next one. */
static void
look_between(struct gunzip *gunzip)
{
	z_stream *stream = &gunzip->stream;

	while (stream->avail_in > 0 && *stream->next_in == 0) {
		stream->next_in++;
		stream->avail_in--;
	}
	if (stream->avail_in == 0)
		return;
	inflateReset(stream);
	gunzip->state = GUNZIP_MEMBER;
}

static bool
inflate_block(struct gunzip *gunzip, size_t *ret_count, struct err *err)
{
	z_stream *stream = &gunzip->stream;
	bool at_end = stream->avail_in == 0;
	int answer;

	stream->next_out = gunzip->plain;
	stream->avail_out = sizeof gunzip->plain;
	answer = inflate(stream, Z_NO_FLUSH);
	*ret_count = sizeof gunzip->plain - stream->avail_out;
	gunzip->out += *ret_count;
	if (answer == Z_STREAM_END)
		gunzip->state = GUNZIP_BETWEEN;
	else if (answer == Z_BUF_ERROR && at_end)
		return err_set(err, ERR_SYNTAX, "cut off: the compressed data end too early");
	else if (answer != Z_OK && answer != Z_BUF_ERROR)
		return err_set(err, ERR_SYNTAX, "damaged: the compressed data are wrong (%s)",
		        stream->msg != NULL ? stream->msg : zError(answer));
	return check_limits(gunzip, err);
}

/* The bytes of a file that is no gzip, as they are. */
static ssize_t
take_plain(struct gunzip *gunzip, const void **ret_bytes)
{
	ssize_t count = (ssize_t)gunzip->stream.avail_in;

	*ret_bytes = gunzip->stream.next_in;
	gunzip->stream.avail_in = 0;
	return count;
}

ssize_t
gunzip_read(struct gunzip *gunzip, const void **ret_bytes, struct err *err)
{
	size_t count;

	for (;;) {
		if (gunzip->stream.avail_in == 0 && !refill(gunzip, err))
			return -1;
		switch (gunzip->state) {
		case GUNZIP_START:
			look_at_start(gunzip);
			break;
		case GUNZIP_PLAIN:
			return take_plain(gunzip, ret_bytes);
		case GUNZIP_BETWEEN:
			if (gunzip->stream.avail_in == 0)
				return 0;
			look_between(gunzip);
			break;
		case GUNZIP_MEMBER:
			if (!inflate_block(gunzip, &count, err))
				return -1;
			*ret_bytes = gunzip->plain;
			if (count > 0)
				return (ssize_t)count;
			break;
		}
	}
}
