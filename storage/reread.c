/*
 * Reading a stored archive again. The thread of the scrub; blocks on the disk for one piece. Must never take a file for wrong that was only
 * not to be read at this moment.
 */
#include "storage/reread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/blobs.h"

#define ALIGNMENT 4096 /* of direct reads: no less than a block of any disk */

struct reread {
	struct blob blob;
	uint64_t offset;
	struct sha256_hasher *hasher; /* NULL: nothing is open */
	uint8_t *piece;               /* REREAD_PIECE bytes */
};

struct reread *
reread_create(void)
{
	struct reread *reread = xcalloc(1, sizeof *reread);

	reread->blob = BLOB_NONE;
	reread->piece = aligned_alloc(ALIGNMENT, REREAD_PIECE);
	if (reread->piece == NULL)
		abort();
	return reread;
}

void
reread_destroy(struct reread *reread)
{
	if (reread == NULL)
		return;
	reread_close(reread);
	free(reread->piece);
	free(reread);
}

/* Some filesystems cannot: through it then. */
static void
past_the_cache(int fd)
{
	(void)fcntl(fd, F_SETFL, O_DIRECT);
}

void
reread_begin(struct reread *reread, struct blob *blob)
{
	reread_close(reread);
	reread->blob = *blob;
	reread->blob.fd = blob_take_fd(blob);
	reread->offset = 0;
	reread->hasher = sha256_hasher_create();
	past_the_cache(reread->blob.fd);
}

void
reread_close(struct reread *reread)
{
	blob_close(&reread->blob);
	sha256_hasher_destroy(reread->hasher);
	reread->hasher = NULL;
}

void
reread_pause(struct reread *reread)
{
	blob_close(&reread->blob);
}

bool
reread_resume(struct reread *reread, int fd, const struct stamp *stamp)
{
	reread->blob.fd = fd;
	past_the_cache(fd);
	if (stamp_equal(stamp, &reread->blob.stamp))
		return true;
	reread_close(reread);
	return false;
}

bool
reread_is_open(const struct reread *reread)
{
	return reread->hasher != NULL;
}

const struct blob *
reread_blob(const struct reread *reread)
{
	return &reread->blob;
}

uint64_t
reread_offset(const struct reread *reread)
{
	return reread->offset;
}

/*
 * A piece, or less at the end of the file. A direct read that brings less may have met what direct reads cannot
 * do, so that the cache is tried before the file is said to be short or unreadable.
 */
static ssize_t
read_piece(struct reread *reread, size_t length, struct err *err)
{
	int fd = reread->blob.fd;
	ssize_t got = pread(fd, reread->piece, REREAD_PIECE, (off_t)reread->offset);

	if (got >= (ssize_t)length)
		return (ssize_t)length;
	(void)fcntl(fd, F_SETFL, 0);
	return file_pread(fd, reread->piece, length, reread->offset, err);
}

static enum reread_news
judge(struct reread *reread, struct err *err)
{
	uint8_t found[32];

	sha256_hasher_value(reread->hasher, found);
	if (memcmp(found, reread->blob.digests.sha256, sizeof found) == 0)
		return REREAD_RIGHT;
	err_set(err, ERR_MISMATCH, "its bytes are not those of its name any more");
	return REREAD_WRONG;
}

enum reread_news
reread_next(struct reread *reread, struct err *err)
{
	uint64_t left = reread->blob.size_bytes - reread->offset;
	size_t length = left < REREAD_PIECE ? (size_t)left : REREAD_PIECE;
	struct blob_file now;
	ssize_t got;

	if (!blob_file_now(reread->blob.fd, &now, err))
		return REREAD_FAILED;
	if (!now.named)
		return REREAD_GONE;
	got = length > 0 ? read_piece(reread, length, err) : 0;
	if (got < 0)
		return errno == EIO ? REREAD_REFUSED : REREAD_FAILED;
	if ((size_t)got < length || now.size_bytes != reread->blob.size_bytes) {
		err_set(err, ERR_MISMATCH, "its file is shorter or longer than it was");
		return REREAD_WRONG;
	}
	sha256_hasher_add(reread->hasher, reread->piece, length);
	reread->offset += length;
	return reread->offset < reread->blob.size_bytes ? REREAD_MORE : judge(reread, err);
}
