/*
 * Recovery: a thread of its own at the start, or the caller's thread in recovery_run. Works beside everything
 * else: what is just being written is claimed, and left alone. Must never trust a file that it has not read.
 */
#include "storage/recovery.h"

#include <string.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/drift/provenance.h"
#include "storage/store_parts.h"

#define ADOPTIONS_MAX (2 * WRITER_BATCH_MAX) /* on their way to the index writer */
#define LOST_MAX      100000                 /* remembered; all of them are logged */

struct recovery {
	struct store *store;
	pthread_t thread;
	bool started;
	bool unchecked; /* the index: it was not looked at before it was opened */
	atomic_bool stopping, running;

	pthread_mutex_t mutex; /* over the rest; a leaf */
	pthread_cond_t changed;
	bool sweeping;   /* somebody runs a sweep */
	unsigned posted; /* changes on their way */
	struct store_audit audit;
	struct err trouble;   /* the first change that failed */
	struct digests *lost; /* what the sweep of the start found gone or wrong */
	size_t n_lost;
	bool finished; /* the sweep of the start came to its end */
};

/* A change of one row on its way to the writer. */
struct repair {
	struct archive_change change;
	struct recovery *recovery;
	struct claim claim;
	bool claimed;
};

/* What a sweep hands to its visitors. */
struct sweep {
	struct recovery *recovery;
	struct err *err;
	bool failed;
};

static void
count(struct recovery *recovery, uint64_t *counter)
{
	pthread_mutex_lock(&recovery->mutex);
	(*counter)++;
	pthread_mutex_unlock(&recovery->mutex);
}

/* Under the mutex. Those of later sweeps their caller is told of. */
static void
remember_lost(struct recovery *recovery, const struct digests *digests)
{
	if (recovery->finished || recovery->n_lost == LOST_MAX)
		return;
	recovery->lost = xrealloc(recovery->lost, (recovery->n_lost + 1) * sizeof recovery->lost[0]);
	recovery->lost[recovery->n_lost++] = *digests;
}

/*
 * The index writer did not take it: a blob that another archive's name refuses is no use where it lies, and
 * that of a removed archive is what a removal left that was cut short.
 */
static void
put_away(struct repair *repair, const struct err *why)
{
	struct store *store = repair->recovery->store;
	char name[BLOBS_QUARANTINE_MAX], hex[65];
	struct err lost = ERR_NONE;

	text_hex(repair->claim.sha256, 32, hex);
	if (why->code == ERR_COLLISION) {
		atomic_fetch_add(&store->collisions, 1);
		if (blobs_quarantine(store->blobs, repair->claim.sha256, name, &lost))
			log_warning("an archive found in the store is moved to quarantine/%s: %s", name,
			        why->text);
		else
			log_error("an archive found in the store cannot be kept (%s), nor moved away: %s",
			        why->text, lost.text);
	}
	if (why->code == ERR_REMOVED) {
		if (blobs_remove_durably(store->blobs, repair->claim.sha256, &lost))
			log_info("the file of sha256:%s is deleted, as the archive was: %s", hex, why->text);
		else {
			atomic_store(&store->untidy, true);
			log_error("the file of sha256:%s cannot be deleted, which is tried again at the next "
			          "start: %s",
			        hex, lost.text);
		}
	}
}

/* On the index writer. */
static void
repaired(struct chore *chore, const struct err *err)
{
	struct repair *repair = (struct repair *)chore;
	struct recovery *recovery = repair->recovery;
	struct store *store = recovery->store;
	bool put = err != NULL && (err->code == ERR_COLLISION || err->code == ERR_REMOVED);

	bool gone = err == NULL && repair->change.changed == ARCHIVE_REMOVED;

	if (put)
		put_away(repair, err);
	if (gone)
		store_say_gone(&repair->change.row.archive.digests);
	if (repair->claimed)
		store_unclaim(store, &repair->claim);
	pthread_mutex_lock(&recovery->mutex);
	if (err == NULL && repair->change.changed == ARCHIVE_ADDED)
		recovery->audit.adopted++;
	if (gone) {
		recovery->audit.rows_dropped++;
		remember_lost(recovery, &repair->change.row.archive.digests);
	}
	if (err != NULL && !put && recovery->trouble.code == ERR_OK)
		recovery->trouble = *err;
	recovery->posted--;
	pthread_cond_broadcast(&recovery->changed);
	pthread_mutex_unlock(&recovery->mutex);
	free(repair);
}

