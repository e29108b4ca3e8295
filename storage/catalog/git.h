/*
 * A git process that reads a repository which may come from anybody. Nothing of that repository's configuration
 * is ever read but by one `git rev-parse`, which starts nothing: all else runs in an empty repository of our own
 * (git_repository.h), with the objects of the other. No shell, no hooks, no pager, no network, no prompts, and none
 * of the user's GIT_ variables or settings. One thread; blocks on the process.
 */
#ifndef STORAGE_CATALOG_GIT_H
#define STORAGE_CATALOG_GIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "storage/base/err.h"
#include "storage/catalog/git_stream.h"

/* Where git is to look, and who may end it. Borrowed while processes run. */
struct git_place {
	const char *directory;             /* GIT_DIR, absolute */
	const char *objects;               /* GIT_OBJECT_DIRECTORY; NULL: those of the directory */
	bool (*is_stopped)(void *context); /* asked several times a second; NULL: nobody stops it */
	void *context;
};

struct git {
	const struct git_place *place;
	pid_t pid;    /* 0: not running */
	int output;   /* what it writes comes from here */
	int messages; /* what it said on standard error, in memory */
	unsigned reads;
};

/* False: somebody stopped it (ERR_CANCELLED). */
bool git_may_go_on(const struct git_place *place, struct err *err) MUST_CHECK;

#define GIT_ARGUMENTS_MAX 16

/*
 * Starts `git ARGUMENTS...` (a list that ends with NULL; those may be strange only where git takes them for paths or
 * revisions and they begin with no '-'). input: what it reads, from its start; -1: nothing. To be ended.
 */
bool git_start(struct git *ret, const struct git_place *place, const char *const *arguments, int input,
        struct err *err) MUST_CHECK;
/* A git_read_fn; the source is the struct git. ERR_CANCELLED: it was stopped. */
ssize_t git_read(void *git, void *bytes, size_t size, struct err *err) MUST_CHECK;
/*
 * Ends it, by force where it has not come to its end. False: it failed, and err says what git said, or what err
 * said before: what was read of it is to be thrown away.
 */
bool git_end(struct git *git, struct err *err) MUST_CHECK;
/* Ends it, whatever it has to say. */
void git_kill(struct git *git);

/* All of them in one: at most max bytes of output, without the last newline. */
bool git_run(const struct git_place *place, const char *const *arguments, int input, size_t max,
        struct text *ret, struct err *err) MUST_CHECK;

#endif
