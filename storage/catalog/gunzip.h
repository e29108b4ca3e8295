/*
 * Bytes of an open file, decompressed where they are gzip (RFC 1952) and as they are otherwise, within
 * limits, so that a bomb costs no more than they allow. The checksum and length at the end of each gzip
 * member are verified. One thread; blocks on the disk.
 */
#ifndef STORAGE_CATALOG_GUNZIP_H
#define STORAGE_CATALOG_GUNZIP_H

#include <stdint.h>
#include <sys/types.h>

#include "storage/base/err.h"

struct gunzip_limits {
	uint64_t bytes;      /* compressed, and decompressed */
	uint64_t ratio;      /* decompressed : compressed */
	uint64_t ratio_free; /* decompressed bytes below which the ratio does not matter */
};

struct gunzip;

/* Reads from where the file stands; borrows the descriptor. */
struct gunzip *gunzip_create(int fd, const struct gunzip_limits *limits);
void gunzip_destroy(struct gunzip *gunzip);
/*
 * The next bytes, valid until the next call: their count, 0 at the end, -1 for an error (after which there is
 * no going on).
 */
ssize_t gunzip_read(struct gunzip *gunzip, const void **ret_bytes, struct err *err) MUST_CHECK;

#endif
