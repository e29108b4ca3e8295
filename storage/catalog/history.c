/*
 * The history of an opam repository, in two steps: the walk tells which contents opam files ever had and when; those
 * of a reasonable size are read ahead by another thread and parsed, each once.
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
#include "storage/catalog/git_ahead.h"
#include "storage/catalog/history_files.h"
#include "storage/catalog/opam_repository.h"

#define PROGRESS_STEPS 64 /* files between two looks */

struct history {
	const struct history_wish *wish;
	struct git_repository repository;
	struct git_ahead *ahead;
	struct history_files files;
	struct history_file **sorted;
	size_t n_sorted;
	int64_t newest_ms; /* of all commits read */
	bool too_many;

	struct harvest *harvest;
	struct harvest *scratch; /* of the file in hand */
	struct distinct distinct;
	struct opam_parser *parser;
	struct git_held held; /* the file in hand */
	struct text name;     /* and what it is called */
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

static void
parse(struct history *history, const struct history_naming *naming)
{
	struct harvest *scratch = history->scratch;
	const char *name = name_of(history, naming);

	opam_repository_read_package(
	        history->parser, name, (const char *)history->held.bytes, history->held.length, scratch);
	for (size_t i = 0; i < scratch->n_entries; i++) {
		struct harvest_entry *entry = &scratch->entries[i];

		entry->first_ms = naming->first_ms;
		entry->last_ms = naming->present ? history->newest_ms : naming->last_ms;
		entry->past = !naming->present;
		distinct_add(&history->distinct, entry, name, 0);
	}
	harvest_absorb(history->harvest, scratch);
}

static bool
read_file(struct history *history, const struct history_file *file, struct err *err)
{
	uint64_t limit = history->wish->limits.file;

	if (git_ahead_next(history->ahead, &history->held, err)) {
		for (const struct history_naming *naming = &file->naming; naming != NULL;
		        naming = naming->next)
			parse(history, naming);
		return true;
	}
	if (err->code != ERR_TOO_LARGE)
		return false;
	*err = ERR_NONE;
	harvest_problem(history->harvest, name_of(history, &file->naming), 0, 0,
	        "larger than the %llu bytes allowed for one file; skipped", (unsigned long long)limit);
	return true;
}

static bool
read_sorted(struct history *history, struct err *err)
{
	for (size_t i = 0; i < history->n_sorted; i++) {
		if (!read_file(history, history->sorted[i], err))
			return false;
		if (i % PROGRESS_STEPS == 0)
			history->wish->progress(
			        history->wish->context, "files read:", i + 1, history->n_sorted);
	}
	return true;
}

static const uint8_t *
id_of(const void *sorted, size_t number)
{
	return ((struct history_file *const *)sorted)[number]->id;
}

static bool
read_files(struct history *history, struct err *err)
{
	struct git_ahead_wish wish = {.place = &history->repository.place,
	        .id_of = id_of,
	        .kind = GIT_BLOB,
	        .max = history->wish->limits.file};
	bool done;

	history->sorted = history_files_sorted(&history->files, &history->n_sorted);
	wish.context = history->sorted;
	wish.count = history->n_sorted;
	history->ahead = git_ahead_start(&wish, err);
	if (history->ahead == NULL)
		return false;
	history->scratch = harvest_create();
	history->parser = opam_parser_create();
	distinct_init(&history->distinct, history->harvest);
	done = read_sorted(history, err);
	git_held_release(&history->held);
	git_ahead_end(history->ahead);
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
	text_finish(&history.name);
	return done;
}
