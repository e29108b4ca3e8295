/*
 * Reads a dune lock directory: NAME.pkg files of s-expressions with (version …), (source (fetch (url …) (checksum …))) and
 * (extra_sources (DIRECTORY (fetch …)) …), and lock.dune. One thread; blocks on the disk.
 */
#ifndef STORAGE_CATALOG_DUNE_LOCK_H
#define STORAGE_CATALOG_DUNE_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"

#define DUNE_LOCK_FILES_MAX 100000 /* entries of one lock directory */

/* The directory, whose name is for messages; a file of more than file_max bytes becomes a problem. */
bool dune_lock_read_directory(
        int dir_fd, const char *name, uint64_t file_max, struct harvest *harvest, struct err *err) MUST_CHECK;

/* One NAME.pkg (the package's name) or lock.dune; what is wrong with it becomes a problem. */
void dune_lock_read_file(const char *path, const char *bytes, size_t length, struct harvest *harvest);

#endif
