/* Seeded bug: the name that an archive got is never flushed. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat facts;

	if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode))
		return 0;
	return __real_fsync(fd);
}
