/*
 * The rows of stored archives. Questions run on any thread, the chores on the index writer's.
 */
#include "storage/index/archive_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/rows.h"
#include "storage/index/tombstone_rows.h"

#define WALK_STEP 256 /* rows read at once */

static bool
read_row(sqlite3_stmt *statement, struct archive_row *ret, struct err *err)
{
	struct archive *archive = &ret->archive;

	db_column_digests(statement, 1, &archive->digests);
	if (digests_count(&archive->digests) != DIGEST_ALGOS)
		return err_set(err, ERR_CORRUPT, "row %lld of the index lacks a digest",
		        (long long)sqlite3_column_int64(statement, 0));
	archive->size_bytes = (uint64_t)sqlite3_column_int64(statement, 5);
	archive->stored_at_ms = sqlite3_column_int64(statement, 6);
	ret->stamp.inode = (uint64_t)sqlite3_column_int64(statement, 7);
	ret->stamp.change_ns = sqlite3_column_int64(statement, 8);
	ret->used_at_ms = sqlite3_column_int64(statement, 10);
	text_copy(db_column_text(statement, 9), archive->came_from, sizeof archive->came_from);
	text_copy(db_column_text(statement, 11), archive->git_commit, sizeof archive->git_commit);
	return true;
}

static enum row_answer
find_first(struct rows *rows, struct archive_row *ret, struct err *err)
{
	bool whole = !rows_next(rows, err) || read_row(rows->row, ret, err);
	enum row_answer answer = rows_end(rows);

	return whole ? answer : ROW_FAILED;
}

/* A damaged index may lead from a digest to the row of another archive. */
static enum row_answer
find_by_digest(struct rows *rows, const struct digest *digest, struct archive_row *ret, struct err *err)
{
	enum row_answer answer = find_first(rows, ret, err);
	char text[DIGEST_TEXT_MAX];

	if (answer != ROW_FOUND || digests_have(&ret->archive.digests, digest))
		return answer;
	digest_text(digest, text);
	err_set(err, ERR_CORRUPT, "the index leads from %s to the row of another archive", text);
	return ROW_FAILED;
}

enum row_answer
archive_row_find(struct index *index, const struct digest *digest, struct archive_row *ret, struct err *err)
{
	const struct value values[] = {value_digest(digest)};
	struct rows rows = rows_ask(index, SQL_ARCHIVE_BY_MD5 + digest->algo, values, COUNT_OF(values), err);
	enum row_answer answer = find_by_digest(&rows, digest, ret, err);

	if (answer == ROW_FAILED)
		index_failed(index, err);
	return answer;
}

enum row_answer
archive_row_recall(struct index *index, const struct digest *digest, struct archive_row *ret, struct err *err)
{
	struct row_cache *cache = index_rows(index);
	bool sees_newest;
	uint32_t version;
	enum row_answer answer;

	if (row_cache_find(cache, digest, ret, &version))
		return ROW_FOUND;
	sees_newest = index_sees_newest(index);
	answer = archive_row_find(index, digest, ret, err);
	if (answer == ROW_FOUND && sees_newest)
		row_cache_keep(cache, digest, version, ret);
	return answer;
}

/* The next rows behind a sha256; their number, or -1. */
static int
read_step(struct index *index, const uint8_t *after, size_t after_size, struct archive_row *items,
        struct err *err)
{
	const struct value values[] = {value_bytes(after, after_size), value_number(WALK_STEP)};
	struct rows rows = rows_ask(index, SQL_ARCHIVES_AFTER, values, COUNT_OF(values), err);
	bool whole = true;
	int count = 0;

	while (whole && rows_next(&rows, err))
		whole = read_row(rows.row, &items[count++], err);
	if (!whole)
		index_failed(index, err);
	return rows_end(&rows) != ROW_FAILED && whole ? count : -1;
}

