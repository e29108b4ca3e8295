/*
 * The store: its parts, started and stopped in order, and the questions people ask of it. Any thread. An
 * index row alone is never believed: what is handed out was opened and looked at.
 */
#include "storage/store.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/store_parts.h"

#define INDEX_NAME "index.db"

/* Said at once, since the catalog is not in the blobs. */
static void
say_what_was_found(const struct store *store, const struct index_opening *opening)
{
	const char *directory = blobs_directory(store->blobs);
	char saved[SALVAGE_TEXT_MAX];

	if (opening->migrated_from != 0)
		log_info("the index of %s was made by an older larder (schema %d) and is up to date now",
		        directory, opening->migrated_from);
	switch (opening->found) {
	case INDEX_CLEAN:
		return;
	case INDEX_UNCLEAN:
		log_info("%s was not closed in order the last time; index and files are being compared "
		         "meanwhile",
		        directory);
		return;
	case INDEX_NEW:
		if (blobs_were_there(store->blobs))
			log_warning("%s had no index; it is being made again from the archives, but the "
			            "catalog's sources have to "
			            "be imported again",
			        directory);
		return;
	case INDEX_DAMAGED:
		log_warning("%s; the index is %s/%s now and is being made again from the archives, but the "
		            "catalog's sources have "
		            "to be imported again",
		        opening->damage.text, directory, opening->aside);
		salvage_text(&opening->saved, saved);
		log_warning("saved from the damaged index: %s", saved);
		return;
	}
}

static enum index_mode
index_mode_for(const struct store *store)
{
	if (store->mode == STORE_WRITE)
		return INDEX_WRITE;
	return blobs_writer_exists(store->blobs) ? INDEX_READ : INDEX_READ_ALONE;
}

static bool
open_index(struct store *store, struct index_opening *ret, struct err *err)
{
	AUTO_TEXT path = TEXT_EMPTY;

	text_addf(&path, "%s/" INDEX_NAME, blobs_directory(store->blobs));
	store->index = index_open(text_string(&path), index_mode_for(store), ret, err);
	return store->index != NULL;
}

static void
start_threads(struct store *store, const struct index_opening *opening)
{
	bool agree = opening->found == INDEX_CLEAN || !blobs_were_there(store->blobs);
	enum recovery_need need = RECOVERY_NOT_NEEDED;

	if (store->mode == STORE_WRITE && opening->unchecked)
		need = RECOVERY_UNCHECKED;
	else if (store->mode == STORE_WRITE && !agree)
		need = RECOVERY_NEEDED;

	if (store->mode == STORE_WRITE) {
		store->followers = followers_create();
		store->publisher = publisher_create(store);
	}
	if (store->mode == STORE_WRITE && store->max_bytes > 0)
		store->evictor = evictor_create(store, store->max_bytes);
	recovery_create(store, need);
}

struct store *
store_open(const struct store_options *options, struct err *err)
{
	struct store *store = xcalloc(1, sizeof *store);
	struct index_opening opening;

	store->mode = options->mode;
	store->max_bytes = options->max_bytes;
	claims_init(&store->claims);
	outcasts_init(&store->outcasts);
	store->blobs =
	        blobs_open(options->directory, options->mode == STORE_WRITE ? BLOBS_WRITE : BLOBS_READ, err);
	if (store->blobs != NULL && open_index(store, &opening, err)) {
		if (store->mode == STORE_WRITE)
			say_what_was_found(store, &opening);
		space_init(&store->space, store->blobs, options->min_free_bytes);
		store->catalog = catalog_create(store->index);
		start_threads(store, &opening);
		return store;
	}
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	bool finished;

	if (store == NULL)
		return;
	finished = recovery_destroy(store->recovery);
	publisher_destroy(store->publisher); /* until here an eviction may hold what is to be published */
	evictor_destroy(store->evictor);
	followers_destroy(store->followers);
	/* The index's writer does what was posted last; contacts are among it, which the catalog remembers. */
	index_close(store->index,
	        finished && !atomic_load(&store->untidy) ? WRITER_ENDS_CLEAN : WRITER_ENDS_UNCLEAN);
	catalog_destroy(store->catalog);
	blobs_close(store->blobs);
	claims_finish(&store->claims);
	outcasts_finish(&store->outcasts);
	free(store);
}

