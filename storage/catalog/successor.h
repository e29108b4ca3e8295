/*
 * Successors: whether bytes that an origin serves instead of an archive took its place in the catalog, as after a correction, or have
 * nothing to do with it.
 */
#ifndef STORAGE_CATALOG_SUCCESSOR_H
#define STORAGE_CATALOG_SUCCESSOR_H

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"
#include "storage/digest.h"
#include "storage/index/archive_rows.h"

struct catalog;

/* Where bytes came from that are not those of the archive that was asked for. */
struct naming_place {
	const char *url;
	const struct digests *digests; /* of the archive */
	const char *package;           /* that it was asked for, beside those of the catalog; or "" */
};

enum naming_bond {
	NAMING_OTHER,     /* some archive, which has nothing to do with this place */
	NAMING_SUCCESSOR, /* a source names them now at this URL, or for the same version of the same package */
};

struct catalog_claim {
	enum naming_bond bond;
	struct digests digests;                /* of a successor: all that are listed for it */
	char package[HARVEST_PACKAGE_MAX + 1]; /* one that both have, else the first that uses them, or "" */
};

/*
 * What the catalog knows bytes as that came from this place: ROW_FOUND with the successor of the archive, if they are that, or else as
 * catalog_naming has it. On the caller's thread.
 */
enum row_answer catalog_claim(struct catalog *catalog, const struct digests *bytes,
        const struct naming_place *place, struct catalog_claim *ret, struct err *err) MUST_CHECK;
/*
 * Whether an archive of these digests may be the successor of the place's for all that their packages say: they have one in common, of
 * whatever version, or of one of the two none is known.
 */
bool catalog_may_succeed(struct catalog *catalog, const struct naming_place *place,
        const struct digests *digests, bool *ret, struct err *err) MUST_CHECK;

#endif
