/*
 * Reads a dune lock directory: NAME.pkg files of s-expressions with (version …), (source (fetch (url …)
 * (checksum …))) and (extra_sources (DIRECTORY (fetch …)) …), and lock.dune. One thread; blocks on the disk.
 */
#ifndef STORAGE_CATALOG_DUNE_LOCK_H
#define STORAGE_CATALOG_DUNE_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"

/* What a lock directory may cost. */
struct dune_limits {
	uint64_t file;  /* bytes of one file; a larger one becomes a problem */
	uint64_t files; /* lock.dune and *.pkg */
};

/* The directory, whose name is for messages. Symbolic links in it are not followed. */
bool dune_lock_read_directory(int dir_fd, const char *name, const struct dune_limits *limits,
        struct harvest *harvest, struct err *err) MUST_CHECK;

/* One NAME.pkg (the package's name) or lock.dune; what is wrong with it becomes a problem. */
void dune_lock_read_file(const char *path, const char *bytes, size_t length, struct harvest *harvest);

#endif
