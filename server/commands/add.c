/*
 * `larder add`: local files into the store. The main thread reads and hashes; the store's threads make
 * durable, up to ADD_WINDOW archives at once, so that their flushes overlap. A line "stored …" is written
 * only when the archive would survive a power cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "server/work/json.h"
#include "server/commands/progress.h"
#include "server/commands/trees.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/intake.h"

#define ADD_WINDOW 32           /* archives being made durable at once */
#define ADD_CHUNK  (256u << 10) /* bytes read at a time */

/* One archive on its way; posted to the mailbox when the store has answered. */
struct parcel {
	struct letter letter;
	struct mailbox *home;
	struct intake *intake;
	char *path;
	struct digests digests;
	uint64_t size_bytes;
	enum intake_result result;
	struct err err;
};

/* The whole of one run. Main thread. */
struct adding {
	const struct invocation *invocation;
	struct larder larder;
	struct mailbox done;
	size_t under_way;
	struct progress progress;
	struct {
		char **lines;
		size_t count;
	} refused;
	json_t *archives; /* NULL: text */
	uint64_t stored, known, not_wanted, stored_bytes;
	bool stopped; /* by a signal, or because nothing more fits */
	int status;
	char *chunk;
};

static void
refuse(struct adding *adding, const char *path, const struct err *err)
{
	struct text line = TEXT_EMPTY;

	text_addf(&line, "%s: %s", path, err->text);
	adding->refused.lines = xrealloc(
	        adding->refused.lines, (adding->refused.count + 1) * sizeof adding->refused.lines[0]);
	adding->refused.lines[adding->refused.count++] = text_take(&line);
	adding->status = command_worse(adding->status, EXIT_MISSING);
	if (adding->archives != NULL)
		json_array_append_new(
		        adding->archives, json_pack("{s:s, s:o, s:o}", "result", "refused", "path",
		                                  json_text(path), "reason", json_text(err->text)));
	if (err->code != ERR_NO_SPACE || adding->stopped)
		return;
	adding->stopped = true;
	adding->status = EXIT_FAILED;
}

/* --- what comes back from the store --- */

/* On a thread of the store. */
static void
committed(void *context, enum intake_result result, const struct err *err)
{
	struct parcel *parcel = context;

	parcel->result = result;
	if (result == INTAKE_REFUSED)
		parcel->err = *err;
	mailbox_post(parcel->home, &parcel->letter);
}

static void
acknowledge(struct adding *adding, const struct parcel *parcel, const char *word)
{
	char text[DIGEST_TEXT_MAX];

	progress_clear(&adding->progress);
	wants_best_text(&parcel->digests, text);
	if (adding->archives == NULL)
		printf("%s %s %s\n", word, text, parcel->path);
	else
		json_array_append_new(adding->archives,
		        json_pack("{s:s, s:o, s:I, s:o}", "result", word, "path", json_text(parcel->path),
		                "size", (json_int_t)parcel->size_bytes, "digests",
		                json_digests(&parcel->digests)));
	fflush(stdout);
}

static void
receive(struct adding *adding, struct parcel *parcel)
{
	switch (parcel->result) {
	case INTAKE_STORED:
		adding->stored++;
		adding->stored_bytes += parcel->size_bytes;
		acknowledge(adding, parcel, "stored");
		break;
	case INTAKE_KNOWN:
		adding->known++;
		acknowledge(adding, parcel, "known");
		break;
	case INTAKE_REFUSED:
		refuse(adding, parcel->path, &parcel->err);
		break;
	}
	progress_step(&adding->progress, parcel->size_bytes);
	intake_close(parcel->intake);
	free(parcel->path);
	free(parcel);
	adding->under_way--;
}

/* Takes what has come back until at most this many are still under way. */
static void
drain(struct adding *adding, size_t until)
{
	for (;;) {
		struct letter *letter = mailbox_take(&adding->done, adding->under_way > until ? -1 : 0);

		if (letter == NULL)
			return;
		receive(adding, (struct parcel *)(void *)letter);
	}
}

/* --- what goes in --- */

/* Ctrl-C: nothing more is begun; what the store was given is finished. */
static bool
is_stopped(struct adding *adding)
{
	if (signals_poll() == SIGNALS_STOP) {
		adding->stopped = true;
		adding->status = command_worse(adding->status, EXIT_FAILED);
	}
	return adding->stopped;
}

static bool
fill(struct adding *adding, struct intake *intake, int fd, struct err *err)
{
	for (;;) {
		ssize_t got = read(fd, adding->chunk, ADD_CHUNK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_errno(err, "cannot be read");
			err->code = ERR_IO;
			return false;
		}
		if (got == 0)
			return true;
		if (is_stopped(adding))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (!intake_append(intake, adding->chunk, (size_t)got, err))
			return false;
	}
}

/*
 * A file in a cache is called by its digest; one that holds something else is damaged, or not what it seems.
 */
static bool
agrees_with_path(const char *path, const struct digests *digests, struct err *err)
{
	char named[DIGEST_TEXT_MAX], found[DIGEST_TEXT_MAX];
	struct digest digest, real;

	if (!trees_path_digest(path, &digest) || digests_have(digests, &digest) ||
	        !digests_get(digests, digest.algo, &real))
		return true;
	digest_text(&digest, named);
	digest_text(&real, found);
	return err_set(err, ERR_MISMATCH, "its name says %.40s…, its bytes are %.40s…", named, found);
}

