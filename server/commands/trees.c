/*
 * Walking trees with fts(3). Main thread; reads directories and nothing of the files.
 */
#include "server/commands/trees.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

struct file_id {
	dev_t device;
	ino_t inode;
};

struct seen {
	struct file_id id;
	UT_hash_handle hh;
};

struct trees {
	FTS *walk;
	bool has_begun; /* something of it was read */
	char **roots;   /* ends with NULL, as fts wants it */
	size_t n_roots;
	struct seen *seen;
};

static void
add_root(struct trees *trees, char *path)
{
	trees->roots = xrealloc(trees->roots, (trees->n_roots + 2) * sizeof trees->roots[0]);
	trees->roots[trees->n_roots++] = path;
	trees->roots[trees->n_roots] = NULL;
}

/*
 * The path itself or, where it is a download cache, the directories of its algorithms: caches hold other
 * things too.
 */
static void
add_path(struct trees *trees, const char *path)
{
	bool cache = false;

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct text inside = TEXT_EMPTY;
		struct stat info;

		text_addf(&inside, "%s/%s", path, digest_algo_name((enum digest_algo)algo));
		if (stat(text_string(&inside), &info) == 0 && S_ISDIR(info.st_mode)) {
			add_root(trees, text_take(&inside));
			cache = true;
		}
		text_finish(&inside);
	}
	if (!cache)
		add_root(trees, xstrdup(path));
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

struct trees *
trees_open(char *const *paths, size_t n_paths, struct err *err)
{
	struct trees *trees = xcalloc(1, sizeof *trees);

	for (size_t i = 0; i < n_paths; i++)
		add_path(trees, paths[i]);
	trees->walk = fts_open(trees->roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (trees->walk != NULL)
		return trees;
	err_errno(err, "beginning to walk");
	trees_close(trees);
	return NULL;
}

static bool
seen_before(struct trees *trees, const struct stat *info)
{
	struct file_id id;
	struct seen *seen;

	memset(&id, 0, sizeof id); /* the padding is part of the key */
	id.device = info->st_dev;
	id.inode = info->st_ino;
	HASH_FIND(hh, trees->seen, &id, sizeof id, seen);
	if (seen != NULL)
		return true;
	seen = xcalloc(1, sizeof *seen);
	memcpy(&seen->id, &id, sizeof id);
	HASH_ADD(hh, trees->seen, id, sizeof seen->id, seen);
	return false;
}

/* Nothing that could be given; where it was named itself, that is a mistake. */
static enum trees_news
no_file(const FTSENT *entry, mode_t mode, struct err *err)
{
	if (S_ISDIR(mode))
		err_set(err, ERR_IO,
		        "is a link to a directory, which is not followed; name it to have what is below");
	else
		err_set(err, ERR_IO, "is neither a file nor a directory");
	return entry->fts_level == FTS_ROOTLEVEL ? TREES_UNREADABLE : TREES_PASSED;
}

static enum trees_news
unreadable(int cause, struct err *err)
{
	errno = cause;
	err_errno(err, "cannot be read");
	return TREES_UNREADABLE;
}

enum trees_news
trees_next(struct trees *trees, const char **ret_path, struct err *err)
{
	for (;;) {
		struct stat info;
		FTSENT *entry;

		errno = 0;
		trees->has_begun = true;
		entry = fts_read(trees->walk);
		if (entry == NULL)
			return TREES_END;
		*ret_path = entry->fts_path;
		switch (entry->fts_info) {
		case FTS_F:
			if (!seen_before(trees, entry->fts_statp))
				return TREES_FILE;
			break;
		case FTS_SL:
		case FTS_SLNONE:
			if (stat(entry->fts_path, &info) != 0)
				return unreadable(errno, err);
			if (!S_ISREG(info.st_mode))
				return no_file(entry, info.st_mode, err);
			if (!seen_before(trees, &info))
				return TREES_FILE;
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			return unreadable(entry->fts_errno, err);
		case FTS_DEFAULT:
			return no_file(entry, entry->fts_statp->st_mode, err);
		}
	}
}

void
trees_close(struct trees *trees)
{
	struct seen *seen, *next;

	if (trees == NULL)
		return;
	HASH_ITER (hh, trees->seen, seen, next) {
		HASH_DEL(trees->seen, seen);
		free(seen);
	}
	/* fts_close goes by the level of the entry at hand, which glibc sets with the first that is read: the roots would stay. */
	if (trees->walk != NULL && !trees->has_begun)
		(void)fts_read(trees->walk);
	if (trees->walk != NULL)
		fts_close(trees->walk);
	for (size_t i = 0; i < trees->n_roots; i++)
		free(trees->roots[i]);
	free(trees->roots);
	free(trees);
}

/* The path component that ends at end; moves end before it. NULL: none is left. */
static const char *
last_component(const char *path, const char **end, size_t *ret_length)
{
	const char *begin = *end;

	if (begin == path)
		return NULL;
	while (begin > path && begin[-1] != '/')
		begin--;
	*ret_length = (size_t)(*end - begin);
	*end = begin > path ? begin - 1 : begin;
	return begin;
}

bool
trees_path_digest(const char *path, struct digest *ret)
{
	const char *end = path + strlen(path), *hex, *parent;
	AUTO_FREE char *algo = NULL;
	size_t hex_length, length;
	struct err err = ERR_NONE;

	hex = last_component(path, &end, &hex_length);
	if (hex == NULL)
		return false;
	parent = last_component(path, &end, &length);
	if (parent != NULL && length == 2 && hex_length > 2 && strncasecmp(parent, hex, 2) == 0)
		parent = last_component(path, &end, &length);
	if (parent == NULL)
		return false;
	algo = xstrndup(parent, length);
	return digest_parse(algo, hex, ret, &err);
}
