/*
 * For the tests of histories: small repositories made with git, with fixed dates and authors, and what is to
 * be found in them. One thread; each check fails the running cmocka test.
 */
#ifndef TESTS_SUPPORT_HISTORIES_H
#define TESTS_SUPPORT_HISTORIES_H

#include "tests/support/readers.h"

#include <sys/stat.h>

#include "storage/catalog/history.h"

/* Seconds since 1970 of the first day; days follow each other. */
#define DAY_0  1400000000
#define DAY(n) (DAY_0 + (n)*86400L)

/* A url section in an opam file, and the url file of opam 1.2. */
#define OPAM(url, checksum)                                                                                  \
	"opam-version: \"2.0\"\nurl {\n  src: \"" url "\"\n  checksum: \"" checksum "\"\n}\n"
#define OLD_URL(url, checksum) "archive: \"" url "\"\nchecksum: \"" checksum "\"\n"

/* Runs a line of shell in the directory, with git set up as nobody's. */
static inline void
in_shell(const char *directory, const char *line)
{
	struct text command = TEXT_EMPTY;
	int status;

	text_addf(&command,
	        "cd '%s' && export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A "
	        "GIT_AUTHOR_EMAIL=a@x.example "
	        "GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@x.example GIT_AUTHOR_DATE='%ld +0000' "
	        "GIT_COMMITTER_DATE='%ld +0000'; %s",
	        directory, DAY(0), DAY(0), line);
	status = system(text_string(&command));
	if (status != 0)
		fail_msg("status %d of: %s", status, line);
	text_finish(&command);
}

/* What git fast-import is told; the commits get the marks 1, 2, … in their order. */
struct story {
	struct text stream;
	unsigned commits;
};

/* from: marks, the first parent first; 0: none. */
static inline void
story_commit(struct story *story, const char *branch, long date, unsigned from, unsigned merge)
{
	text_addf(&story->stream,
	        "commit refs/heads/%s\nmark :%u\ncommitter A <a@x.example> %ld +0000\ndata 0\n", branch,
	        ++story->commits, date);
	if (from != 0)
		text_addf(&story->stream, "from :%u\n", from);
	if (merge != 0)
		text_addf(&story->stream, "merge :%u\n", merge);
}

static inline void
story_file(struct story *story, const char *path, const char *content)
{
	text_addf(&story->stream, "M 100644 inline %s\ndata %zu\n%s\n", path, strlen(content), content);
}

static inline void
story_remove(struct story *story, const char *path)
{
	text_addf(&story->stream, "D %s\n", path);
}

/* Makes a bare repository of it, or adds to the one that is there. Its HEAD is master. */
static inline void
story_end(struct story *story, const char *root, const char *name)
{
	AUTO_TEXT line = TEXT_EMPTY;

	put_bytes(root, "stream", text_string(&story->stream), story->stream.length);
	text_addf(&line,
	        "git init -q --bare --initial-branch=master %s && git -C %s fast-import --quiet --force "
	        "--date-format=raw-permissive "
	        "--export-marks=../marks <stream",
	        name, name);
	in_shell(root, text_string(&line));
	text_finish(&story->stream);
	story->commits = 0;
}

#endif
