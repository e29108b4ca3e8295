/*
 * A table by identity; what changes say is gathered in it, so that a file that a thousand commits carry along is
 * one entry. One thread; memory only.
 */
#include "storage/catalog/history_files.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"

static struct history_file *
find_file(const struct history_files *files, const uint8_t *id)
{
	struct history_file *file;

	HASH_FIND(hh, files->table, id, GIT_ID_SIZE, file);
	return file;
}

static struct history_naming *
find_naming(struct history_file *file, const char *path)
{
	struct history_naming *naming = file != NULL ? &file->naming : NULL;

	while (naming != NULL && strcmp(naming->path, path) != 0)
		naming = naming->next;
	return naming;
}

static const char *
keep_path(struct history_files *files, const char *path)
{
	if (files->path == NULL || strcmp(files->path, path) != 0)
		files->path = arena_copy(&files->arena, path, strlen(path));
	return files->path;
}

static struct history_naming *
add_naming(struct history_files *files, const uint8_t *id, const char *path)
{
	struct history_file *file = find_file(files, id);
	struct history_naming *naming;

	files->namings++;
	if (file != NULL) {
		naming = arena_take(&files->arena, sizeof *naming);
		*naming = (struct history_naming){.next = file->naming.next};
		file->naming.next = naming;
	} else {
		file = arena_take(&files->arena, sizeof *file);
		memset(file, 0, sizeof *file);
		memcpy(file->id, id, GIT_ID_SIZE);
		HASH_ADD(hh, files->table, id, GIT_ID_SIZE, file);
		naming = &file->naming;
	}
	naming->path = keep_path(files, path);
	return naming;
}

/* Changes of one path come the newest first, so that the last to note itself is the oldest. */
static bool
note(struct history_files *files, const struct history_change *change, const uint8_t *id)
{
	struct history_naming *naming = find_naming(find_file(files, id), change->path);
	int64_t date_ms = change->commit->date_ms;

	if (date_ms > files->now_ms)
		date_ms = files->now_ms;
	if (naming == NULL && files->namings == files->max_namings)
		return false;
	if (naming == NULL) {
		naming = add_naming(files, id, change->path);
		naming->first_ms = naming->last_ms = date_ms;
	}
	if (date_ms < naming->first_ms)
		naming->first_ms = date_ms;
	if (date_ms > naming->last_ms)
		naming->last_ms = date_ms;
	memcpy(naming->commit, change->commit->id, sizeof naming->commit);
	return true;
}

bool
history_files_take(struct history_files *files, const struct history_change *change)
{
	if (change->commit == NULL) {
		struct history_naming *naming =
		        change->new != NULL ? find_naming(find_file(files, change->new), change->path) : NULL;

		if (naming != NULL)
			naming->present = true;
		return true;
	}
	/* The newer side first: where both are one content, the change is none of it. */
	if (change->new != NULL && !note(files, change, change->new))
		return false;
	return change->old == NULL || note(files, change, change->old);
}

void
history_files_finish(struct history_files *files)
{
	HASH_CLEAR(hh, files->table);
	arena_finish(&files->arena);
}

static int
compare_files(const void *left, const void *right)
{
	const struct history_naming *a = &(*(struct history_file *const *)left)->naming;
	const struct history_naming *b = &(*(struct history_file *const *)right)->naming;
	int order = (int)b->present - (int)a->present;

	if (order == 0)
		order = strcmp(a->path, b->path);
	if (order == 0)
		order = (a->last_ms < b->last_ms) - (a->last_ms > b->last_ms);
	if (order == 0)
		order = (a->first_ms < b->first_ms) - (a->first_ms > b->first_ms);
	return order != 0 ? order : memcmp(a->commit, b->commit, sizeof a->commit);
}

struct history_file **
history_files_sorted(const struct history_files *files, size_t *ret_count)
{
	struct history_file **sorted = xmalloc((HASH_COUNT(files->table) + 1) * sizeof *sorted);
	struct history_file *file, *after;
	size_t count = 0;

	HASH_ITER (hh, files->table, file, after)
		sorted[count++] = file;
	qsort(sorted, count, sizeof *sorted, compare_files);
	*ret_count = count;
	return sorted;
}
