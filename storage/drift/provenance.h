/*
 * Provenance: the commit that a tarball made by `git archive` (and so by most forges) carries in its first
 * header. One thread a file; blocks on the disk for a few KiB.
 */
#ifndef STORAGE_DRIFT_PROVENANCE_H
#define STORAGE_DRIFT_PROVENANCE_H

#include <stdbool.h>

#include "storage/archive.h"

#define PROVENANCE_MAX ARCHIVE_COMMIT_MAX /* 64 digits: a commit of SHA-256; mostly there are 40 */

/*
 * The commit of the archive in the open file, a tar as it is or compressed by gzip, bzip2, xz, lzma or zstd;
 * false where there is none, for whatever reason. Reads with pread, from the start. Takes microseconds, for
 * bzip2 milliseconds.
 */
bool provenance_commit(int fd, char ret[PROVENANCE_MAX]);

#endif
