/*
 * The walk through a history: every commit is compared with its first parent, directory by directory, and what
 * became of a file is told. So each state of each file of each commit is told at least once, merges included: what a
 * merge has from another parent was told where that parent's side made it, and is told again as what it brought.
 *
 * It goes level by level, all commits at once: first the root directories of all commits, then all directories in
 * those that differ, and so on; each is read about once. All is told on the calling thread, which it blocks.
 */
#ifndef STORAGE_CATALOG_HISTORY_WALK_H
#define STORAGE_CATALOG_HISTORY_WALK_H

#include "storage/catalog/arena.h"
#include "storage/catalog/git_repository.h"
#include "storage/catalog/history_pairs.h"

#define HISTORY_DEPTH_MAX 12 /* directories inside each other */

/* A commit of the list, the newest first. */
struct history_commit {
	int64_t date_ms;
	uint8_t id[GIT_ID_SIZE];
};

/* What became of one file; NULL: nothing is there, or no regular file. */
struct history_change {
	const struct history_commit *commit; /* NULL: not a change, but what a newest commit has there */
	const char *path;
	const uint8_t *old, *new; /* identities of blobs */
};

struct history_walk {
	const struct git_repository *repository;
	struct git_objects *objects;       /* of it */
	uint64_t max_commits, max_changes; /* files and directories that differ at one depth */
	/* Of these directories and files alone: true for a path that may lead to what is wanted. On any thread. */
	bool (*is_wanted)(const char *path, enum git_mode mode);
	void (*take)(void *context, const struct history_change *change);
	/* What is left out, and why. */
	void (*skip)(void *context, const char *path, const char *why);
	void (*progress)(void *context, uint64_t done, uint64_t total); /* commits */
	void *context;

	struct history_commit *commits;
	size_t n_commits;
};

/* Walks what is not reachable from a known commit, then what the newest commits have. False: nothing of it counts. */
bool history_walk_run(struct history_walk *walk, struct err *err) MUST_CHECK;
void history_walk_finish(struct history_walk *walk);

#endif
