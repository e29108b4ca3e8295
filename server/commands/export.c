/*
 * `larder export`: a static tree in the layout of `opam admin cache`, which any web server can serve. Main
 * thread, read-only, beside a running daemon. Each archive is copied once and linked under its other digests;
 * what is there already is kept, and never overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "server/commands/copy.h"
#include "server/jobs/json.h"
#include "server/commands/progress.h"
#include "server/jobs/wants.h"
#include "server/signals.h"
#include "storage/base/text.h"

struct exporting {
	const struct invocation *invocation;
	struct larder larder;
	const char *directory;
	struct progress progress;
	uint64_t written, kept, bytes;
	json_t *failures; /* NULL: text */
	uint64_t failed;
	struct err fatal; /* the tree cannot be written at all */
};

/* What stands under a name of the tree. */
enum there { THERE_NOTHING, THERE_SAME, THERE_OTHER };

static bool
make_directory(const char *path, struct err *err)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return true;
	return err_errno(err, "making the directory %s", path);
}

/* DIR/<algo>/<2 hex>/<hex>, with the directories above it. */
static bool
place_of(const char *directory, const struct digest *digest, struct text *ret, struct err *err)
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	text_clear(ret);
	text_addf(ret, "%s/%s", directory, digest_algo_name(digest->algo));
	if (!make_directory(text_string(ret), err))
		return false;
	text_addf(ret, "/%.2s", hex);
	if (!make_directory(text_string(ret), err))
		return false;
	text_addf(ret, "/%s", hex);
	return true;
}

static enum there
look(const char *path, const struct blob *blob)
{
	struct digests digests;
	struct stat info;
	uint64_t size_bytes;
	struct err err = ERR_NONE;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? THERE_NOTHING : THERE_OTHER;
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size != blob->size_bytes)
		return THERE_OTHER;
	if (!digest_file(fd, &digests, &size_bytes, &err))
		return THERE_OTHER;
	return digests_satisfy(&digests, &blob->digests) ? THERE_SAME : THERE_OTHER;
}

/*
 * The other digest's name for what the first one's stands for. Both names of one inode need no second look at
 * the bytes.
 */
static bool
link_as(const char *first, const char *second, const struct blob *blob, struct err *err)
{
	struct stat a, b;

	if (link(first, second) == 0)
		return true;
	if (errno == EEXIST) {
		if (stat(first, &a) == 0 && stat(second, &b) == 0 && a.st_dev == b.st_dev &&
		        a.st_ino == b.st_ino)
			return true;
		return look(second, blob) == THERE_SAME ||
		       err_set(err, ERR_COLLISION, "%s holds other bytes and is left as it is", second);
	}
	/* A filesystem without hard links gets copies. */
	return copy_blob_to_path(blob, second, COPY_SYNC_LATER, err);
}

static bool
export_blob(struct exporting *exporting, const struct blob *blob, struct err *err)
{
	static const enum digest_algo others[] = {DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA512};
	AUTO_TEXT first = TEXT_EMPTY;
	AUTO_TEXT second = TEXT_EMPTY;
	struct digest digest = digests_best(&blob->digests);

	if (!place_of(exporting->directory, &digest, &first, err))
		return false;
	switch (look(text_string(&first), blob)) {
	case THERE_NOTHING:
		if (!copy_blob_to_path(blob, text_string(&first), COPY_SYNC_LATER, err))
			return false;
		exporting->written++;
		break;
	case THERE_SAME:
		exporting->kept++;
		break;
	case THERE_OTHER:
		return err_set(
		        err, ERR_COLLISION, "%s holds other bytes and is left as it is", text_string(&first));
	}
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (digests_get(&blob->digests, others[i], &digest) &&
		        !(place_of(exporting->directory, &digest, &second, err) &&
		                link_as(text_string(&first), text_string(&second), blob, err)))
			return false;
	return true;
}

