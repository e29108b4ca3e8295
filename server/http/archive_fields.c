/*
 * The header fields of an archive. Any thread; pure functions.
 */
#include "server/http/archive_fields.h"

#include "server/http/access_log.h"

static void
add(struct archive_fields *fields, const char *name, const char *value)
{
	fields->items[fields->count++] = (struct archive_field){name, value};
}

void
archive_fields_make(enum request_cache cache, const struct digests *digests, struct archive_fields *ret)
{
	const char *name = access_cache_name(cache);

	ret->count = 0;
	add(ret, "Cache-Control", "public, max-age=31536000, immutable");
	add(ret, "Accept-Ranges", "bytes");
	add(ret, "Content-Type", "application/octet-stream");
	add(ret, "X-Content-Type-Options", "nosniff");
	if (name != NULL)
		add(ret, "X-Cache", name);
	if (digests_bytes(digests, DIGEST_SHA256) == NULL)
		return;
	etag_of(digests, ret->etag);
	repr_digest(digests, ret->repr_digest);
	add(ret, "ETag", ret->etag);
	add(ret, "Repr-Digest", ret->repr_digest);
}