struct catalog *
store_catalog(struct store *store)
{
	return store->catalog;
}

struct index *
store_index(struct store *store)
{
	return store->index;
}

const char *
store_directory(const struct store *store)
{
	return blobs_directory(store->blobs);
}

static enum store_answer
answer_of(enum row_answer answer)
{
	switch (answer) {
	case ROW_FOUND:
		return STORE_HIT;
	case ROW_NONE:
		return STORE_MISS;
	case ROW_FAILED:
		return STORE_FAILED;
	}
	return STORE_FAILED;
}

/*
 * Tells the index that it was asked for, an hour after the last time; once, however often it is asked for until
 * that is written.
 */
static void
note_use(struct store *store, const struct archive_row *row)
{
	int64_t now_ms = clock_wall_ms();
	struct archive_row used;
	uint64_t name, mark;

	if (now_ms - row->used_at_ms < ARCHIVE_TOUCH_MS || store->mode == STORE_READ)
		return;
	memcpy(&name, row->archive.digests.sha256, sizeof name);
	mark = name + (uint64_t)now_ms / 60000;
	if (atomic_exchange(&store->touches[name % STORE_TOUCHES], mark) == mark)
		return;
	used = *row;
	used.used_at_ms = now_ms;
	archive_change_post(store->index, ARCHIVE_TOUCH, &used);
}

/* Where only the size differs one of the two is damaged, and nothing but the bytes tells which. */
static bool
is_as_known(const struct blob_file *file, const struct archive_row *row)
{
	return stamp_equal(&file->stamp, &row->stamp) && file->size_bytes == row->archive.size_bytes;
}

enum store_answer
store_find(struct store *store, const struct digest *digest, struct blob *ret, struct err *err)
{
	struct archive_row row;
	struct blob_file file;
	struct err why = ERR_NONE;
	enum store_answer answer = answer_of(archive_row_recall(store->index, digest, &row, err));
	AUTO_FD fd = -1;

	if (answer != STORE_HIT)
		return answer;
	fd = blobs_open_file(store->blobs, row.archive.digests.sha256, &file, &why);
	if (fd < 0 && why.code != ERR_NOT_FOUND) {
		*err = why;
		return STORE_FAILED;
	}
	if (fd < 0) {
		archive_change_post(store->index, ARCHIVE_DROP, &row);
		return STORE_MISS;
	}
	if (outcasts_have(&store->outcasts, &file.stamp))
		return STORE_MISS;
	struct blob found = {
	        .fd = fd,
	        .size_bytes = file.size_bytes,
	        .stored_at_ms = row.archive.stored_at_ms,
	        .digests = row.archive.digests,
	        .trust = is_as_known(&file, &row) ? BLOB_PROVEN : BLOB_UNPROVEN,
	        .stamp = file.stamp,
	};
	(void)take_fd(&fd);
	note_use(store, &row);
	*ret = found;
	return STORE_HIT;
}

enum store_answer
store_lookup(struct store *store, const struct digest *digest, struct archive *ret, struct err *err)
{
	struct archive_row row;
	enum store_answer answer = answer_of(archive_row_find(store->index, digest, &row, err));

	if (answer == STORE_HIT)
		*ret = row.archive;
	return answer;
}

