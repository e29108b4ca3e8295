/*
 * The kinds of work there are, and the exit status each result comes to. Pure.
 */
#include "server/jobs/work.h"

#include <string.h>

#include "server/jobs/json.h"

/* Of a command, as server/commands/command.h has them. */
enum status { STATUS_DONE = 0, STATUS_MISSING = 1, STATUS_FAILED = 3 };

static int
fetch_status(const json_t *result)
{
	uint64_t there =
	        json_count_of(result, "present") + json_array_size(json_object_get(result, "stored"));

	if (json_flag_of(result, "stopped"))
		return STATUS_FAILED;
	return there < json_count_of(result, "named") ? STATUS_MISSING : STATUS_DONE;
}

static int
import_status(const json_t *result)
{
	if (json_object_get(result, "error") != NULL)
		return (int)json_count_of(result, "exit_status");
	return json_count_of(result, "problems_total") > 0 ? STATUS_MISSING : STATUS_DONE;
}

static int
verify_status(const json_t *result)
{
	uint64_t wrong = json_array_size(json_object_get(result, "wrong"));

	if (json_flag_of(result, "stopped"))
		return STATUS_FAILED;
	return wrong > json_count_of(result, "repaired") || json_count_of(result, "quarantined") > 0
	               ? STATUS_MISSING
	               : STATUS_DONE;
}

static const struct work_kind kinds[] = {
        {"fetch", work_fetch, LARDER_FETCHING, fetch_status},
        {"import", work_import, LARDER_FETCHING, import_status},
        {"verify", work_verify, LARDER_FETCHING, verify_status},
};

const struct work_kind *
work_kind_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}
