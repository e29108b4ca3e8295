/*
 * The decoders: gzip by zlib, xz and lzma by liblzma, which can be told how much memory it may take, bzip2
 * and zstd by libarchive, whose filters take 4 and 128 MiB at most. Each is asked for one form by name: left
 * to guess, libarchive would undo compression below compression, whose inner bytes nobody counts. Runs where
 * unpack does.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <archive_entry.h>

#include "storage/drift/unpack_parts.h"

#define GZIP_ONLY_BITS (MAX_WBITS + 16) /* tells zlib to expect a gzip member, and to verify its trailer */

ssize_t
unpack_decode_plain(struct unpack *unpack, void *ret, size_t length, struct err *err)
{
	size_t count;

	if (!unpack_refill(unpack, err))
		return -1;
	count = unpack->held - unpack->used;
	if (count > length)
		count = length;
	memcpy(ret, unpack->piece + unpack->used, count);
	unpack->used += count;
	return (ssize_t)count;
}

/*
 * Behind a gzip member: zeros are padding, 0x1f begins the next one, and anything else is garbage, which
 * every gzip ignores. False is an error.
 */
static bool
look_between(struct unpack *unpack, struct err *err)
{
	do {
		while (unpack->used < unpack->held && unpack->piece[unpack->used] == 0)
			unpack->used++;
		if (!unpack_refill(unpack, err))
			return false;
	} while (unpack->held > 0 && unpack->piece[unpack->used] == 0);
	unpack->between = false;
	unpack->ended = unpack->held == 0 || unpack->piece[unpack->used] != 0x1f;
	if (!unpack->ended)
		inflateReset(&unpack->zlib);
	return true;
}

static bool
inflate_once(struct unpack *unpack, struct err *err)
{
	z_stream *stream = &unpack->zlib;
	int answer;

	stream->next_in = unpack->piece + unpack->used;
	stream->avail_in = (uInt)(unpack->held - unpack->used);
	answer = inflate(stream, Z_NO_FLUSH);
	unpack->used = unpack->held - stream->avail_in;
	if (answer == Z_STREAM_END)
		unpack->between = true;
	else if (answer == Z_BUF_ERROR && unpack->held == 0)
		return unpack_cut_off(err);
	else if (answer != Z_OK && answer != Z_BUF_ERROR)
		return unpack_damaged(err, stream->msg != NULL ? stream->msg : zError(answer));
	return true;
}

ssize_t
unpack_decode_zlib(struct unpack *unpack, void *ret, size_t length, struct err *err)
{
	z_stream *stream = &unpack->zlib;

	stream->next_out = ret;
	stream->avail_out = (uInt)length;
	while (stream->avail_out == length && !unpack->ended) {
		if (!unpack_refill(unpack, err))
			return -1;
		if (unpack->between ? !look_between(unpack, err) : !inflate_once(unpack, err))
			return -1;
	}
	return (ssize_t)(length - stream->avail_out);
}

static bool
lzma_answer(struct unpack *unpack, lzma_ret answer, struct err *err)
{
	switch ((int)answer) {
	case LZMA_OK:
		return true;
	case LZMA_STREAM_END:
		unpack->ended = true;
		return true;
	case LZMA_BUF_ERROR:
		return unpack_cut_off(err);
	case LZMA_MEMLIMIT_ERROR:
		return err_set(err, ERR_TOO_LARGE,
		        "needs more than the %u MiB of memory allowed to decompress it",
		        UNPACK_MEMORY_MAX >> 20);
	case LZMA_OPTIONS_ERROR:
		return unpack_damaged(err, "unknown options");
	default:
		return unpack_damaged(err, "not what xz or lzma would write");
	}
}

ssize_t
unpack_decode_lzma(struct unpack *unpack, void *ret, size_t length, struct err *err)
{
	lzma_stream *stream = &unpack->lzma;

	stream->next_out = ret;
	stream->avail_out = length;
	while (stream->avail_out == length && !unpack->ended) {
		lzma_ret answer;

		if (!unpack_refill(unpack, err))
			return -1;
		stream->next_in = unpack->piece + unpack->used;
		stream->avail_in = unpack->held - unpack->used;
		answer = lzma_code(stream, unpack->held == 0 ? LZMA_FINISH : LZMA_RUN);
		unpack->used = unpack->held - stream->avail_in;
		if (!lzma_answer(unpack, answer, err))
			return -1;
	}
	return (ssize_t)(length - stream->avail_out);
}

