/*
 * The rows of tombstones. Questions run on any thread, changes as chores on the index writer's, alone or within
 * those of others.
 */
#include "storage/index/tombstone_rows.h"

#include <assert.h>
#include <stdio.h>

#include "storage/base/text.h"
#include "storage/index/rows.h"

static bool
read_tombstone(sqlite3_stmt *statement, struct tombstone *ret, struct err *err)
{
	db_column_digests(statement, 1, &ret->digests);
	if (digests_count(&ret->digests) == 0)
		return err_set(err, ERR_CORRUPT, "the tombstone %lld of the index has no digest",
		        (long long)sqlite3_column_int64(statement, 0));
	snprintf(ret->who, sizeof ret->who, "%s", db_column_text(statement, 5));
	ret->at_ms = sqlite3_column_int64(statement, 6);
	return true;
}

void
tombstone_refuses(const struct tombstone *tombstone, struct err *ret)
{
	char when[TEXT_TIME_MAX];

	text_time(tombstone->at_ms, when);
	err_set(ret, ERR_REMOVED,
	        "removed by %s on %.10s; it is not fetched again until 'larder remove --forget' or an upload "
	        "lets it come back",
	        tombstone->who, when);
}

/* The newest. */
static enum row_answer
find_newest(struct rows *rows, struct tombstone *ret, struct err *err)
{
	bool whole = !rows_next(rows, err) || read_tombstone(rows->row, ret, err);
	enum row_answer answer = rows_end(rows);

	return whole ? answer : ROW_FAILED;
}

enum row_answer
tombstone_row_find(struct index *index, const struct digest *digest, struct tombstone *ret, struct err *err)
{
	const struct value values[] = {value_digest(digest)};
	struct rows rows = rows_ask(index, SQL_TOMBSTONE_BY_MD5 + digest->algo, values, 1, err);
	enum row_answer answer = find_newest(&rows, ret, err);

	if (answer == ROW_FAILED)
		index_failed(index, err);
	return answer;
}

enum row_answer
tombstone_rows_have(
        struct writing *writing, const struct digests *digests, struct tombstone *ret, struct err *err)
{
	enum row_answer answer = ROW_NONE;

	for (int algo = 0; algo < DIGEST_ALGOS && answer == ROW_NONE; algo++) {
		const struct value values[] = {value_in(digests, algo)};
		struct rows rows;

		if (values[0].kind == VALUE_NULL)
			continue;
		rows = rows_ask_in(writing, SQL_TOMBSTONE_BY_MD5 + algo, values, 1, err);
		answer = find_newest(&rows, ret, err);
	}
	return answer;
}

/* Those that say no more than this one. */
static bool
delete_within(struct writing *writing, const struct digests *digests, struct err *err)
{
	const struct value values[] = {VALUES_IN(digests)};

	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		if (values[algo].kind != VALUE_NULL &&
		        !rows_write(writing, SQL_TOMBSTONE_REPLACE_MD5 + algo, values, COUNT_OF(values), err))
			return false;
	return true;
}

bool
tombstone_rows_add(struct writing *writing, const struct tombstone *tombstone, struct err *err)
{
	const struct digests *digests = &tombstone->digests;
	const struct value values[] = {
	        VALUES_IN(digests), value_text(tombstone->who), value_number(tombstone->at_ms)};

	assert(digests_count(digests) > 0);
	return delete_within(writing, digests, err) &&
	       rows_write(writing, SQL_TOMBSTONE_ADD, values, COUNT_OF(values), err);
}

static bool
delete_by(struct writing *writing, const struct digest *digest, struct err *err)
{
	const struct value values[] = {value_digest(digest)};

	return rows_write(writing, SQL_TOMBSTONE_DROP_MD5 + digest->algo, values, COUNT_OF(values), err);
}

bool
tombstone_rows_delete(struct writing *writing, const struct digests *digests, struct err *err)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(digests, (enum digest_algo)algo, &digest) &&
		        !delete_by(writing, &digest, err))
			return false;
	}
	return true;
}

struct tombstone_change {
	struct chore chore;
	const struct tombstone *tombstone; /* to be laid */
	const struct digest *digest;       /* to be lifted */
	bool lifted;                       /* the answer */
};

static enum chore_result
run_lay(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct tombstone_change *change = (struct tombstone_change *)chore;

	return tombstone_rows_add(writing, change->tombstone, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
tombstone_row_lay(struct index *index, const struct tombstone *tombstone, struct err *err)
{
	struct tombstone_change change = {
	        .chore = {.kind = CHORE_PROMPT, .run = run_lay}, .tombstone = tombstone};

	return index_write(index, &change.chore, err);
}

static enum chore_result
run_lift(struct chore *chore, struct writing *writing, struct err *err)
{
	struct tombstone_change *change = (struct tombstone_change *)chore;

	if (!delete_by(writing, change->digest, err))
		return CHORE_FAILED;
	change->lifted = db_changes(writing->db) > 0;
	return CHORE_WRITTEN;
}

enum row_answer
tombstone_row_lift(struct index *index, const struct digest *digest, struct err *err)
{
	struct tombstone_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_lift}, .digest = digest};

	if (!index_write(index, &change.chore, err))
		return ROW_FAILED;
	return change.lifted ? ROW_FOUND : ROW_NONE;
}
