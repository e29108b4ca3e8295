/*
 * A tree of git: the names in one directory, each with its mode and what lies there. Two of them are compared by
 * what differs: they may hold thousands of names, of which a commit changes one or two, so that what they have
 * in common must cost no more than a look at its bytes. Pure; one thread.
 */
#ifndef STORAGE_CATALOG_GIT_TREE_H
#define STORAGE_CATALOG_GIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/catalog/git_id.h"

#define GIT_TREE_MAX (64u << 20) /* bytes of one tree: a million names and more */

/* Start from all zero. */
struct git_tree {
	const uint8_t *bytes; /* of the object; borrowed */
	size_t length;
	uint32_t *starts; /* of each entry */
	size_t count, starts_capacity;
};

void git_tree_finish(struct git_tree *tree);
/* How many entries two trees have in common, at the beginning and at the end. */
struct git_common {
	size_t first, last;
};
/*
 * Makes it the tree of these bytes (at most GIT_TREE_MAX), which are to stay as long as it is used, and finds the
 * entries. like: an indexed tree that may have much in common with it, which ret_common says; an empty one: none.
 * False: the bytes are no tree.
 */
bool git_tree_index(struct git_tree *tree, const uint8_t *bytes, size_t length, const struct git_tree *like,
        struct git_common *ret_common);

enum git_mode { GIT_MODE_NONE, GIT_MODE_FILE, GIT_MODE_DIRECTORY, GIT_MODE_OTHER };
/* One side of a difference; GIT_MODE_NONE: nothing is there. A link and a submodule are GIT_MODE_OTHER. */
struct git_side {
	enum git_mode mode;
	const uint8_t *id; /* borrowed from the tree */
};
/* A name (not terminated) that stands for something else in the one than in the other. */
typedef void git_differs_fn(void *context, const char *name, size_t length, const struct git_side *old,
        const struct git_side *new);
/*
 * Gives every difference between two indexed trees, in the order of names. Trees that are not in order, as git
 * never makes them, may give more than there are. common: what is known to be the same, which is not looked at.
 */
void git_tree_compare(const struct git_tree *old, const struct git_tree *new, const struct git_common *common,
        git_differs_fn *differs, void *context);

#endif
