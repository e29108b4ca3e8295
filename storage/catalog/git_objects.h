/*
 * The objects of a git repository, directories and files of all its commits, read out of its packs by libgit2 in
 * this process: a history wants hundreds of thousands of them, gigabytes in all, of which each resembles the one before;
 * a process that writes them into a pipe takes four times as long. Nothing but objects is read: no settings, no
 * references, no hooks. One thread.
 */
#ifndef STORAGE_CATALOG_GIT_OBJECTS_H
#define STORAGE_CATALOG_GIT_OBJECTS_H

#include "storage/catalog/git.h"

struct git_objects;

/*
 * Those of the place, which is borrowed; whoever may end its processes may end the reading too. NULL: err. The objects
 * are to be closed before the place goes.
 */
struct git_objects *git_objects_open(const struct git_place *place, struct err *err) MUST_CHECK;
void git_objects_close(struct git_objects *objects);

enum git_kind { GIT_BLOB, GIT_TREE };

/* An object in memory. Start from all zero. */
struct git_held {
	const uint8_t *bytes;
	size_t length;
	void *object; /* of libgit2 */
};

/*
 * Reads an object of at most max bytes, to be released; what was held there before is released first. False: it is
 * missing, of another kind, larger (ERR_TOO_LARGE) or damaged, or somebody stopped it (ERR_CANCELLED).
 */
bool git_objects_read(struct git_objects *objects, const uint8_t *id, enum git_kind kind, size_t max,
        struct git_held *ret, struct err *err) MUST_CHECK;
/* The tree that a commit stands for. */
bool git_objects_tree_of(struct git_objects *objects, const uint8_t *commit, uint8_t ret[GIT_ID_SIZE],
        struct err *err) MUST_CHECK;
void git_held_release(struct git_held *held);

#endif