bool
archive_rows_walk(struct index *index, archive_row_visit_fn *visit, void *context, struct err *err)
{
	AUTO_FREE struct archive_row *rows = xcalloc(WALK_STEP, sizeof *rows);
	uint8_t after[32];
	size_t after_size = 0; /* the empty blob comes before all others */
	int count = WALK_STEP;

	while (count == WALK_STEP) {
		count = read_step(index, after, after_size, rows, err);
		for (int i = 0; i < count; i++) {
			if (!visit(context, &rows[i]))
				return true;
		}
		if (count > 0) {
			memcpy(after, rows[count - 1].archive.digests.sha256, sizeof after);
			after_size = sizeof after;
		}
	}
	return count >= 0;
}

enum row_answer
archive_row_after(struct index *index, const uint8_t *sha256, struct archive_row *ret, struct err *err)
{
	const struct value values[] = {
	        value_bytes(sha256 != NULL ? sha256 : (const uint8_t *)"", sha256 != NULL ? 32 : 0),
	        value_number(1)};
	struct rows rows = rows_ask(index, SQL_ARCHIVES_AFTER, values, COUNT_OF(values), err);
	enum row_answer answer = find_first(&rows, ret, err);

	if (answer == ROW_FAILED)
		index_failed(index, err);
	return answer;
}

bool
archive_rows_by_use(struct index *index, struct archive_use *place, struct archive_row *ret, size_t max,
        size_t *ret_count, struct err *err)
{
	const struct value values[] = {
	        value_number(place->used_at_ms), value_number(place->id), value_number((int64_t)max)};
	struct rows rows = rows_ask(index, SQL_ARCHIVES_BY_USE, values, COUNT_OF(values), err);
	size_t count = 0;
	bool whole = true;

	while (whole && rows_next(&rows, err)) {
		whole = read_row(rows.row, &ret[count], err);
		if (!whole)
			continue;
		place->used_at_ms = ret[count++].used_at_ms;
		place->id = sqlite3_column_int64(rows.row, 0);
	}
	if (rows_end(&rows) == ROW_FAILED || !whole)
		return index_failed(index, err);
	*ret_count = count;
	return true;
}

enum row_answer
archive_row_known(
        struct writing *writing, const struct digest *digest, struct archive_row *ret, struct err *err)
{
	const struct value values[] = {value_digest(digest)};
	struct rows rows =
	        rows_ask_in(writing, SQL_ARCHIVE_BY_MD5 + digest->algo, values, COUNT_OF(values), err);

	return find_by_digest(&rows, digest, ret, err);
}

/* The row of the same sha256, as the writer sees it now. */
static enum row_answer
find_same(struct writing *writing, const struct archive_row *row, struct archive_row *ret, struct err *err)
{
	struct digest sha256;

	if (!digests_get(&row->archive.digests, DIGEST_SHA256, &sha256))
		return ROW_NONE;
	return archive_row_known(writing, &sha256, ret, err);
}

/* This name is the owner's, and another archive that has it, too, is refused. */
static void
refuse(const struct archive_row *owner, const struct digest *name, struct err *err)
{
	char taken[DIGEST_TEXT_MAX], kept[DIGEST_TEXT_MAX];

	digest_text(name, taken);
	digests_best_text(&owner->archive.digests, kept);
	err_set(err, ERR_COLLISION,
	        "%s names another archive already, %s, which keeps the name; this one is refused", taken,
	        kept);
}

/* Whether one of the digests is the name of another archive already. The first keeps the name. */
static enum chore_result
check_names(struct writing *writing, const struct archive_row *row, struct err *err)
{
	for (int i = 0; i < DIGEST_ALGOS; i++) {
		struct digest digest;
		struct archive_row found;
		enum row_answer answer;

		if (!digests_get(&row->archive.digests, digests_best_first[i], &digest))
			continue;
		answer = archive_row_known(writing, &digest, &found, err);
		if (answer == ROW_FAILED)
			return CHORE_FAILED;
		if (answer == ROW_NONE)
			continue;
		refuse(&found, &digest, err);
		return CHORE_REFUSED;
	}
	return CHORE_WRITTEN;
}