/* libarchive's way to ask for more. */
static la_ssize_t
give_piece(struct archive *archive, void *context, const void **ret_bytes)
{
	struct unpack *unpack = context;
	size_t first;

	if (!unpack_refill(unpack, &unpack->failure)) {
		archive_set_error(archive, EIO, "%s", unpack->failure.text);
		return -1;
	}
	first = unpack->used;
	*ret_bytes = unpack->piece + first;
	unpack->used = unpack->held;
	return (la_ssize_t)(unpack->held - first);
}

/* What the file said comes before what libarchive made of it. */
static bool
archive_failed(struct unpack *unpack, struct err *err)
{
	const char *text = archive_error_string(unpack->archive);

	if (unpack->failure.code != ERR_OK) {
		*err = unpack->failure;
		return false;
	}
	return unpack_damaged(err, text != NULL ? text : "nothing comes out");
}

static bool
start_archive(struct unpack *unpack, int filter, struct err *err)
{
	struct archive_entry *entry;

	unpack->archive = archive_read_new();
	if (unpack->archive == NULL)
		return err_set(err, ERR_IO, "libarchive cannot start, out of memory");
	if (archive_read_append_filter(unpack->archive, filter) != ARCHIVE_OK ||
	        archive_read_support_format_raw(unpack->archive) != ARCHIVE_OK ||
	        archive_read_open(unpack->archive, unpack, NULL, give_piece, NULL) != ARCHIVE_OK ||
	        archive_read_next_header(unpack->archive, &entry) != ARCHIVE_OK)
		return archive_failed(unpack, err);
	return true;
}

ssize_t
unpack_decode_archive(struct unpack *unpack, void *ret, size_t length, struct err *err)
{
	la_ssize_t count = archive_read_data(unpack->archive, ret, length);

	if (count < 0)
		archive_failed(unpack, err);
	return count < 0 ? -1 : (ssize_t)count;
}

static bool
start_zlib(struct unpack *unpack, struct err *err)
{
	if (inflateInit2(&unpack->zlib, GZIP_ONLY_BITS) == Z_OK)
		return true;
	return err_set(err, ERR_IO, "zlib cannot start, out of memory");
}

static bool
start_lzma(lzma_ret answer, struct err *err)
{
	return answer == LZMA_OK || err_set(err, ERR_IO, "liblzma cannot start, out of memory");
}

bool
unpack_start(struct unpack *unpack, struct err *err)
{
	static unpack_decode_fn *const decoders[] = {
	        [UNPACK_PLAIN] = unpack_decode_plain,
	        [UNPACK_GZIP] = unpack_decode_zlib,
	        [UNPACK_BZIP2] = unpack_decode_archive,
	        [UNPACK_XZ] = unpack_decode_lzma,
	        [UNPACK_LZMA] = unpack_decode_lzma,
	        [UNPACK_ZSTD] = unpack_decode_archive,
	};

	unpack->decode = decoders[unpack->form];
	switch (unpack->form) {
	case UNPACK_PLAIN:
		return true;
	case UNPACK_GZIP:
		return start_zlib(unpack, err);
	case UNPACK_BZIP2:
		return start_archive(unpack, ARCHIVE_FILTER_BZIP2, err);
	case UNPACK_XZ:
		return start_lzma(
		        lzma_stream_decoder(&unpack->lzma, UNPACK_MEMORY_MAX, LZMA_CONCATENATED), err);
	case UNPACK_LZMA:
		return start_lzma(lzma_alone_decoder(&unpack->lzma, UNPACK_MEMORY_MAX), err);
	case UNPACK_ZSTD:
		return start_archive(unpack, ARCHIVE_FILTER_ZSTD, err);
	}
	assert(!"no such form");
	return false;
}

void
unpack_end(struct unpack *unpack)
{
	inflateEnd(&unpack->zlib);
	lzma_end(&unpack->lzma);
	archive_read_free(unpack->archive);
}
