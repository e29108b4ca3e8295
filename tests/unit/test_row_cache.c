/*
 * Rows that are kept in memory: found by the name they were asked by, and never again once the writer has changed them, whatever others
 * read meanwhile.
 */
#include "tests/support/rows.h"

#include <pthread.h>
#include <stdatomic.h>

#include "storage/index/archive_rows.h"
#include "storage/index/row_cache.h"

#define READERS 2
#define CHANGES 300

static struct row_cache *cache;

static int
set_up_cache(void **state)
{
	(void)state;
	cache = row_cache_create();
	return 0;
}

static int
tear_down_cache(void **state)
{
	(void)state;
	row_cache_destroy(cache);
	return 0;
}

/* --- the cache by itself --- */

static void
keep(const char *string, enum digest_algo algo)
{
	struct digest name = digest_of(string, algo);
	struct archive_row row = row_for(string), found;
	uint32_t version;

	(void)row_cache_find(cache, &name, &found, &version);
	row_cache_keep(cache, &name, version, &row);
}

static bool
is_kept(const char *string, enum digest_algo algo)
{
	struct digest name = digest_of(string, algo);
	struct archive_row found;
	uint32_t version;

	return row_cache_find(cache, &name, &found, &version);
}

static struct row_cache_figures
figures(void)
{
	struct row_cache_figures now;

	row_cache_figures(cache, &now);
	return now;
}

static void
is_found_by_the_name_it_was_asked_by(void **state)
{
	struct digest name = digest_of("a", DIGEST_SHA256);
	struct archive_row row = row_for("a"), found;
	uint32_t version;

	(void)state;
	assert_false(is_kept("a", DIGEST_SHA256));
	keep("a", DIGEST_SHA256);
	assert_true(row_cache_find(cache, &name, &found, &version));
	assert_memory_equal(&found.archive.digests, &row.archive.digests, sizeof row.archive.digests);
	assert_int_equal(found.archive.size_bytes, 1);
	assert_int_equal(found.archive.stored_at_ms, row.archive.stored_at_ms);
	assert_int_equal(found.used_at_ms, row.used_at_ms);
	assert_true(stamp_equal(&found.stamp, &row.stamp));
	assert_string_equal(found.archive.came_from, "");
	assert_string_equal(found.archive.git_commit, "");
	assert_false(is_kept("a", DIGEST_MD5));
	assert_int_equal(figures().rows, 1);
	assert_int_equal(figures().found, 1);
}

static void
a_change_is_of_all_names(void **state)
{
	struct digests names = digests_of("a", 1);

	(void)state;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		keep("a", (enum digest_algo)algo);
	keep("b", DIGEST_SHA256);
	assert_int_equal(figures().rows, DIGEST_ALGOS + 1);
	row_cache_forget(cache, &names);
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		assert_false(is_kept("a", (enum digest_algo)algo));
	assert_true(is_kept("b", DIGEST_SHA256));
	assert_int_equal(figures().rows, 1);
	row_cache_forget_all(cache);
	assert_false(is_kept("b", DIGEST_SHA256));
	assert_int_equal(figures().rows, 0);
}

static void
what_was_read_before_a_change_is_not_kept(void **state)
{
	struct digest name = digest_of("a", DIGEST_SHA256);
	struct archive_row row = row_for("a"), found;
	uint32_t version;

	(void)state;
	assert_false(row_cache_find(cache, &name, &found, &version));
	row_cache_forget(cache, &row.archive.digests);
	row_cache_keep(cache, &name, version, &row);
	assert_false(is_kept("a", DIGEST_SHA256));
	keep("a", DIGEST_SHA256);
	assert_true(is_kept("a", DIGEST_SHA256));
}

static void
the_last_one_asked_for_has_the_place(void **state)
{
	struct digest first = {.algo = DIGEST_SHA256, .bytes = {1}}, second = first;
	struct archive_row row = row_for("a"), found;
	uint32_t version;

	(void)state;
	second.bytes[31] = 1; /* the same place: only the first bytes say which */
	for (int i = 0; i < 2; i++) {
		const struct digest *name = i == 0 ? &first : &second;

		digests_put(&row.archive.digests, name);
		assert_false(row_cache_find(cache, name, &found, &version));
		row_cache_keep(cache, name, version, &row);
		assert_true(row_cache_find(cache, name, &found, &version));
	}
	assert_false(row_cache_find(cache, &first, &found, &version));
	assert_int_equal(figures().rows, 1);
}

static void
without_one_nothing_is_kept(void **state)
{
	struct row_cache *before = cache;
	struct digests names = digests_of("a", 1);

	(void)state;
	cache = NULL;
	keep("a", DIGEST_SHA256);
	assert_false(is_kept("a", DIGEST_SHA256));
	row_cache_forget(cache, &names);
	row_cache_forget_all(cache);
	assert_int_equal(figures().rows, 0);
	row_cache_destroy(cache);
	cache = before;
}

/* --- before the index --- */

static void
change(enum archive_change_kind kind, const struct archive_row *row)
{
	struct archive_change change;
	struct err err = ERR_NONE;

	archive_change_init(&change, kind, row, NULL);
	change.chore.kind = CHORE_PROMPT; /* nobody else comes along */
	if (!writer_run(index_writer(index_at_hand), &change.chore, &err))
		fail_msg("%s", err.text);
}

static enum row_answer
recall(const char *string, enum digest_algo algo, struct archive_row *ret)
{
	struct digest name = digest_of(string, algo);
	struct err err = ERR_NONE;

	return archive_row_recall(index_at_hand, &name, ret, &err);
}

