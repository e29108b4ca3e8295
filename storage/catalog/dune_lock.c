/*
 * Dune's lock directories. A fetch counts wherever it stands inside source or extra_sources, since newer dune
 * puts a choice between platforms around it. One thread; blocks on the disk; never writes.
 */
#include "storage/catalog/dune_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/file.h"
#include "storage/catalog/section.h"
#include "storage/catalog/sexp.h"

struct package_file {
	struct harvest *harvest;
	const char *path;
	char package[HARVEST_PACKAGE_MAX + 1];
};

/* "rosa.pkg" with (version 0.2.0), or "rosa.0.2.0.pkg": "rosa.0.2.0". */
static void
name_package(struct package_file *file, const char *version)
{
	const char *slash = strrchr(file->path, '/');
	const char *base = slash != NULL ? slash + 1 : file->path;
	AUTO_FREE char *stem = xstrndup(base, strlen(base) - strlen(".pkg"));
	AUTO_TEXT dotted = TEXT_EMPTY;

	text_addf(&dotted, ".%s", version);
	if (version[0] == '\0' || text_ends_with(stem, text_string(&dotted)))
		text_clear(&dotted);
	if (strlen(stem) + dotted.length <= HARVEST_PACKAGE_MAX)
		snprintf(file->package, sizeof file->package, "%s%s", stem, text_string(&dotted));
}

/* (fetch (url …) (checksum …)) */
static void
read_fetch(struct package_file *file, const struct sexp *fetch)
{
	struct section section;
	const char *package = file->package;

	section_start(&section, file->harvest, file->path, fetch->place);
	for (const struct sexp *field = fetch->first; field != NULL; field = field->next)
		for (const struct sexp *value = sexp_is(field, "url") ? field->first->next : NULL;
		        value != NULL; value = value->next)
			if (value->text != NULL)
				section_url(&section, value->text, value->length, value->place);
	for (const struct sexp *field = fetch->first; field != NULL; field = field->next)
		for (const struct sexp *value = sexp_is(field, "checksum") ? field->first->next : NULL;
		        value != NULL; value = value->next)
			if (value->text != NULL)
				section_checksum(&section, value->text, value->length, value->place);
	section_end(&section, &package, 1);
}

static void
read_copy(struct package_file *file, const struct sexp *copy)
{
	const char *package = file->package;
	struct section section;

	section_start(&section, file->harvest, file->path, copy->place);
	section_elsewhere(&section);
	section_end(&section, &package, 1);
}

/* Not the directory of an extra source that happens to be called fetch. */
static bool
is_fetch(const struct sexp *sexp)
{
	if (!sexp_is(sexp, "fetch"))
		return false;
	for (const struct sexp *field = sexp->first; field != NULL; field = field->next)
		if (sexp_is(field, "url"))
			return true;
	return false;
}

/* Every fetch and copy at or below this expression; the reader has bounded the depth. */
static void
read_sources(struct package_file *file, const struct sexp *sexp)
{
	if (is_fetch(sexp)) {
		read_fetch(file, sexp);
		return;
	}
	if (sexp_is(sexp, "copy")) {
		read_copy(file, sexp);
		return;
	}
	for (const struct sexp *below = sexp->first; below != NULL; below = below->next)
		read_sources(file, below);
}

static const char *
version_of(const struct sexp *fields)
{
	for (; fields != NULL; fields = fields->next)
		if (sexp_is(fields, "version") && fields->first->next != NULL &&
		        fields->first->next->text != NULL)
			return fields->first->next->text;
	return "";
}

static void
read_package(struct package_file *file, const struct sexp *fields)
{
	name_package(file, version_of(fields));
	for (; fields != NULL; fields = fields->next)
		if (sexp_is(fields, "source") || sexp_is(fields, "extra_sources"))
			read_sources(file, fields);
}

void
dune_lock_read_file(const char *path, const char *bytes, size_t length, struct harvest *harvest)
{
	struct package_file file = {.harvest = harvest, .path = path};
	struct arena arena = ARENA_EMPTY;
	struct err err = ERR_NONE;
	const struct sexp *fields;
	struct place place;

	if (text_ends_with(path, ".pkg"))
		harvest->files++;
	if (!sexp_parse(&arena, bytes, length, &fields, &place, &err))
		harvest_problem(harvest, path, place.line, place.column, "%s; the file is skipped", err.text);
	else if (text_ends_with(path, ".pkg"))
		read_package(&file, fields);
	arena_finish(&arena);
}

static void
read_named(int dir_fd, const char *name, uint64_t file_max, struct harvest *harvest)
{
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_TEXT bytes = TEXT_EMPTY;
	struct err err = ERR_NONE;

	if (fd < 0)
		harvest_problem(harvest, name, 0, 0, "%s; skipped", strerror(errno));
	else if (!file_read(fd, file_max, &bytes, &err))
		harvest_problem(harvest, name, 0, 0, "%s; skipped", err.text);
	else
		dune_lock_read_file(name, text_string(&bytes), bytes.length, harvest);
}

static int
is_of_interest(const struct dirent *entry)
{
	return text_ends_with(entry->d_name, ".pkg") || strcmp(entry->d_name, "lock.dune") == 0;
}

bool
dune_lock_read_directory(int dir_fd, const char *name, const struct dune_limits *limits,
        struct harvest *harvest, struct err *err)
{
	struct dirent **names;
	int count = scandirat(dir_fd, ".", &names, is_of_interest, alphasort);
	bool too_many = count > 0 && (uint64_t)count > limits->files;

	if (count < 0)
		return err_errno(err, "listing %s", name);
	for (int i = 0; i < count; i++) {
		if (!too_many)
			read_named(dir_fd, names[i]->d_name, limits->file, harvest);
		free(names[i]);
	}
	free(names);
	if (too_many)
		return err_set(err, ERR_TOO_LARGE, "%s holds more than the %llu files allowed", name,
		        (unsigned long long)limits->files);
	if (count == 0)
		return err_set(err, ERR_SYNTAX, "%s holds neither lock.dune nor a .pkg file", name);
	return true;
}
