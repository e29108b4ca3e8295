/*
 * A directory for one test, gone afterwards with all that is in it. For the unit tests.
 */
#ifndef TESTS_SUPPORT_TEMP_H
#define TESTS_SUPPORT_TEMP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int
temp_remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

/* The path, to be given to temp_remove. */
static inline char *
temp_make(void)
{
	char template[] = "/tmp/larder-test-XXXXXX";

	if (mkdtemp(template) == NULL)
		abort();
	return strdup(template);
}

static inline void
temp_remove(char *path)
{
	nftw(path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

#endif
