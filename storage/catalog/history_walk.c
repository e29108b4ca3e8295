/*
 * The walk. A level is a list of pairs of directories to compare; comparing them gives the files that differ, and
 * the pairs of the next level. Pairs of one directory stand together, the newest commit first, so that most
 * directories are the older side of one pair and the newer of the next, and git finds them near each other too.
 *
 * Which tree lies where is decided twice in the same way: when git is told what to read, and when it comes.
 */
#include "storage/catalog/history_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define SHELF          4          /* trees at hand: a merge's parents are a few commits apart */
#define REQUEST_BYTES  65536      /* written to git's input at a time */
#define PROGRESS_STEPS 256        /* pairs between two looks */
#define PRESENT        UINT32_MAX /* instead of the number of a commit */

/* Two directories of one path, identities of trees or at the root of commits; no identity: an empty one. */
struct pair {
	uint32_t commit;
	const char *path;   /* "" at the root; else without a slash at the end */
	const uint8_t *ids; /* old, then new; all zero: none */
};

struct level {
	struct arena arena; /* paths and identities */
	struct pair *pairs;
	size_t count, capacity;
};

struct walking {
	struct history_walk *walk;
	size_t id_size;
	unsigned depth;
	struct level level, next;
	const struct pair *pair; /* being compared */
	struct text path;
	bool too_many;
};

/* --- levels --- */

static uint8_t *
add_pair(struct level *level, uint32_t commit, const char *path, size_t id_size)
{
	uint8_t *ids = arena_take(&level->arena, 2 * id_size);

	if (level->count == level->capacity) {
		level->capacity = level->capacity > 0 ? 2 * level->capacity : 1024;
		level->pairs = xrealloc(level->pairs, level->capacity * sizeof *level->pairs);
	}
	memset(ids, 0, 2 * id_size);
	level->pairs[level->count++] = (struct pair){.commit = commit, .path = path, .ids = ids};
	return ids;
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
	const struct pair *a = left, *b = right;
	int order = a->path == b->path ? 0 : strcmp(a->path, b->path);

	return order != 0 ? order : (a->commit > b->commit) - (a->commit < b->commit);
}

static bool
is_none(const uint8_t *id, size_t size)
{
	static const uint8_t none[GIT_ID_MAX];

	return memcmp(id, none, size) == 0;
}

/* --- commits --- */

static bool
put_commit(struct walking *walking, const struct git_commit *commit, size_t *capacity, struct err *err)
{
	struct history_walk *walk = walking->walk;
	size_t id_size = walking->id_size;
	uint8_t *ids;

	if (walk->n_commits == walk->max_commits)
		return err_set(err, ERR_TOO_LARGE, "more than the %llu commits allowed",
		        (unsigned long long)walk->max_commits);
	if (strlen(commit->id) != 2 * id_size ||
	        (commit->parent != NULL && strlen(commit->parent) != 2 * id_size))
		return err_set(err, ERR_SYNTAX, "git wrote an identity of another length");
	if (walk->n_commits == *capacity) {
		*capacity = *capacity > 0 ? 2 * *capacity : 1024;
		walk->commits = xrealloc(walk->commits, *capacity * sizeof *walk->commits);
	}
	walk->commits[walk->n_commits].date_ms = commit->date_ms;
	ids = add_pair(&walking->level, (uint32_t)walk->n_commits, "", id_size);
	if (!text_unhex(commit->id, ids + id_size, id_size) ||
	        (commit->parent != NULL && !text_unhex(commit->parent, ids, id_size)))
		return err_set(err, ERR_SYNTAX, "git wrote an identity that is none");
	memcpy(walk->commits[walk->n_commits++].id, ids + id_size, id_size);
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
	size_t id_size = walking->id_size;
	const uint8_t *before = NULL;

	for (; *at != '\0'; at += 2 * id_size + 1) {
		char hex[GIT_HEX_MAX];
		uint8_t *ids = add_pair(&walking->level, PRESENT, "", id_size);

		snprintf(hex, sizeof hex, "%.*s", (int)(2 * id_size), at);
		if (!text_unhex(hex, ids + id_size, id_size))
			return err_set(err, ERR_SYNTAX, "git wrote an identity that is none");
		if (before != NULL)
			memcpy(ids, before, id_size);
		before = ids + id_size;
	}
	return true;
}

/* --- which tree lies where --- */

struct shelf {
	uint8_t ids[SHELF][GIT_ID_MAX];
	size_t next;
	size_t id_size;
};

enum found { FOUND_THERE, FOUND_ROOM };