static void
note_failure(struct exporting *exporting, const struct archive *archive, const struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	digests_best_text(&archive->digests, text);
	progress_clear(&exporting->progress);
	command_say("%s was not exported: %s", text, err->text);
	exporting->failed++;
	if (exporting->failures != NULL)
		json_array_append_new(exporting->failures,
		        json_pack("{s:o, s:o}", "digests", json_digests(&archive->digests), "reason",
		                json_text(err->text)));
	if (err->code == ERR_NO_SPACE)
		exporting->fatal = *err;
}

static bool
visit_archive(void *context, const struct archive *archive)
{
	struct exporting *exporting = context;
	struct digest digest = digests_best(&archive->digests);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	switch (store_find(exporting->larder.store, &digest, &blob, &err)) {
	case STORE_HIT:
		if ((blob.trust == BLOB_PROVEN || store_prove(exporting->larder.store, &blob, &err)) &&
		        export_blob(exporting, &blob, &err))
			break;
		note_failure(exporting, archive, &err);
		break;
	case STORE_MISS:
		err_set(&err, ERR_CORRUPT,
		        "its file is gone from the store; `larder verify --repair` fetches it again");
		note_failure(exporting, archive, &err);
		break;
	case STORE_FAILED:
		note_failure(exporting, archive, &err);
		break;
	}
	exporting->bytes += archive->size_bytes;
	progress_step(&exporting->progress, archive->size_bytes);
	return exporting->fatal.code == ERR_OK;
}

static int
export_all(struct exporting *exporting)
{
	struct store_figures figures;
	struct err err = ERR_NONE;
	AUTO_FD directory = -1;

	umask(022); /* a web server of another user is to read it */
	if (!make_directory(exporting->directory, &err))
		return command_fail(&err);
	store_figures(exporting->larder.store, &figures);
	progress_begin(&exporting->progress, progress_choose(exporting->invocation->flags), "exported",
	        figures.archives);
	if (!store_walk(exporting->larder.store, visit_archive, exporting, &err))
		return command_fail(&err);
	progress_clear(&exporting->progress);
	directory = open(exporting->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || syncfs(directory) != 0) {
		err_errno(&err, "writing %s to the disk", exporting->directory);
		return command_fail(&err);
	}
	if (exporting->fatal.code != ERR_OK)
		return EXIT_FAILED;
	return exporting->failed > 0 ? EXIT_MISSING : EXIT_DONE;
}

static void
report(const struct exporting *exporting)
{
	if (exporting->failures != NULL)
		json_print(json_pack("{s:o, s:I, s:I, s:O}", "directory", json_text(exporting->directory),
		        "written", (json_int_t)exporting->written, "kept", (json_int_t)exporting->kept,
		        "failures", exporting->failures));
	else
		printf("%s: %" PRIu64 " archive%s written, %" PRIu64 " were there, %" PRIu64 " failed\n",
		        exporting->directory, exporting->written, text_plural(exporting->written),
		        exporting->kept, exporting->failed);
}

static int
run(const struct invocation *invocation)
{
	struct exporting exporting = {.invocation = invocation, .directory = invocation->arguments[0]};
	int status;

	signals_release();
	status = command_start(invocation, LARDER_STORE_READ, &exporting.larder);
	if (status != EXIT_DONE)
		return status;
	if (invocation_has(invocation, FLAG_JSON))
		exporting.failures = json_array();
	status = export_all(&exporting);
	report(&exporting);
	json_decref(exporting.failures);
	larder_stop(&exporting.larder, 0);
	return status;
}

const struct command command_export = {
        .name = "export",
        .arguments = "DIR",
        .summary = "a static tree in the layout of `opam admin cache`",
        .help = "Writes every stored archive as DIR/<algo>/<2 hex>/<hex>, under its md5, sha1, sha256 and "
                "sha512, so\n"
                "that any web server can serve DIR as a cache. Files that are there already are compared and "
                "kept;\n"
                "one with other bytes is left as it is and named. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .min_arguments = 1,
        .max_arguments = 1,
        .run = run,
};
