/*
 * Decompression within limits: which form it is, the pieces of the file, what may come out. Runs on the
 * thread of whoever compares archives; never writes, never holds more than one piece of the file.
 */
#include "storage/drift/unpack.h"

#include <assert.h>
#include <string.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/drift/unpack_parts.h"

const char *
unpack_form_name(enum unpack_form form)
{
	switch (form) {
	case UNPACK_PLAIN:
		return "no compression";
	case UNPACK_GZIP:
		return "gzip";
	case UNPACK_BZIP2:
		return "bzip2";
	case UNPACK_XZ:
		return "xz";
	case UNPACK_LZMA:
		return "lzma";
	case UNPACK_ZSTD:
		return "zstd";
	}
	assert(!"no such form");
	return "";
}

/*
 * lzma has no magic: properties of 0x5d (what every tool writes), a dictionary of a power of two or one and a
 * half of it, and a length that is unknown or below 256 GiB.
 */
static bool
is_lzma(const unsigned char *at, size_t length)
{
	uint64_t dictionary = 0, size = 0;

	if (length < UNPACK_FORM_BYTES || at[0] != 0x5d)
		return false;
	for (int i = 3; i >= 0; i--)
		dictionary = dictionary << 8 | at[1 + i];
	for (int i = 7; i >= 0; i--)
		size = size << 8 | at[5 + i];
	if (dictionary < 4096 || (size != UINT64_MAX && size >> 38 != 0))
		return false;
	while (dictionary % 2 == 0)
		dictionary /= 2;
	return dictionary == 1 || dictionary == 3;
}

enum unpack_form
unpack_form_of(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	if (length >= 3 && memcmp(at, "\x1f\x8b\x08", 3) == 0)
		return UNPACK_GZIP;
	if (length >= 10 && memcmp(at, "BZh", 3) == 0 && at[3] >= '1' && at[3] <= '9' &&
	        (memcmp(at + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||       /* a block */
	                memcmp(at + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0)) /* the end at once */
		return UNPACK_BZIP2;
	if (length >= 6 && memcmp(at, "\xfd\x37zXZ\0", 6) == 0)
		return UNPACK_XZ;
	if (length >= 4 && memcmp(at, "\x28\xb5\x2f\xfd", 4) == 0)
		return UNPACK_ZSTD;
	return is_lzma(at, length) ? UNPACK_LZMA : UNPACK_PLAIN;
}

struct unpack *
unpack_create(int fd, uint64_t size_bytes, const struct unpack_limits *limits)
{
	struct unpack *unpack = xcalloc(1, sizeof *unpack);

	unpack->fd = fd;
	unpack->size = size_bytes;
	unpack->limits = *limits;
	if (unpack->limits.piece == 0)
		unpack->limits.piece = UNPACK_PIECE;
	unpack->piece = xmalloc(unpack->limits.piece);
	unpack->lzma = (lzma_stream)LZMA_STREAM_INIT;
	return unpack;
}

void
unpack_destroy(struct unpack *unpack)
{
	if (unpack == NULL)
		return;
	unpack_end(unpack);
	free(unpack->piece);
	free(unpack);
}

bool
unpack_cut_off(struct err *err)
{
	return err_set(err, ERR_SYNTAX, "cut off: the compressed data end too early");
}

bool
unpack_damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "damaged: the compressed data are wrong (%s)", what);
}

bool
unpack_refill(struct unpack *unpack, struct err *err)
{
	uint64_t left = unpack->size - unpack->at;
	size_t length = left < unpack->limits.piece ? (size_t)left : unpack->limits.piece;
	ssize_t got;

	if (unpack->used < unpack->held)
		return true;
	if (unpack->limits.is_stopped != NULL && unpack->limits.is_stopped(unpack->limits.context))
		return err_set(err, ERR_CANCELLED, "stopped");
	got = file_pread(unpack->fd, unpack->piece, length, unpack->at, err);
	if (got < 0)
		return false;
	unpack->used = 0;
	unpack->held = (size_t)got;
	unpack->at += (uint64_t)got;
	return true;
}

static bool
start(struct unpack *unpack, struct err *err)
{
	if (!unpack_refill(unpack, err))
		return false;
	unpack->form = unpack_form_of(unpack->piece, unpack->held);
	return unpack_start(unpack, err);
}

static bool
check_limits(const struct unpack *unpack, struct err *err)
{
	const struct unpack_limits *limits = &unpack->limits;

	if (unpack->out > limits->bytes)
		return err_set(err, ERR_TOO_LARGE, "decompresses to more than the %llu bytes allowed",
		        (unsigned long long)limits->bytes);
	if (unpack->out > limits->ratio_free && unpack->out / limits->ratio > unpack->size)
		return err_set(err, ERR_TOO_LARGE,
		        "decompresses to more than %llu times its size, the ratio allowed",
		        (unsigned long long)limits->ratio);
	return true;
}

ssize_t
unpack_read(struct unpack *unpack, void *ret, size_t length, struct err *err)
{
	ssize_t count;

	if (unpack->decode == NULL && !start(unpack, err))
		return -1;
	count = unpack->ended ? 0 : unpack->decode(unpack, ret, length, err);
	if (count <= 0)
		return count;
	unpack->out += (uint64_t)count;
	return check_limits(unpack, err) ? count : -1;
}

enum unpack_form
unpack_form(const struct unpack *unpack)
{
	return unpack->form;
}
