/*
 * For tests of what becomes of larder when the system refuses: preloaded, it counts the calls of the C
 * library below, by kind, and has the Nth of one kind fail (and as many after it as the test says) in the way
 * the test says. What libraries call is counted too; what SQLite calls, which are the calls of its VFS, is
 * counted a second time by itself and can be made to fail by itself.
 *
 * FAILING_CALLS names the file that the test shares with the process, a struct page: the test writes the
 * order, the process all else. Nothing here calls the C library for what it stands in for, but the kernel, or
 * glibc's own names of malloc.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
#define KIND(name) KIND_##name,
#include "failing_calls.def"
#undef KIND
	KIND_COUNT,
};

enum caller { CALLER_ANY, CALLER_SQLITE, CALLERS };

#define SHORT 0 /* in the place of an error: half of what is asked for is done */

struct page {
	/* The order, written by the test; nothing fails while times is 0. */
	_Atomic int64_t times, kind, caller, error, nth;
	/* What became of it. */
	_Atomic int64_t struck;
	struct {
		char name[16];
		_Atomic int64_t seen[CALLERS];
	} kinds[KIND_COUNT];
};

static struct page *page;
static uintptr_t sqlite_begin, sqlite_end;
static int (*next_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* --- the order --- */

static int
find_sqlite(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	if (strstr(info->dlpi_name, "libsqlite3") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
			continue;
		sqlite_begin = info->dlpi_addr + part->p_vaddr;
		sqlite_end = sqlite_begin + part->p_memsz;
	}
	return 1;
}

static const char *const names[] = {
#define KIND(name) #name,
#include "failing_calls.def"
#undef KIND
};

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAILING_CALLS");
	int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	struct page *mapped;

	*(void **)&next_pthread_create = dlsym(RTLD_NEXT, "pthread_create");
	if (fd < 0)
		return;
	mapped = (struct page *)syscall(
	        SYS_mmap, NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	syscall(SYS_close, fd);
	if (mapped == MAP_FAILED)
		return;
	dl_iterate_phdr(find_sqlite, NULL);
#ifdef FAILING_MEMORY
	for (int i = 0; i < KIND_COUNT; i++)
#else
	for (int i = 0; i < KIND_malloc; i++)
#endif
		memcpy(mapped->kinds[i].name, names[i], strlen(names[i]) + 1);
	page = mapped;
}

/* Counts this call. Whether it is one of those that are to fail; -1 when not, else the error, or SHORT. */
static int
order(enum kind kind, const void *from)
{
	int64_t seen[CALLERS], caller, nth;

	if (page == NULL)
		return -1;
	seen[CALLER_ANY] = atomic_fetch_add(&page->kinds[kind].seen[CALLER_ANY], 1) + 1;
	seen[CALLER_SQLITE] = -1;
	if ((uintptr_t)from >= sqlite_begin && (uintptr_t)from < sqlite_end)
		seen[CALLER_SQLITE] = atomic_fetch_add(&page->kinds[kind].seen[CALLER_SQLITE], 1) + 1;
	if (page->times == 0 || page->kind != kind)
		return -1;
	caller = page->caller;
	nth = seen[caller] - page->nth;
	if (nth < 0 || nth >= page->times)
		return -1;
	atomic_fetch_add(&page->struck, 1);
	return (int)page->error;
}

/* True: this call fails, and errno says how. */
static bool
fails(enum kind kind, const void *from)
{
	int error = order(kind, from);

	if (error <= SHORT)
		return false;
	errno = error;
	return true;
}

/* The same for what moves bytes: it may also be told to move fewer. */
static bool
fails_or_shortens(enum kind kind, const void *from, size_t *length)
{
	int error = order(kind, from);

	if (error == SHORT && *length > 1)
		*length /= 2;
	if (error <= SHORT)
		return false;
	errno = error;
	return true;
}

#define FROM __builtin_return_address(0)

/*
 * An eventfd, which is eight bytes of the kernel's memory: it has no disk behind it, and moves them all or
 * waits.
 */
static bool
is_bell(int fd)
{
	struct stat facts;

	return syscall(SYS_fstat, fd, &facts) == 0 && (facts.st_mode & S_IFMT) == 0;
}

/* --- bytes --- */

ssize_t
write(int fd, const void *bytes, size_t length)
{
	if (!is_bell(fd) && fails_or_shortens(KIND_write, FROM, &length))
		return -1;
	return syscall(SYS_write, fd, bytes, length);
}

ssize_t
pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	return fails_or_shortens(KIND_pwrite, FROM, &length)
	               ? -1
	               : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	return fails(KIND_writev, FROM) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t
read(int fd, void *bytes, size_t length)
{
	if (!is_bell(fd) && fails_or_shortens(KIND_read, FROM, &length))
		return -1;
	return syscall(SYS_read, fd, bytes, length);
}

ssize_t
pread(int fd, void *bytes, size_t length, off_t offset)
{
	return fails_or_shortens(KIND_pread, FROM, &length) ? -1
	                                                    : syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t
send(int fd, const void *bytes, size_t length, int flags)
{
	return fails_or_shortens(KIND_send, FROM, &length)
	               ? -1
	               : syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t
sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	return fails_or_shortens(KIND_send, FROM, &length)
	               ? -1
	               : syscall(SYS_sendto, fd, bytes, length, flags, to, to_length);
}

/* Shortened: half of the first part goes out. */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr less = *message;
	struct iovec first = message->msg_iovlen > 0 ? message->msg_iov[0] : (struct iovec){0};
	size_t length = first.iov_len;

	if (fails_or_shortens(KIND_send, FROM, &length))
		return -1;
	if (length == first.iov_len)
		return syscall(SYS_sendmsg, fd, message, flags);
	first.iov_len = length;
	less.msg_iov = &first;
	less.msg_iovlen = 1;
	return syscall(SYS_sendmsg, fd, &less, flags);
}

ssize_t
sendfile(int to, int from, off_t *offset, size_t length)
{
	return fails_or_shortens(KIND_sendfile, FROM, &length)
	               ? -1
	               : syscall(SYS_sendfile, to, from, offset, length);
}

ssize_t
recv(int fd, void *bytes, size_t length, int flags)
{
	return fails_or_shortens(KIND_recv, FROM, &length)
	               ? -1
	               : syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL);
}

