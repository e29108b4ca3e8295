/*
 * Any lines as the heads of an origin's answers: what is read of them is in bounds, terminated, and fit to be shown and to be reckoned with.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/upstream/head.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check_validator(const char *validator)
{
	if (strlen(validator) > HEAD_VALIDATOR_MAX)
		abort();
	for (const char *at = validator; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			abort();
}

static void
check(const struct head *head)
{
	const int64_t year_ms = 365 * 24 * INT64_C(3600) * 1000;
	int64_t pause_ms = head_retry_after(head, 784111777 * INT64_C(1000));
	char text[HEAD_RANGE_TEXT_MAX];

	check_validator(head->etag);
	check_validator(head->modified);
	head_range_text(head, text);
	if (head->status < 0 || head->status > 999 || pause_ms < -1 || pause_ms > year_ms ||
	        head_whole(head) < -1)
		abort();
	if (head->has_range && (head->ranges != 1 || head->first > head->last))
		abort();
	if (head->has_range && head->has_total && head->last >= head->total)
		abort();
	if (head_etag_is_strong(head->etag) && head->etag[0] != '"')
		abort();
	if (head_size(head) != 0 && (head->has_coding || !head->has_length))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct head head;
	size_t at = 0;

	head_begin(&head);
	while (at < length) {
		const uint8_t *end = memchr(bytes + at, '\n', length - at);
		size_t line_length = end != NULL ? (size_t)(end - (bytes + at)) + 1 : length - at;
		/* A block of its own: whatever reads past it is seen. */
		AUTO_FREE char *line = xmalloc(line_length);

		memcpy(line, bytes + at, line_length);
		if (head_add(&head, line, line_length) == HEAD_TOO_LARGE && head.bytes <= HEAD_BYTES_MAX)
			abort();
		check(&head);
		at += line_length;
	}
	return 0;
}
