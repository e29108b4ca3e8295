/*
 * Each thread takes a run of neighbouring pairs, reads their trees through objects of its own, and notes what
 * differs; when all have come to their end, the notes are told in order. The first that fails ends the others.
 */
#include "storage/catalog/history_pairs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/text.h"
#include "storage/catalog/arena.h"

#define THREADS_MAX 8
#define SHELF       4 /* trees at hand: a merge's parents are a few commits apart */

/* What differs in a run of pairs. */
struct notes {
	struct history_difference *list;
	size_t count, capacity;
};

struct comparing {
	const struct history_comparison *wish;
	struct notes *notes; /* of each run */
	size_t n_runs;
	_Atomic size_t next_run;
	atomic_bool failed;
	struct err err; /* of whoever failed first */
};

/* A tree at hand. */
struct shelved {
	uint8_t id[GIT_ID_SIZE];
	struct git_held held; /* nothing: there is no tree */
	struct git_tree tree;
};

struct worker {
	struct comparing *comparing;
	struct git_place place;
	pthread_t thread;
	struct git_objects *objects;
	struct arena arena; /* paths of notes */
	struct shelved shelf[SHELF];
	size_t next_place;
	struct git_common common; /* of the older tree of a pair with the newer */
	const struct history_pair *pair;
	struct notes *notes;
	struct text path;
	bool too_many;
};

/* --- noting --- */

/* The path of a name in the directory at hand. */
static const char *
path_of(struct worker *worker, const char *name, size_t length)
{
	text_clear(&worker->path);
	text_add(&worker->path, worker->pair->path);
	if (worker->path.length > 0)
		text_add(&worker->path, "/");
	text_add_bytes(&worker->path, name, length);
	return text_string(&worker->path);
}

static struct history_difference *
add_note(struct notes *notes)
{
	if (notes->count == notes->capacity) {
		notes->capacity = notes->capacity > 0 ? 2 * notes->capacity : 256;
		notes->list = xrealloc(notes->list, notes->capacity * sizeof *notes->list);
	}
	notes->list[notes->count] = (struct history_difference){0};
	return &notes->list[notes->count++];
}

/* A git_differs_fn. */
static void
note(void *context, const char *name, size_t length, const struct git_side *old, const struct git_side *new)
{
	struct worker *worker = context;
	const struct history_comparison *wish = worker->comparing->wish;
	bool directory = old->mode == GIT_MODE_DIRECTORY || new->mode == GIT_MODE_DIRECTORY;
	const char *path = path_of(worker, name, length);
	struct history_difference *difference;

	if (!wish->is_wanted(path, GIT_MODE_FILE) &&
	        !(directory && wish->is_wanted(path, GIT_MODE_DIRECTORY)))
		return;
	if (worker->notes->count == wish->max_differences) {
		worker->too_many = true;
		return;
	}
	difference = add_note(worker->notes);
	difference->pair = worker->pair;
	difference->path = arena_copy(&worker->arena, path, worker->path.length);
	difference->old_mode = old->mode;
	difference->new_mode = new->mode;
	if (old->mode != GIT_MODE_NONE)
		memcpy(difference->old, old->id, GIT_ID_SIZE);
	if (new->mode != GIT_MODE_NONE)
		memcpy(difference->new, new->id, GIT_ID_SIZE);
}

/* --- reading --- */

static bool
read_tree(struct worker *worker, struct shelved *place, const struct git_tree *like, struct err *err)
{
	uint8_t root[GIT_ID_SIZE];
	const uint8_t *id = place->id;

	if (worker->comparing->wish->ids == HISTORY_IDS_OF_COMMITS) {
		if (!git_objects_tree_of(worker->objects, id, root, err))
			return false;
		id = root;
	}
	if (!git_objects_read(worker->objects, id, GIT_TREE, GIT_TREE_MAX, &place->held, err))
		return false;
	return git_tree_index(&place->tree, place->held.bytes, place->held.length, like, &worker->common) ||
	       err_set(err, ERR_SYNTAX, "a directory of it is damaged");
}

/* Where the tree is, or is to be put: never where the one is that has to stay. */
static struct shelved *
find_place(struct worker *worker, const uint8_t *id, const struct shelved *stays)
{
	struct shelved *place;

	for (place = worker->shelf; place < worker->shelf + SHELF; place++)
		if (place->held.object != NULL && memcmp(place->id, id, GIT_ID_SIZE) == 0)
			return place;
	do {
		place = &worker->shelf[worker->next_place];
		worker->next_place = (worker->next_place + 1) % SHELF;
	} while (place == stays);
	git_held_release(&place->held);
	memcpy(place->id, id, GIT_ID_SIZE);
	return place;
}

/* The tree with this identity, read unless it is at hand, an empty one for none; beside stays. NULL: err. */
static const struct shelved *
tree_for(struct worker *worker, const uint8_t *id, const struct shelved *beside, struct err *err)
{
	static const struct shelved empty;
	struct shelved *place;

	worker->common = (struct git_common){0};
	if (memcmp(id, empty.id, GIT_ID_SIZE) == 0)
		return &empty;
	place = find_place(worker, id, beside);
	if (place->held.object == NULL &&
	        !read_tree(worker, place, beside != NULL ? &beside->tree : &empty.tree, err))
		return NULL;
	return place;
}

