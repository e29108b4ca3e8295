/* Seeded bug: the bytes of an archive are never flushed. */
#include <fcntl.h>
#include <unistd.h>

int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}
