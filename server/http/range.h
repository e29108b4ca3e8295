/*
 * Range: which part of an archive is asked for (RFC 9110, section 14). Pure functions.
 */
#ifndef SERVER_HTTP_RANGE_H
#define SERVER_HTTP_RANGE_H

#include <stdint.h>

struct range {
	uint64_t first, length; /* length is at least 1 */
};

/*
 * RANGE_ALL: no Range, or one that is not honoured (several ranges, another unit, malformed), which section
 * 14.2 allows: send everything. RANGE_NOWHERE: well-formed, but nothing of it lies inside: 416.
 */
enum range_answer { RANGE_ALL, RANGE_PART, RANGE_NOWHERE };

/* header may be NULL. Sets *ret for RANGE_PART only. */
enum range_answer range_parse(const char *header, uint64_t size, struct range *ret);

#define RANGE_TEXT_MAX 80
/* "bytes 0-4/10"; with an asterisk in place of the positions, as 416 has it, where range is NULL. */
void range_content(const struct range *range, uint64_t size, char ret[RANGE_TEXT_MAX]);

#endif
