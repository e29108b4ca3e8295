/*
 * Text for those who read it in another way: logs and terminals, JSON, HTML, URLs. Any thread; pure functions. Whatever comes in, nothing
 * goes out that would end the place it is put into.
 */
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

/* Length in bytes of the well-formed UTF-8 sequence at the start (RFC 3629), 0 when it is none. */
static size_t
utf8_length(const unsigned char *at)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (at[0] >= 0xf5 || (at[0] >= 0x80 && at[0] < 0xc2))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f))
		return 0;
	if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

typedef size_t escape_fn(unsigned char c, size_t utf8, char ret[8]);

static size_t
escape_log(unsigned char c, size_t utf8, char ret[8])
{
	if (utf8 > 0 && c >= 0x20 && c != 0x7f && c != '\\')
		return 0;
	return (size_t)snprintf(ret, 8, "\\x%02x", c);
}

static size_t
escape_unprintable(unsigned char c, size_t utf8, char ret[8])
{
	return c == '\\' ? 0 : escape_log(c, utf8, ret);
}

static size_t
escape_json(unsigned char c, size_t utf8, char ret[8])
{
	if (utf8 == 0)
		return (size_t)snprintf(ret, 8, "\\ufffd");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(ret, 8, "\\%c", c);
	if (c < 0x20 || c == 0x7f)
		return (size_t)snprintf(ret, 8, "\\u%04x", c);
	return 0;
}

/* How many bytes at the start stay as they are wherever they are escaped; at most max. */
static size_t
plain_length(const unsigned char *at, size_t max)
{
	size_t length = 0;

	while (length < max && at[length] >= ' ' && at[length] < 0x7f && at[length] != '"' &&
	        at[length] != '\\')
		length++;
	return length;
}

static void
escape_with(escape_fn *escape, const char *string, char *ret, size_t size)
{
	const unsigned char *at = (const unsigned char *)string;
	size_t used = plain_length(at, size - 1);
	char escaped[8];

	memcpy(ret, at, used);
	at += used;
	while (*at != '\0') {
		size_t utf8 = utf8_length(at);
		size_t length = escape(*at, utf8, escaped);
		size_t step = utf8 > 0 ? utf8 : 1;

		if (used + (length > 0 ? length : step) + 1 > size)
			break;
		if (length > 0)
			memcpy(ret + used, escaped, length);
		else
			memcpy(ret + used, at, step);
		used += length > 0 ? length : step;
		at += step;
	}
	ret[used] = '\0';
}

void
text_escape(const char *string, char *ret, size_t size)
{
	escape_with(escape_log, string, ret, size);
}

void
text_printable(const char *string, char *ret, size_t size)
{
	escape_with(escape_unprintable, string, ret, size);
}

void
text_json_escape(const char *string, char *ret, size_t size)
{
	escape_with(escape_json, string, ret, size);
}

void
text_add_percent(struct text *text, const char *string)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	for (; *string != '\0'; string++)
		if (strchr(plain, *string) != NULL)
			text_add_bytes(text, string, 1);
		else
			text_addf(text, "%%%02X", (unsigned)(unsigned char)*string);
}

void
text_add_html(struct text *text, const char *string)
{
	for (; *string != '\0'; string++) {
		switch (*string) {
		case '&':
			text_add(text, "&amp;");
			break;
		case '<':
			text_add(text, "&lt;");
			break;
		case '>':
			text_add(text, "&gt;");
			break;
		case '"':
			text_add(text, "&quot;");
			break;
		case '\'':
			text_add(text, "&#39;");
			break;
		default:
			text_add_bytes(text, string, 1);
		}
	}
}