/* Reads one file into an intake. NULL: refused, err says why. */
static struct intake *
read_in(struct adding *adding, const char *path, int fd, uint64_t size_bytes, struct digests *ret_digests,
        struct err *err)
{
	struct intake_plan plan = {.expected_size = size_bytes,
	        .max_size = adding->invocation->config->fetch.max_archive,
	        .came_from = path,
	        .source = INTAKE_GIVEN};
	struct intake *intake = intake_open(adding->larder.store, INTAKE_KEEP, &plan, err);

	if (intake == NULL)
		return NULL;
	if (fill(adding, intake, fd, err)) {
		*ret_digests = *intake_digests(intake);
		if (agrees_with_path(path, ret_digests, err))
			return intake;
	}
	intake_close(intake);
	return NULL;
}

static void
send_off(struct adding *adding, const char *path, struct intake *intake, const struct digests *digests)
{
	struct parcel *parcel = xcalloc(1, sizeof *parcel);

	*parcel = (struct parcel){.home = &adding->done,
	        .intake = intake,
	        .path = xstrdup(path),
	        .digests = *digests,
	        .size_bytes = intake_size(intake)};
	adding->under_way++;
	intake_commit(intake, committed, parcel);
}

/* With --wanted: whether the catalog names this file. Reads all of it. */
static bool
passes_wanted(struct adding *adding, int fd, bool *ret, struct err *err)
{
	struct digests digests;
	uint64_t size_bytes;

	*ret = true;
	if (!invocation_has(adding->invocation, FLAG_WANTED))
		return true;
	return digest_file(fd, &digests, &size_bytes, err) &&
	       catalog_lists(store_catalog(adding->larder.store), &digests, ret, err);
}

static void
add_file(struct adding *adding, const char *path)
{
	struct intake *intake;
	struct digests digests;
	struct stat info;
	struct err err = ERR_NONE;
	bool wanted;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &info) != 0) {
		err_errno(&err, "cannot be read");
		refuse(adding, path, &err);
		return;
	}
	if (!passes_wanted(adding, fd, &wanted, &err)) {
		refuse(adding, path, &err);
		return;
	}
	if (!wanted) {
		adding->not_wanted++;
		return;
	}
	intake = read_in(adding, path, fd, (uint64_t)info.st_size, &digests, &err);
	if (intake == NULL && err.code != ERR_CANCELLED)
		refuse(adding, path, &err);
	if (intake != NULL)
		send_off(adding, path, intake, &digests);
}

static void
add_all(struct adding *adding)
{
	const char *path;
	struct err err = ERR_NONE;
	struct trees *trees =
	        trees_open(adding->invocation->arguments, adding->invocation->n_arguments, &err);

	if (trees == NULL) {
		adding->status = command_fail(&err);
		return;
	}
	while (!is_stopped(adding)) {
		enum trees_news news = trees_next(trees, &path, &err);

		if (news == TREES_END)
			break;
		if (news == TREES_FILE)
			add_file(adding, path);
		else
			refuse(adding, path, &err);
		drain(adding, ADD_WINDOW - 1);
		progress_tick(&adding->progress);
	}
	trees_close(trees);
	drain(adding, 0);
}

/* --- the end --- */

static void
say_summary(const struct adding *adding)
{
	char bytes[TEXT_SIZE_MAX];

	text_size(adding->stored_bytes, bytes);
	for (size_t i = 0; i < adding->refused.count; i++)
		command_say("not stored: %s", adding->refused.lines[i]);
	if (!invocation_has(adding->invocation, FLAG_QUIET))
		command_say("%" PRIu64 " stored (%s), %" PRIu64 " known before, %zu refused%s",
		        adding->stored, bytes, adding->known, adding->refused.count,
		        adding->not_wanted > 0 ? "; files that the catalog does not name were passed over"
		                               : "");
	if (adding->stopped)
		command_say(
		        "stopped before the end: what is listed as stored is safe; running it again goes on");
}

static json_t *
summary_json(struct adding *adding)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "archives", adding->archives, "stored",
	        (json_int_t)adding->stored, "stored_bytes", (json_int_t)adding->stored_bytes, "known",
	        (json_int_t)adding->known, "refused", (json_int_t)adding->refused.count, "not_wanted",
	        (json_int_t)adding->not_wanted, "stopped", (int)adding->stopped);
}

static void
finish(struct adding *adding)
{
	for (size_t i = 0; i < adding->refused.count; i++)
		free(adding->refused.lines[i]);
	free(adding->refused.lines);
	free(adding->chunk);
	mailbox_finish(&adding->done);
	larder_stop(&adding->larder, 0);
}

static int
run(const struct invocation *invocation)
{
	struct adding adding = {.invocation = invocation};
	int status = command_start(invocation, LARDER_STORE_WRITE, &adding.larder);

	if (status != EXIT_DONE)
		return status;
	mailbox_init(&adding.done);
	adding.chunk = xmalloc(ADD_CHUNK);
	if (invocation_has(invocation, FLAG_JSON))
		adding.archives = json_array();
	progress_begin(&adding.progress, progress_choose(invocation->flags), "added", 0);
	add_all(&adding);
	progress_clear(&adding.progress);
	say_summary(&adding);
	if (adding.archives != NULL)
		json_print(summary_json(&adding));
	finish(&adding);
	return adding.status;
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
                "be stored is named at the end, the rest goes on; exit status 1 then.\n",
        .flags = FLAG_JSON | FLAG_WANTED,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
