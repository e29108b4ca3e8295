/*
 * `larder verify`: every stored byte against its digest, and the index against the files. Main thread; the doing
 * is server/jobs/work_verify.c, here or in the daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/command.h"
#include "server/commands/daemon.h"
#include "server/jobs/json.h"

static void
show(void *context, const json_t *event)
{
	const struct invocation *invocation = context;
	const char *name = json_text_of(event, "event"), *digest = json_text_of(event, "digest");
	bool json = invocation_has(invocation, FLAG_JSON);

	if (strcmp(name, "lost") == 0)
		command_say("%s could not be fetched again: %s", digest, json_text_of(event, "why"));
	else if (strcmp(name, "wrong") == 0 && !json)
		printf("wrong %s: %s\n", digest, json_text_of(event, "what"));
	else if (strcmp(name, "repaired") == 0 && !json)
		printf("repaired %s\n", digest);
	fflush(stdout);
}

static void
print_summary(const struct invocation *invocation, const json_t *result)
{
	uint64_t wrong = json_array_size(json_object_get(result, "wrong")),
	         repaired = json_count_of(result, "repaired");

	printf("%" PRIu64 " right, %" PRIu64 " wrong or gone", json_count_of(result, "right"), wrong);
	if (invocation_has(invocation, FLAG_REPAIR))
		printf(", %" PRIu64 " of them repaired", repaired);
	printf("; index against files: %" PRIu64 " files adopted, %" PRIu64 " quarantined, %" PRIu64
	       " rows dropped\n",
	        json_count_of(result, "adopted"), json_count_of(result, "quarantined"),
	        json_count_of(result, "rows_dropped"));
	if (json_flag_of(result, "stopped"))
		command_say("stopped before the end: running it again looks at everything");
	else if (wrong > repaired)
		command_say("what is wrong is a miss from now on; `larder serve` fetches it when it is asked "
		            "for, `larder verify --repair` at once, `larder add FILE` stores it if you have "
		            "it");
}

static int
run(const struct invocation *invocation)
{
	struct undertaking verifying = {.kind = "verify",
	        .asked = json_pack("{s:b}", "repair", (int)invocation_has(invocation, FLAG_REPAIR)),
	        .show = show,
	        .context = (void *)(uintptr_t)invocation};
	json_t *result;
	int status = undertake(invocation, &verifying, &result);

	json_decref(verifying.asked);
	if (result == NULL)
		return status;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(result);
		return status;
	}
	print_summary(invocation, result);
	json_decref(result);
	return status;
}

const struct command command_verify = {
        .name = "verify",
        .arguments = "",
        .summary = "re-read the store: every byte against its digest, index against files",
        .help = "Reads every stored archive and compares it with its digests, then the index with the files. "
                "What\n"
                "is wrong is moved to quarantine/ in the store and is a miss from then on; --repair fetches "
                "it\n"
                "again. Exit status 1 when anything was wrong and is not repaired.\n",
        .flags = FLAG_JSON | FLAG_REPAIR,
        .run = run,
};
