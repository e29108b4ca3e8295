/*
 * Seeded bug: a flush that failed is tried again. Linux has marked the pages as clean by then, so that the
 * second try succeeds and nothing is on the disk.
 */
#include <unistd.h>

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	int result = __real_fdatasync(fd);

	return result == 0 ? 0 : __real_fdatasync(fd);
}