static uint64_t
recalled(void)
{
	struct index_state now;
	struct err err = ERR_NONE;

	assert_true(index_state(index_at_hand, &now, &err));
	return now.cached.found;
}

static void
each_change_is_seen_at_once_by_every_name(void **state)
{
	struct archive_row row = row_for("a"), found;

	(void)state;
	assert_int_equal(recall("a", DIGEST_MD5, &found), ROW_NONE);
	change(ARCHIVE_ADD, &row);
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		row.stamp.change_ns++;
		row.used_at_ms += ARCHIVE_TOUCH_MS;
		for (int i = 0; i < DIGEST_ALGOS; i++)
			assert_int_equal(recall("a", (enum digest_algo)i, &found), ROW_FOUND);
		change(ARCHIVE_RESTAMP, &row);
		assert_int_equal(recall("a", (enum digest_algo)algo, &found), ROW_FOUND);
		assert_true(stamp_equal(&found.stamp, &row.stamp));
		change(ARCHIVE_TOUCH, &row);
		assert_int_equal(recall("a", (enum digest_algo)algo, &found), ROW_FOUND);
		assert_int_equal(found.used_at_ms, row.used_at_ms);
	}
	assert_true(recalled() > 0);
	change(ARCHIVE_REMOVE, &row);
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		assert_int_equal(recall("a", (enum digest_algo)algo, &found), ROW_NONE);
	change(ARCHIVE_ADD, &row);
	assert_int_equal(recall("a", DIGEST_SHA1, &found), ROW_FOUND);
	change(ARCHIVE_DROP, &row);
	assert_int_equal(recall("a", DIGEST_SHA1, &found), ROW_NONE);
}

/* Who asks in a transaction reads what was; nobody else may be told that. */
static void
what_is_read_as_of_an_earlier_moment_is_not_kept(void **state)
{
	struct archive_row row = row_for("a"), found;
	struct err err = ERR_NONE;

	(void)state;
	change(ARCHIVE_ADD, &row);
	assert_true(index_hold(index_at_hand, &err));
	assert_int_equal(recall("b", DIGEST_MD5, &found), ROW_NONE); /* the moment */
	change(ARCHIVE_REMOVE, &row);
	assert_int_equal(recall("a", DIGEST_MD5, &found), ROW_FOUND);
	assert_int_equal(recalled(), 0);
	index_let_go(index_at_hand);
	assert_int_equal(recall("a", DIGEST_MD5, &found), ROW_NONE);
}

#define MANY (WRITER_CHANGED_MAX + 1)

static struct archive_row
row_number(int number)
{
	char string[16];

	snprintf(string, sizeof string, "%d", number);
	return row_for(string);
}

static enum row_answer
recall_number(int number)
{
	char string[16];
	struct archive_row found;

	snprintf(string, sizeof string, "%d", number);
	return recall(string, DIGEST_SHA512, &found);
}

static enum chore_result
delete_many(struct chore *chore, struct writing *writing, struct err *err)
{
	(void)chore;
	for (int i = 0; i < MANY; i++) {
		struct archive_row row = row_number(i);

		if (!archive_row_delete(writing, &row, err))
			return CHORE_FAILED;
	}
	return CHORE_WRITTEN;
}

static void
more_changes_than_a_transaction_remembers(void **state)
{
	struct chore chore = {.kind = CHORE_ALONE, .run = delete_many};
	struct err err = ERR_NONE;

	(void)state;
	for (int i = 0; i <= MANY; i++) {
		struct archive_row row = row_number(i);

		change(ARCHIVE_ADD, &row);
		assert_int_equal(recall_number(i), ROW_FOUND);
	}
	assert_true(writer_run(index_writer(index_at_hand), &chore, &err));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(recall_number(i), ROW_NONE);
	assert_int_equal(recall_number(MANY), ROW_FOUND);
}

static atomic_bool over;

/* Keeps what was read as often as it can. */
static void *
read_always(void *context)
{
	struct archive_row found;

	while (!atomic_load(&over))
		for (int algo = 0; algo < DIGEST_ALGOS; algo++)
			(void)recall("a", (enum digest_algo)algo, &found);
	return context;
}

static void
readers_never_bring_back_what_was(void **state)
{
	struct archive_row row = row_for("a"), found;
	pthread_t readers[READERS];

	(void)state;
	change(ARCHIVE_ADD, &row);
	atomic_store(&over, false);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_always, NULL), 0);
	for (int i = 0; i < CHANGES; i++) {
		row.stamp.change_ns++;
		change(ARCHIVE_RESTAMP, &row);
		for (int n = 0; n < 10; n++) {
			assert_int_equal(
			        recall("a", (enum digest_algo)(n % DIGEST_ALGOS), &found), ROW_FOUND);
			assert_true(stamp_equal(&found.stamp, &row.stamp));
		}
	}
	atomic_store(&over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, set_up_cache, tear_down_cache)
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_CACHE(is_found_by_the_name_it_was_asked_by),
	        WITH_CACHE(a_change_is_of_all_names),
	        WITH_CACHE(what_was_read_before_a_change_is_not_kept),
	        WITH_CACHE(the_last_one_asked_for_has_the_place),
	        WITH_CACHE(without_one_nothing_is_kept),
	        WITH_INDEX(each_change_is_seen_at_once_by_every_name),
	        WITH_INDEX(what_is_read_as_of_an_earlier_moment_is_not_kept),
	        WITH_INDEX(more_changes_than_a_transaction_remembers),
	        WITH_INDEX(readers_never_bring_back_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
