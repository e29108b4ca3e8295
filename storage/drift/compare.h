/*
 * Tells what differs between the archive that was promised and the bytes that came instead: tar or zip, plain
 * or compressed by gzip, bzip2, xz, lzma or zstd. Read in a stream, within limits; nothing is written,
 * followed or opened by a name of theirs. One thread, which may be busy for long and blocks on the disk.
 */
#ifndef STORAGE_DRIFT_COMPARE_H
#define STORAGE_DRIFT_COMPARE_H

#include "storage/drift/drift.h"

#define COMPARE_BYTES_MAX   (1ULL << 30) /* decompressed, of each of the two */
#define COMPARE_RATIO_MAX   200          /* decompressed : compressed, past the first MiB */
#define COMPARE_RATIO_FREE  (1u << 20)   /* decompressed bytes */
#define COMPARE_ENTRIES_MAX 1000000
#define COMPARE_TABLE_MAX   (128ULL << 20) /* bytes of memory for the list of files, of each of the two */
#define COMPARE_PATH_MAX    4096           /* bytes of a name in them */

struct compare_limits {
	uint64_t bytes, ratio, ratio_free, entries, table;
	size_t path;
};

#define COMPARE_LIMITS                                                                                       \
	((struct compare_limits){COMPARE_BYTES_MAX, COMPARE_RATIO_MAX, COMPARE_RATIO_FREE,                   \
	        COMPARE_ENTRIES_MAX, COMPARE_TABLE_MAX, COMPARE_PATH_MAX})

/* An open file, borrowed and read with pread: its own offset stays. */
struct compare_file {
	int fd;
	uint64_t size_bytes;
};

struct compare_stop {
	bool (*is_stopped)(void *context); /* asked often; NULL: never stopped */
	void *context;
};

/*
 * Always an answer: what cannot be compared is DRIFT_UNKNOWN and says why; ERR_TOO_LARGE as its cause is a
 * limit that was hit, for the caller to count.
 */
void compare_archives(const struct compare_file *promised, const struct compare_file *came,
        const struct compare_limits *limits, const struct compare_stop *stop, struct drift *ret);

#endif
