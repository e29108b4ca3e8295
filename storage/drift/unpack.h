/*
 * The bytes of an open file as they were before gzip, bzip2, xz, lzma or zstd, within limits, so that a bomb
 * costs no more than they allow. One compression is taken off, never a second one below it. One thread;
 * blocks on the disk; never moves the file's own offset.
 */
#ifndef STORAGE_DRIFT_UNPACK_H
#define STORAGE_DRIFT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/err.h"

enum unpack_form { UNPACK_PLAIN, UNPACK_GZIP, UNPACK_BZIP2, UNPACK_XZ, UNPACK_LZMA, UNPACK_ZSTD };
const char *unpack_form_name(enum unpack_form form); /* "gzip"; "no compression" */
/* By the first bytes of a file. */
enum unpack_form unpack_form_of(const void *bytes, size_t length);

#define UNPACK_FORM_BYTES 13           /* as many as unpack_form_of looks at */
#define UNPACK_PIECE      (64u << 10)  /* of the file read at a time, where the limits say nothing else */
#define UNPACK_MEMORY_MAX (160u << 20) /* bytes for xz and lzma: xz -9 takes 65 MiB */

struct unpack_limits {
	uint64_t bytes;                    /* decompressed */
	uint64_t ratio;                    /* decompressed : the size of the file */
	uint64_t ratio_free;               /* decompressed bytes below which the ratio does not matter */
	size_t piece;                      /* 0: UNPACK_PIECE */
	bool (*is_stopped)(void *context); /* asked for every piece; NULL: never */
	void *context;
};

struct unpack;

/* Never reads behind size_bytes; a file that is shorter ends where it ends. Borrows the descriptor. */
struct unpack *unpack_create(int fd, uint64_t size_bytes, const struct unpack_limits *limits);
void unpack_destroy(struct unpack *unpack);
/*
 * Up to length bytes: their count, 0 at the end, -1 for an error, after which there is no going on:
 * ERR_TOO_LARGE (a limit), ERR_SYNTAX (damaged or cut off), ERR_CANCELLED (stopped), ERR_IO.
 */
ssize_t unpack_read(struct unpack *unpack, void *ret, size_t length, struct err *err) MUST_CHECK;
/* What was taken off; known once something was read. */
enum unpack_form unpack_form(const struct unpack *unpack);

#endif
