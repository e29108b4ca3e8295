/*
 * Proofs: a stored file is read to its end and compared with its name, and the index told what was found. Any thread; blocks on the disk for as
 * long as the file is long. Must never believe the index where the bytes say otherwise.
 */
#include <string.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/store_parts.h"

static bool
read_sha256(int fd, uint8_t ret[32], struct err *err)
{
	enum { CHUNK = 1 << 18 };
	struct sha256_hasher *hasher = sha256_hasher_create();
	AUTO_FREE char *chunk = xmalloc(CHUNK);
	uint64_t offset = 0;
	ssize_t got;

	while ((got = file_pread(fd, chunk, CHUNK, offset, err)) > 0) {
		sha256_hasher_add(hasher, chunk, (size_t)got);
		offset += (uint64_t)got;
	}
	sha256_hasher_value(hasher, ret);
	sha256_hasher_destroy(hasher);
	return got == 0;
}

/* False with ERR_MISMATCH: it was wrong, and is a miss from now on. */
static bool
judge(struct store *store, struct blob *blob, const uint8_t found[32], struct err *err)
{
	char name[65];

	if (memcmp(found, blob->digests.sha256, sizeof blob->digests.sha256) == 0) {
		store_proven(store, blob);
		blob->trust = BLOB_PROVEN;
		return true;
	}
	text_hex(blob->digests.sha256, sizeof blob->digests.sha256, name);
	store_quarantine_blob(store, blob, "its bytes are not those of its name any more");
	return err_set(err, ERR_MISMATCH, "the stored file of sha256:%s is damaged", name);
}

bool
store_prove(struct store *store, struct blob *blob, struct err *err)
{
	uint8_t found[32];

	if (!read_sha256(blob->fd, found, err))
		return err_wrap(err, "reading an archive in %s", store_directory(store));
	return judge(store, blob, found, err);
}

/* Of the row of this blob, what its bytes tell: where it came from stays. */
static bool
make_row_anew(struct store *store, const struct blob *blob, const struct digests *digests, struct err *err)
{
	struct digest sha256 = {0};
	struct archive_row row;
	struct archive_change change;

	digests_get(&blob->digests, DIGEST_SHA256, &sha256);
	switch (archive_row_find(store->index, &sha256, &row, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		return true; /* it was removed meanwhile */
	case ROW_FOUND:
		break;
	}
	row.archive.digests = *digests;
	row.archive.size_bytes = blob->size_bytes;
	row.stamp = blob->stamp;
	archive_change_init(&change, ARCHIVE_ADOPT, &row, NULL);
	return writer_run(index_writer(store->index), &change.chore, err);
}

bool
store_prove_all(struct store *store, struct blob *blob, struct err *err)
{
	struct digests found;
	uint64_t size;

	if (!digest_file(blob->fd, &found, &size, err))
		return err_wrap(err, "reading an archive in %s", store_directory(store));
	if (!judge(store, blob, found.sha256, err))
		return false;
	if (digests_agree(&found, &blob->digests) || store->mode == STORE_READ)
		return true;
	if (!make_row_anew(store, blob, &found, err))
		return false;
	blob->digests = found;
	return true;
}

void
store_proven(struct store *store, const struct blob *blob)
{
	struct archive_row row = {
	        .archive = {.digests = blob->digests, .size_bytes = blob->size_bytes}, .stamp = blob->stamp};
	struct blob_file now;
	struct err unimportant;

	/* Touched while it was read: the next one reads it again. */
	if (blob_file_now(blob->fd, &now, &unimportant) && stamp_equal(&now.stamp, &blob->stamp))
		archive_change_post(store->index, ARCHIVE_RESTAMP, &row);
}
