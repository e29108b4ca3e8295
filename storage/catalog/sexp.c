/*
 * The reader of s-expressions: an explicit stack instead of recursion, so that its depth is a number. Any
 * thread, one at a time.
 */
#include "storage/catalog/sexp.h"

#include <ctype.h>
#include <string.h>

#include "storage/base/text.h"

struct reader {
	struct arena *arena;
	const char *at, *end, *line_start;
	unsigned line;
	unsigned values;
	struct place place;                        /* of the expression in hand, or of the mistake */
	struct text buffer;                        /* the string in hand */
	struct sexp **tails[SEXP_NESTING_MAX + 1]; /* where the next expression of each open list goes */
	struct place opened[SEXP_NESTING_MAX + 1];
	unsigned depth;
	struct err *err;
};

static char
peek(const struct reader *reader, size_t ahead)
{
	return ahead < (size_t)(reader->end - reader->at) ? reader->at[ahead] : '\0';
}

static void
mark_place(struct reader *reader)
{
	reader->place = (struct place){
	        .line = reader->line, .column = (unsigned)(reader->at - reader->line_start) + 1};
}

static void
step(struct reader *reader)
{
	if (*reader->at++ != '\n')
		return;
	reader->line++;
	reader->line_start = reader->at;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void
skip_line(struct reader *reader)
{
	while (reader->at < reader->end && *reader->at != '\n')
		reader->at++;
}

static void
skip_space(struct reader *reader)
{
	while (reader->at < reader->end) {
		if (is_blank(*reader->at))
			step(reader);
		else if (*reader->at == ';')
			skip_line(reader);
		else
			break;
	}
}

/* Puts an expression behind the last one of the innermost list. */
static struct sexp *
append(struct reader *reader)
{
	struct sexp *sexp;

	if (reader->values == SEXP_VALUES_MAX) {
		err_set(reader->err, ERR_SYNTAX, "more than %d expressions in one file", SEXP_VALUES_MAX);
		return NULL;
	}
	reader->values++;
	sexp = arena_take(reader->arena, sizeof *sexp);
	*sexp = (struct sexp){.place = reader->place};
	*reader->tails[reader->depth] = sexp;
	reader->tails[reader->depth] = &sexp->next;
	return sexp;
}

static bool
append_text(struct reader *reader, const char *bytes, size_t length)
{
	struct sexp *sexp = append(reader);

	if (sexp == NULL)
		return false;
	sexp->text = arena_copy(reader->arena, bytes, length);
	sexp->length = length;
	return true;
}

static bool
open_list(struct reader *reader)
{
	struct sexp *list = append(reader);

	if (list == NULL)
		return false;
	if (reader->depth == SEXP_NESTING_MAX)
		return err_set(reader->err, ERR_SYNTAX, "nested more than %d deep", SEXP_NESTING_MAX);
	reader->at++;
	reader->depth++;
	reader->tails[reader->depth] = &list->first;
	reader->opened[reader->depth] = reader->place;
	return true;
}

static bool
close_list(struct reader *reader)
{
	if (reader->depth == 0)
		return err_set(reader->err, ERR_SYNTAX, "')' without a '('");
	reader->at++;
	reader->depth--;
	return true;
}

static bool
read_atom(struct reader *reader)
{
	const char *start = reader->at;

	while (reader->at < reader->end && !is_blank(*reader->at) && strchr("();\"", *reader->at) == NULL)
		reader->at++;
	if (reader->at == start)
		return err_set(reader->err, ERR_SYNTAX, "the byte 0x%02x begins no expression",
		        (unsigned char)*start);
	return append_text(reader, start, (size_t)(reader->at - start));
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return found != NULL ? (int)(found - digits) : -1;
}

/* \DDD and \xHH, from the first character behind the backslash; -1: neither. */
static int
numeric_escape(const struct reader *reader)
{
	int value = 0;

	if (peek(reader, 0) == 'x') {
		int high = hex_digit(peek(reader, 1)), low = hex_digit(peek(reader, 2));

		return high < 0 || low < 0 ? -1 : high << 4 | low;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)peek(reader, i)))
			return -1;
		value = 10 * value + (peek(reader, i) - '0');
	}
	return value <= 255 ? value : -1;
}

