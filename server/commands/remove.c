/*
 * `larder remove`: archives that shall not be kept, nor fetched again; and `--forget`, which allows it again.
 * Main thread.
 */
#include <stdio.h>

#include "server/commands/digest_acts.h"
#include "storage/base/text.h"

static void
show_removed(void *context, const json_t *answer)
{
	char text[DIGEST_TEXT_MAX], size[TEXT_SIZE_MAX];

	(void)context;
	digest_acts_text(answer, text);
	text_size((uint64_t)json_integer_value(json_object_get(answer, "size")), size);
	if (json_is_true(json_object_get(answer, "removed")))
		printf("removed %s (%s)\n", text, size);
	else
		printf("removed %s (it was not stored, and will not be fetched)\n", text);
}

static void
show_forgotten(void *context, const json_t *answer)
{
	char text[DIGEST_TEXT_MAX];

	(void)context;
	digest_acts_text(answer, text);
	printf("forgotten %s\n", text);
}

static int
run(const struct invocation *invocation)
{
	static const struct digest_act removing = {
	        .method = "DELETE", .path = "", .manage = manage_remove, .shown = show_removed};
	static const struct digest_act forgetting = {.method = "DELETE",
	        .path = "/api/v1/tombstones",
	        .manage = manage_forget,
	        .shown = show_forgotten};

	return digest_acts(invocation, invocation_has(invocation, FLAG_FORGET) ? &forgetting : &removing);
}

const struct command command_remove = {
        .name = "remove",
        .arguments = "DIGEST...",
        .summary = "delete archives, and do not fetch them again",
        .help = "Deletes the archives with these digests and remembers that somebody wanted it so: they are "
                "not\n"
                "fetched again, and whoever asks is told that they were removed. An upload or `larder add` "
                "brings\n"
                "one back. Beside a running daemon it is the daemon that does it.\n"
                "\n"
                "  --forget   do not delete anything: forget that these were removed, so that they may be "
                "fetched\n",
        .flags = FLAG_FORGET,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
