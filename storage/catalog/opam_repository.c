/*
 * An opam repository as files with paths, and the walk through a directory of them. Directories are opened
 * below each other with openat and without following links, to a bounded depth. One thread; blocks on the
 * disk; never writes.
 */
#include "storage/catalog/opam_repository.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/base/file.h"
#include "storage/catalog/opam_file.h"

#define DEPTH_MAX                                                                                            \
	8 /* of directories below packages/: opam's own have two, older ones grouped packages further */

/* The file name at the end of a path. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What follows the first component of this name; NULL: there is none. */
static const char *
behind_component(const char *path, const char *name)
{
	size_t length = strlen(name);

	while (path != NULL) {
		if (strncmp(path, name, length) == 0 && path[length] == '/')
			return path + length + 1;
		path = strchr(path, '/');
		path = path != NULL ? path + 1 : NULL;
	}
	return NULL;
}

enum opam_path
opam_repository_path(const char *path)
{
	const char *base = base_name(path);
	const char *below = behind_component(path, "packages");

	if (below == NULL)
		return strcmp(base, "repo") == 0 ? OPAM_PATH_REPO : OPAM_PATH_OTHER;
	if (behind_component(below, "files") != NULL || below == base)
		return OPAM_PATH_OTHER;
	return strcmp(base, "opam") == 0 || strcmp(base, "url") == 0 ? OPAM_PATH_PACKAGE : OPAM_PATH_OTHER;
}

/* Letters, digits and -_+.~ (opam manual, "Package versions"), with a '.' between name and version. */
static bool
is_package(const char *text, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+.~";

	return length <= HARVEST_PACKAGE_MAX && memchr(text, '.', length) != NULL &&
	       strspn(text, allowed) >= length;
}

/*
 * The package is the name of the directory the file lies in; where that is none, the file may say it itself.
 */
static void
package_of(const char *path, const struct opam_item *items, char ret[HARVEST_PACKAGE_MAX + 1])
{
	const char *end = base_name(path) - 1;
	const char *start = end;

	while (start > path && start[-1] != '/')
		start--;
	if (!is_package(start, (size_t)(end - start))) {
		opam_file_package(items, ret);
		return;
	}
	memcpy(ret, start, (size_t)(end - start));
	ret[end - start] = '\0';
}

static bool
parse(struct opam_parser *parser, const char *path, const char *bytes, size_t length,
        const struct opam_item **ret_items, struct harvest *harvest)
{
	struct err err = ERR_NONE;
	struct place place;

	if (opam_parse(parser, bytes, length, ret_items, &place, &err))
		return true;
	harvest_problem(harvest, path, place.line, place.column, "%s; the file is skipped", err.text);
	return false;
}

void
opam_repository_read_package(struct opam_parser *parser, const char *path, const char *bytes, size_t length,
        struct harvest *harvest)
{
	char package[HARVEST_PACKAGE_MAX + 1];
	const struct opam_item *items;

	harvest->files++;
	if (!parse(parser, path, bytes, length, &items, harvest))
		return;
	package_of(path, items, package);
	opam_file_harvest(items, package, path, harvest);
}

void
opam_repository_read_repo(struct opam_parser *parser, const char *path, const char *bytes, size_t length,
        struct harvest *harvest)
{
	const struct opam_item *items;

	parse(parser, path, bytes, length, &items, harvest);
}

struct walk {
	struct opam_parser *parser;
	const struct opam_limits *limits;
	struct harvest *harvest;
	struct text path;  /* of what is being read, from the repository's root */
	struct text bytes; /* of the file */
	uint64_t entries, total;
	unsigned depth;
	struct err *err;
};

static bool walk_directory(struct walk *walk, int parent_fd, const char *name);

static bool
skip(struct walk *walk, const char *why)
{
	harvest_problem(walk->harvest, text_string(&walk->path), 0, 0, "%s; skipped", why);
	return true;
}

