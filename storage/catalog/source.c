/*
 * The one door to the importers: looks at what was given and calls the right one. One thread; blocks on the
 * disk; never writes.
 */
#include "storage/catalog/source.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/base/file.h"
#include "storage/catalog/dune_lock.h"
#include "storage/catalog/list.h"
#include "storage/catalog/opam_lock.h"
#include "storage/catalog/opam_repository.h"

#define SNIFF_BYTES 8192 /* of the start of a file, to tell its form by */

static const struct dune_limits dune_limits = {.file = SOURCE_FILE_MAX, .files = SOURCE_ARCHIVE_ENTRIES_MAX};
static const struct opam_limits opam_limits = {.bytes = SOURCE_BYTES_MAX,
        .ratio = SOURCE_RATIO_MAX,
        .entries = SOURCE_ARCHIVE_ENTRIES_MAX,
        .file = SOURCE_FILE_MAX};

const char *
source_form_name(enum source_form form)
{
	switch (form) {
	case SOURCE_OPAM_REPOSITORY:
		return "opam repository";
	case SOURCE_OPAM_ARCHIVE:
		return "opam repository archive";
	case SOURCE_OPAM_LOCK:
		return "opam lockfile";
	case SOURCE_DUNE_LOCK:
		return "dune lock directory";
	case SOURCE_LIST:
		return "list";
	case SOURCE_HISTORY:
		return "history of an opam repository";
	}
	assert(!"no such form");
	return "";
}

static bool
is_there(int dir_fd, const char *name)
{
	struct stat stat;

	return fstatat(dir_fd, name, &stat, 0) == 0;
}

/* Whether the directory holds a file NAME.pkg. */
static bool
holds_pkg(int dir_fd)
{
	AUTO_FD fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = false;

	if (directory == NULL)
		return false;
	take_fd(&fd);
	for (entry = readdir(directory); entry != NULL && !found; entry = readdir(directory))
		found = text_ends_with(entry->d_name, ".pkg");
	closedir(directory);
	return found;
}

static bool
read_directory(
        int dir_fd, const char *name, struct harvest *harvest, enum source_form *ret_form, struct err *err)
{
	if (is_there(dir_fd, "packages") || is_there(dir_fd, "repo")) {
		*ret_form = SOURCE_OPAM_REPOSITORY;
		return opam_repository_read_directory(dir_fd, name, &opam_limits, harvest, err);
	}
	if (is_there(dir_fd, "lock.dune") || holds_pkg(dir_fd)) {
		*ret_form = SOURCE_DUNE_LOCK;
		return dune_lock_read_directory(dir_fd, name, &dune_limits, harvest, err);
	}
	return err_set(err, ERR_SYNTAX,
	        "%s is neither an opam repository (packages/ or repo) nor a dune lock directory (lock.dune "
	        "or *.pkg)",
	        name);
}

/* The start of the file, which stays where it stands; the bytes end with a 0. */
static bool
sniff(int fd, char ret[SNIFF_BYTES + 1], size_t *ret_length, struct err *err)
{
	ssize_t got = file_pread(fd, ret, SNIFF_BYTES, (uint64_t)lseek(fd, 0, SEEK_CUR), err);

	if (got < 0)
		return false;
	ret[got] = '\0';
	*ret_length = (size_t)got;
	return true;
}

/* gzip by its first two bytes, a bare tar by the "ustar" in its first header. */
static bool
is_archive(const char *bytes, size_t length)
{
	if (length >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0)
		return true;
	return length >= 512 && memcmp(bytes + 257, "ustar", 5) == 0;
}

/* The first line that says anything; "" when there is none within what was read. */
static const char *
first_words(const char *bytes)
{
	bytes += strspn(bytes, " \t\r\n");
	while (*bytes == '#') {
		bytes += strcspn(bytes, "\n");
		bytes += strspn(bytes, " \t\r\n");
	}
	return bytes;
}

static bool
has_opam_name(const char *name)
{
	return text_ends_with(name, ".opam") || text_ends_with(name, ".locked") ||
	       strcmp(name, "opam") == 0 || text_ends_with(name, "/opam");
}

/* A URL of any scheme: git+https:// as well, which is no archive but may stand in a list. */
static bool
looks_like_list(const char *words)
{
	size_t scheme = strspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+.");

	return scheme > 0 && strncmp(words + scheme, "://", 3) == 0;
}

/* `name:` or `name {`, or a comment of opam's own kind. */
static bool
looks_like_opam(const char *words)
{
	size_t length = strspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+");
	const char *behind = words + length;

	if (strncmp(words, "(*", 2) == 0)
		return true;
	if (length == 0)
		return false;
	behind += strspn(behind, " \t");
	return *behind == ':' || *behind == '{' || *behind == '"';
}

