/*
 * Pairs of directories, compared: one level of a walk through a history at once, on all processors. What differs is
 * told in the order of the pairs, on the calling thread.
 */
#ifndef STORAGE_CATALOG_HISTORY_PAIRS_H
#define STORAGE_CATALOG_HISTORY_PAIRS_H

#include "storage/catalog/git_objects.h"
#include "storage/catalog/git_tree.h"

#define HISTORY_PAIRS_AT_ONCE 1024 /* that one thread takes; with no more there is one thread */

/* Two directories of one path, the older and the newer; all zero: there is none. */
struct history_pair {
	uint32_t commit;
	const char *path; /* "" at the root; else without a slash at the end */
	uint8_t old[GIT_ID_SIZE], new[GIT_ID_SIZE];
};

/* What stands at a path of one pair, before and after. */
struct history_difference {
	const struct history_pair *pair;
	const char *path; /* whole; gone when the comparison ends */
	enum git_mode old_mode, new_mode;
	uint8_t old[GIT_ID_SIZE], new[GIT_ID_SIZE];
};

/* What identities of pairs stand for. */
enum history_ids { HISTORY_IDS_OF_COMMITS, HISTORY_IDS_OF_TREES };

struct history_comparison {
	const struct git_place *place;
	const struct history_pair *pairs;
	size_t count;
	enum history_ids ids;
	uint64_t max_differences;
	/* Of these directories and files alone. On any thread. */
	bool (*is_wanted)(const char *path, enum git_mode mode);
	void (*tell)(void *context, const struct history_difference *difference);
	/* About so many pairs were compared. */
	void (*progress)(void *context, size_t done);
	void *context;
};

/*
 * Blocks until all are compared, then tells. False: something is missing, damaged or more than allowed, or place's
 * is_stopped, which is asked on the calling thread, ended it; nothing was told.
 */
bool history_pairs_compare(const struct history_comparison *comparison, struct err *err) MUST_CHECK;

#endif