static void
wait_until_posted(struct recovery *recovery, unsigned at_most)
{
	pthread_mutex_lock(&recovery->mutex);
	while (recovery->posted > at_most)
		pthread_cond_wait(&recovery->changed, &recovery->mutex);
	pthread_mutex_unlock(&recovery->mutex);
}

/* Takes the repair. */
static void
post(struct repair *repair, enum archive_change_kind kind, const struct archive_row *row)
{
	struct recovery *recovery = repair->recovery;

	wait_until_posted(recovery, ADOPTIONS_MAX - 1);
	pthread_mutex_lock(&recovery->mutex);
	recovery->posted++;
	pthread_mutex_unlock(&recovery->mutex);
	archive_change_init(&repair->change, kind, row, repaired);
	writer_post(index_writer(recovery->store->index), &repair->change.chore);
}

static struct repair *
repair_create(struct recovery *recovery)
{
	struct repair *repair = xcalloc(1, sizeof *repair);

	repair->recovery = recovery;
	return repair;
}

static bool
stop_sweep(struct sweep *sweep)
{
	sweep->failed = true;
	return false;
}

/* A row: its file must be there, in its size. */
static bool
visit_row(void *context, const struct archive_row *row)
{
	struct sweep *sweep = context;
	struct recovery *recovery = sweep->recovery;
	struct blob_file file;
	struct err why = ERR_NONE;
	AUTO_FD fd = blobs_open_file(recovery->store->blobs, row->archive.digests.sha256, &file, &why);

	if (atomic_load(&recovery->stopping))
		return false;
	if (fd >= 0 && file.size_bytes == row->archive.size_bytes)
		return true;
	if (fd < 0 && why.code != ERR_NOT_FOUND) {
		*sweep->err = why;
		return stop_sweep(sweep);
	}
	if (recovery->store->mode == STORE_READ)
		count(recovery, &recovery->audit.rows_dropped);
	else
		post(repair_create(recovery), ARCHIVE_DROP, row);
	return true;
}

/* Reads a blob that has no row. False: it cannot be read, or is not what its name says, with err. */
static bool
examine(const struct store *store, const uint8_t sha256[32], struct archive_row *ret, struct err *err)
{
	struct blob_file before, after;
	AUTO_FD fd = blobs_open_file(store->blobs, sha256, &before, err);

	*ret = (struct archive_row){.archive.came_from = "found in the store"};
	if (fd < 0 || !digest_file(fd, &ret->archive.digests, &ret->archive.size_bytes, err) ||
	        !blob_file_now(fd, &after, err))
		return false;
	if (memcmp(ret->archive.digests.sha256, sha256, 32) != 0)
		return err_set(err, ERR_MISMATCH, "its bytes are not those of its name");
	if (!stamp_equal(&before.stamp, &after.stamp))
		return err_set(err, ERR_IO, "it is being changed");
	ret->archive.stored_at_ms = before.written_ms;
	(void)provenance_commit(fd, ret->archive.git_commit);
	ret->stamp = before.stamp;
	return true;
}

/*
 * Under the claim of the blob, so that nobody else writes it or its row. Takes the repair when it posts one.
 */
