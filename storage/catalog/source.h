/*
 * Reads a source of the catalog, whatever its form: a path or bytes in, a harvest out. Knows the forms apart
 * by content and name: a directory of an opam repository or a dune.lock directory, a .tar.gz, a lockfile, a
 * list.
 */
#ifndef STORAGE_CATALOG_SOURCE_H
#define STORAGE_CATALOG_SOURCE_H

#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/catalog/harvest.h"

enum source_form {
	SOURCE_OPAM_REPOSITORY,
	SOURCE_OPAM_ARCHIVE,
	SOURCE_OPAM_LOCK,
	SOURCE_DUNE_LOCK,
	SOURCE_LIST,
	SOURCE_HISTORY
};
const char *source_form_name(enum source_form form); /* "opam repository", … for messages */

#define SOURCE_BYTES_MAX           (1ULL << 30) /* compressed or not */
#define SOURCE_RATIO_MAX           200          /* decompressed : compressed, past the first MiB */
#define SOURCE_ARCHIVE_ENTRIES_MAX 1000000
#define SOURCE_FILE_MAX            (16u << 20) /* one opam file or lockfile, bytes */

/*
 * False when the source as a whole cannot be read (no such file, no known form, a limit); nothing is written
 * anywhere. The harvest may then hold a part of it, and is to be thrown away.
 */
bool source_read(
        const char *path, struct harvest *harvest, enum source_form *ret_form, struct err *err) MUST_CHECK;
/*
 * The same for a .tar.gz, lockfile or list in an open file, as it came over HTTP; name is for messages and
 * for telling the form.
 */
bool source_read_fd(int fd, const char *name, struct harvest *harvest, enum source_form *ret_form,
        struct err *err) MUST_CHECK;
/* The same for a lockfile or list in memory, as a part of a request. */
bool source_read_text(const struct text *text, const char *name, struct harvest *harvest,
        enum source_form *ret_form, struct err *err) MUST_CHECK;

#endif