static bool
walk_file(struct walk *walk, int dir_fd, const char *name)
{
	const char *path = text_string(&walk->path);
	enum opam_path kind = opam_repository_path(path);
	struct err err = ERR_NONE;
	AUTO_FD fd = -1;

	if (kind == OPAM_PATH_OTHER)
		return true;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return skip(walk, strerror(errno));
	if (!file_read(fd, walk->limits->file, &walk->bytes, &err))
		return skip(walk, err.text);
	walk->total += walk->bytes.length;
	if (walk->total > walk->limits->bytes)
		return err_set(walk->err, ERR_TOO_LARGE, "more than the %llu bytes allowed in one source",
		        (unsigned long long)walk->limits->bytes);
	if (kind == OPAM_PATH_REPO)
		opam_repository_read_repo(
		        walk->parser, path, text_string(&walk->bytes), walk->bytes.length, walk->harvest);
	else
		opam_repository_read_package(
		        walk->parser, path, text_string(&walk->bytes), walk->bytes.length, walk->harvest);
	return true;
}

/*
 * A directory is gone into, an opam file read, a link to one reported; everything else is no concern of ours.
 */
static bool
walk_entry(struct walk *walk, int dir_fd, const char *name)
{
	struct stat stat;

	if (walk->entries++ == walk->limits->entries)
		return err_set(walk->err, ERR_TOO_LARGE, "more than the %llu entries allowed in one source",
		        (unsigned long long)walk->limits->entries);
	if (fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return skip(walk, strerror(errno));
	if (S_ISDIR(stat.st_mode))
		return walk_directory(walk, dir_fd, name);
	if (S_ISREG(stat.st_mode))
		return walk_file(walk, dir_fd, name);
	if (S_ISLNK(stat.st_mode) && opam_repository_path(text_string(&walk->path)) == OPAM_PATH_PACKAGE)
		return skip(walk, "a symbolic link, which larder does not follow");
	return true;
}

static int
is_no_dot(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* With the entry's name at the end of the path while it is visited. */
static bool
walk_named(struct walk *walk, int dir_fd, const char *name)
{
	size_t length = walk->path.length;
	bool going_on;

	text_addf(&walk->path, "%s%s", length > 0 ? "/" : "", name);
	going_on = walk_entry(walk, dir_fd, name);
	walk->path.length = length;
	walk->path.bytes[length] = '\0';
	return going_on;
}

/* In the order of names, so that two runs give one result. */
static bool
walk_directory(struct walk *walk, int parent_fd, const char *name)
{
	struct dirent **names;
	bool going_on = true;
	AUTO_FD fd = -1;
	int count;

	if (walk->depth > DEPTH_MAX)
		return skip(walk, "a directory that lies too deep");
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	count = fd < 0 ? -1 : scandirat(fd, ".", &names, is_no_dot, alphasort);
	if (count < 0)
		return skip(walk, strerror(errno));
	walk->depth++;
	for (int i = 0; i < count; i++) {
		going_on = going_on && walk_named(walk, fd, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	walk->depth--;
	return going_on;
}

static bool
walk_if_there(struct walk *walk, int dir_fd, const char *name)
{
	struct stat stat;

	if (fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	return walk_named(walk, dir_fd, name);
}

bool
opam_repository_read_directory(int dir_fd, const char *name, const struct opam_limits *limits,
        struct harvest *harvest, struct err *err)
{
	struct walk walk = {.parser = opam_parser_create(), .limits = limits, .harvest = harvest, .err = err};
	uint64_t files = harvest->files;
	bool done = walk_if_there(&walk, dir_fd, "repo") && walk_if_there(&walk, dir_fd, "packages");

	opam_parser_destroy(walk.parser);
	text_finish(&walk.path);
	text_finish(&walk.bytes);
	if (!done)
		return err_wrap(err, "%s", name);
	if (harvest->files == files)
		return err_set(err, ERR_SYNTAX, "%s holds no packages/NAME/NAME.VERSION/opam", name);
	return true;
}