static struct repair *
adopt(struct repair *repair)
{
	struct recovery *recovery = repair->recovery;
	struct store *store = recovery->store;
	struct archive_row row;
	struct err err = ERR_NONE;
	char hex[65];

	if (examine(store, repair->claim.sha256, &row, &err)) {
		post(repair, ARCHIVE_ADOPT, &row);
		return NULL;
	}
	if (err.code == ERR_NOT_FOUND)
		return repair;
	text_hex(repair->claim.sha256, 32, hex);
	if (err.code == ERR_MISMATCH) {
		struct digests name = {.known = 1u << DIGEST_SHA256};

		memcpy(name.sha256, repair->claim.sha256, sizeof name.sha256);
		if (store_quarantine_claimed(store, &name, err.text)) {
			count(recovery, &recovery->audit.quarantined);
			pthread_mutex_lock(&recovery->mutex);
			remember_lost(recovery, &name);
			pthread_mutex_unlock(&recovery->mutex);
		}
	} else {
		log_warning("the file of sha256:%s has no row and cannot be adopted now: %s", hex, err.text);
		atomic_store(&store->untidy, true);
	}
	return repair;
}

static enum row_answer
row_of(const struct store *store, const uint8_t sha256[32], struct err *err)
{
	struct digest digest = {.algo = DIGEST_SHA256};
	struct archive_row row;

	memcpy(digest.bytes, sha256, 32);
	return archive_row_find(store->index, &digest, &row, err);
}

static void
only_count(struct recovery *recovery, const uint8_t sha256[32])
{
	struct archive_row row;
	struct err err = ERR_NONE;

	if (examine(recovery->store, sha256, &row, &err))
		count(recovery, &recovery->audit.adopted);
	else if (err.code == ERR_MISMATCH)
		count(recovery, &recovery->audit.quarantined);
}

/* Asks again under the claim, since the row may just have come. */
static bool
consider(struct sweep *sweep, const uint8_t sha256[32])
{
	struct recovery *recovery = sweep->recovery;
	struct store *store = recovery->store;
	struct repair *repair = repair_create(recovery);
	enum row_answer answer = ROW_FOUND;

	repair->claimed = claims_try(&store->claims, &repair->claim, sha256, NULL);
	if (repair->claimed)
		answer = row_of(store, sha256, sweep->err);
	if (answer == ROW_NONE)
		repair = adopt(repair);
	if (repair != NULL && repair->claimed)
		store_unclaim(store, &repair->claim);
	free(repair);
	return answer != ROW_FAILED || stop_sweep(sweep);
}

/* A file: it must have a row. */
static bool
visit_blob(void *context, const uint8_t sha256[32])
{
	struct sweep *sweep = context;
	struct recovery *recovery = sweep->recovery;

	if (atomic_load(&recovery->stopping))
		return false;
	switch (row_of(recovery->store, sha256, sweep->err)) {
	case ROW_FOUND:
		return true;
	case ROW_FAILED:
		return stop_sweep(sweep);
	case ROW_NONE:
		break;
	}
	if (recovery->store->mode == STORE_WRITE)
		return consider(sweep, sha256);
	only_count(recovery, sha256);
	return true;
}

/*
 * Rows first: the file of a row that is dropped for its size is then looked at as one without a row. An
 * earlier process may have been killed before what it renamed was durable, so everything is made so before a
 * row is written for it.
 */
static bool
sweep_all(struct recovery *recovery, struct err *err)
{
	struct store *store = recovery->store;
	struct sweep sweep = {.recovery = recovery, .err = err};

	if (store->mode == STORE_WRITE && !blobs_sync(store->blobs, err))
		return false;
	if (!archive_rows_walk(store->index, visit_row, &sweep, err) || sweep.failed)
		return false;
	wait_until_posted(recovery, 0);
	return blobs_walk(store->blobs, visit_blob, &sweep, err) && !sweep.failed;
}

static void
begin(struct recovery *recovery)
{
	pthread_mutex_lock(&recovery->mutex);
	while (recovery->sweeping)
		pthread_cond_wait(&recovery->changed, &recovery->mutex);
	recovery->sweeping = true;
	recovery->audit = (struct store_audit){0};
	recovery->trouble = ERR_NONE;
	pthread_mutex_unlock(&recovery->mutex);
	atomic_store(&recovery->store->untidy, false);
}

