/*
 * The walk. A level is a list of pairs of directories to compare; comparing them gives the files that differ, and
 * the pairs of the next level. Pairs of one directory stand together, the newest commit first, so that most
 * directories are the older side of one pair and the newer of the next, and lie near each other in a pack too.
 */
#include "storage/catalog/history_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define PRESENT UINT32_MAX /* instead of the number of a commit */

struct level {
	struct arena arena; /* paths */
	struct history_pair *pairs;
	size_t count, capacity;
};

struct walking {
	struct history_walk *walk;
	unsigned depth;
	struct level level, next;
	bool too_many;
};

/* --- levels --- */

/* With nothing on either side yet; valid until the next one. */
static struct history_pair *
add_pair(struct level *level, uint32_t commit, const char *path)
{
	if (level->count == level->capacity) {
		level->capacity = level->capacity > 0 ? 2 * level->capacity : 1024;
		level->pairs = xrealloc(level->pairs, level->capacity * sizeof *level->pairs);
	}
	level->pairs[level->count] = (struct history_pair){.commit = commit, .path = path};
	return &level->pairs[level->count++];
}

static void
finish_level(struct level *level)
{
	arena_finish(&level->arena);
	free(level->pairs);
	*level = (struct level){0};
}

static int
compare_pairs(const void *left, const void *right)
{
	const struct history_pair *a = left, *b = right;
	int order = a->path == b->path ? 0 : strcmp(a->path, b->path);

	return order != 0 ? order : (a->commit > b->commit) - (a->commit < b->commit);
}

/* --- commits --- */

static bool
put_commit(struct walking *walking, const struct git_commit *commit, size_t *capacity, struct err *err)
{
	struct history_walk *walk = walking->walk;
	struct history_pair *pair;

	if (walk->n_commits == walk->max_commits)
		return err_set(err, ERR_TOO_LARGE, "more than the %llu commits allowed",
		        (unsigned long long)walk->max_commits);
	if (walk->n_commits == *capacity) {
		*capacity = *capacity > 0 ? 2 * *capacity : 1024;
		walk->commits = xrealloc(walk->commits, *capacity * sizeof *walk->commits);
	}
	walk->commits[walk->n_commits].date_ms = commit->date_ms;
	pair = add_pair(&walking->level, (uint32_t)walk->n_commits, "");
	if (!text_unhex(commit->id, pair->new, GIT_ID_SIZE) ||
	        (commit->parent != NULL && !text_unhex(commit->parent, pair->old, GIT_ID_SIZE)))
		return err_set(err, ERR_SYNTAX, "git wrote an identity that is none");
	memcpy(walk->commits[walk->n_commits++].id, pair->new, GIT_ID_SIZE);
	return true;
}

static bool
take_commits(struct walking *walking, struct git *git, struct err *err)
{
	AUTO_FREE struct git_stream *stream = xmalloc(sizeof *stream);
	struct git_commit commit;
	enum git_next next;
	size_t capacity = 0;

	git_stream_start(stream, git_read, git);
	while ((next = git_stream_commit(stream, &commit, err)) == GIT_NEXT)
		if (!put_commit(walking, &commit, &capacity, err))
			return false;
	return next == GIT_END;
}

/* The newest commits, and behind ^ the known ones. */
static bool
write_ends(const struct git_repository *repository, int fd, struct err *err)
{
	AUTO_TEXT ends = TEXT_EMPTY;

	text_add(&ends, text_string(&repository->tips));
	for (const char *at = text_string(&repository->known); *at != '\0'; at = strchr(at, '\n') + 1)
		text_addf(&ends, "^%.*s\n", (int)strcspn(at, "\n"), at);
	return file_write(fd, text_string(&ends), ends.length, err);
}

static bool
list_commits(struct walking *walking, struct err *err)
{
	static const char *const arguments[] = {"rev-list", "--stdin", "--timestamp", "--parents", NULL};
	AUTO_FD input = memfd_create("ends", MFD_CLOEXEC);
	struct git git;

	if (input < 0)
		return err_errno(err, "starting git");
	if (!write_ends(walking->walk->repository, input, err) ||
	        !git_start(&git, &walking->walk->repository->place, arguments, input, err))
		return false;
	if (!take_commits(walking, &git, err)) {
		assert(err->code != ERR_OK);
		return git_end(&git, err);
	}
	return git_end(&git, err);
}

