/*
 * The stream of a git process, line by line out of a buffer. One thread; never starts or ends the process.
 */
#include "storage/catalog/git_stream.h"

#include <string.h>

#define DATE_MAX_S (INT64_MAX / 1000)

void
git_stream_start(struct git_stream *stream, git_read_fn *read, void *source)
{
	stream->read = read;
	stream->source = source;
	stream->start = stream->end = 0;
}

static void
strange(struct err *err, const char *what)
{
	err_set(err, ERR_SYNTAX, "git wrote %s", what);
}

/* Reads more behind what is there; the answer of read. */
static ssize_t
fill(struct git_stream *stream, struct err *err)
{
	ssize_t got;

	memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
	stream->end -= stream->start;
	stream->start = 0;
	got = stream->read(stream->source, stream->buffer + stream->end, GIT_BUFFER - stream->end, err);
	if (got > 0)
		stream->end += (size_t)got;
	return got;
}

enum git_next
git_stream_line(struct git_stream *stream, char **ret, struct err *err)
{
	for (;;) {
		char *start = stream->buffer + stream->start;
		size_t length = stream->end - stream->start;
		char *newline = memchr(start, '\n', length);
		ssize_t got;

		if (newline != NULL) {
			*newline = '\0';
			stream->start += (size_t)(newline - start) + 1;
			*ret = start;
			return GIT_NEXT;
		}
		if (length == GIT_BUFFER) {
			strange(err, "a line that is longer than allowed");
			return GIT_WRONG;
		}
		got = fill(stream, err);
		if (got < 0)
			return GIT_WRONG;
		if (got == 0 && length == 0)
			return GIT_END;
		if (got == 0) {
			strange(err, "a line without an end");
			return GIT_WRONG;
		}
	}
}

bool
git_is_id(const char *hex)
{
	size_t length = strspn(hex, "0123456789abcdef");

	return hex[length] == '\0' && length == GIT_HEX_SIZE - 1;
}

/* Cuts the next word off a line; NULL: there is none. */
static char *
next_word(char **line)
{
	char *word = *line, *blank;

	if (word == NULL)
		return NULL;
	blank = strchr(word, ' ');
	*line = blank != NULL ? blank + 1 : NULL;
	if (blank != NULL)
		*blank = '\0';
	return word;
}

/* A commit may claim any date: what cannot be one is the first there is. */
static int64_t
date_of(const char *seconds)
{
	uint64_t number;

	if (!text_parse_number(seconds, &number) || number == 0)
		return 1;
	return number > DATE_MAX_S ? INT64_MAX : (int64_t)number * 1000;
}

enum git_next
git_stream_commit(struct git_stream *stream, struct git_commit *ret, struct err *err)
{
	char *line, *date, *id, *parent;
	enum git_next next = git_stream_line(stream, &line, err);

	if (next != GIT_NEXT)
		return next;
	date = next_word(&line);
	id = next_word(&line);
	parent = next_word(&line);
	if (id == NULL || !git_is_id(id) || (parent != NULL && !git_is_id(parent))) {
		strange(err, "a list of commits that cannot be read");
		return GIT_WRONG;
	}
	*ret = (struct git_commit){.date_ms = date_of(date), .id = id, .parent = parent};
	return GIT_NEXT;
}

enum git_next
git_stream_answer(struct git_stream *stream, struct git_answer *ret, struct err *err)
{
	char *line, *id, *kind, *size;
	enum git_next next = git_stream_line(stream, &line, err);

	*ret = (struct git_answer){0};
	if (next != GIT_NEXT)
		return next;
	id = next_word(&line);
	kind = next_word(&line);
	size = next_word(&line);
	/* What was asked for comes back as it was written, "<id>^{commit}" for example. */
	if (kind != NULL && strcmp(kind, "missing") == 0 && size == NULL)
		return GIT_NEXT;
	if (!git_is_id(id) || size == NULL || line != NULL) {
		strange(err, "an answer that cannot be read");
		return GIT_WRONG;
	}
	ret->is_commit = strcmp(kind, "commit") == 0;
	memcpy(ret->id, id, GIT_HEX_SIZE);
	return GIT_NEXT;
}
