/*
 * The history of an opam repository, in three steps: the walk tells which contents opam files ever had and when;
 * git says how large they are; those of a reasonable size are read and parsed, each once. One thread.
 */
#include "storage/catalog/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/catalog/distinct.h"
#include "storage/catalog/history_files.h"
#include "storage/catalog/opam_repository.h"

#define REQUEST_BYTES  65536 /* written to git's input at a time */
#define PROGRESS_STEPS 64    /* files between two looks */

struct history {
	const struct history_wish *wish;
	struct git_repository repository;
	struct history_files files;
	struct history_file **sorted;
	size_t n_sorted, n_read;
	int64_t newest_ms; /* of all commits read */
	bool too_many;

	struct harvest *harvest;
	struct harvest *scratch; /* of the file in hand */
	struct distinct distinct;
	struct opam_parser *parser;
	struct text bytes, name; /* of the file in hand */
};

/* --- the walk --- */

/* A directory is, when a file in it or a packages/ below it would be. */
static bool
is_wanted(const char *path, enum git_mode mode)
{
	AUTO_TEXT below = TEXT_EMPTY;

	if (mode != GIT_MODE_DIRECTORY)
		return opam_repository_path(path) == OPAM_PATH_PACKAGE;
	text_addf(&below, "%s/packages/x/opam", path);
	return opam_repository_path(text_string(&below)) == OPAM_PATH_PACKAGE;
}

static void
take_change(void *context, const struct history_change *change)
{
	struct history *history = context;

	history->too_many = !history_files_take(&history->files, change) || history->too_many;
}

static void
skip(void *context, const char *path, const char *why)
{
	struct history *history = context;

	harvest_problem(history->harvest, path, 0, 0, "%s; skipped", why);
}

static void
tell_commits(void *context, uint64_t done, uint64_t total)
{
	struct history *history = context;

	history->wish->progress(history->wish->context, "commits read:", done, total);
}

static int64_t
newest_of(const struct history_walk *walk, int64_t now_ms)
{
	int64_t newest_ms = 1;

	for (size_t i = 0; i < walk->n_commits; i++)
		if (walk->commits[i].date_ms > newest_ms)
			newest_ms = walk->commits[i].date_ms;
	return newest_ms < now_ms ? newest_ms : now_ms;
}

static bool
walk_commits(struct history *history, struct err *err)
{
	struct history_walk walk = {.repository = &history->repository,
	        .max_commits = history->wish->limits.commits,
	        .max_changes = history->wish->limits.changes,
	        .is_wanted = is_wanted,
	        .take = take_change,
	        .skip = skip,
	        .progress = tell_commits,
	        .context = history};
	bool done = history_walk_run(&walk, err);

	if (done && history->too_many)
		done = err_set(err, ERR_TOO_LARGE, "more than the %llu changes allowed",
		        (unsigned long long)history->wish->limits.changes);
	history->newest_ms = newest_of(&walk, history->files.now_ms);
	history->harvest->commits += walk.n_commits;
	history_walk_finish(&walk);
	return done;
}

/* --- the contents --- */

/* Takes one object that was asked for. */
typedef bool take_fn(struct history *history, struct git_stream *stream, struct history_file *file,
        const struct git_object *object, struct err *err);

static bool
write_requests(const struct history *history, int fd, struct err *err)
{
	AUTO_TEXT requests = TEXT_EMPTY;

	for (size_t i = 0; i < history->n_sorted; i++) {
		char hex[GIT_HEX_MAX];

		text_hex(history->sorted[i]->id, history->files.id_size, hex);
		text_addf(&requests, "%s\n", hex);
		if (requests.length < REQUEST_BYTES)
			continue;
		if (!file_write(fd, requests.bytes, requests.length, err))
			return false;
		text_clear(&requests);
	}
	return file_write(fd, text_string(&requests), requests.length, err);
}

static bool
take_objects(struct history *history, struct git *git, take_fn *take, struct err *err)
{
	AUTO_FREE struct git_stream *stream = xmalloc(sizeof *stream);

	git_stream_start(stream, git_read, git);
	for (size_t i = 0; i < history->n_sorted; i++) {
		struct git_object object;
		enum git_next next = git_stream_object(stream, &object, err);

		if (next == GIT_WRONG)
			return false;
		if (next == GIT_END)
			return err_set(err, ERR_SYNTAX, "git ended before it had given all it was asked for");
		if (object.kind != GIT_BLOB)
			return err_set(err, ERR_SYNTAX,
			        "it lacks some of its files (a partial clone?); only a whole clone can be "
			        "read");
		if (!take(history, stream, history->sorted[i], &object, err))
			return false;
	}
	return true;
}

/* Has git answer for every file in hand, in their order. */
static bool
ask(struct history *history, const char *how, take_fn *take, struct err *err)
{
	const char *const arguments[] = {"cat-file", how, "--buffer", NULL};
	AUTO_FD input = memfd_create("files", MFD_CLOEXEC);
	struct git git;

	if (input < 0)
		return err_errno(err, "starting git");
	if (!write_requests(history, input, err) ||
	        !git_start(&git, &history->repository.place, arguments, input, err))
		return false;
	if (!take_objects(history, &git, take, err))
		assert(err->code != ERR_OK);
	return git_end(&git, err);
}

