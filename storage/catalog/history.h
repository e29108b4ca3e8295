/*
 * Learns from the history of an opam repository: every archive that any of its commits ever named, with the dates
 * it was first and last named. Reads a clone, bare or not, or a bundle; writes nothing but an empty repository in
 * TMPDIR, or for a bundle what it holds, which is gone in the end. Blocks; what is told is told on the calling thread.
 */
#ifndef STORAGE_CATALOG_HISTORY_H
#define STORAGE_CATALOG_HISTORY_H

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"
#include "storage/catalog/source.h"

/* What a history may cost. */
struct history_limits {
	uint64_t commits;
	uint64_t changes; /* files and directories that differ at one depth; and contents of files */
	uint64_t file;    /* bytes of one file; a larger one is skipped unread, with a problem */
};

#define HISTORY_COMMITS_MAX 4000000
#define HISTORY_CHANGES_MAX 20000000

struct history_wish {
	const char *path;
	const char *
	        known; /* commits up to which it was read before, hexadecimal, separated by blanks; "": none */
	struct history_limits limits;
	/* How far it is, in commits, then in files. */
	void (*progress)(void *context, const char *verb, uint64_t done, uint64_t total);
	bool (*is_stopped)(void *context); /* asked several times a second: then ERR_CANCELLED */
	void *context;
};

#define HISTORY_LIMITS                                                                                       \
	((struct history_limits){                                                                            \
	        .commits = HISTORY_COMMITS_MAX, .changes = HISTORY_CHANGES_MAX, .file = SOURCE_FILE_MAX})

/*
 * What commits name that are not reachable from known ones: an entry for each package, digests and URLs. first_ms is
 * the date of the first commit among them that named it, last_ms of the one that ended it, or for what is not past
 * of the newest. A date before 1970 is 1, one in the future now. Of problems those of today come first; in files
 * are called COMMIT:PATH. Sets tip and commits of the harvest.
 *
 * False: it is no repository, something of it is missing or damaged, or more than allowed; the harvest is to be
 * thrown away.
 */
bool history_read(const struct history_wish *wish, struct harvest *harvest, struct err *err) MUST_CHECK;

#endif