enum store_answer
store_has(struct store *store, const struct digests *digests, struct archive *ret, struct err *err)
{
	static const enum digest_algo strongest_first[] = {
	        DIGEST_SHA512, DIGEST_SHA256, DIGEST_SHA1, DIGEST_MD5};
	struct digest digest;
	struct archive found;
	enum store_answer answer;

	for (size_t i = 0; i < COUNT_OF(strongest_first); i++) {
		if (!digests_get(digests, strongest_first[i], &digest))
			continue;
		answer = store_lookup(store, &digest, &found, err);
		if (answer == STORE_HIT && !digests_satisfy(&found.digests, digests))
			return STORE_MISS;
		if (answer == STORE_HIT)
			*ret = found;
		return answer;
	}
	return STORE_MISS;
}

void
store_unclaim(struct store *store, struct claim *claim)
{
	struct letters waiting;

	claims_release(&store->claims, claim, &waiting);
	if (!STAILQ_EMPTY(&waiting))
		publisher_retry(store->publisher, &waiting);
}

void
store_say_gone(const struct digests *digests)
{
	char name[DIGEST_TEXT_MAX];

	digests_best_text(digests, name);
	log_warning(
	        "the file of the archive %s is gone; it will be fetched again when it is asked for", name);
}

void
store_cast_out(struct store *store, const uint8_t sha256[32])
{
	struct blob_file file;
	struct err unimportant;
	AUTO_FD fd = blobs_open_file(store->blobs, sha256, &file, &unimportant);

	if (fd < 0)
		return;
	outcasts_add(&store->outcasts, &file.stamp);
	atomic_fetch_add(&store->departed, 1);
}

bool
store_has_cast_out(struct store *store, const struct stamp *stamp)
{
	return outcasts_have(&store->outcasts, stamp);
}

bool
store_quarantine_claimed(struct store *store, const struct digests *digests, const char *why)
{
	struct archive_row row = {.archive.digests = *digests};
	struct archive_change change;
	char hex[65], name[BLOBS_QUARANTINE_MAX];
	struct err err = ERR_NONE;

	text_hex(digests->sha256, sizeof digests->sha256, hex);
	archive_change_init(&change, ARCHIVE_REMOVE, &row, NULL);
	if (!writer_run(index_writer(store->index), &change.chore, &err)) {
		store_cast_out(store, digests->sha256);
		log_error("the archive sha256:%s is wrong (%s), which cannot be written down, so that it "
		          "stays where it is; it is not served any more: %s",
		        hex, why, err.text);
		return false;
	}
	if (!blobs_quarantine(store->blobs, digests->sha256, name, &err)) {
		if (err.code == ERR_NOT_FOUND)
			return true; /* somebody else did it */
		atomic_store(&store->untidy, true);
		store_cast_out(store, digests->sha256);
		log_warning(
		        "the archive sha256:%s is wrong (%s) and out of the index, but not in quarantine: %s",
		        hex, why, err.text);
		return true;
	}
	atomic_fetch_add(&store->quarantined, 1);
	atomic_fetch_add(&store->departed, 1);
	log_warning("the archive sha256:%s is wrong (%s); it is quarantine/%s now and will be fetched again "
	            "when it is asked for",
	        hex, why, name);
	return true;
}

void
store_quarantine(struct store *store, const struct digests *digests, const char *why)
{
	struct claim claim;

	if (store->mode == STORE_READ)
		return;
	claims_wait(&store->claims, &claim, digests->sha256);
	(void)store_quarantine_claimed(store, digests, why);
	store_unclaim(store, &claim);
}

bool
store_quarantine_blob(struct store *store, const struct blob *blob, const char *why)
{
	struct claim claim;
	struct blob_file there;
	struct err unimportant;
	bool done = false;
	int fd;

	if (store->mode == STORE_READ)
		return false;
	claims_wait(&store->claims, &claim, blob->digests.sha256);
	fd = blobs_open_file(store->blobs, blob->digests.sha256, &there, &unimportant);
	if (fd >= 0 && there.stamp.inode == blob->stamp.inode)
		done = store_quarantine_claimed(store, &blob->digests, why);
	auto_close(&fd);
	store_unclaim(store, &claim);
	return done;
}