static bool
end(struct recovery *recovery, bool swept, struct store_audit *ret, struct err *err)
{
	wait_until_posted(recovery, 0);
	pthread_mutex_lock(&recovery->mutex);
	recovery->sweeping = false;
	*ret = recovery->audit;
	if (swept && recovery->trouble.code != ERR_OK) {
		*err = recovery->trouble;
		swept = false;
	}
	pthread_cond_broadcast(&recovery->changed);
	pthread_mutex_unlock(&recovery->mutex);
	if (!swept)
		atomic_store(&recovery->store->untidy, true);
	atomic_fetch_add(&recovery->store->adopted, ret->adopted);
	evictor_wake(recovery->store->evictor);
	return swept;
}

bool
recovery_run(struct store *store, struct store_audit *ret, struct err *err)
{
	struct recovery *recovery = store->recovery;
	bool swept;

	begin(recovery);
	swept = sweep_all(recovery, err);
	return end(recovery, swept, ret, err);
}

static bool
is_stopped(void *context)
{
	const struct recovery *recovery = context;

	return atomic_load(&recovery->stopping);
}

/* A damaged index is nothing to compare the files with. */
static bool
check_and_run(struct recovery *recovery, struct store_audit *ret, struct err *err)
{
	if (recovery->unchecked &&
	        !index_check(recovery->store->index, INDEX_CHECK_QUICK, is_stopped, recovery, err)) {
		atomic_store(&recovery->store->untidy, true);
		return false;
	}
	return recovery_run(recovery->store, ret, err);
}

static void *
recovery_main(void *argument)
{
	struct recovery *recovery = argument;
	struct store_audit audit = {0};
	struct err err = ERR_NONE;
	bool swept = check_and_run(recovery, &audit, &err);

	pthread_mutex_lock(&recovery->mutex);
	recovery->finished = swept && !atomic_load(&recovery->stopping);
	pthread_mutex_unlock(&recovery->mutex);
	if (!swept && err.code == ERR_CANCELLED)
		log_info("stopped before the index was checked for damage; the next start begins anew");
	else if (!swept)
		log_error("comparing the index with the files stopped, the next start begins anew: %s",
		        err.text);
	else if (audit.adopted + audit.quarantined + audit.rows_dropped > 0)
		log_info("index and files compared: %llu archives without a row adopted, %llu quarantined, "
		         "%llu rows without "
		         "a file dropped",
		        (unsigned long long)audit.adopted, (unsigned long long)audit.quarantined,
		        (unsigned long long)audit.rows_dropped);
	atomic_store(&recovery->running, false);
	return NULL;
}

struct recovery *
recovery_create(struct store *store, enum recovery_need need)
{
	struct recovery *recovery = xcalloc(1, sizeof *recovery);

	recovery->store = store;
	recovery->started = need != RECOVERY_NOT_NEEDED;
	recovery->unchecked = need == RECOVERY_UNCHECKED;
	recovery->finished = !recovery->started;
	store->recovery = recovery;
	pthread_mutex_init(&recovery->mutex, NULL);
	pthread_cond_init(&recovery->changed, NULL);
	atomic_store(&recovery->running, recovery->started);
	if (!recovery->started)
		return recovery;
	if (pthread_create(&recovery->thread, NULL, recovery_main, recovery) != 0) {
		log_error("the thread that compares index and files cannot be started; stopping");
		abort();
	}
	pthread_setname_np(recovery->thread, "recovery");
	return recovery;
}

bool
recovery_destroy(struct recovery *recovery)
{
	bool finished;

	if (recovery == NULL)
		return true;
	atomic_store(&recovery->stopping, true);
	if (recovery->started)
		pthread_join(recovery->thread, NULL);
	finished = recovery->finished;
	pthread_cond_destroy(&recovery->changed);
	pthread_mutex_destroy(&recovery->mutex);
	free(recovery->lost);
	free(recovery);
	return finished;
}

bool
recovery_lost(struct recovery *recovery, size_t i, struct digests *ret)
{
	bool there;

	pthread_mutex_lock(&recovery->mutex);
	there = i < recovery->n_lost;
	if (there)
		*ret = recovery->lost[i];
	pthread_mutex_unlock(&recovery->mutex);
	return there;
}

bool
recovery_is_running(struct recovery *recovery)
{
	return atomic_load(&recovery->running);
}
