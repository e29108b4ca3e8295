/*
 * Naming: whether the catalog lists some bytes as an archive of its own, and whether that took the place of another one, as after a
 * correction. So what an origin serves instead of an archive may be known.
 */
#ifndef STORAGE_CATALOG_NAMING_H
#define STORAGE_CATALOG_NAMING_H

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"
#include "storage/digest.h"
#include "storage/index/archive_rows.h"

struct catalog;

/* What the bytes came instead of. */
struct naming_place {
	const char *url;
	const struct digests *digests; /* of the archive */
	const char *package;           /* that it was asked for, beside those of the catalog; or "" */
};

enum naming_bond {
	NAMING_OTHER,     /* some archive, which has nothing to do with this place */
	NAMING_SUCCESSOR, /* a source names them now at this URL, or for the same version of the same package */
};

#define NAMING_SOURCE_MAX 128 /* bytes with the terminator; longer is cut */

struct catalog_naming {
	enum naming_bond bond;
	struct digests digests; /* all that are listed for these bytes; of a successor as such */
	char package[HARVEST_PACKAGE_MAX + 1]; /* one that both have, else the first that uses them, or "" */
	bool same_package;                     /* both have it */
	char source[NAMING_SOURCE_MAX];        /* who named them first: what was imported … */
	int64_t since_ms;                      /* … and since when, since 1970 */
};

/*
 * What the catalog knows bytes as that came from this place. ROW_FOUND: an entry that they satisfy; a successor of the archive goes
 * before any other. On the caller's thread.
 */
enum row_answer catalog_naming(struct catalog *catalog, const struct digests *bytes,
        const struct naming_place *place, struct catalog_naming *ret, struct err *err) MUST_CHECK;
/*
 * Whether an archive of these digests may be the successor of the place's for all that their packages say: they have one in common, of
 * whatever version, or of one of the two none is known.
 */
bool catalog_may_succeed(struct catalog *catalog, const struct naming_place *place,
        const struct digests *digests, bool *ret, struct err *err) MUST_CHECK;

#endif
