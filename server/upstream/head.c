/*
 * Reads header lines that an origin sends; called by libcurl on the fetcher's thread, a line at a time,
 * already split and bounded by it. Must never trust a line: it is neither terminated nor clean.
 */
#include "server/upstream/head.h"

#include <ctype.h>
#include <curl/curl.h>
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

static enum head_fault
add_field(struct head *head, const char *line, size_t length)
{
	char value[64];

	if (field_value(line, length, "Content-Length", value, sizeof value))
		return add_length(head, value);
	if (field_value(line, length, "Content-Encoding", value, sizeof value))
		return value[0] == '\0' || strcasecmp(value, "identity") == 0 ? HEAD_FINE : HEAD_ENCODED;
	if (field_value(line, length, "Transfer-Encoding", value, sizeof value))
		head->has_coding = true;
	else if (field_value(line, length, "Retry-After", value, sizeof value))
		memcpy(head->retry_after, value, sizeof head->retry_after);
	return HEAD_FINE;
}

enum head_fault
head_add(struct head *head, const char *line, size_t length)
{
	head->bytes += length;
	if (head->bytes > HEAD_BYTES_MAX)
		return HEAD_TOO_LARGE;
	if (head->complete && head->status == 200)
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