/* "1234567890ab:packages/…", as `git show` takes it. */
static const char *
name_of(struct history *history, const struct history_naming *naming)
{
	char hex[2 * HISTORY_COMMIT_SHOWN + 1];

	text_hex(naming->commit, sizeof naming->commit, hex);
	text_clear(&history->name);
	text_addf(&history->name, "%s:%s", hex, naming->path);
	return text_string(&history->name);
}

/* A take_fn of sizes alone: drops what is too large, before its bytes are asked for. */
static bool
take_size(struct history *history, struct git_stream *stream, struct history_file *file,
        const struct git_object *object, struct err *err)
{
	(void)stream;
	(void)err;
	file->too_large = object->size > history->wish->limits.file;
	if (file->too_large)
		harvest_problem(history->harvest, name_of(history, &file->naming), 0, 0,
		        "larger than the %llu bytes allowed for one file; skipped",
		        (unsigned long long)history->wish->limits.file);
	return true;
}

static void
drop_large(struct history *history)
{
	size_t kept = 0;

	for (size_t i = 0; i < history->n_sorted; i++)
		if (!history->sorted[i]->too_large)
			history->sorted[kept++] = history->sorted[i];
	history->n_sorted = kept;
}

static void
parse(struct history *history, const struct history_naming *naming)
{
	struct harvest *scratch = history->scratch;
	const char *name = name_of(history, naming);

	opam_repository_read_package(
	        history->parser, name, text_string(&history->bytes), history->bytes.length, scratch);
	for (size_t i = 0; i < scratch->n_entries; i++) {
		struct harvest_entry *entry = &scratch->entries[i];

		entry->first_ms = naming->first_ms;
		entry->last_ms = naming->present ? history->newest_ms : naming->last_ms;
		entry->past = !naming->present;
		distinct_add(&history->distinct, entry, name, 0);
	}
	harvest_absorb(history->harvest, scratch);
}

/* A take_fn of contents. */
static bool
take_content(struct history *history, struct git_stream *stream, struct history_file *file,
        const struct git_object *object, struct err *err)
{
	if (object->size > history->wish->limits.file)
		return err_set(err, ERR_SYNTAX, "git gives a file of another size than it said");
	text_clear(&history->bytes);
	text_reserve(&history->bytes, object->size);
	if (!git_stream_bytes(stream, history->bytes.bytes, object->size, err) ||
	        !git_stream_object_end(stream, err))
		return false;
	history->bytes.length = object->size;
	history->bytes.bytes[object->size] = '\0';
	for (const struct history_naming *naming = &file->naming; naming != NULL; naming = naming->next)
		parse(history, naming);
	if (history->n_read++ % PROGRESS_STEPS == 0)
		history->wish->progress(
		        history->wish->context, "files read:", history->n_read, history->n_sorted);
	return true;
}

static bool
read_files(struct history *history, struct err *err)
{
	bool done;

	history->sorted = history_files_sorted(&history->files, &history->n_sorted);
	if (history->n_sorted == 0)
		return true;
	if (!ask(history, "--batch-check", take_size, err))
		return false;
	drop_large(history);
	history->scratch = harvest_create();
	history->parser = opam_parser_create();
	distinct_init(&history->distinct, history->harvest);
	done = ask(history, "--batch", take_content, err);
	distinct_finish(&history->distinct);
	opam_parser_destroy(history->parser);
	harvest_destroy(history->scratch);
	return done;
}

/* --- the story --- */

/* A line each becomes a blank between them. */
static void
put_tip(struct history *history)
{
	struct text *tips = &history->repository.tips;

	for (size_t i = 0; i + 1 < tips->length; i++)
		if (tips->bytes[i] == '\n')
			tips->bytes[i] = ' ';
	tips->bytes[tips->length - 1] = '\0';
	harvest_put_tip(history->harvest, tips->bytes);
}

static bool
read_repository(struct history *history, struct err *err)
{
	history->files.id_size = history->repository.id_size;
	if (!walk_commits(history, err) || !read_files(history, err))
		return err_wrap(err, "%s", history->wish->path);
	put_tip(history);
	if (history->harvest->files == 0 && history->repository.n_known == 0)
		return err_set(err, ERR_SYNTAX, "%s: no commit of it holds a packages/NAME/NAME.VERSION/opam",
		        history->wish->path);
	return true;
}

bool
history_read(const struct history_wish *wish, struct harvest *harvest, struct err *err)
{
	struct git_place watch = {.is_stopped = wish->is_stopped, .context = wish->context};
	struct history history = {.wish = wish,
	        .harvest = harvest,
	        .files = {.max_namings = wish->limits.changes, .now_ms = clock_wall_ms()}};
	bool done;

	if (!git_repository_open(&history.repository, wish->path, wish->known, &watch, err))
		return false;
	done = read_repository(&history, err);
	git_repository_close(&history.repository);
	history_files_finish(&history.files);
	free(history.sorted);
	text_finish(&history.bytes);
	text_finish(&history.name);
	return done;
}
