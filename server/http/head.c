/*
 * The head of a plain request. Any thread; pure functions over bytes of a client. Must never take for plain what another parser could read
 * in another way: lines end with CR LF and nothing else, and the guard sees every field.
 */
#include "server/http/head.h"

#include <string.h>
#include <strings.h>

#include "server/http/guard.h"
#include "storage/base/text.h"

#define VERSION  "HTTP/1.1"
#define LINE_END " " VERSION

/* What the fields of a head mean for its answer. */
enum field_kind { FIELD_ANY, FIELD_SPECIAL, FIELD_CONNECTION, FIELD_USER_AGENT, FIELD_FORWARDED_FOR };

static const struct {
	const char *name;
	size_t length;
	enum field_kind kind;
} known[] = {
#define FIELD(name, kind)                                                                                    \
	{                                                                                                    \
		(name), sizeof(name) - 1, (kind)                                                             \
	}
        FIELD("Range", FIELD_SPECIAL),
        FIELD("Expect", FIELD_SPECIAL),
        FIELD("Upgrade", FIELD_SPECIAL),
        FIELD("If-Range", FIELD_SPECIAL),
        FIELD("If-Match", FIELD_SPECIAL),
        FIELD("If-None-Match", FIELD_SPECIAL),
        FIELD("Content-Length", FIELD_SPECIAL),
        FIELD("Transfer-Encoding", FIELD_SPECIAL),
        FIELD("Connection", FIELD_CONNECTION),
        FIELD("User-Agent", FIELD_USER_AGENT),
        FIELD("X-Forwarded-For", FIELD_FORWARDED_FOR),
#undef FIELD
};

static enum field_kind
kind_of(const struct guard_field *field)
{
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (field->name_length == known[i].length &&
		        strncasecmp(field->name, known[i].name, known[i].length) == 0)
			return known[i].kind;
	return FIELD_ANY;
}

/* The line that begins at *at, terminated, and *at moved past its CR LF. NULL: there is no such line. */
static char *
take_line(char **at, const char *end, size_t *ret_length)
{
	char *line = *at;
	char *newline = memchr(line, '\n', (size_t)(end - line));

	if (newline == NULL || newline == line || newline[-1] != '\r')
		return NULL;
	newline[-1] = '\0';
	*ret_length = (size_t)(newline - 1 - line);
	*at = newline + 1;
	return line;
}

/* "GET /… HTTP/1.1": single spaces, nothing that has to be decoded or taken apart. */
static bool
parse_request_line(char *line, size_t length, struct head *ret)
{
	size_t method = text_starts_with(line, "GET ") ? 3 : text_starts_with(line, "HEAD ") ? 4 : 0;
	size_t line_end = sizeof LINE_END - 1;
	char *path = line + method + 1, *end;

	if (method == 0 || length <= method + 1 + line_end)
		return false;
	end = line + length - line_end;
	if (memcmp(end, LINE_END, line_end) != 0)
		return false;
	line[method] = '\0';
	*end = '\0';
	ret->method = method == 3 ? METHOD_GET : METHOD_HEAD;
	ret->path = path;
	return strlen(path) == (size_t)(end - path) && strchr(path, '?') == NULL && strchr(path, '#') == NULL;
}

/*
 * "Name: value", the value without the spaces before it; libmicrohttpd leaves those behind it to the guard, so such a field is not plain.
 * What the name may be is the guard's to say.
 */
static bool
parse_field(char *line, size_t length, struct guard_field *ret)
{
	char *colon = memchr(line, ':', length);
	char *value, *end = line + length;

	if (colon == NULL)
		return false;
	for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
		;
	if (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		return false;
	*ret = (struct guard_field){line, value, (size_t)(colon - line), (size_t)(end - value)};
	return true;
}

/* False: the field asks for more than a plain answer. */
static bool
note_field(const struct guard_field *field, struct head *ret)
{
	switch (kind_of(field)) {
	case FIELD_ANY:
		return true;
	case FIELD_SPECIAL:
		return false;
	case FIELD_CONNECTION:
		if (strcasecmp(field->value, "keep-alive") == 0)
			return true;
		ret->closes = strcasecmp(field->value, "close") == 0;
		return ret->closes;
	case FIELD_USER_AGENT:
		ret->user_agent = field->value;
		return true;
	case FIELD_FORWARDED_FOR: /* several are one list, which somebody else puts together */
		if (ret->forwarded_for != NULL)
			return false;
		ret->forwarded_for = field->value;
		return true;
	}
	return false;
}

/* All of them, to the empty line. */
static bool
parse_fields(char **at, const char *end, struct guard_request *request, struct guard_field *fields,
        struct head *ret)
{
	size_t length;
	char *line;

	while ((line = take_line(at, end, &length)) != NULL && length > 0) {
		struct guard_field *field = &fields[request->count];

		if (request->count == HEAD_FIELDS_MAX || !parse_field(line, length, field) ||
		        !note_field(field, ret))
			return false;
		request->count++;
	}
	return line != NULL;
}

/* --- fields that came before --- */

static const char *
moved(const char *string, const char *from, const char *to)
{
	return string != NULL ? to + (string - from) : NULL;
}

/* All that was written to them are the ends of the lines, and there was no such byte in them. */
static void
remember(struct head_memory *memory, const char *fields, size_t length, const struct head *found)
{
	if (length > HEAD_REMEMBERED_MAX)
		return;
	memcpy(memory->parsed, fields, length);
	for (size_t i = 0; i < length; i++)
		memory->sent[i] = fields[i] != '\0' ? fields[i] : '\r';
	memory->length = length;
	memory->found = (struct head){.closes = found->closes,
	        .user_agent = moved(found->user_agent, fields, memory->parsed),
	        .forwarded_for = moved(found->forwarded_for, fields, memory->parsed)};
}

/* The same bytes, to the empty line, mean the same. */
static bool
recall(const struct head_memory *memory, const char *fields, size_t length, struct head *ret)
{
	if (memory->length == 0 || length < memory->length ||
	        memcmp(memory->sent, fields, memory->length) != 0)
		return false;
	ret->user_agent = memory->found.user_agent;
	ret->forwarded_for = memory->found.forwarded_for;
	ret->closes = memory->found.closes;
	return true;
}

bool
head_is_plain(char *bytes, size_t length, struct head_memory *memory, struct head *ret)
{
	struct guard_field fields[HEAD_FIELDS_MAX];
	struct guard_request request = {.version = VERSION, .fields = fields};
	struct err err = ERR_NONE;
	char *at = bytes, *const end = bytes + length, *begin;
	size_t line_length;
	char *line = take_line(&at, end, &line_length);

	*ret = (struct head){.method = METHOD_OTHER};
	if (line == NULL || !parse_request_line(line, line_length, ret))
		return false;
	request.method = line;
	request.target = ret->path;
	if (recall(memory, at, (size_t)(end - at), ret)) {
		ret->length = (size_t)(at - bytes) + memory->length;
		return guard_check_line(&request, &err);
	}
	begin = at;
	if (!parse_fields(&at, end, &request, fields, ret) || !guard_check(&request, &err))
		return false;
	ret->length = (size_t)(at - bytes);
	remember(memory, begin, (size_t)(at - begin), ret);
	return true;
}
