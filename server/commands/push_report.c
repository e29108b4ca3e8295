/*
 * Reads a report of another larder, which may be of another version or no larder at all: what is not understood is passed
 * over. Any thread.
 */
#include "server/commands/push_report.h"

#include <string.h>

#include "storage/base/text.h"

static enum offer_state
state_of(const json_t *entry)
{
	const char *state = json_string_value(json_object_get(entry, "state"));

	if (state == NULL || strcmp(state, "unknown") == 0)
		return OFFER_UNNAMED;
	return strcmp(state, "removed") == 0 ? OFFER_REMOVED : OFFER_NAMED;
}

bool
push_report_read(const json_t *report, push_report_fn *lacks, void *context)
{
	const json_t *missing = json_object_get(report, "missing"), *entry;
	size_t i;

	if (!json_is_array(missing))
		return false;
	json_array_foreach (missing, i, entry) {
		const json_t *digests = json_object_get(entry, "digests");
		const char *hex = json_string_value(json_object_get(digests, "sha256"));
		uint8_t sha256[32];

		if (hex != NULL && text_unhex(hex, sha256, sizeof sha256))
			lacks(context, sha256, state_of(entry));
	}
	return true;
}
