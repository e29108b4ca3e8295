/*
 * `larder pin` and `larder unpin`: archives that stay, whatever the store's size is. Main thread.
 */
#include <stdio.h>

#include "server/commands/digest_acts.h"

#define PINS "/api/v1/pins"

static void
show(void *context, const json_t *answer)
{
	char text[DIGEST_TEXT_MAX];

	(void)context;
	digest_acts_text(answer, text);
	printf("%s %s\n", json_is_true(json_object_get(answer, "pinned")) ? "pinned" : "unpinned", text);
}

static int
run_pin(const struct invocation *invocation)
{
	static const struct digest_act pinning = {
	        .method = "PUT", .path = PINS, .manage = manage_pin, .shown = show};

	return digest_acts(invocation, &pinning);
}

static int
run_unpin(const struct invocation *invocation)
{
	static const struct digest_act unpinning = {
	        .method = "DELETE", .path = PINS, .manage = manage_unpin, .shown = show};

	return digest_acts(invocation, &unpinning);
}

const struct command command_pin = {
        .name = "pin",
        .arguments = "DIGEST...",
        .summary = "keep archives whatever the store's size is",
        .help = "The archives with these digests are never evicted to make room for others (space.max_size). "
                "They\n"
                "have to be stored. Beside a running daemon it is the daemon that does it.\n",
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run_pin,
};

const struct command command_unpin = {
        .name = "unpin",
        .arguments = "DIGEST...",
        .summary = "take pins back",
        .help = "The archives with these digests are again kept and evicted as all others.\n",
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run_unpin,
};