/* Where the tree lies, or is to be put: never where the one lies that has to stay. */
static enum found
find_place(struct shelf *shelf, const uint8_t *id, size_t stays, size_t *ret)
{
	for (size_t i = 0; i < SHELF; i++) {
		if (memcmp(shelf->ids[i], id, shelf->id_size) != 0)
			continue;
		*ret = i;
		return FOUND_THERE;
	}
	if (shelf->next == stays)
		shelf->next = (shelf->next + 1) % SHELF;
	*ret = shelf->next;
	shelf->next = (shelf->next + 1) % SHELF;
	memcpy(shelf->ids[*ret], id, shelf->id_size);
	return FOUND_ROOM;
}

/* --- telling git what to read --- */

static void
add_request(const struct walking *walking, struct text *requests, const uint8_t *id)
{
	char hex[GIT_HEX_MAX];

	text_hex(id, walking->id_size, hex);
	text_addf(requests, "%s%s\n", hex, walking->depth == 0 ? "^{tree}" : "");
}

/* In the order in which take_pair will want them. */
static bool
write_requests(const struct walking *walking, int fd, struct err *err)
{
	struct shelf shelf = {.id_size = walking->id_size};
	AUTO_TEXT requests = TEXT_EMPTY;

	for (size_t i = 0; i < walking->level.count; i++) {
		const uint8_t *old = walking->level.pairs[i].ids, *new = old + walking->id_size;
		size_t place = SHELF;

		if (!is_none(new, walking->id_size) && find_place(&shelf, new, SHELF, &place) == FOUND_ROOM)
			add_request(walking, &requests, new);
		if (!is_none(old, walking->id_size) && find_place(&shelf, old, place, &place) == FOUND_ROOM)
			add_request(walking, &requests, old);
		if (requests.length < REQUEST_BYTES)
			continue;
		if (!file_write(fd, requests.bytes, requests.length, err))
			return false;
		text_clear(&requests);
	}
	return file_write(fd, text_string(&requests), requests.length, err);
}

/* --- comparing --- */

/* The path of a name in the directory at hand. */
static const char *
path_of(struct walking *walking, const char *name, size_t length)
{
	text_clear(&walking->path);
	text_add(&walking->path, walking->pair->path);
	if (walking->path.length > 0)
		text_add(&walking->path, "/");
	text_add_bytes(&walking->path, name, length);
	return text_string(&walking->path);
}

static void
descend(struct walking *walking, const char *path, const struct git_side *old, const struct git_side *new)
{
	struct history_walk *walk = walking->walk;
	size_t id_size = walking->id_size;
	const char *copy;
	uint8_t *ids;

	if (!walk->is_wanted(path, GIT_MODE_DIRECTORY))
		return;
	if (walking->depth == HISTORY_DEPTH_MAX) {
		walk->skip(walk->context, path, "a directory that lies too deep");
		return;
	}
	if (walking->next.count == walk->max_changes) {
		walking->too_many = true;
		return;
	}
	copy = walking->next.count > 0 ? walking->next.pairs[walking->next.count - 1].path : NULL;
	if (copy == NULL || strcmp(copy, path) != 0)
		copy = arena_copy(&walking->next.arena, path, strlen(path));
	ids = add_pair(&walking->next, walking->pair->commit, copy, id_size);
	if (old->mode == GIT_MODE_DIRECTORY)
		memcpy(ids, old->id, id_size);
	if (new->mode == GIT_MODE_DIRECTORY)
		memcpy(ids + id_size, new->id, id_size);
}

/* A git_differs_fn. */
static void
take_difference(void *context, const char *name, size_t length, const struct git_side *old,
        const struct git_side *new)
{
	struct walking *walking = context;
	struct history_walk *walk = walking->walk;
	const char *path = path_of(walking, name, length);
	struct history_change change = {.path = path};

	if (old->mode == GIT_MODE_DIRECTORY || new->mode == GIT_MODE_DIRECTORY)
		descend(walking, path, old, new);
	if (old->mode == GIT_MODE_FILE)
		change.old = old->id;
	if (new->mode == GIT_MODE_FILE)
		change.new = new->id;
	if (new->mode == GIT_MODE_OTHER && walking->pair->commit == PRESENT &&
	        walk->is_wanted(path, GIT_MODE_FILE))
		walk->skip(
		        walk->context, path, "a symbolic link or a submodule, which larder does not follow");
	if ((change.old == NULL && change.new == NULL) || !walk->is_wanted(path, GIT_MODE_FILE))
		return;
	if (walking->pair->commit != PRESENT)
		change.commit = &walk->commits[walking->pair->commit];
	walk->take(walk->context, &change);
}

/* --- reading --- */

