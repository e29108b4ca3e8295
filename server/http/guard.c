/*
 * The guard. Runs on the worker's thread in the first call for each request, allocates nothing and must never
 * let through what two HTTP parsers could read in two ways.
 */
#include "server/http/guard.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* What the framing of the body and the routing depend on, counted over all fields. */
struct framing {
	size_t content_lengths, transfer_encodings, hosts;
	const struct guard_field *content_length, *transfer_encoding, *host;
};

static bool check_field(const struct guard_field *field, struct framing *framing, struct err *err);
static bool check_framing(
        const struct guard_request *request, const struct framing *framing, struct err *err);
static bool check_host(const struct guard_request *request, const struct framing *framing, struct err *err);

static bool
value_is(const struct guard_field *field, const char *value)
{
	return field->value_length == strlen(value) &&
	       strncasecmp(field->value, value, field->value_length) == 0;
}

static bool
is_reading(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

bool
guard_check(const struct guard_request *request, struct err *err)
{
	struct framing framing = {0};

	if (!guard_check_line(request, err))
		return false;
	if (request->count > GUARD_FIELDS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "more than %d header fields", GUARD_FIELDS_MAX);
	for (size_t i = 0; i < request->count; i++)
		if (!check_field(&request->fields[i], &framing, err))
			return false;
	return check_framing(request, &framing, err) && check_host(request, &framing, err);
}

/* RFC 9110, section 5.6.2. */
static bool
is_token(const char *string, size_t length)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < length; i++) {
		char c = string[i];
		char lower = (char)(c | 0x20);

		if ((lower >= 'a' && lower <= 'z') || c == '-' || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || strchr(others, c) == NULL)
			return false;
	}
	return length > 0;
}

bool
guard_check_line(const struct guard_request *request, struct err *err)
{
	const signed char *at; /* so that what is above ASCII is below it */

	if (!is_token(request->method, strlen(request->method)))
		return err_set(err, ERR_BAD_REQUEST, "the method is no token");
	if (strcmp(request->version, "HTTP/1.1") != 0 && strcmp(request->version, "HTTP/1.0") != 0)
		return err_set(err, ERR_BAD_REQUEST, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	if (request->target[0] != '/')
		return err_set(err, ERR_BAD_REQUEST, "the request target does not begin with /");
	for (at = (const signed char *)request->target; *at > ' ' && *at < 0x7f; at++)
		;
	return *at == '\0' ||
	       err_set(err, ERR_BAD_REQUEST, "the request target holds a character that no URL may");
}

enum guard_bytes
guard_check_bytes(const char *bytes, size_t length, struct err *err)
{
	const char *line = bytes, *const end = bytes + length, *newline;
	bool has_begun = false; /* empty lines before the first are skipped: RFC 9112, section 2.2 */

	for (; line < end; line = newline + 1) {
		size_t line_length;
		bool is_empty;

		newline = memchr(line, '\n', (size_t)(end - line));
		line_length = (size_t)((newline != NULL ? newline : end) - line);
		is_empty = line_length == 0 || (line_length == 1 && *line == '\r');
		if (memchr(line, '\0', line_length) != NULL)
			err_set(err, ERR_BAD_REQUEST, "a NUL byte in the header");
		else if (*line == ':')
			err_set(err, ERR_BAD_REQUEST, "a header field without a name");
		if (err->code != ERR_OK)
			return GUARD_UNCLEAN;
		if (newline == NULL)
			break;
		if (is_empty && has_begun)
			return GUARD_CLEAN;
		has_begun = has_begun || !is_empty;
	}
	return GUARD_UNFINISHED;
}

/*
 * Is this field the named one? A name that merely begins like it ("Content-Length ", "Content-Length-X") is
 * counted as an attempt to smuggle and refused by the caller.
 */
enum likeness { LIKE_NOT, LIKE_EXACT, LIKE_BEGINS };

static enum likeness
name_like(const struct guard_field *field, const char *name)
{
	size_t length = strlen(name);

	/* Most differ in the first letter already. */
	if (field->name_length < length || ((field->name[0] ^ name[0]) & ~0x20) != 0 ||
	        strncasecmp(field->name, name, length) != 0)
		return LIKE_NOT;
	return field->name_length == length ? LIKE_EXACT : LIKE_BEGINS;
}

static bool
check_characters(const struct guard_field *field, struct err *err)
{
	if (!is_token(field->name, field->name_length))
		return err_set(err, ERR_BAD_REQUEST, "the name of a header field is no token");
	for (size_t i = 0; i < field->value_length; i++) {
		unsigned char c = (unsigned char)field->value[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return err_set(err, ERR_BAD_REQUEST, "a header field holds a control character");
	}
	return true;
}

static bool
check_field(const struct guard_field *field, struct framing *framing, struct err *err)
{
	enum likeness length = name_like(field, "Content-Length");
	enum likeness encoding = name_like(field, "Transfer-Encoding");

	if (length == LIKE_BEGINS || encoding == LIKE_BEGINS)
		return err_set(err, ERR_BAD_REQUEST,
		        "a header field's name only begins with Content-Length or Transfer-Encoding");
	if (!check_characters(field, err))
		return false;
	if (length == LIKE_EXACT) {
		framing->content_lengths++;
		framing->content_length = field;
	}
	if (encoding == LIKE_EXACT) {
		framing->transfer_encodings++;
		framing->transfer_encoding = field;
	}
	if (name_like(field, "Host") == LIKE_EXACT) {
		framing->hosts++;
		framing->host = field;
	}
	return true;
}

/* Decimal digits and nothing else: no sign, no list, no space, nothing past 64 bits. */
static bool
is_length(const struct guard_field *field)
{
	for (size_t i = 0; i < field->value_length; i++)
		if (field->value[i] < '0' || field->value[i] > '9')
			return false;
	return field->value_length > 0 && field->value_length <= strlen("9223372036854775807") - 1;
}

static bool
check_framing(const struct guard_request *request, const struct framing *framing, struct err *err)
{
	if (framing->content_lengths + framing->transfer_encodings > 1)
		return err_set(err, ERR_BAD_REQUEST, "more than one Content-Length or Transfer-Encoding");
	if (framing->transfer_encodings == 1) {
		if (strcmp(request->version, "HTTP/1.0") == 0)
			return err_set(err, ERR_BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding");
		if (!value_is(framing->transfer_encoding, "chunked"))
			return err_set(err, ERR_BAD_REQUEST, "only the transfer coding chunked is known");
	}
	if (framing->content_lengths == 1 && !is_length(framing->content_length))
		return err_set(err, ERR_BAD_REQUEST, "the Content-Length is no number");
	if (!is_reading(request->method))
		return true;
	if (framing->transfer_encodings == 1 ||
	        (framing->content_lengths == 1 && !value_is(framing->content_length, "0")))
		return err_set(err, ERR_BAD_REQUEST, "GET and HEAD have no body here");
	return true;
}

static bool
check_host(const struct guard_request *request, const struct framing *framing, struct err *err)
{
	if (framing->hosts > 1)
		return err_set(err, ERR_BAD_REQUEST, "more than one Host");
	if (framing->hosts == 0 && strcmp(request->version, "HTTP/1.1") == 0)
		return err_set(err, ERR_BAD_REQUEST, "HTTP/1.1 without Host");
	for (size_t i = 0; framing->hosts == 1 && i < framing->host->value_length; i++)
		if (strchr(" \t/\\?#@,<>\"", framing->host->value[i]) != NULL)
			return err_set(err, ERR_BAD_REQUEST, "the Host is no host");
	return true;
}
