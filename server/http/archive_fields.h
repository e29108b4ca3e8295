/*
 * The header fields that every answer with an archive's bytes carries, whoever sends it.
 */
#ifndef SERVER_HTTP_ARCHIVE_FIELDS_H
#define SERVER_HTTP_ARCHIVE_FIELDS_H

#include "server/http/request.h"
#include "server/http/validators.h"
#include "storage/digest.h"

#define ARCHIVE_FIELDS_MAX 8

struct archive_fields {
	struct archive_field {
		const char *name, *value;
	} items[ARCHIVE_FIELDS_MAX];
	size_t count;
	char etag[ETAG_MAX], repr_digest[REPR_DIGEST_MAX]; /* the values of two of them */
};

/* digests: those that are known of it; the sha256 is told where it is among them. ret may not be moved. */
void archive_fields_make(enum request_cache cache, const struct digests *digests, struct archive_fields *ret);

#endif
