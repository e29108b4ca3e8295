/*
 * The head of a plain request. Any thread; pure functions over bytes of a client. Must never take for plain what another parser could read
 * in another way: lines end with CR LF and nothing else, and the guard sees every field.
 */
#include "server/http/head.h"

#include <string.h>
#include <strings.h>

#include "server/http/guard.h"
#include "server/http/router.h"
#include "storage/base/text.h"

#define VERSION  "HTTP/1.1"
#define LINE_END " " VERSION
#define CR_LF    "\r\n"
#define HASH_AT  24 /* of the line's bytes: within the hash, however the path is written */
/* Knuth, The Art of Computer Programming, 6.4: 2^64 by the golden ratio. */
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

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
	size_t line_end = strlen(LINE_END);
	char *path = line + method + 1, *end;

	if (method == 0 || length <= method + 1 + line_end)
		return false;
	end = line + length - line_end;
	if (memcmp(end, LINE_END, line_end) != 0)
		return false;
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

/* --- what came before --- */

static const char *
moved(const char *string, const char *from, const char *to)
{
	return string != NULL ? to + (string - from) : NULL;
}

/* All that was written to them are the ends of the lines, and there was no such byte in them. */
static void
remember_fields(struct head_memory *memory, const char *fields, size_t length, const struct head *found)
{
	if (memory == NULL || length > HEAD_REMEMBERED_MAX)
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
recall_fields(const struct head_memory *memory, const char *fields, size_t length, struct head *ret)
{
	if (memory == NULL || memory->length == 0 || length < memory->length ||
	        memcmp(memory->sent, fields, memory->length) != 0)
		return false;
	ret->user_agent = memory->found.user_agent;
	ret->forwarded_for = memory->found.forwarded_for;
	ret->closes = memory->found.closes;
	return true;
}

/* Where the line has its place, if it has one. */
static struct head_line *
place_of(struct head_memory *memory, const char *line, size_t length)
{
	uint64_t digits;

	if (memory == NULL || length < HASH_AT + sizeof digits)
		return NULL;
	memcpy(&digits, line + HASH_AT, sizeof digits);
	return &memory->lines[digits * HASH_FACTOR / (UINT64_MAX / HEAD_LINES + 1)];
}

/* The line that was taken apart, put together again. */
static void
remember_line(struct head_line *place, const struct head *head)
{
	const char *method = head->method == METHOD_GET ? "GET " : "HEAD ";
	size_t method_length = strlen(method), path_length = strlen(head->path);
	char *at = place->sent;

	if (method_length + path_length + strlen(LINE_END CR_LF) > HEAD_LINE_MAX)
		return;
	at = mempcpy(at, method, method_length);
	at = mempcpy(at, head->path, path_length);
	at = mempcpy(at, LINE_END CR_LF, strlen(LINE_END CR_LF));
	place->length = (size_t)(at - place->sent);
	place->method = head->method;
	place->digest = head->digest;
}

static bool
recall_line(const struct head_line *place, char *line, size_t length, struct head *ret)
{
	if (place == NULL || place->length == 0 || length < place->length ||
	        memcmp(place->sent, line, place->length) != 0)
		return false;
	ret->method = place->method;
	ret->path = line + (place->method == METHOD_GET ? strlen("GET ") : strlen("HEAD "));
	line[place->length - strlen(LINE_END CR_LF)] = '\0';
	ret->is_archive = true;
	ret->digest = place->digest;
	return true;
}

/* --- the head --- */

static struct guard_request
to_guard(const struct head *head)
{
	return (struct guard_request){.method = head->method == METHOD_GET ? "GET" : "HEAD",
	        .target = head->path,
	        .version = VERSION};
}

static bool
read_line(char **at, const char *end, struct head *ret)
{
	struct err err = ERR_NONE;
	struct guard_request request;
	size_t length;
	char *line = take_line(at, end, &length);

	if (line == NULL || !parse_request_line(line, length, ret))
		return false;
	request = to_guard(ret);
	if (!guard_check_line(&request, &err))
		return false;
	ret->is_archive = path_parse(ret->path, &ret->digest, &err) == PATH_ARCHIVE;
	return true;
}

static bool
read_fields(char **at, const char *end, struct head *ret)
{
	struct guard_field fields[HEAD_FIELDS_MAX];
	struct guard_request request = to_guard(ret);
	struct err err = ERR_NONE;

	request.fields = fields;
	return parse_fields(at, end, &request, fields, ret) && guard_check(&request, &err);
}

bool
head_is_plain(char *bytes, size_t length, struct head_memory *memory, struct head *ret)
{
	struct head_line *place = place_of(memory, bytes, length);
	char *const end = bytes + length, *fields = bytes, *at;

	*ret = (struct head){.method = METHOD_OTHER};
	if (recall_line(place, bytes, length, ret)) {
		fields += place->length;
		place = NULL; /* it is there already */
	} else if (!read_line(&fields, end, ret)) {
		return false;
	}
	at = fields;
	if (recall_fields(memory, fields, (size_t)(end - fields), ret)) {
		at += memory->length;
	} else {
		if (!read_fields(&at, end, ret))
			return false;
		remember_fields(memory, fields, (size_t)(at - fields), ret);
	}
	ret->length = (size_t)(at - bytes);
	if (place != NULL && ret->is_archive)
		remember_line(place, ret);
	return true;
}
