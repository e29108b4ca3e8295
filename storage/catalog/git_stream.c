/*
 * The stream of a git process. Lines are short and come out of the buffer; bytes of objects go past it, straight
 * to where they are wanted. One thread; never starts or ends the process.
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

static bool
strange(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "git wrote %s", what);
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
git_stream_bytes(struct git_stream *stream, void *ret, size_t count, struct err *err)
{
	size_t ahead = stream->end - stream->start, done = ahead < count ? ahead : count;

	if (done > 0)
		memcpy(ret, stream->buffer + stream->start, done);
	stream->start += done;
	while (done < count) {
		ssize_t got = stream->read(stream->source, (char *)ret + done, count - done, err);

		if (got < 0)
			return false;
		if (got == 0)
			return strange(err, "less of an object than it announced");
		done += (size_t)got;
	}
	return true;
}

bool
git_is_id(const char *hex)
{
	size_t length = strspn(hex, "0123456789abcdef");

	return hex[length] == '\0' && (length == 40 || length == 64);
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

static enum git_kind
kind_of(const char *name)
{
	if (strcmp(name, "blob") == 0)
		return GIT_BLOB;
	return strcmp(name, "tree") == 0 ? GIT_TREE : GIT_OTHER;
}

enum git_next
git_stream_object(struct git_stream *stream, struct git_object *ret, struct err *err)
{
	char *line, *id, *kind, *size;
	struct git_object object = {.kind = GIT_MISSING};
	enum git_next next = git_stream_line(stream, &line, err);

	if (next != GIT_NEXT)
		return next;
	id = next_word(&line);
	kind = next_word(&line);
	size = next_word(&line);
	/* What was asked for comes back as it was written, "<id>^{tree}" for example. */
	if (kind != NULL && strcmp(kind, "missing") == 0 && size == NULL) {
		*ret = object;
		return GIT_NEXT;
	}
	if (!git_is_id(id) || size == NULL || line != NULL || !text_parse_number(size, &object.size)) {
		strange(err, "an answer that cannot be read");
		return GIT_WRONG;
	}
	object.kind = kind_of(kind);
	memcpy(object.id, id, strlen(id) + 1);
	*ret = object;
	return GIT_NEXT;
}

bool
git_stream_object_end(struct git_stream *stream, struct err *err)
{
	char newline;

	if (!git_stream_bytes(stream, &newline, 1, err))
		return false;
	return newline == '\n' || strange(err, "more of an object than it announced");
}
