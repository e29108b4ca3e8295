/*
 * Removing and evicting. The caller's thread, and the index writer's for what is one transaction. Row first,
 * then the file: a kill in between leaves a file without a row, which recovery deletes when there is a
 * tombstone for it, and takes in again when there is none.
 */
#include <stdio.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"
#include "storage/store_parts.h"

enum removal_kind { REMOVAL_FOR_GOOD, REMOVAL_EVICTION };

/* One transaction of a removal. */
struct removal {
	struct chore chore;
	enum removal_kind kind;
	struct digest asked;
	const uint8_t *claimed;     /* the sha256 that is; NULL: none, since nothing was stored */
	struct tombstone tombstone; /* REMOVAL_FOR_GOOD */
	bool again;                 /* the answer: meanwhile another archive came by the name */
	uint64_t size_bytes;        /* the answer: of what was stored */
};

static enum chore_result
lay_tombstone(struct removal *removal, struct writing *writing, struct err *err)
{
	struct tombstone *tombstone = &removal->tombstone;
	const uint8_t *sha256 = digests_bytes(&tombstone->digests, DIGEST_SHA256);

	tombstone->at_ms = clock_wall_ms(); /* nobody else writes the file now: it is older than this */
	if (sha256 != NULL && !pin_rows_delete(writing, sha256, err))
		return CHORE_FAILED;
	return tombstone_rows_add(writing, tombstone, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

static enum chore_result
remove_row(struct removal *removal, const struct archive_row *row, struct writing *writing, struct err *err)
{
	struct pin pin;

	if (removal->kind == REMOVAL_EVICTION) {
		switch (pin_rows_have(writing, row->archive.digests.sha256, &pin, err)) {
		case ROW_FAILED:
			return CHORE_FAILED;
		case ROW_FOUND:
			err_set(err, ERR_TAKEN, "%s has pinned it", pin.who);
			return CHORE_REFUSED;
		case ROW_NONE:
			break;
		}
	}
	removal->size_bytes = row->archive.size_bytes;
	removal->tombstone.digests = row->archive.digests;
	if (!archive_row_delete(writing, row, err))
		return CHORE_FAILED;
	return removal->kind == REMOVAL_EVICTION ? CHORE_WRITTEN : lay_tombstone(removal, writing, err);
}

/*
 * A catalog may list a digest of a stored archive together with one that is not its own: the tombstone leaves
 * that archive alone.
 */
static bool
spare_stored(struct removal *removal, struct writing *writing, struct err *err)
{
	struct digests *digests = &removal->tombstone.digests;

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		struct archive_row other;
		enum row_answer answer = ROW_NONE;

		if (digests_get(digests, (enum digest_algo)algo, &digest))
			answer = archive_row_known(writing, &digest, &other, err);
		if (answer == ROW_FAILED)
			return false;
		if (answer == ROW_FOUND)
			digests->known &= ~(1u << algo);
	}
	return true;
}

static enum chore_result
run_removal(struct chore *chore, struct writing *writing, struct err *err)
{
	struct removal *removal = (struct removal *)chore;
	struct archive_row row;

	switch (archive_row_known(writing, &removal->asked, &row, err)) {
	case ROW_FAILED:
		return CHORE_FAILED;
	case ROW_FOUND:
		removal->again = removal->claimed == NULL ||
		                 memcmp(removal->claimed, row.archive.digests.sha256, 32) != 0;
		return removal->again ? CHORE_WRITTEN : remove_row(removal, &row, writing, err);
	case ROW_NONE:
		break;
	}
	if (removal->kind == REMOVAL_EVICTION) {
		err_set(err, ERR_UNKNOWN, "it is not stored any more");
		return CHORE_REFUSED;
	}
	return spare_stored(removal, writing, err) ? lay_tombstone(removal, writing, err) : CHORE_FAILED;
}

/* The row and then the file, while nobody else changes either. */
static bool
remove_claimed(struct store *store, struct removal *removal, const uint8_t sha256[32], struct err *err)
{
	struct claim claim;
	bool written, gone = true;

	claims_wait(&store->claims, &claim, sha256);
	removal->claimed = sha256;
	written = index_write(store->index, &removal->chore, err);
	if (written && !removal->again)
		gone = blobs_remove_durably(store->blobs, sha256, err);
	if (!gone)
		store_cast_out(store, sha256);
	store_unclaim(store, &claim);
	if (gone)
		return written;
	atomic_store(&store->untidy, true);
	return err_wrap(
	        err, "it is out of the index, but its file is not deleted, which the next start does");
}

/* The digests that the catalog lists together with this one. False: none, with err. */
static bool
find_listed(struct store *store, const struct digest *digest, struct digests *ret, struct err *err)
{
	struct catalog_wanted wanted;
	struct tombstone tombstone;

	if (!catalog_wanted(store->catalog, digest, &wanted, err))
		return false;
	*ret = (struct digests){0};
	digests_put(ret, digest);
	for (size_t i = 0; i < wanted.count; i++) {
		struct digest other;

		if (!digests_agree(ret, &wanted.sets[i]))
			continue;
		for (int algo = 0; algo < DIGEST_ALGOS; algo++)
			if (digests_get(&wanted.sets[i], (enum digest_algo)algo, &other))
				digests_put(ret, &other);
	}
	if (wanted.count > 0)
		return true;
	switch (tombstone_row_find(store->index, digest, &tombstone, err)) {
	case ROW_FOUND:
		tombstone_refuses(&tombstone, err);
		return false;
	case ROW_NONE:
		return err_set(err, ERR_UNKNOWN,
		        "it is neither stored nor listed by the catalog; there is nothing to remove");
	case ROW_FAILED:
		return false;
	}
	return false;
}

/* Once; removal->again tells that it has to be tried anew. */
static bool
try_to_remove(struct store *store, struct removal *removal, struct err *err)
{
	struct archive_row row;

	removal->again = false;
	switch (archive_row_find(store->index, &removal->asked, &row, err)) {
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		removal->tombstone.digests = row.archive.digests;
		return remove_claimed(store, removal, row.archive.digests.sha256, err);
	case ROW_NONE:
		break;
	}
	removal->claimed = NULL;
	return find_listed(store, &removal->asked, &removal->tombstone.digests, err) &&
	       index_write(store->index, &removal->chore, err);
}

static bool
check_writable(const struct store *store, struct err *err)
{
	return store->mode == STORE_WRITE ||
	       err_set(err, ERR_IO, "the store %s is open for reading only", blobs_directory(store->blobs));
}

bool
store_remove(struct store *store, const struct digest *digest, const char *who, struct archive *ret,
        struct err *err)
{
	struct removal removal = {.chore = {.kind = CHORE_PROMPT, .run = run_removal},
	        .kind = REMOVAL_FOR_GOOD,
	        .asked = *digest};

	if (!check_writable(store, err))
		return false;
	snprintf(removal.tombstone.who, sizeof removal.tombstone.who, "%s", who);
	do {
		if (!try_to_remove(store, &removal, err))
			return false;
	} while (removal.again);
	atomic_fetch_add(&store->removed, 1);
	atomic_fetch_add(&store->departed, 1);
	evictor_wake(store->evictor); /* it may not be full any more */
	*ret = (struct archive){.digests = removal.tombstone.digests, .size_bytes = removal.size_bytes};
	return true;
}

bool
store_evict(struct store *store, const uint8_t sha256[32], struct err *err)
{
	struct removal removal = {.chore = {.kind = CHORE_PROMPT, .run = run_removal},
	        .kind = REMOVAL_EVICTION,
	        .asked.algo = DIGEST_SHA256};

	if (!check_writable(store, err))
		return false;
	memcpy(removal.asked.bytes, sha256, 32);
	if (!remove_claimed(store, &removal, sha256, err))
		return false;
	atomic_fetch_add(&store->evicted, 1);
	atomic_fetch_add(&store->departed, 1);
	return true;
}