struct reading {
	struct walking *walking;
	struct git_stream stream;
	struct shelf shelf;
	struct git_tree trees[SHELF];
	struct git_common common; /* of the older tree of a pair with the newer */
};

static bool
read_tree(struct reading *reading, size_t place, const struct git_tree *like, struct err *err)
{
	struct git_tree *tree = &reading->trees[place];
	struct git_object object;
	enum git_next next = git_stream_object(&reading->stream, &object, err);

	if (next == GIT_WRONG)
		return false;
	if (next == GIT_END)
		return err_set(err, ERR_SYNTAX, "git ended before it had given all it was asked for");
	if (object.kind != GIT_TREE)
		return err_set(err, ERR_SYNTAX,
		        "it lacks some of its history (a partial clone?); only a whole clone can be read");
	if (object.size > GIT_TREE_MAX)
		return err_set(
		        err, ERR_TOO_LARGE, "a directory larger than the %u bytes allowed", GIT_TREE_MAX);
	if (!git_stream_bytes(&reading->stream, git_tree_reserve(tree, object.size), object.size, err) ||
	        !git_stream_object_end(&reading->stream, err))
		return false;
	return git_tree_index(tree, reading->walking->id_size, like, &reading->common) ||
	       err_set(err, ERR_SYNTAX, "the directory %s is damaged", object.id);
}

/* The tree with this identity, an empty one for none; it is read unless it lies there. other stays where it is. */
static bool
tree_for(struct reading *reading, const uint8_t *id, size_t other, size_t *ret_place,
        const struct git_tree **ret, struct err *err)
{
	static const struct git_tree empty;

	*ret = &empty;
	*ret_place = SHELF;
	reading->common = (struct git_common){0};
	if (is_none(id, reading->shelf.id_size))
		return true;
	if (find_place(&reading->shelf, id, other, ret_place) == FOUND_ROOM &&
	        !read_tree(reading, *ret_place, other < SHELF ? &reading->trees[other] : &empty, err))
		return false;
	*ret = &reading->trees[*ret_place];
	return true;
}

static bool
take_pair(struct reading *reading, const struct pair *pair, struct err *err)
{
	struct walking *walking = reading->walking;
	const struct git_tree *old, *new;
	size_t place;

	walking->pair = pair;
	if (!tree_for(reading, pair->ids + walking->id_size, SHELF, &place, &new, err) ||
	        !tree_for(reading, pair->ids, place, &place, &old, err))
		return false;
	git_tree_compare(old, new, &reading->common, take_difference, walking);
	return !walking->too_many || err_set(err, ERR_TOO_LARGE, "more than the %llu changes allowed",
	                                     (unsigned long long)walking->walk->max_changes);
}

static bool
take_pairs(struct reading *reading, struct err *err)
{
	struct walking *walking = reading->walking;
	struct history_walk *walk = walking->walk;

	for (size_t i = 0; i < walking->level.count; i++) {
		const struct pair *pair = &walking->level.pairs[i];

		if (!take_pair(reading, pair, err))
			return false;
		/* Below the root, where packages/ is, there is most to do, and a pair for nearly each commit. */
		if (walking->depth == 1 && pair->commit != PRESENT && i % PROGRESS_STEPS == 0)
			walk->progress(walk->context, pair->commit, walk->n_commits);
	}
	return true;
}

static bool
read_level(struct walking *walking, struct err *err)
{
	static const char *const arguments[] = {"cat-file", "--batch", "--buffer", NULL};
	AUTO_FD input = memfd_create("trees", MFD_CLOEXEC);
	struct reading *reading;
	struct git git;

	if (input < 0)
		return err_errno(err, "starting git");
	if (!write_requests(walking, input, err) ||
	        !git_start(&git, &walking->walk->repository->place, arguments, input, err))
		return false;
	reading = xcalloc(1, sizeof *reading);
	reading->walking = walking;
	reading->shelf.id_size = walking->id_size;
	git_stream_start(&reading->stream, git_read, &git);
	if (!take_pairs(reading, err))
		assert(err->code != ERR_OK);
	for (size_t i = 0; i < SHELF; i++)
		git_tree_finish(&reading->trees[i]);
	free(reading);
	return git_end(&git, err);
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
	struct walking walking = {.walk = walk, .id_size = walk->repository->id_size};
	/* Without a new commit nothing has changed. */
	bool done = list_commits(&walking, err) &&
	            (walk->n_commits == 0 || (add_present(&walking, err) && walk_levels(&walking, err)));

	finish_level(&walking.level);
	finish_level(&walking.next);
	text_finish(&walking.path);
	return done;
}

void
history_walk_finish(struct history_walk *walk)
{
	free(walk->commits);
	walk->commits = NULL;
	walk->n_commits = 0;
}
