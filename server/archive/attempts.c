/*
 * The list of attempts. A value: no thread, no lock of its own.
 */
#include "server/archive/attempts.h"

#include <stdlib.h>

#include "storage/base/text.h"

void
attempts_add(struct attempts *attempts, const char *url, enum origin_result result, const char *detail)
{
	if (attempts->count == ATTEMPTS_MAX)
		return;
	attempts->items = xrealloc(attempts->items, (attempts->count + 1) * sizeof *attempts->items);
	attempts->items[attempts->count++] =
	        (struct attempt){.url = xstrdup(url), .result = result, .detail = xstrdup(detail)};
}

void
attempts_finish(struct attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++) {
		free(attempts->items[i].url);
		free(attempts->items[i].detail);
	}
	free(attempts->items);
	*attempts = (struct attempts){0};
}
