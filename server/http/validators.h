/*
 * Validators: the ETag of an archive and what a client says it already has (RFC 9110, sections 8.8.3 and
 * 13.1). Pure functions.
 */
#ifndef SERVER_HTTP_VALIDATORS_H
#define SERVER_HTTP_VALIDATORS_H

#include <stdbool.h>

#include "storage/digest.h"

#define ETAG_MAX (DIGEST_TEXT_MAX + 2)

/* "sha256:<hex>" with its quotes: strong, since the bytes can never be others. */
void etag_of(const struct digests *digests, char ret[ETAG_MAX]);

/*
 * If-None-Match: "*", or one of the listed tags is this one by weak comparison. NULL and what is malformed do
 * not match.
 */
bool etag_listed(const char *if_none_match, const char *etag);

/*
 * If-Range: true where the Range may be honoured. NULL (no If-Range) is true; a date never is, since an
 * archive has no Last-Modified; a weak tag never is.
 */
bool etag_allows_range(const char *if_range, const char *etag);

#define REPR_DIGEST_MAX 64
/* "sha-256=:<base64>:" (RFC 9530, section 3). */
void repr_digest(const struct digests *digests, char ret[REPR_DIGEST_MAX]);

#endif