static void
skip_continuation(struct reader *reader)
{
	while (*reader->at != '\n')
		step(reader);
	step(reader);
	while (peek(reader, 0) == ' ' || peek(reader, 0) == '\t')
		step(reader);
}

/* From behind the backslash. */
static bool
read_escape(struct reader *reader)
{
	static const char letters[] = "ntbr\\\"' %", meanings[] = "\n\t\b\r\\\"' %";
	char c = peek(reader, 0);
	const char *letter = c == '\0' ? NULL : strchr(letters, c);
	int code = numeric_escape(reader);

	if (c == '\n' || (c == '\r' && peek(reader, 1) == '\n')) {
		skip_continuation(reader);
	} else if (letter != NULL) {
		text_add_bytes(&reader->buffer, &meanings[letter - letters], 1);
		reader->at++;
	} else if (code >= 0) {
		text_add_bytes(&reader->buffer, &(char){(char)code}, 1);
		reader->at += 3;
	} else {
		return err_set(reader->err, ERR_SYNTAX, "a backslash in this string begins no escape");
	}
	return true;
}

static bool
read_string(struct reader *reader)
{
	text_clear(&reader->buffer);
	reader->at++;
	while (reader->at < reader->end && *reader->at != '"') {
		char c = *reader->at;

		step(reader);
		if (c != '\\')
			text_add_bytes(&reader->buffer, &c, 1);
		else if (!read_escape(reader))
			return false;
	}
	if (reader->at == reader->end)
		return err_set(reader->err, ERR_SYNTAX, "this string is never closed");
	reader->at++;
	return append_text(reader, text_string(&reader->buffer), reader->buffer.length);
}

static bool
begins_line_string(const struct reader *reader)
{
	return peek(reader, 0) == '"' && peek(reader, 1) == '\\' &&
	       (peek(reader, 2) == '|' || peek(reader, 2) == '>');
}

/*
 * Lines that begin with "\| (with escapes) or "\> (as they are), one below the other, are one string of as
 * many lines.
 */
static bool
read_line_string(struct reader *reader)
{
	text_clear(&reader->buffer);
	for (;;) {
		bool escapes = peek(reader, 2) == '|';

		reader->at += peek(reader, 3) == ' ' ? 4 : 3;
		while (reader->at < reader->end && *reader->at != '\n') {
			char c = *reader->at++;

			if (c != '\\' || !escapes)
				text_add_bytes(&reader->buffer, &c, 1);
			else if (!read_escape(reader))
				return false;
		}
		skip_space(reader);
		if (!begins_line_string(reader))
			break;
		text_add(&reader->buffer, "\n");
	}
	return append_text(reader, text_string(&reader->buffer), reader->buffer.length);
}

static bool
read_expression(struct reader *reader)
{
	mark_place(reader);
	if (*reader->at == '(')
		return open_list(reader);
	if (*reader->at == ')')
		return close_list(reader);
	if (begins_line_string(reader))
		return read_line_string(reader);
	if (*reader->at == '"')
		return read_string(reader);
	return read_atom(reader);
}

static bool
read_all(struct reader *reader)
{
	for (;;) {
		skip_space(reader);
		if (reader->at == reader->end)
			break;
		if (!read_expression(reader))
			return false;
	}
	if (reader->depth == 0)
		return true;
	reader->place = reader->opened[reader->depth];
	return err_set(reader->err, ERR_SYNTAX, "this '(' is never closed");
}

bool
sexp_parse(struct arena *arena, const char *bytes, size_t length, const struct sexp **ret,
        struct place *ret_place, struct err *err)
{
	struct reader reader = {.arena = arena,
	        .at = bytes,
	        .end = bytes + length,
	        .line_start = bytes,
	        .line = 1,
	        .err = err};
	struct sexp *first = NULL;
	bool done;

	reader.tails[0] = &first;
	done = read_all(&reader);
	text_finish(&reader.buffer);
	if (done)
		*ret = first;
	else
		*ret_place = reader.place;
	return done;
}

bool
sexp_is(const struct sexp *sexp, const char *head)
{
	return sexp->text == NULL && sexp->first != NULL && sexp->first->text != NULL &&
	       strcmp(sexp->first->text, head) == 0;
}
