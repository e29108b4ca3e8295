/*
 * A blob: one stored archive, open for reading. A value that owns its descriptor until blob_close or
 * blob_take_fd.
 */
#ifndef STORAGE_BLOB_H
#define STORAGE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/archive.h"
#include "storage/base/auto.h"
#include "storage/digest.h"

/*
 * Whether the bytes are known to be right: read and compared since the file's inode and change time were last
 * seen.
 */
enum blob_trust { BLOB_PROVEN, BLOB_UNPROVEN };

struct blob {
	int fd; /* -1: none */
	uint64_t size_bytes;
	int64_t stored_at_ms;   /* since 1970 */
	struct digests digests; /* all four */
	enum blob_trust trust;
	struct stamp stamp; /* of the file when it was opened */
};

#define BLOB_NONE ((struct blob){.fd = -1})
#define AUTO_BLOB __attribute__((cleanup(blob_close))) struct blob

static inline void
blob_close(struct blob *blob)
{
	if (blob->fd >= 0)
		close(take_fd(&blob->fd));
}

static inline int
blob_take_fd(struct blob *blob)
{
	return take_fd(&blob->fd);
}

/*
 * The file that is open there has a name still, and nothing was done to it since it had this stamp: whatever is, to be renamed or removed
 * among it, changes its status change time. One system call. Any thread.
 */
bool blob_is_untouched(int fd, const struct stamp *since);

#endif