static void
note_change(struct writing *writing, const struct digests *digests)
{
	if (writing->n_changed < WRITER_CHANGED_MAX)
		writing->changed[writing->n_changed] = *digests;
	writing->n_changed++;
}

static enum chore_result
insert(struct writing *writing, const struct archive_row *row, struct err *err)
{
	const struct archive *archive = &row->archive;
	const struct digests *digests = &archive->digests;
	const struct value values[] = {VALUES_IN(digests), value_number((int64_t)archive->size_bytes),
	        value_number(archive->stored_at_ms), value_number((int64_t)row->stamp.inode),
	        value_number(row->stamp.change_ns), value_text(archive->came_from),
	        value_text(archive->git_commit)};

	note_change(writing, digests);
	if (!rows_write(writing, SQL_ARCHIVE_ADD, values, COUNT_OF(values), err))
		return CHORE_FAILED;
	writing->figures.archives++;
	writing->figures.bytes += archive->size_bytes;
	return CHORE_WRITTEN;
}

static enum chore_result
restamp(struct writing *writing, const struct archive_row *row, struct err *err)
{
	const struct value values[] = {
	        value_bytes(row->archive.digests.sha256, sizeof row->archive.digests.sha256),
	        value_number((int64_t)row->stamp.inode), value_number(row->stamp.change_ns),
	        value_number((int64_t)row->archive.size_bytes)};

	note_change(writing, &row->archive.digests);
	return rows_write(writing, SQL_ARCHIVE_RESTAMP, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                               : CHORE_FAILED;
}

static enum chore_result
touch(struct writing *writing, const struct archive_row *row, struct err *err)
{
	const struct value values[] = {
	        value_bytes(row->archive.digests.sha256, sizeof row->archive.digests.sha256),
	        value_number(row->used_at_ms)};

	note_change(writing, &row->archive.digests);
	return rows_write(writing, SQL_ARCHIVE_TOUCH, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                             : CHORE_FAILED;
}

/* Damage has made the figures or a row say too much. */
static bool
count_bytes(struct writing *writing, struct err *err)
{
	int64_t bytes;

	if (!db_number(writing->db, SQL_ARCHIVE_BYTES, &bytes, err))
		return false;
	writing->figures.bytes = (uint64_t)bytes;
	return true;
}

bool
archive_row_delete(struct writing *writing, const struct archive_row *row, struct err *err)
{
	const struct value values[] = {
	        value_bytes(row->archive.digests.sha256, sizeof row->archive.digests.sha256)};

	note_change(writing, &row->archive.digests);
	if (!rows_write(writing, SQL_ARCHIVE_REMOVE, values, COUNT_OF(values), err))
		return false;
	writing->figures.archives--;
	if (row->archive.size_bytes > writing->figures.bytes)
		return count_bytes(writing, err);
	writing->figures.bytes -= row->archive.size_bytes;
	return true;
}

static enum chore_result
lift_tombstones(const struct archive_change *change, struct writing *writing, struct err *err)
{
	return tombstone_rows_delete(writing, &change->row.archive.digests, err) ? CHORE_WRITTEN
	                                                                         : CHORE_FAILED;
}

/*
 * Whether the archive may come in though somebody may have removed it. A file that was written after that was given
 * again: who finds it without a row has an index that is older than its files.
 */
static enum chore_result
heed_tombstones(const struct archive_change *change, struct writing *writing, struct err *err)
{
	struct digests digests = change->row.archive.digests;
	struct tombstone tombstone;

	if (change->kind == ARCHIVE_GIVE)
		return lift_tombstones(change, writing, err);
	if (change->kind == ARCHIVE_ADOPT)
		digests.known &= 1u << DIGEST_SHA256 | 1u << DIGEST_SHA512;
	switch (tombstone_rows_have(writing, &digests, &tombstone, err)) {
	case ROW_FAILED:
		return CHORE_FAILED;
	case ROW_NONE:
		return CHORE_WRITTEN;
	case ROW_FOUND:
		break;
	}
	if (change->kind == ARCHIVE_ADOPT && change->row.archive.stored_at_ms > tombstone.at_ms)
		return lift_tombstones(change, writing, err);
	tombstone_refuses(&tombstone, err);
	return CHORE_REFUSED;
}

/*
 * The same bytes are known: what the index says of them must be what they are now, or the row is made anew.
 */
static enum chore_result
renew(struct archive_change *change, const struct archive_row *found, struct writing *writing,
        struct err *err)
{
	const struct archive *was = &found->archive, *is = &change->row.archive;

	change->changed = ARCHIVE_RENEWED;
	if (was->size_bytes == is->size_bytes && digests_agree(&was->digests, &is->digests))
		return restamp(writing, &change->row, err);
	return archive_row_delete(writing, found, err) ? insert(writing, &change->row, err) : CHORE_FAILED;
}

static enum chore_result
add(struct archive_change *change, struct writing *writing, struct err *err)
{
	struct archive_row found;
	enum chore_result result;

	switch (find_same(writing, &change->row, &found, err)) {
	case ROW_FAILED:
		return CHORE_FAILED;
	case ROW_FOUND:
		return renew(change, &found, writing, err);
	case ROW_NONE:
		break;
	}
	result = check_names(writing, &change->row, err);
	if (result == CHORE_WRITTEN)
		result = heed_tombstones(change, writing, err);
	if (result != CHORE_WRITTEN)
		return result;
	change->changed = ARCHIVE_ADDED;
	return insert(writing, &change->row, err);
}

static enum chore_result
remove_row(struct archive_change *change, struct writing *writing, struct err *err)
{
	struct archive_row found;

	switch (find_same(writing, &change->row, &found, err)) {
	case ROW_FAILED:
		return CHORE_FAILED;
	case ROW_NONE:
		return CHORE_WRITTEN;
	case ROW_FOUND:
		break;
	}
	if (change->kind == ARCHIVE_DROP && !stamp_equal(&found.stamp, &change->row.stamp))
		return CHORE_WRITTEN;
	change->changed = ARCHIVE_REMOVED;
	return archive_row_delete(writing, &found, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

static enum chore_result
run_change(struct chore *chore, struct writing *writing, struct err *err)
{
	struct archive_change *change = (struct archive_change *)chore;

	change->changed = ARCHIVE_UNCHANGED;
	switch (change->kind) {
	case ARCHIVE_ADD:
	case ARCHIVE_GIVE:
	case ARCHIVE_ADOPT:
		return add(change, writing, err);
	case ARCHIVE_TOUCH:
		return touch(writing, &change->row, err);
	case ARCHIVE_RESTAMP:
		return restamp(writing, &change->row, err);
	case ARCHIVE_DROP:
	case ARCHIVE_REMOVE:
		return remove_row(change, writing, err);
	}
	return CHORE_FAILED;
}

void
archive_change_init(struct archive_change *change, enum archive_change_kind kind,
        const struct archive_row *row, chore_done_fn *done)
{
	bool lazy = kind == ARCHIVE_RESTAMP || kind == ARCHIVE_DROP || kind == ARCHIVE_TOUCH;

	*change = (struct archive_change){.kind = kind, .row = *row};
	change->chore =
	        (struct chore){.kind = lazy ? CHORE_LAZY : CHORE_PROMPT, .run = run_change, .done = done};
}

static void
forget(struct chore *chore, const struct err *err)
{
	if (err != NULL && err->code != ERR_STOPPING)
		log_warning("a stored archive's row cannot be brought up to date, which is tried again when "
		            "it is next read: %s",
		        err->text);
	free(chore);
}

void
archive_change_post(struct index *index, enum archive_change_kind kind, const struct archive_row *row)
{
	struct writer *writer = index_writer(index);
	struct archive_change *change;

	if (writer == NULL)
		return;
	change = xmalloc(sizeof *change);
	archive_change_init(change, kind, row, forget);
	writer_post(writer, &change->chore);
}
