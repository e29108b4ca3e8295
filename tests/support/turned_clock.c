/*
 * For tests of a whole daemon that must not wait for days: preloaded, it turns the wall clock (and that
 * alone) by as many milliseconds as the file named by TURNED_CLOCK holds, a number of eight bytes that the
 * test may change at any time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *turned_ms;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("TURNED_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof *turned_ms, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		turned_ms = mapped;
}

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, ret);
	int64_t ms;

	if (failed != 0 || clock != CLOCK_REALTIME || turned_ms == NULL)
		return failed;
	ms = (int64_t)ret->tv_sec * 1000 + ret->tv_nsec / 1000000 + *turned_ms;
	ret->tv_nsec = ret->tv_nsec % 1000000 + ms % 1000 * 1000000;
	ret->tv_sec = ms / 1000;
	return 0;
}
