/*
 * For tests of what a kill leaves: preloaded into larder, it counts down the calls that change files, and
 * sends SIGKILL to the process instead of the last of them. The counter is a number of eight bytes in the
 * file named by DYING_COUNTER, which the test may set at any time: at 0 or below it counts on and nobody
 * dies. With DYING_TORN, a write that is the last one is half done first.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int64_t *counter;
static bool torn;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("DYING_COUNTER");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	torn = getenv("DYING_TORN") != NULL;
	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		counter = mapped;
}

static bool
is_last(void)
{
	return counter != NULL && atomic_fetch_sub(counter, 1) == 1;
}

static void
die(void)
{
	for (;;)
		kill(getpid(), SIGKILL);
}

/* Before every call that is counted. */
static void
count(void)
{
	if (is_last())
		die();
}

/* Only files are of interest: a socket or a pipe is nothing that outlives the process. */
static bool
is_file(int fd)
{
	struct stat facts;

	return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
	if (is_file(fd) && is_last()) {
		if (torn)
			syscall(SYS_write, fd, bytes, length / 2);
		die();
	}
	return syscall(SYS_write, fd, bytes, length);
}

ssize_t
pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (is_last()) {
		if (torn)
			syscall(SYS_pwrite64, fd, bytes, length / 2, offset);
		die();
	}
	return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

/* Opening alone changes nothing, unless it makes the file. */
static int
open_at(int dir_fd, const char *path, int flags, va_list arguments)
{
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0) {
		mode = va_arg(arguments, mode_t);
		count();
	}
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list arguments;
	int fd;

	va_start(arguments, flags);
	fd = open_at(AT_FDCWD, path, flags, arguments);
	va_end(arguments);
	return fd;
}

int
openat(int dir_fd, const char *path, int flags, ...)
{
	va_list arguments;
	int fd;

	va_start(arguments, flags);
	fd = open_at(dir_fd, path, flags, arguments);
	va_end(arguments);
	return fd;
}

int
fsync(int fd)
{
	count();
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	count();
	return (int)syscall(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
	count();
	return (int)syscall(SYS_syncfs, fd);
}

int
ftruncate(int fd, off_t length)
{
	count();
	return (int)syscall(SYS_ftruncate, fd, length);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	count();
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int
rename(const char *from, const char *to)
{
	count();
	return (int)syscall(SYS_rename, from, to);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	count();
	return (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
}

int
link(const char *from, const char *to)
{
	count();
	return (int)syscall(SYS_link, from, to);
}

int
unlink(const char *path)
{
	count();
	return (int)syscall(SYS_unlink, path);
}

int
unlinkat(int dir_fd, const char *path, int flags)
{
	count();
	return (int)syscall(SYS_unlinkat, dir_fd, path, flags);
}

/* What is there already is not made. */
static void
count_new(int dir_fd, const char *path)
{
	if (faccessat(dir_fd, path, F_OK, 0) != 0)
		count();
}

int
mkdir(const char *path, mode_t mode)
{
	count_new(AT_FDCWD, path);
	return (int)syscall(SYS_mkdir, path, mode);
}

int
mkdirat(int dir_fd, const char *path, mode_t mode)
{
	count_new(dir_fd, path);
	return (int)syscall(SYS_mkdirat, dir_fd, path, mode);
}

/* Where an offset has 64 bits anyway, what is called by either name is the same. */
_Static_assert(sizeof(off_t) == sizeof(off64_t), "off_t has 64 bits");
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir_fd, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) __attribute__((alias("pwrite")));
int ftruncate64(int fd, off64_t length) __attribute__((alias("ftruncate")));
int fallocate64(int fd, int mode, off64_t offset, off64_t length) __attribute__((alias("fallocate")));
