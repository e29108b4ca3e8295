/*
 * `larder get`: one archive out of the store, proven before its last byte is written. Main thread, read-only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "server/commands/copy.h"
#include "server/jobs/wants.h"
#include "server/signals.h"

/* The archive called by this text, open and known to be right. */
static bool
open_proven(struct store *store, const char *text, struct blob *ret, struct err *err)
{
	struct digest digest;

	if (!digest_parse_text(text, &digest, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "%.100s", text);
	}
	switch (store_find(store, &digest, ret, err)) {
	case STORE_HIT:
		return ret->trust == BLOB_PROVEN || store_prove(store, ret, err);
	case STORE_MISS:
		return err_set(err, ERR_UNKNOWN,
		        "%.150s is not stored; `larder fetch` downloads it, `larder check` says from where",
		        text);
	case STORE_FAILED:
		return false;
	}
	return false;
}

/* /dev/null is written to, and not made a file of. */
static bool
write_output(const struct blob *blob, const char *path, struct err *err)
{
	struct stat there;

	if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return copy_blob_into(blob, path, err);
	return copy_blob_to_path(blob, path, COPY_SYNC, err);
}

static int
get(const struct invocation *invocation, struct store *store)
{
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	char text[DIGEST_TEXT_MAX];

	if (!open_proven(store, invocation->arguments[0], &blob, &err))
		return command_fail(&err);
	if (invocation->output == NULL || strcmp(invocation->output, "-") == 0) {
		if (!copy_blob(&blob, STDOUT_FILENO, &err)) {
			err_wrap(&err, "standard output");
			return command_fail(&err);
		}
		return EXIT_DONE;
	}
	if (!write_output(&blob, invocation->output, &err))
		return command_fail(&err);
	digests_best_text(&blob.digests, text);
	if (!invocation_has(invocation, FLAG_QUIET))
		command_say("%s: %" PRIu64 " bytes of %s", invocation->output, blob.size_bytes, text);
	return EXIT_DONE;
}

static int
run(const struct invocation *invocation)
{
	struct larder larder;
	int status;

	signals_release();
	if (invocation->output == NULL && isatty(STDOUT_FILENO))
		return command_misuse(invocation,
		        "an archive is nothing for a terminal; give -o FILE, or send it on with | or >");
	status = command_start(invocation, LARDER_STORE_READ, &larder);
	if (status != EXIT_DONE)
		return status;
	status = get(invocation, larder.store);
	larder_stop(&larder, 0);
	return status;
}

const struct command command_get = {
        .name = "get",
        .arguments = "DIGEST",
        .summary = "one archive out of the store",
        .help = "Writes the archive with this digest (sha256:<hex>, or as opam writes it, md5=<hex>) to "
                "standard\n"
                "output or FILE. The stored bytes are known to be right before they are given out. Nothing "
                "is\n"
                "downloaded: `larder fetch` does that. Works beside a running daemon.\n",
        .flags = FLAG_OUTPUT,
        .min_arguments = 1,
        .max_arguments = 1,
        .run = run,
};
