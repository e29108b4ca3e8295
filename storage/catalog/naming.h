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

/* NAMED_INSTEAD: for the same package as what was asked for, or for the same URL now. Any other bytes are no correction. */
enum naming_kin { NAMED_APART, NAMED_INSTEAD };
struct catalog_naming {
	char package
	        [NAMING_TEXT_MAX]; /* the first that uses it, of NAMED_INSTEAD the same where it is that; or "" */
	char source[NAMING_TEXT_MAX]; /* what was imported */
	int64_t since_ms;             /* since 1970 */
	struct digests digests;       /* as that lists them */
	enum naming_kin kin;
};

/* What the bytes came instead of. */
struct catalog_asked {
	const struct digests *digests;
	const char *url;
};

/*
 * ROW_FOUND: an entry that these bytes satisfy; of several one that is NAMED_INSTEAD, and of those the one named first. asked: NULL: all
 * are NAMED_APART. On the caller's thread.
 */
enum row_answer catalog_naming(struct catalog *catalog, const struct digests *bytes,
        const struct catalog_asked *asked, struct catalog_naming *ret, struct err *err) MUST_CHECK;

#endif
