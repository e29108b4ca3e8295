/*
 * What git writes, read piece by piece: the lines of `git rev-list --parents --timestamp`, and the answers of
 * `git cat-file --batch-check`. It trusts nothing: a repository may come from anybody. One thread.
 */
#ifndef STORAGE_CATALOG_GIT_STREAM_H
#define STORAGE_CATALOG_GIT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/catalog/git_id.h"

#define GIT_BUFFER   (64u << 10)      /* bytes read ahead */
#define GIT_LINE_MAX (GIT_BUFFER - 1) /* bytes of one line: a commit with nearly a thousand parents */

/* Up to size bytes, 0 at the end; -1 with err. */
typedef ssize_t git_read_fn(void *source, void *bytes, size_t size, struct err *err);

struct git_stream {
	git_read_fn *read;
	void *source;
	size_t start, end; /* of what was read and not given out yet */
	char buffer[GIT_BUFFER];
};

void git_stream_start(struct git_stream *stream, git_read_fn *read, void *source);

/* GIT_END: there is nothing more; GIT_WRONG: err, the stream is of no use any more. */
enum git_next { GIT_NEXT, GIT_END, GIT_WRONG };

/* The next line, without its end, valid until the next call. */
enum git_next git_stream_line(struct git_stream *stream, char **ret, struct err *err) MUST_CHECK;

/* A commit as rev-list names it. Identities are hexadecimal. */
struct git_commit {
	int64_t date_ms; /* since 1970; 1 where the commit says something absurd, or an earlier date */
	const char *id;
	const char *parent; /* the first; NULL: none */
};
enum git_next git_stream_commit(
        struct git_stream *stream, struct git_commit *ret, struct err *err) MUST_CHECK;

/* Whether an object that was asked for is there. */
struct git_answer {
	char id[GIT_HEX_SIZE]; /* "" of one that is missing */
	bool is_commit;
};
enum git_next git_stream_answer(
        struct git_stream *stream, struct git_answer *ret, struct err *err) MUST_CHECK;

/* Whether it is 40 hexadecimal digits. */
bool git_is_id(const char *hex);

#endif
