/*
 * What became of an archive whose origin serves other bytes: what they are, and whether the catalog vouches for them, as
 * when a repository corrected a checksum. Any thread; reads the index.
 */
#ifndef SERVER_ADMIN_CHANGED_H
#define SERVER_ADMIN_CHANGED_H

#include <jansson.h>

#include "server/admin/known.h"

/*
 * What the origin served instead of the archive, the newest first: [{"sha256", "size", "kept", "kind", "detail", "at",
 * "known"}]; kind and detail are null where they were not compared, known is the package that the catalog says these
 * bytes are of, or null. NULL with err: the index failed.
 */
json_t *changed_drifts(struct store *store, const struct catalog_origin *origin, struct err *err) MUST_CHECK;

/* The checksum that a source names now for what an origin of this archive serves. */
struct correction {
	char *url;
	struct digests digests;
	char package[HARVEST_PACKAGE_MAX + 1]; /* "" where none is known */
};
/*
 * ROW_FOUND: ret is the caller's, to be finished. Looked for where an origin changed, or where no source names one any
 * more; found by the bytes that came, or by the URL that a newer source lists under other digests.
 */
enum row_answer changed_correction(
        struct store *store, const struct known *known, struct correction *ret, struct err *err) MUST_CHECK;
void correction_finish(struct correction *correction);
/* {"url", "digests", "package"}; null where there is none. NULL with err: the index failed. */
json_t *changed_correction_json(struct store *store, const struct known *known, struct err *err) MUST_CHECK;

#endif