static bool
no_known_form(const char *name, const char *what, struct err *err)
{
	return err_set(err, ERR_SYNTAX, "%s is %s, not an opam repository's .tar.gz, a lockfile or a list",
	        name, what);
}

static bool
tell_form(const char *bytes, size_t length, const char *name, enum source_form *ret_form, struct err *err)
{
	const char *words = first_words(bytes);

	if (length == 0)
		return no_known_form(name, "empty", err);
	if (is_archive(bytes, length)) {
		*ret_form = SOURCE_OPAM_ARCHIVE;
		return true;
	}
	if (strlen(bytes) != length)
		return no_known_form(name, "binary", err);
	if (text_ends_with(name, ".pkg"))
		*ret_form = SOURCE_DUNE_LOCK;
	else if (has_opam_name(name))
		*ret_form = SOURCE_OPAM_LOCK;
	else if (*words == '\0' || looks_like_list(words) || text_ends_with(name, ".list"))
		*ret_form = SOURCE_LIST;
	else if (looks_like_opam(words))
		*ret_form = SOURCE_OPAM_LOCK;
	else
		return no_known_form(name, "text of another kind", err);
	return true;
}

static bool
read_whole(int fd, const char *name, enum source_form form, struct harvest *harvest, struct err *err)
{
	AUTO_TEXT bytes = TEXT_EMPTY;

	if (!file_read(fd, SOURCE_FILE_MAX, &bytes, err))
		return err_wrap(err, "%s", name);
	if (form == SOURCE_OPAM_LOCK)
		return opam_lock_read(text_string(&bytes), bytes.length, name, harvest, err);
	dune_lock_read_file(name, text_string(&bytes), bytes.length, harvest);
	return true;
}

static bool
read_form(int fd, const char *name, enum source_form form, struct harvest *harvest, struct err *err)
{
	switch (form) {
	case SOURCE_OPAM_ARCHIVE:
		return opam_repository_read_archive(fd, name, &opam_limits, harvest, err);
	case SOURCE_LIST:
		return list_read(fd, SOURCE_BYTES_MAX, name, harvest, err);
	case SOURCE_OPAM_LOCK:
	case SOURCE_DUNE_LOCK:
		return read_whole(fd, name, form, harvest, err);
	case SOURCE_OPAM_REPOSITORY:
	case SOURCE_HISTORY:
		break;
	}
	assert(!"a directory is no file");
	return false;
}

bool
source_read_fd(int fd, const char *name, struct harvest *harvest, enum source_form *ret_form, struct err *err)
{
	char start[SNIFF_BYTES + 1];
	enum source_form form = SOURCE_LIST;
	struct stat stat;
	size_t length;

	if (fstat(fd, &stat) != 0)
		return err_errno(err, "%s", name);
	if (!S_ISREG(stat.st_mode))
		return err_set(err, ERR_USAGE, "%s is neither a file nor a directory", name);
	if ((uint64_t)stat.st_size > SOURCE_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "%s: larger than the %llu bytes allowed for one source",
		        name, SOURCE_BYTES_MAX);
	if (!sniff(fd, start, &length, err))
		return err_wrap(err, "%s", name);
	if (!tell_form(start, length, name, &form, err))
		return false;
	*ret_form = form;
	return read_form(fd, name, form, harvest, err);
}

bool
source_read_text(const struct text *text, const char *name, struct harvest *harvest,
        enum source_form *ret_form, struct err *err)
{
	struct list_reader reader;
	enum source_form form = SOURCE_LIST;

	if (!tell_form(text_string(text), text->length, name, &form, err))
		return false;
	*ret_form = form;
	switch (form) {
	case SOURCE_OPAM_LOCK:
		return opam_lock_read(text_string(text), text->length, name, harvest, err);
	case SOURCE_DUNE_LOCK:
		dune_lock_read_file(name, text_string(text), text->length, harvest);
		return true;
	case SOURCE_LIST:
		list_start(&reader, name, harvest);
		list_feed(&reader, text_string(text), text->length);
		list_end(&reader);
		return true;
	case SOURCE_OPAM_REPOSITORY:
	case SOURCE_OPAM_ARCHIVE:
	case SOURCE_HISTORY:
		break;
	}
	return err_set(
	        err, ERR_SYNTAX, "%s is a compressed archive, where a lockfile or a list is meant", name);
}

bool
source_read(const char *path, struct harvest *harvest, enum source_form *ret_form, struct err *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;

	if (fd < 0)
		return err_errno(err, "opening %s", path);
	if (fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode))
		return read_directory(fd, path, harvest, ret_form, err);
	return source_read_fd(fd, path, harvest, ret_form, err);
}
