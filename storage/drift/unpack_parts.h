/*
 * What unpack.c and its decoders share. For storage/drift/unpack*.c alone.
 */
#ifndef STORAGE_DRIFT_UNPACK_PARTS_H
#define STORAGE_DRIFT_UNPACK_PARTS_H

#include <archive.h>
#include <lzma.h>
#include <zlib.h>

#include "storage/drift/unpack.h"

/* A decoder gives what it can of length bytes, 0 at the end, -1 for an error, as unpack_read does. */
typedef ssize_t unpack_decode_fn(struct unpack *unpack, void *ret, size_t length, struct err *err);

struct unpack {
	int fd;
	uint64_t size, at; /* of the file; how far it was read */
	uint64_t out;      /* decompressed bytes so far */
	struct unpack_limits limits;
	enum unpack_form form;
	unpack_decode_fn *decode; /* NULL until the first read */
	z_stream zlib;
	lzma_stream lzma;
	struct archive *archive; /* of bzip2 and zstd */
	bool between;            /* gzip: behind a member */
	bool ended;              /* nothing comes any more */
	struct err failure;      /* of the file, met while libarchive asked for more */
	unsigned char *piece;    /* limits.piece bytes of the file */
	size_t used, held;       /* of the piece: what was taken, and all */
};

/* Reads the next piece where this one is used up; nothing is held at the end of the file. False: an error. */
bool unpack_refill(struct unpack *unpack, struct err *err) MUST_CHECK;
bool unpack_cut_off(struct err *err);
bool unpack_damaged(struct err *err, const char *what);

unpack_decode_fn unpack_decode_plain, unpack_decode_zlib, unpack_decode_lzma, unpack_decode_archive;
/* Sets up what the form needs. */
bool unpack_start(struct unpack *unpack, struct err *err) MUST_CHECK;
void unpack_end(struct unpack *unpack);

#endif
