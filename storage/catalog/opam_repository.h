/*
 * Reads an opam repository, from a directory or out of a .tar.gz: every packages/NAME/NAME.VERSION/opam, the
 * older packages/NAME.VERSION/opam, and the `url` files of opam 1.2 beside them. Nothing is ever written; a
 * file that cannot be read becomes a problem and the next one is read. One thread; blocks on the disk.
 */
#ifndef STORAGE_CATALOG_OPAM_REPOSITORY_H
#define STORAGE_CATALOG_OPAM_REPOSITORY_H

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"
#include "storage/catalog/opam_syntax.h"

/* What a repository may cost. */
struct opam_limits {
	uint64_t bytes;   /* compressed, and decompressed */
	uint64_t ratio;   /* decompressed : compressed, past the first OPAM_RATIO_FREE bytes */
	uint64_t entries; /* files, directories, links */
	uint64_t file;    /* bytes of one file */
};
#define OPAM_RATIO_FREE (1u << 20)

/*
 * A .tar.gz or a plain .tar in an open file, from where it stands; name is for messages. False when it is cut
 * off, damaged, over a limit or holds no repository: the harvest is then to be thrown away, since part of it
 * may be in there.
 */
bool opam_repository_read_archive(int fd, const char *name, const struct opam_limits *limits,
        struct harvest *harvest, struct err *err) MUST_CHECK;

/* The directory that holds packages/. Symbolic links below it are not followed. */
bool opam_repository_read_directory(int dir_fd, const char *name, const struct opam_limits *limits,
        struct harvest *harvest, struct err *err) MUST_CHECK;

enum opam_path { OPAM_PATH_OTHER, OPAM_PATH_PACKAGE, OPAM_PATH_REPO };
/*
 * What lies at such a path of a repository, which may begin with directories above it:
 * "x/packages/a/a.1/opam".
 */
enum opam_path opam_repository_path(const char *path);

/*
 * One opam or url file of a repository's past or present that lies at this path, for which
 * opam_repository_path says OPAM_PATH_PACKAGE; the path gives the package, else the fields name and version
 * do.
 */
void opam_repository_read_package(struct opam_parser *parser, const char *path, const char *bytes,
        size_t length, struct harvest *harvest);
/* The `repo` file: it names no archive, but a mistake in it is one of the repository. */
void opam_repository_read_repo(struct opam_parser *parser, const char *path, const char *bytes, size_t length,
        struct harvest *harvest);

#endif