ssize_t
recvfrom(int fd, void *bytes, size_t length, int flags, struct sockaddr *from, socklen_t *from_length)
{
	return fails_or_shortens(KIND_recv, FROM, &length)
	               ? -1
	               : syscall(SYS_recvfrom, fd, bytes, length, flags, from, from_length);
}

/* --- the disk --- */

int
fsync(int fd)
{
	return fails(KIND_fsync, FROM) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fails(KIND_fdatasync, FROM) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
	return fails(KIND_syncfs, FROM) ? -1 : (int)syscall(SYS_syncfs, fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails(KIND_rename, FROM) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int
rename(const char *from, const char *to)
{
	return fails(KIND_rename, FROM) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return fails(KIND_rename, FROM) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static mode_t
mode_of(int flags, va_list more)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return fails(KIND_open, FROM) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return fails(KIND_open, FROM) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

int
memfd_create(const char *name, unsigned flags)
{
	return fails(KIND_open, FROM) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

void *
mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (fails(KIND_mmap, FROM))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	return fails(KIND_fallocate, FROM) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int
ftruncate(int fd, off_t length)
{
	return fails(KIND_ftruncate, FROM) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int
fstat(int fd, struct stat *ret)
{
	return fails(KIND_stat, FROM) ? -1 : (int)syscall(SYS_fstat, fd, ret);
}

int
fstatat(int dir, const char *path, struct stat *ret, int flags)
{
	return fails(KIND_stat, FROM) ? -1 : (int)syscall(SYS_newfstatat, dir, path, ret, flags);
}

int
stat(const char *path, struct stat *ret)
{
	return fails(KIND_stat, FROM) ? -1 : (int)syscall(SYS_newfstatat, AT_FDCWD, path, ret, 0);
}

int
lstat(const char *path, struct stat *ret)
{
	return fails(KIND_stat, FROM)
	               ? -1
	               : (int)syscall(SYS_newfstatat, AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW);
}

int
unlink(const char *path)
{
	return fails(KIND_unlink, FROM) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	return fails(KIND_unlink, FROM) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int
mkdir(const char *path, mode_t mode)
{
	return fails(KIND_mkdir, FROM) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	return fails(KIND_mkdir, FROM) ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

/* Only taking a lock: a system has no reason to refuse the rest, such as giving it back. */
static bool
takes_lock(int command, const struct flock *lock)
{
	return (command == F_SETLK || command == F_SETLKW) && lock->l_type != F_UNLCK;
}

int
fcntl(int fd, int command, ...)
{
	va_list more;
	void *argument;

	va_start(more, command);
	argument = va_arg(more, void *);
	va_end(more);
	if (takes_lock(command, argument) && fails(KIND_lock, FROM))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

/* --- the network, and waiting --- */

int
socket(int family, int type, int protocol)
{
	return fails(KIND_socket, FROM) ? -1 : (int)syscall(SYS_socket, family, type, protocol);
}

int
connect(int fd, const struct sockaddr *to, socklen_t length)
{
	return fails(KIND_connect, FROM) ? -1 : (int)syscall(SYS_connect, fd, to, length);
}

int
accept4(int fd, struct sockaddr *from, socklen_t *length, int flags)
{
	return fails(KIND_accept, FROM) ? -1 : (int)syscall(SYS_accept4, fd, from, length, flags);
}

int
accept(int fd, struct sockaddr *from, socklen_t *length)
{
	return fails(KIND_accept, FROM) ? -1 : (int)syscall(SYS_accept4, fd, from, length, 0);
}

int
epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
	/* What is watched already costs nothing more. */
	if (operation == EPOLL_CTL_ADD && fails(KIND_epoll_ctl, FROM))
		return -1;
	return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

int
inotify_init1(int flags)
{
	return fails(KIND_inotify, FROM) ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

int
inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return fails(KIND_inotify, FROM) ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

int
epoll_wait(int set, struct epoll_event *events, int max, int timeout_ms)
{
	return fails(KIND_epoll_wait, FROM)
	               ? -1
	               : (int)syscall(SYS_epoll_pwait, set, events, max, timeout_ms, NULL, 8);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

	if (fails(KIND_poll, FROM))
		return -1;
	return (int)syscall(SYS_ppoll, fds, count, timeout_ms >= 0 ? &timeout : NULL, NULL, 8);
}

int
pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int error = order(KIND_thread, FROM);

	return error > SHORT ? error : next_pthread_create(ret, attributes, run, argument);
}

/* --- memory --- */

#ifdef FAILING_MEMORY
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

void *
malloc(size_t size)
{
	return fails(KIND_malloc, FROM) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(KIND_calloc, FROM) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *pointer, size_t size)
{
	return fails(KIND_realloc, FROM) ? NULL : __libc_realloc(pointer, size);
}
#endif

/* --- the names that libraries built for large files use --- */

#define SAME(other, name) extern __typeof(other) other __attribute__((alias(#name)))
SAME(pwrite64, pwrite);
SAME(pread64, pread);
SAME(sendfile64, sendfile);
SAME(open64, open);
SAME(openat64, openat);
SAME(mmap64, mmap);
SAME(fallocate64, fallocate);
SAME(ftruncate64, ftruncate);
SAME(fstat64, fstat);
SAME(fstatat64, fstatat);
SAME(stat64, stat);
SAME(lstat64, lstat);
SAME(fcntl64, fcntl);
