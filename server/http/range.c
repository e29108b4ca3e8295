/*
 * Range. Any thread; pure functions over strings of the client, so nothing may overflow and nothing is
 * trusted.
 */
#include "server/http/range.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Digits into a number that stays at its largest value instead of wrapping. False: there is no digit. */
static bool
parse_position(const char **at, uint64_t *ret)
{
	const char *start = *at;
	uint64_t value = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		value = value > (UINT64_MAX - 9) / 10 ? UINT64_MAX : value * 10 + (uint64_t)(**at - '0');
	*ret = value;
	return *at != start;
}

/* "-500": the last 500 bytes. */
static enum range_answer
parse_suffix(const char *at, uint64_t size, struct range *ret)
{
	uint64_t length;

	if (!parse_position(&at, &length) || *at != '\0')
		return RANGE_ALL;
	if (length == 0)
		return RANGE_NOWHERE;
	if (size == 0)
		return RANGE_ALL; /* satisfiable, yet no Content-Range can say "nothing" */
	if (length > size)
		length = size;
	*ret = (struct range){.first = size - length, .length = length};
	return RANGE_PART;
}

enum range_answer
range_parse(const char *header, uint64_t size, struct range *ret)
{
	const char *at = header;
	uint64_t first, last;

	if (header == NULL || strncasecmp(header, "bytes=", strlen("bytes=")) != 0)
		return RANGE_ALL;
	at += strlen("bytes=");
	if (*at == '-')
		return parse_suffix(at + 1, size, ret);
	if (!parse_position(&at, &first) || *at != '-')
		return RANGE_ALL;
	at++;
	if (*at == '\0')
		last = UINT64_MAX;
	else if (!parse_position(&at, &last) || *at != '\0' || last < first)
		return RANGE_ALL;
	if (first >= size)
		return RANGE_NOWHERE;
	if (last >= size)
		last = size - 1;
	*ret = (struct range){.first = first, .length = last - first + 1};
	return RANGE_PART;
}

void
range_content(const struct range *range, uint64_t size, char ret[RANGE_TEXT_MAX])
{
	if (range == NULL)
		snprintf(ret, RANGE_TEXT_MAX, "bytes */%" PRIu64, size);
	else
		snprintf(ret, RANGE_TEXT_MAX, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
		        range->first + range->length - 1, size);
}
