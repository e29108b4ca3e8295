/*
 * Descriptors and memory that are released when their scope ends: AUTO_FD, AUTO_FREE, AUTO_FILE and the
 * take_* verbs that hand them on. The only extension of C the project uses (the cleanup attribute of GCC and
 * clang).
 */
#ifndef STORAGE_BASE_AUTO_H
#define STORAGE_BASE_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
auto_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void
auto_fclose(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}

#define AUTO_FD   __attribute__((cleanup(auto_close))) int
#define AUTO_FREE __attribute__((cleanup(auto_free)))
#define AUTO_FILE __attribute__((cleanup(auto_fclose))) FILE *

/* The descriptor, which the caller now owns; the variable holds -1 afterwards. */
static inline int
take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* On a function that fills a struct err: its answer must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
