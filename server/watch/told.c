/*
 * The comparison. Pure; any thread.
 */
#include "server/watch/told.h"

#include <string.h>

static enum told_answer
compare_texts(const char *a, const char *b)
{
	if (a[0] == '\0' || b[0] == '\0')
		return TOLD_NOTHING;
	return strcmp(a, b) == 0 ? TOLD_AGREES : TOLD_MOVED;
}

static enum told_answer
compare_lengths(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return TOLD_NOTHING;
	return a == b ? TOLD_AGREES : TOLD_MOVED;
}

enum told_answer
told_compare(const struct told *told, const struct told *known, int64_t stored_bytes)
{
	const enum told_answer answers[] = {
	        compare_lengths(told->length, stored_bytes),
	        compare_lengths(told->length, known->length),
	        compare_texts(told->etag, known->etag),
	        compare_texts(told->modified, known->modified),
	};
	enum told_answer all = TOLD_NOTHING;

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		if (answers[i] == TOLD_MOVED)
			return TOLD_MOVED;
		if (answers[i] == TOLD_AGREES)
			all = TOLD_AGREES;
	}
	return all;
}