/* What the newest commits have: all of the first, and what each further one has otherwise. */
static bool
add_present(struct walking *walking, struct err *err)
{
	const char *at = text_string(&walking->walk->repository->tips);
	uint8_t before[GIT_ID_SIZE] = {0};

	for (; *at != '\0'; at += GIT_HEX_SIZE) {
		char hex[GIT_HEX_SIZE];
		struct history_pair *pair = add_pair(&walking->level, PRESENT, "");

		snprintf(hex, sizeof hex, "%s", at);
		if (!text_unhex(hex, pair->new, GIT_ID_SIZE))
			return err_set(err, ERR_SYNTAX, "git wrote an identity that is none");
		memcpy(pair->old, before, GIT_ID_SIZE);
		memcpy(before, pair->new, GIT_ID_SIZE);
	}
	return true;
}

/* --- differences --- */

static void
descend(struct walking *walking, const struct history_difference *difference)
{
	struct history_walk *walk = walking->walk;
	const char *copy;
	struct history_pair *pair;

	if (!walk->is_wanted(difference->path, GIT_MODE_DIRECTORY))
		return;
	if (walking->depth == HISTORY_DEPTH_MAX) {
		walk->skip(walk->context, difference->path, "a directory that lies too deep");
		return;
	}
	if (walking->next.count == walk->max_changes) {
		walking->too_many = true;
		return;
	}
	copy = walking->next.count > 0 ? walking->next.pairs[walking->next.count - 1].path : NULL;
	if (copy == NULL || strcmp(copy, difference->path) != 0)
		copy = arena_copy(&walking->next.arena, difference->path, strlen(difference->path));
	pair = add_pair(&walking->next, difference->pair->commit, copy);
	if (difference->old_mode == GIT_MODE_DIRECTORY)
		memcpy(pair->old, difference->old, GIT_ID_SIZE);
	if (difference->new_mode == GIT_MODE_DIRECTORY)
		memcpy(pair->new, difference->new, GIT_ID_SIZE);
}

static void
take_difference(void *context, const struct history_difference *difference)
{
	struct walking *walking = context;
	struct history_walk *walk = walking->walk;
	uint32_t commit = difference->pair->commit;
	struct history_change change = {.path = difference->path,
	        .commit = commit != PRESENT ? &walk->commits[commit] : NULL,
	        .old = difference->old_mode == GIT_MODE_FILE ? difference->old : NULL,
	        .new = difference->new_mode == GIT_MODE_FILE ? difference->new : NULL};

	if (difference->old_mode == GIT_MODE_DIRECTORY || difference->new_mode == GIT_MODE_DIRECTORY)
		descend(walking, difference);
	if (!walk->is_wanted(difference->path, GIT_MODE_FILE))
		return;
	if (difference->new_mode == GIT_MODE_OTHER && commit == PRESENT)
		walk->skip(walk->context, difference->path,
		        "a symbolic link or a submodule, which larder does not follow");
	if (change.old != NULL || change.new != NULL)
		walk->take(walk->context, &change);
}

/* Below the root, where packages/ is, there is most to do, and a pair for nearly each commit. */
static void
tell_progress(void *context, size_t done)
{
	const struct walking *walking = context;
	struct history_walk *walk = walking->walk;

	if (walking->depth == 1)
		walk->progress(
		        walk->context, done < walk->n_commits ? done : walk->n_commits, walk->n_commits);
}

static bool
read_level(struct walking *walking, struct err *err)
{
	struct history_walk *walk = walking->walk;
	struct history_comparison comparison = {.place = &walk->repository->place,
	        .pairs = walking->level.pairs,
	        .count = walking->level.count,
	        .ids = walking->depth == 0 ? HISTORY_IDS_OF_COMMITS : HISTORY_IDS_OF_TREES,
	        .max_differences = walk->max_changes,
	        .is_wanted = walk->is_wanted,
	        .tell = take_difference,
	        .progress = tell_progress,
	        .context = walking};

	return history_pairs_compare(&comparison, err) &&
	       (!walking->too_many || err_set(err, ERR_TOO_LARGE, "more than the %llu changes allowed",
	                                      (unsigned long long)walk->max_changes));
}

static bool
walk_levels(struct walking *walking, struct err *err)
{
	while (walking->level.count > 0) {
		qsort(walking->level.pairs, walking->level.count, sizeof *walking->level.pairs,
		        compare_pairs);
		if (!read_level(walking, err))
			return false;
		finish_level(&walking->level);
		walking->level = walking->next;
		walking->next = (struct level){0};
		walking->depth++;
	}
	return true;
}

bool
history_walk_run(struct history_walk *walk, struct err *err)
{
	struct walking walking = {.walk = walk};
	/* Without a new commit nothing has changed. */
	bool done = list_commits(&walking, err) &&
	            (walk->n_commits == 0 || (add_present(&walking, err) && walk_levels(&walking, err)));

	finish_level(&walking.level);
	finish_level(&walking.next);
	return done;
}

void
history_walk_finish(struct history_walk *walk)
{
	free(walk->commits);
	walk->commits = NULL;
	walk->n_commits = 0;
}