/* What store_walk hands on. */
struct walk {
	archive_visit_fn *visit;
	void *context;
};

static bool
visit_archive(void *context, const struct archive_row *row)
{
	const struct walk *walk = context;

	return walk->visit(walk->context, &row->archive);
}

bool
store_walk(struct store *store, archive_visit_fn *visit, void *context, struct err *err)
{
	struct walk walk = {.visit = visit, .context = context};

	return archive_rows_walk(store->index, visit_archive, &walk, err);
}

bool
store_reconcile(struct store *store, struct store_audit *ret, struct err *err)
{
	return recovery_run(store, ret, err);
}

bool
store_lost(struct store *store, size_t i, struct digests *ret)
{
	return recovery_lost(store->recovery, i, ret);
}

uint64_t
store_departed(struct store *store)
{
	return atomic_load_explicit(&store->departed, memory_order_acquire);
}

static void
judge_health(struct store *store, const struct err *trouble, struct store_figures *ret)
{
	char left[TEXT_SIZE_MAX], reserve[TEXT_SIZE_MAX], stored[TEXT_SIZE_MAX], allowed[TEXT_SIZE_MAX];

	ret->health = STORE_FINE;
	text_size(ret->free_bytes, left);
	text_size(ret->min_free_bytes, reserve);
	if (trouble->code != ERR_OK && trouble->code != ERR_NO_SPACE) {
		ret->health = STORE_BROKEN;
		snprintf(ret->health_text, sizeof ret->health_text, "%.150s", trouble->text);
	} else if (blobs_read_only(store->blobs)) {
		ret->health = STORE_READ_ONLY;
		snprintf(ret->health_text, sizeof ret->health_text,
		        "the filesystem of the store is read-only");
	} else if (ret->free_bytes < ret->min_free_bytes || trouble->code == ERR_NO_SPACE) {
		ret->health = STORE_FULL;
		snprintf(ret->health_text, sizeof ret->health_text, "%s are free, %s are reserved", left,
		        reserve);
	} else if (blobs_lacks_inodes(store->blobs)) {
		ret->health = STORE_FULL;
		snprintf(ret->health_text, sizeof ret->health_text,
		        "the filesystem of the store has no inodes left, and so no room for another file");
	} else if (evictor_is_full(store->evictor)) {
		ret->health = STORE_FULL;
		text_size(ret->bytes, stored);
		text_size(ret->max_bytes, allowed);
		snprintf(ret->health_text, sizeof ret->health_text,
		        "the archives take %s, space.max_size is %s, and none of them may go", stored,
		        allowed);
	}
}

void
store_figures(struct store *store, struct store_figures *ret)
{
	struct index_state state;
	struct err err = ERR_NONE;

	*ret = (struct store_figures){
	        .free_bytes = space_free(&store->space),
	        .min_free_bytes = store->space.min_free_bytes,
	        .max_bytes = store->max_bytes,
	        .adopted = atomic_load(&store->adopted),
	        .quarantined = atomic_load(&store->quarantined),
	        .collisions = atomic_load(&store->collisions),
	        .refused_no_space = atomic_load(&store->space.refused),
	        .commits = atomic_load(&store->commits),
	        .removed = atomic_load(&store->removed),
	        .evicted = atomic_load(&store->evicted),
	        .recovering = recovery_is_running(store->recovery),
	};
	if (!index_state(store->index, &state, &err))
		state.trouble = err;
	ret->archives = state.figures.archives;
	ret->bytes = state.figures.bytes;
	ret->commit_batches = state.transactions;
	ret->rows_cached = state.cached.rows;
	ret->rows_recalled = state.cached.found;
	ret->index_damaged = state.trouble.code == ERR_CORRUPT;
	judge_health(store, &state.trouble, ret);
}
