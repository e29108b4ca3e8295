/*
 * System calls on files, whole or not at all. Any thread; blocks on the disk.
 */
#include "storage/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

bool
file_write(int fd, const void *bytes, size_t length, struct err *err)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t written = write(fd, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_errno(err, "writing");
		at += written;
		length -= (size_t)written;
	}
	return true;
}

ssize_t
file_pread(int fd, void *bytes, size_t length, uint64_t offset, struct err *err)
{
	size_t done = 0;

	while (done < length) {
		ssize_t got = pread(fd, (char *)bytes + done, length - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_errno(err, "reading");
			return -1;
		}
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

bool
file_read(int fd, size_t max, struct text *ret, struct err *err)
{
	char chunk[65536];

	text_clear(ret);
	for (;;) {
		ssize_t got = read(fd, chunk, sizeof chunk);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "reading");
		if (got == 0)
			return true;
		if (ret->length + (size_t)got > max)
			return err_set(err, ERR_TOO_LARGE, "larger than the %zu bytes allowed", max);
		text_add_bytes(ret, chunk, (size_t)got);
	}
}

bool
file_read_path(const char *path, size_t max, struct text *ret, struct err *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "opening %s", path);
	if (!file_read(fd, max, ret, err))
		return err_wrap(err, "%s", path);
	return true;
}

bool
file_sync_above(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *above =
	        slash == NULL ? xstrdup(".") : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	AUTO_FD fd = file_open_directory(above, err);

	return fd >= 0 && (fsync(fd) == 0 || err_errno(err, "making %s durable", above));
}

/* What was there before was made by somebody else, and is his to make durable. */
static bool
make_directory(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) == 0)
		return file_sync_above(path, err);
	return errno == EEXIST || err_errno(err, "making the directory %s", path);
}

bool
file_make_directories(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	if (length >= sizeof part)
		return err_set(err, ERR_USAGE, "the path is longer than %d bytes", PATH_MAX - 1);
	memcpy(part, path, length + 1);
	while (length > 1 && part[length - 1] == '/')
		part[--length] = '\0';
	for (char *at = part + 1; *at != '\0'; at++) {
		bool made;

		if (*at != '/')
			continue;
		*at = '\0';
		made = make_directory(part, 0755, err);
		*at = '/';
		if (!made)
			return false;
	}
	return make_directory(part, 0700, err);
}

bool
file_make_directory_at(int dir_fd, const char *name, struct err *err)
{
	if (mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "making the directory %s", name);
	return true;
}

int
file_open_directory(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err_errno(err, "opening the directory %s", path);
	return fd;
}
