/*
 * The lock of a store: an open file description lock, which no close of another descriptor of the same file
 * can release.
 */
#include "storage/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/file.h"

static bool
refuse(int fd, const char *directory, struct err *err)
{
	char pid[24] = "";
	struct err ignored;

	if (file_pread(fd, pid, sizeof pid - 1, 0, &ignored) <= 0)
		memcpy(pid, "unknown", sizeof "unknown");
	pid[strcspn(pid, "\n")] = '\0';
	return err_set(err, ERR_LOCKED,
	        "the store %s is in use by larder, process %s; stop it or use another store", directory, pid);
}

int
store_lock_take(int dir_fd, const char *directory, struct err *err)
{
	AUTO_FD fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char pid[24];

	if (fd < 0) {
		err_errno(err, "opening the lock %s/lock, without which nothing can be written to the store",
		        directory);
		return -1;
	}
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			refuse(fd, directory, err);
		else
			err_errno(err, "locking %s/lock", directory);
		return -1;
	}
	snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, strlen(pid), 0) != (ssize_t)strlen(pid)) {
		err_errno(err, "writing %s/lock", directory);
		return -1;
	}
	return take_fd(&fd);
}

bool
store_lock_is_held(int dir_fd)
{
	AUTO_FD fd = openat(dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	/* Asking needs no right to write: only taking it does. */
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
