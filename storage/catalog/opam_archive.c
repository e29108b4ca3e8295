/*
 * An opam repository out of a .tar.gz: gunzip decompresses within the limits, libarchive takes the tar apart.
 * Names are only compared, never opened, and nothing is written. One thread; blocks on the disk.
 */
#include "storage/catalog/opam_repository.h"

#include <errno.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "storage/base/text.h"
#include "storage/catalog/gunzip.h"

struct reading {
	struct archive *archive;
	struct gunzip *gunzip;
	struct opam_parser *parser;
	const struct opam_limits *limits;
	struct harvest *harvest;
	struct text bytes; /* of the file in hand */
	uint64_t entries;
	struct err *err; /* set by gunzip when libarchive says ARCHIVE_FATAL */
};

/* libarchive's way to ask for more. */
static la_ssize_t
give_bytes(struct archive *archive, void *context, const void **ret_bytes)
{
	struct reading *reading = context;
	ssize_t count = gunzip_read(reading->gunzip, ret_bytes, reading->err);

	if (count < 0)
		archive_set_error(archive, EIO, "%s", reading->err->text);
	return count;
}

/* What gunzip said comes before what libarchive made of it. */
static bool
failed(struct reading *reading)
{
	const char *text = archive_error_string(reading->archive);

	if (reading->err->code != ERR_OK)
		return false;
	return err_set(reading->err, ERR_SYNTAX, "not a tar archive that can be read: %s",
	        text != NULL ? text : "unknown format");
}

static bool
skip(struct reading *reading, const char *path, const char *why)
{
	harvest_problem(reading->harvest, path, 0, 0, "%s; skipped", why);
	return true;
}

/* The data of the entry in hand into bytes. */
static bool
read_data(struct reading *reading)
{
	char chunk[16384];
	la_ssize_t count;

	text_clear(&reading->bytes);
	while ((count = archive_read_data(reading->archive, chunk, sizeof chunk)) > 0)
		text_add_bytes(&reading->bytes, chunk, (size_t)count);
	return count == 0 || failed(reading);
}

/* A path that climbs or begins at the root is nobody's honest repository. */
static bool
is_strange(const char *path)
{
	size_t length = strlen(path);

	return path[0] == '/' || strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL ||
	       (length >= 3 && strcmp(path + length - 3, "/..") == 0);
}

static bool
read_entry(struct reading *reading, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	enum opam_path kind = path == NULL ? OPAM_PATH_OTHER : opam_repository_path(path);

	if (path == NULL)
		return skip(reading, "?", "an entry whose name cannot be read");
	if (kind == OPAM_PATH_OTHER)
		return true;
	if (is_strange(path))
		return skip(reading, path, "a path that leaves the archive");
	if (archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
		return skip(reading, path, "a link, which larder does not follow");
	if (archive_entry_filetype(entry) != AE_IFREG)
		return true;
	if (archive_entry_size(entry) > (la_int64_t)reading->limits->file)
		return skip(reading, path, "larger than one file may be");
	if (!read_data(reading))
		return false;
	if (kind == OPAM_PATH_REPO)
		opam_repository_read_repo(reading->parser, path, text_string(&reading->bytes),
		        reading->bytes.length, reading->harvest);
	else
		opam_repository_read_package(reading->parser, path, text_string(&reading->bytes),
		        reading->bytes.length, reading->harvest);
	return true;
}

/* Reads on behind the end of the tar: the limits and the checksum at the very end count too. */
static bool
drain(struct reading *reading)
{
	const void *bytes;
	ssize_t count;

	while ((count = gunzip_read(reading->gunzip, &bytes, reading->err)) > 0)
		;
	return count == 0;
}

static bool
read_entries(struct reading *reading)
{
	struct archive_entry *entry;
	int answer;

	while ((answer = archive_read_next_header(reading->archive, &entry)) == ARCHIVE_OK ||
	        answer == ARCHIVE_WARN) {
		if (reading->entries++ == reading->limits->entries)
			return err_set(reading->err, ERR_TOO_LARGE,
			        "more than the %llu entries allowed in one source",
			        (unsigned long long)reading->limits->entries);
		if (!read_entry(reading, entry))
			return false;
	}
	if (answer != ARCHIVE_EOF)
		return failed(reading);
	return drain(reading);
}

static bool
open_and_read(struct reading *reading)
{
	struct archive *archive = reading->archive;

	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	        archive_read_open(archive, reading, NULL, give_bytes, NULL) != ARCHIVE_OK)
		return failed(reading);
	return read_entries(reading);
}

bool
opam_repository_read_archive(
        int fd, const char *name, const struct opam_limits *limits, struct harvest *harvest, struct err *err)
{
	const struct gunzip_limits bounds = {
	        .bytes = limits->bytes, .ratio = limits->ratio, .ratio_free = OPAM_RATIO_FREE};
	struct err inner = ERR_NONE;
	struct reading reading = {.archive = archive_read_new(),
	        .gunzip = gunzip_create(fd, &bounds),
	        .parser = opam_parser_create(),
	        .limits = limits,
	        .harvest = harvest,
	        .err = &inner};
	uint64_t files = harvest->files;
	bool done = reading.archive != NULL && open_and_read(&reading);

	archive_read_free(reading.archive);
	gunzip_destroy(reading.gunzip);
	opam_parser_destroy(reading.parser);
	text_finish(&reading.bytes);
	if (!done)
		return err_set(err, inner.code, "%s: %s", name, inner.text);
	if (harvest->files == files)
		return err_set(err, ERR_SYNTAX, "%s holds no packages/NAME/NAME.VERSION/opam", name);
	return true;
}
