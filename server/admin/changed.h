/*
 * What became of an archive whose origin serves other bytes: what they are, and whether the catalog vouches for them, as
 * when a repository corrected a checksum. Looked up once for all that is told of it. Any thread; reads the index.
 */
#ifndef SERVER_ADMIN_CHANGED_H
#define SERVER_ADMIN_CHANGED_H

#include <jansson.h>

#include "server/admin/known.h"

/* How good the reasons are. */
enum correction_ground {
	CORRECTION_SEEN, /* the URL serves other bytes */
	CORRECTION_NAMED /* it may: a newer source names others there, and nobody has looked */
};

/* The checksum that a source names now for what an origin of this archive serves. */
struct correction {
	char *url; /* NULL: there is none */
	enum correction_ground ground;
	struct digests digests;
	char package[HARVEST_PACKAGE_MAX + 1]; /* "" where none is known */
};

struct changed {
	struct instead *drifts; /* of each origin the newest first */
	size_t n_drifts;
	/*
	 * Found by the bytes that came, if a source names them in place of the archive; or by a URL of the archive for which a newer source
	 * names other digests: of the same package, where nobody has looked at the bytes.
	 */
	struct correction correction;
};

/* False with err: the index failed. ret is to be finished in any case. */
bool changed_look_up(
        struct store *store, const struct known *known, struct changed *ret, struct err *err) MUST_CHECK;
void changed_finish(struct changed *changed);

/*
 * What this origin served instead of the archive, the newest first: [{"sha256", "size", "kept", "kind", "detail", "at",
 * "known", "known_from", "known_since", "successor", "earlier"}]; kind and detail are null where they were not compared, known is the package that the catalog says these
 * bytes are of, or null, known_from the source that named them first and known_since when; successor: a source names them in place of
 * the archive; earlier: it is the same package, which no source names with these bytes any more; else they are just some other archive.
 */
json_t *changed_drifts_json(const struct changed *changed, const struct catalog_origin *origin);
/* {"url", "digests", "package", "seen"}; null where there is none. */
json_t *changed_correction_json(const struct changed *changed);

#endif
