/*
 * Reads an opam-monorepo lockfile: the archives are in x-opam-monorepo-duniverse-dirs (URL, directory,
 * checksums), the packages that each of them provides in pin-depends. A plain opam file, or one locked by
 * `opam lock`, is read by the same rules. One thread.
 */
#ifndef STORAGE_CATALOG_OPAM_LOCK_H
#define STORAGE_CATALOG_OPAM_LOCK_H

#include <stddef.h>

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"

/*
 * The bytes of a lockfile; name is for messages. ERR_SYNTAX with name:line:column when they are none, since
 * half a lockfile is worse than no lockfile; an entry that is wrong becomes a problem.
 */
bool opam_lock_read(const char *bytes, size_t length, const char *name, struct harvest *harvest,
        struct err *err) MUST_CHECK;

#endif
