/*
 * The files of a history: every content an opam file ever had, by its identity, with the paths that it lay at and
 * when. One thread.
 */
#ifndef STORAGE_CATALOG_HISTORY_FILES_H
#define STORAGE_CATALOG_HISTORY_FILES_H

#include "storage/base/table.h"
#include "storage/catalog/arena.h"
#include "storage/catalog/history_walk.h"

#define HISTORY_COMMIT_SHOWN 6 /* bytes of a commit's identity, in messages */

/* One content at one path. */
struct history_naming {
	const char *path;
	int64_t first_ms, last_ms;            /* of the first and the last commit that made or unmade it */
	bool present;                         /* a newest commit has it */
	uint8_t commit[HISTORY_COMMIT_SHOWN]; /* the oldest one */
	struct history_naming *next;          /* the same content at another path */
};

/* One content. */
struct history_file {
	struct history_naming naming;
	UT_hash_handle hh;
	uint8_t id[GIT_ID_SIZE];
};

struct history_files {
	struct arena arena;
	struct history_file *table;
	uint64_t namings, max_namings;
	const char *path; /* the last one that was kept */
	int64_t now_ms;   /* no commit is younger */
};

/* What a change says. False: there are more of them than allowed. */
bool history_files_take(struct history_files *files, const struct history_change *change);
void history_files_finish(struct history_files *files);
/*
 * All of them, those first that are present, so that what is wrong today is told before what was wrong once; then by
 * path, the newest first. The array is the caller's.
 */
struct history_file **history_files_sorted(const struct history_files *files, size_t *ret_count);

#endif
