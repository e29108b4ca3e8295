/*
 * Copies of blobs. Any thread; must never touch the blob itself.
 */
#include "server/commands/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define COPY_CHUNK (256u << 10)

bool
copy_blob(const struct blob *blob, int to, struct err *err)
{
	AUTO_FREE char *chunk = xmalloc(COPY_CHUNK);
	uint64_t offset = 0;

	while (offset < blob->size_bytes) {
		ssize_t got = file_pread(blob->fd, chunk, COPY_CHUNK, offset, err);

		if (got < 0)
			return false;
		if (got == 0)
			return err_set(err, ERR_CORRUPT,
			        "the stored file became shorter while it was read; `larder verify` looks "
			        "into it");
		if (!file_write(to, chunk, (size_t)got, err))
			return false;
		offset += (uint64_t)got;
	}
	return true;
}

/* What is left once the temporary file is there. */
static bool
fill_and_name(const struct blob *blob, int fd, const char *temporary, const char *path,
        enum copy_durability durability, struct err *err)
{
	if (ioctl(fd, FICLONE, blob->fd) != 0 && !copy_blob(blob, fd, err))
		return err_wrap(err, "%s", path);
	if (fchmod(fd, 0644) != 0 || (durability == COPY_SYNC && fsync(fd) != 0) ||
	        rename(temporary, path) != 0)
		return err_errno(err, "writing %s", path);
	return true;
}

bool
copy_blob_into(const struct blob *blob, const char *path, struct err *err)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_errno(err, "writing %s", path);
	return copy_blob(blob, fd, err) || err_wrap(err, "%s", path);
}

bool
copy_blob_to_path(const struct blob *blob, const char *path, enum copy_durability durability, struct err *err)
{
	AUTO_TEXT temporary = TEXT_EMPTY;
	AUTO_FD fd = -1;

	text_addf(&temporary, "%s.XXXXXX", path);
	fd = mkostemp(temporary.bytes, O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "making %s", text_string(&temporary));
	if (fill_and_name(blob, fd, text_string(&temporary), path, durability, err))
		return true;
	unlink(text_string(&temporary));
	return false;
}
