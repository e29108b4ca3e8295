/*
 * A repository whose history is to be read: a clone, bare or not, or a bundle. What is opened is an empty
 * repository of our own in TMPDIR: it borrows the objects of a clone, and holds those of a bundle. So nothing that a
 * clone is configured to do is ever done, and nothing is written into it. One thread; blocks on git.
 */
#ifndef STORAGE_CATALOG_GIT_REPOSITORY_H
#define STORAGE_CATALOG_GIT_REPOSITORY_H

#include "storage/catalog/git.h"

#define GIT_TIPS_MAX 10000 /* heads of a bundle; known ones */

struct git_repository {
	struct git_place place;
	struct text
	        tips; /* of what it has: the commits of its HEAD, or of all heads of a bundle; hexadecimal, a line each */
	size_t n_tips;
	struct text known; /* those that were given and are in it; the same */
	size_t n_known;
	char *directory, *objects; /* of place */
};

/*
 * known: commits, hexadecimal, separated by blanks; of those it may not have any more. False: it is no repository,
 * cannot be read, or has no commit; nothing is left behind. watch: the directories are of no concern.
 */
bool git_repository_open(struct git_repository *ret, const char *path, const char *known,
        const struct git_place *watch, struct err *err) MUST_CHECK;
void git_repository_close(struct git_repository *repository);

#endif
