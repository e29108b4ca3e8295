/*
 * The memory of libgit2, with a limit: an object of a few packed bytes may unpack to gigabytes, and to ask for its size
 * first costs as much as a quarter of its reading.
 */
#ifndef STORAGE_CATALOG_GIT_MEMORY_H
#define STORAGE_CATALOG_GIT_MEMORY_H

#include <stdbool.h>

#define GIT_MEMORY_MAX                                                                                       \
	(65u << 20) /* bytes at once: the largest directory that is read, and what goes with it */

/* Before anything else of libgit2, once in a process. Whatever asks for more gets none, and fails. */
void git_memory_limit(void);
/* Whether what went wrong last, on this thread, was the limit. */
bool git_memory_was_limited(void);

#endif
