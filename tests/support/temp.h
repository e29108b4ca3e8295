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

static inline char *
temp_make_in(const char *above)
{
	char *path = NULL;

	if (asprintf(&path, "%s/larder-test-XXXXXX", above) < 0 || mkdtemp(path) == NULL)
		abort();
	return path;
}

/*
 * The path, to be given to temp_remove. Where tests/run.sh says: in memory where there is room, and gone even
 * if this process is killed.
 */
static inline char *
temp_make(void)
{
	const char *above = getenv("TMPDIR");

	return temp_make_in(above != NULL ? above : "/tmp");
}

/* Likewise, for what is to be seen on a disk alone. */
static inline char *
temp_make_on_disk(void)
{
	return temp_make_in("/var/tmp");
}

static inline void
temp_remove(char *path)
{
	nftw(path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

#endif
