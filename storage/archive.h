/*
 * What the index knows of one stored archive. Values.
 */
#ifndef STORAGE_ARCHIVE_H
#define STORAGE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/digest.h"

#define ARCHIVE_CAME_FROM_MAX 512 /* bytes with the terminator; longer is cut */
#define ARCHIVE_COMMIT_MAX    65  /* a SHA-256 in hexadecimal with the terminator */

struct archive {
	struct digests digests; /* all four */
	uint64_t size_bytes;
	int64_t stored_at_ms;                  /* since 1970 */
	char came_from[ARCHIVE_CAME_FROM_MAX]; /* a URL or path, for people */
	char git_commit[ARCHIVE_COMMIT_MAX];   /* which it says it is of, in hexadecimal; "": it says none */
};

/* What tells that a file was not touched: its inode, and its status change time, which nobody can set. */
struct stamp {
	uint64_t inode;
	int64_t change_ns; /* since 1970 */
};

static inline bool
stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->inode == b->inode && a->change_ns == b->change_ns;
}

/* With the stamp of its file when its bytes were last known to be right. */
struct archive_row {
	struct archive archive;
	struct stamp stamp;
	int64_t used_at_ms; /* last asked for, since 1970, to within an hour; of a new row: when it came */
};

#endif
