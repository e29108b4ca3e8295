/*
 * Reads header lines that an origin sends; called by libcurl on the fetcher's thread, a line at a time,
 * already split and bounded by it. Must never trust a line: it is neither terminated nor clean.
 */
#include "server/upstream/head.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "storage/base/text.h"

#define RETRY_AFTER_MAX_S (365 * 24 * 3600)

void
head_begin(struct head *head)
{
	*head = (struct head){0};
}

/* "HTTP/1.1 200 OK": begins an answer; what the one before said is forgotten, but not how long it was. */
static void
begin_answer(struct head *head, const char *line, size_t length)
{
	size_t bytes = head->bytes;
	const char *space = memchr(line, ' ', length);

	*head = (struct head){.bytes = bytes};
	if (space == NULL || space + 4 > line + length)
		return;
	for (int i = 1; i <= 3; i++) {
		if (!isdigit((unsigned char)space[i]))
			return;
		head->status = 10 * head->status + (space[i] - '0');
	}
}

/*
 * The value of a field in ret, without the space around it; false when the line is another field. Longer
 * values are cut.
 */
static bool
field_value(const char *line, size_t length, const char *name, char *ret, size_t size)
{
	size_t begin = strlen(name);

	if (length <= begin || strncasecmp(line, name, begin) != 0 || line[begin] != ':')
		return false;
	begin++;
	while (begin < length && isspace((unsigned char)line[begin]))
		begin++;
	while (length > begin && isspace((unsigned char)line[length - 1]))
		length--;
	length -= begin;
	if (length > size - 1)
		length = size - 1;
	memcpy(ret, line + begin, length);
	ret[length] = '\0';
	return true;
}

static enum head_fault
add_length(struct head *head, const char *value)
{
	uint64_t bytes;

	if (!text_parse_number(value, &bytes))
		return HEAD_BAD_LENGTH;
	if (head->has_length && head->length != bytes)
		return HEAD_BAD_LENGTH;
	head->has_length = true;
	head->length = bytes;
	return HEAD_FINE;
}

/* It may be sent back, and is shown to people: printable characters, and not cut. */
static void
keep_validator(const char *value, char ret[HEAD_VALIDATOR_MAX + 1])
{
	size_t length = strlen(value);

	ret[0] = '\0';
	if (length > HEAD_VALIDATOR_MAX)
		return;
	for (size_t i = 0; i < length; i++)
		if (value[i] < ' ' || value[i] > '~')
			return;
	memcpy(ret, value, length + 1);
}

/* Digits up to the character that ends them; NULL: there are none, or too many. */
static const char *
read_number(const char *at, char end, uint64_t *ret)
{
	size_t digits = strspn(at, "0123456789");
	char number[24];

	if (digits == 0 || digits >= sizeof number || at[digits] != end)
		return NULL;
	memcpy(number, at, digits);
	number[digits] = '\0';
	return text_parse_number(number, ret) ? at + digits + (end != '\0') : NULL;
}

/* "bytes 0-499/1234", with a star for a total that it does not know (RFC 9110, section 14.4). */
static bool
read_range(struct head *head, const char *value)
{
	const char *at = value;

	if (strncasecmp(at, "bytes ", 6) != 0)
		return false;
	at = read_number(at + 6, '-', &head->first);
	if (at == NULL)
		return false;
	at = read_number(at, '/', &head->last);
	if (at == NULL || head->last < head->first)
		return false;
	if (strcmp(at, "*") == 0)
		return true;
	head->has_total = true;
	return read_number(at, '\0', &head->total) != NULL && head->last < head->total;
}

/* Of two neither counts. */
static void
add_range(struct head *head, const char *value)
{
	head->has_range = head->ranges == 0 && read_range(head, value);
	head->ranges++;
}

static enum head_fault
add_field(struct head *head, const char *line, size_t length)
{
	char value[64], longer[HEAD_VALIDATOR_MAX + 2];

	if (field_value(line, length, "Content-Length", value, sizeof value))
		return add_length(head, value);
	if (field_value(line, length, "Content-Encoding", value, sizeof value))
		return value[0] == '\0' || strcasecmp(value, "identity") == 0 ? HEAD_FINE : HEAD_ENCODED;
	if (field_value(line, length, "Transfer-Encoding", value, sizeof value))
		head->has_coding = true;
	else if (field_value(line, length, "Retry-After", value, sizeof value))
		memcpy(head->retry_after, value, sizeof head->retry_after);
	else if (field_value(line, length, "Content-Range", longer, sizeof longer))
		add_range(head, longer);
	else if (field_value(line, length, "ETag", longer, sizeof longer))
		keep_validator(longer, head->etag);
	else if (field_value(line, length, "Last-Modified", longer, sizeof longer))
		keep_validator(longer, head->modified);
	return HEAD_FINE;
}

enum head_fault
head_add(struct head *head, const char *line, size_t length)
{
	head->bytes += length;
	if (head->bytes > HEAD_BYTES_MAX)
		return HEAD_TOO_LARGE;
	if (head->complete && (head->status == 200 || head->status == 206))
		return HEAD_FINE;
	if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		begin_answer(head, line, length);
		return HEAD_FINE;
	}
	if (head->complete)
		return HEAD_FINE;
	if (length == 0 || line[0] == '\r' || line[0] == '\n') {
		head->complete = true;
		return HEAD_FINE;
	}
	return add_field(head, line, length);
}

uint64_t
head_size(const struct head *head)
{
	return head->has_length && !head->has_coding ? head->length : 0;
}

int64_t
head_whole(const struct head *head)
{
	if (head->status == 206)
		return head->has_range && head->has_total ? (int64_t)head->total : -1;
	return head->has_length && !head->has_coding ? (int64_t)head->length : -1;
}

void
head_range_text(const struct head *head, char ret[HEAD_RANGE_TEXT_MAX])
{
	if (!head->has_range)
		snprintf(ret, HEAD_RANGE_TEXT_MAX, "no range");
	else if (head->has_total)
		snprintf(ret, HEAD_RANGE_TEXT_MAX, "bytes %llu-%llu/%llu", (unsigned long long)head->first,
		        (unsigned long long)head->last, (unsigned long long)head->total);
	else
		snprintf(ret, HEAD_RANGE_TEXT_MAX, "bytes %llu-%llu", (unsigned long long)head->first,
		        (unsigned long long)head->last);
}

bool
head_etag_is_strong(const char *etag)
{
	size_t length = strlen(etag);

	return length >= 2 && etag[0] == '"' && etag[length - 1] == '"';
}

int64_t
head_retry_after(const struct head *head, int64_t wall_now_ms)
{
	const char *value = head->retry_after;
	size_t digits = strspn(value, "0123456789");
	uint64_t seconds;
	int64_t date_s;

	if (digits > 0 && value[digits] == '\0') {
		if (!text_parse_number(value, &seconds) || seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
		return (int64_t)seconds * 1000;
	}
	date_s = value[0] == '\0' ? -1 : (int64_t)curl_getdate(value, NULL);
	if (date_s < 0)
		return -1;
	if (date_s - wall_now_ms / 1000 > RETRY_AFTER_MAX_S)
		date_s = wall_now_ms / 1000 + RETRY_AFTER_MAX_S;
	return date_s * 1000 <= wall_now_ms ? 0 : date_s * 1000 - wall_now_ms;
}
