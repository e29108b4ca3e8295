/*
 * `larder add`: local files into the store, by this process or by the daemon that serves it. A line "stored …"
 * is written only when the archive would survive a power cut. Main thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/commands/carrier.h"
#include "server/commands/command.h"
#include "server/commands/daemon.h"
#include "server/jobs/json.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

struct adding {
	struct giving giving;
	struct carrier *carrier;
	/*
	 * Without a daemon the store is written; beside one its index is read where the catalog matters, and else
	 * nothing of it.
	 */
	struct larder larder;
	struct client *client; /* NULL: no daemon */
};

/* --- what goes in --- */

static void
take_delivery(void *context, const struct delivery *delivery)
{
	struct giving *giving = context;

	switch (delivery->end) {
	case GIFT_STORED:
	case GIFT_KNOWN:
		giving_acknowledge(giving, &delivery->gift, delivery->end);
		return;
	case GIFT_REFUSED:
		if (delivery->err.code != ERR_CANCELLED)
			giving_refuse(giving, delivery->gift.path, &delivery->err);
		progress_step(&giving->progress, delivery->gift.size_bytes);
		return;
	}
}

/* With --wanted: whether the catalog names this file. Reads all of it. */
static bool
passes_wanted(struct adding *adding, int fd, bool *ret, struct err *err)
{
	struct digests digests;
	uint64_t size_bytes;

	*ret = true;
	if (!invocation_has(adding->giving.invocation, FLAG_WANTED))
		return true;
	return digest_file(fd, &digests, &size_bytes, err) &&
	       catalog_lists(store_catalog(adding->larder.store), &digests, ret, err);
}

static void
add_file(void *context, const char *path, int fd, uint64_t size_bytes)
{
	struct adding *adding = context;
	struct gift gift = {.size_bytes = size_bytes};
	struct err err = ERR_NONE;
	AUTO_FD file = fd;
	bool wanted;

	if (!passes_wanted(adding, file, &wanted, &err)) {
		giving_refuse(&adding->giving, path, &err);
		return;
	}
	if (!wanted) {
		adding->giving.not_wanted++;
		return;
	}
	gift.path = xstrdup(path);
	adding->carrier->send(adding->carrier, &gift, take_fd(&file));
	carrier_drain(adding->carrier, adding->carrier->window - 1, take_delivery, &adding->giving);
}

/* --- the end --- */

static void
say_summary(const struct giving *giving)
{
	const bool quiet = invocation_has(giving->invocation, FLAG_QUIET);
	char bytes[TEXT_SIZE_MAX];

	text_size(giving->stored_bytes, bytes);
	for (size_t i = 0; i < giving->refused.count; i++)
		command_say("not stored: %s: %s", giving->refused.paths[i], giving->refused.reasons[i]);
	for (size_t i = 0; i < giving->passed.count && !quiet; i++)
		command_say("passed over: %s: %s", giving->passed.paths[i], giving->passed.reasons[i]);
	if (!quiet)
		command_say("%" PRIu64 " stored (%s), %" PRIu64 " known before, %zu refused%s",
		        giving->stored, bytes, giving->known, giving->refused.count,
		        giving->not_wanted > 0 ? "; files that the catalog does not name were passed over"
		                               : "");
	if (giving->stopped)
		command_say(
		        "stopped before the end: what is listed as stored is safe; running it again goes on");
}

/* Who is going to store: the daemon, or this process. */
static int
open_store(struct adding *adding, const struct invocation *invocation)
{
	struct err err = ERR_NONE;
	int status = EXIT_DONE;

	switch (daemon_find(invocation->config, &adding->client, &err)) {
	case DAEMON_THERE:
		if (invocation_has(invocation, FLAG_WANTED))
			status = command_start(invocation, LARDER_STORE_READ, &adding->larder);
		return status;
	case DAEMON_NONE:
		return command_start(invocation, LARDER_STORE_WRITE, &adding->larder);
	case DAEMON_FAILED:
		break;
	}
	return command_fail(&err);
}

static void
add_all(struct adding *adding)
{
	adding->carrier = adding->client != NULL ? carrier_to_daemon(&adding->giving, adding->client)
	                                         : carrier_to_store(&adding->giving, &adding->larder);
	giving_walk(&adding->giving, add_file, adding);
	carrier_drain(adding->carrier, 0, take_delivery, &adding->giving);
	adding->carrier->close(adding->carrier);
	progress_clear(&adding->giving.progress);
}

static int
run(const struct invocation *invocation)
{
	struct adding adding = {.client = NULL};
	int status = open_store(&adding, invocation);

	if (status == EXIT_DONE) {
		giving_begin(&adding.giving, invocation);
		add_all(&adding);
		say_summary(&adding.giving);
		if (invocation_has(invocation, FLAG_JSON))
			json_print(giving_json(&adding.giving));
		status = adding.giving.status;
		giving_finish(&adding.giving);
		if (adding.larder.store != NULL)
			larder_stop(&adding.larder, 0);
	}
	client_destroy(adding.client);
	return status;
}

const struct command command_add = {
        .name = "add",
        .arguments = "PATH...",
        .summary = "store local archives: files, or trees of them",
        .help = "Stores files, and all files below directories. Of a directory laid out as opam's download "
                "cache\n"
                "(~/.opam/download-cache) or by `opam admin cache` only the archives are taken. A line "
                "`stored\n"
                "sha256:<hex> PATH` is printed once the archive would survive a power cut, `known` for what "
                "was\n"
                "there already. A file that is called by a digest and does not have it is refused. What "
                "cannot\n"
                "be stored is named at the end, the rest goes on; exit status 1 then. Sockets, devices and "
                "links\n"
                "to directories are passed over, and named. Where a daemon serves the store, it does the\n"
                "storing. --wanted: only what the catalog names.\n",
        .flags = FLAG_JSON | FLAG_WANTED,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