static bool
compare_pair(struct worker *worker, const struct history_pair *pair, struct err *err)
{
	const struct shelved *old, *new = tree_for(worker, pair->new, NULL, err);

	if (new == NULL)
		return false;
	old = tree_for(worker, pair->old, new, err);
	if (old == NULL)
		return false;
	worker->pair = pair;
	git_tree_compare(&old->tree, &new->tree, &worker->common, note, worker);
	return !worker->too_many || err_set(err, ERR_TOO_LARGE, "more than the %llu changes allowed",
	                                    (unsigned long long)worker->comparing->wish->max_differences);
}

/* --- working --- */

static bool
compare_run(struct worker *worker, size_t run, struct err *err)
{
	const struct history_comparison *wish = worker->comparing->wish;
	size_t from = run * HISTORY_PAIRS_AT_ONCE, to = from + HISTORY_PAIRS_AT_ONCE;

	worker->notes = &worker->comparing->notes[run];
	for (size_t i = from; i < to && i < wish->count; i++)
		if (!compare_pair(worker, &wish->pairs[i], err))
			return false;
	return true;
}

/* progress: NULL on a thread that is not the caller's. */
static bool
compare_runs(struct worker *worker, void (*progress)(void *context, size_t done), struct err *err)
{
	struct comparing *comparing = worker->comparing;
	size_t run;

	worker->objects = git_objects_open(&worker->place, err);
	if (worker->objects == NULL)
		return false;
	while (!comparing->failed && (run = comparing->next_run++) < comparing->n_runs) {
		if (!compare_run(worker, run, err))
			return false;
		if (progress != NULL)
			progress(comparing->wish->context, run * HISTORY_PAIRS_AT_ONCE);
	}
	return true;
}

static void
work(struct worker *worker, void (*progress)(void *context, size_t done))
{
	struct err err = ERR_NONE;

	if (!compare_runs(worker, progress, &err) && !atomic_exchange(&worker->comparing->failed, true))
		worker->comparing->err = err;
}

static void *
run_worker(void *worker)
{
	work(worker, NULL);
	return NULL;
}

/* The place's is_stopped of a thread that is not the caller's. */
static bool
has_failed(void *comparing)
{
	return ((struct comparing *)comparing)->failed;
}

static void
finish_worker(struct worker *worker)
{
	for (size_t i = 0; i < SHELF; i++) {
		git_held_release(&worker->shelf[i].held);
		git_tree_finish(&worker->shelf[i].tree);
	}
	git_objects_close(worker->objects);
	text_finish(&worker->path);
}

/* How many threads are worth their while, the caller's one of them. */
static size_t
count_threads(const struct comparing *comparing)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors;

	return comparing->n_runs < most ? comparing->n_runs : most;
}

/* The caller's own thread is the first; of the others those that could be started. */
static void
work_together(struct comparing *comparing, struct worker *workers, size_t count)
{
	size_t started = 1;

	for (; started < count; started++) {
		struct worker *worker = &workers[started];

		worker->place.is_stopped = has_failed;
		worker->place.context = comparing;
		if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0)
			break;
	}
	work(&workers[0], comparing->wish->progress);
	while (--started > 0)
		pthread_join(workers[started].thread, NULL);
}

static void
tell_all(const struct comparing *comparing)
{
	const struct history_comparison *wish = comparing->wish;

	for (size_t run = 0; run < comparing->n_runs; run++)
		for (size_t i = 0; i < comparing->notes[run].count; i++)
			wish->tell(wish->context, &comparing->notes[run].list[i]);
}

bool
history_pairs_compare(const struct history_comparison *comparison, struct err *err)
{
	struct comparing comparing = {.wish = comparison,
	        .n_runs = (comparison->count + HISTORY_PAIRS_AT_ONCE - 1) / HISTORY_PAIRS_AT_ONCE};
	size_t count = count_threads(&comparing);
	struct worker *workers = xcalloc(count + 1, sizeof *workers);

	comparing.notes = xcalloc(comparing.n_runs + 1, sizeof *comparing.notes);
	for (size_t i = 0; i < count; i++) {
		workers[i].comparing = &comparing;
		workers[i].place = *comparison->place;
	}
	if (count > 0)
		work_together(&comparing, workers, count);
	for (size_t i = 0; i < count; i++)
		finish_worker(&workers[i]);
	if (!comparing.failed)
		tell_all(&comparing);
	for (size_t i = 0; i < count; i++)
		arena_finish(&workers[i].arena);
	for (size_t run = 0; run < comparing.n_runs; run++)
		free(comparing.notes[run].list);
	free(comparing.notes);
	free(workers);
	if (comparing.failed)
		*err = comparing.err;
	return !comparing.failed;
}
