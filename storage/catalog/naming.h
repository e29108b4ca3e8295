/*
 * Naming: whether the catalog lists some bytes as an archive of its own, who named them first, and since when. So what an origin
 * serves instead of one archive may be known as another.
 */
#ifndef STORAGE_CATALOG_NAMING_H
#define STORAGE_CATALOG_NAMING_H

#include "storage/base/err.h"
#include "storage/digest.h"
#include "storage/index/archive_rows.h"

struct catalog;

#define NAMING_TEXT_MAX 128 /* bytes of each with the terminator; longer is cut */

struct catalog_naming {
	char package[NAMING_TEXT_MAX]; /* the first that uses it, or "" */
	char source[NAMING_TEXT_MAX];  /* what was imported */
	int64_t since_ms;              /* since 1970 */
};

/* ROW_FOUND: an entry that these bytes satisfy, the one named first. On the caller's thread. */
enum row_answer catalog_naming(struct catalog *catalog, const struct digests *bytes,
        struct catalog_naming *ret, struct err *err) MUST_CHECK;

#endif
