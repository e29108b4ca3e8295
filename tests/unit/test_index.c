/*
 * The index below the store: chores share transactions, a refused one harms no other, a failed one undoes its
 * transaction; stamps, drops; connections of threads.
 */
#include "tests/support/rows.h"

#include <pthread.h>

#include "storage/index/archive_rows.h"
#include "storage/index/receiver_rows.h"

static struct archive_change
run_change(enum archive_change_kind kind, const struct archive_row *row)
{
	struct archive_change change;
	struct err err = ERR_NONE;

	archive_change_init(&change, kind, row, NULL);
	if (!writer_run(index_writer(index_at_hand), &change.chore, &err))
		fail_msg("%s", err.text);
	return change;
}

static enum row_answer
find(const char *string, enum digest_algo algo, struct archive_row *ret)
{
	struct digest digest = digest_of(string, algo);
	struct err err = ERR_NONE;

	return archive_row_find(index_at_hand, &digest, ret, &err);
}

static struct index_state
state_now(void)
{
	struct index_state state;
	struct err err = ERR_NONE;

	assert_true(index_state(index_at_hand, &state, &err));
	return state;
}

static void
keeps_all_of_a_row(void **state)
{
	struct archive_row row = row_for("one"), found;

	(void)state;
	assert_int_equal(run_change(ARCHIVE_ADD, &row).changed, ARCHIVE_ADDED);
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		assert_int_equal(find("one", (enum digest_algo)algo, &found), ROW_FOUND);
		assert_true(digests_satisfy(&found.archive.digests, &row.archive.digests));
		assert_int_equal(found.archive.size_bytes, 3);
		assert_int_equal(found.archive.stored_at_ms, 1700000000000);
		assert_string_equal(found.archive.came_from, "a test");
		assert_true(stamp_equal(&found.stamp, &row.stamp));
		assert_int_equal(find("two", (enum digest_algo)algo, &found), ROW_NONE);
	}
}

static void
changes_stamps_and_drops(void **state)
{
	struct archive_row row = row_for("one"), renewed = row, found;

	(void)state;
	run_change(ARCHIVE_ADD, &row);
	renewed.stamp.inode = 8;
	assert_int_equal(run_change(ARCHIVE_ADD, &renewed).changed, ARCHIVE_RENEWED);
	assert_int_equal(state_now().figures.archives, 1);
	/* Whoever saw the row before it was renewed must not drop it. */
	assert_int_equal(run_change(ARCHIVE_DROP, &row).changed, ARCHIVE_UNCHANGED);
	assert_int_equal(find("one", DIGEST_MD5, &found), ROW_FOUND);
	assert_int_equal(found.stamp.inode, 8);
	renewed.stamp.inode = 9;
	run_change(ARCHIVE_RESTAMP, &renewed);
	assert_int_equal(find("one", DIGEST_MD5, &found), ROW_FOUND);
	assert_int_equal(found.stamp.inode, 9);
	assert_int_equal(run_change(ARCHIVE_DROP, &renewed).changed, ARCHIVE_REMOVED);
	assert_int_equal(find("one", DIGEST_MD5, &found), ROW_NONE);
	assert_int_equal(run_change(ARCHIVE_REMOVE, &row).changed, ARCHIVE_UNCHANGED);
	assert_int_equal(state_now().figures.archives, 0);
	assert_int_equal(state_now().figures.bytes, 0);
}

static void
rights_a_wrong_row(void **state)
{
	struct archive_row row = row_for("one"), wrong = row, found;

	(void)state;
	wrong.archive.digests.md5[0] ^= 1;
	wrong.archive.size_bytes = 5;
	run_change(ARCHIVE_ADD, &wrong);
	assert_int_equal(run_change(ARCHIVE_ADD, &row).changed, ARCHIVE_RENEWED);
	assert_int_equal(find("one", DIGEST_MD5, &found), ROW_FOUND);
	assert_int_equal(state_now().figures.archives, 1);
	assert_int_equal(state_now().figures.bytes, 3);
}

static void
refuses_a_name_that_is_taken(void **state)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct archive_row first = row_for("one"), second = row_for("two");
		struct archive_change change;
		struct digest digest;
		struct err err = ERR_NONE;

		if (algo == DIGEST_SHA256)
			continue;
		run_change(ARCHIVE_ADD, &first);
		assert_true(digests_get(&first.archive.digests, (enum digest_algo)algo, &digest));
		digests_put(&second.archive.digests, &digest);
		archive_change_init(&change, ARCHIVE_ADD, &second, NULL);
		assert_false(writer_run(index_writer(index_at_hand), &change.chore, &err));
		assert_int_equal(err.code, ERR_COLLISION);
		assert_non_null(strstr(err.text, digest_algo_name((enum digest_algo)algo)));
	}
	(void)state;
	assert_int_equal(state_now().figures.archives, 1);
	assert_int_equal(state_now().trouble.code, ERR_OK);
}

/*
 * Chores that note how they ended; the first holds the writer until all are posted, so that they meet in one
 * transaction.
 */
struct noted {
	struct chore chore;
	enum chore_result ends;
	pthread_mutex_t *gate;
	enum err_code told;
	bool done;
};

static enum chore_result
run_noted(struct chore *chore, struct writing *writing, struct err *err)
{
	struct noted *noted = (struct noted *)chore;

	if (noted->gate != NULL) {
		pthread_mutex_lock(noted->gate);
		pthread_mutex_unlock(noted->gate);
	}
	if (noted->ends != CHORE_WRITTEN)
		err_set(err, noted->ends == CHORE_REFUSED ? ERR_COLLISION : ERR_IO, "as the test wants it");
	else
		writing->figures.packages++;
	return noted->ends;
}

static void
note(struct chore *chore, const struct err *err)
{
	struct noted *noted = (struct noted *)chore;

	noted->told = err != NULL ? err->code : ERR_OK;
	noted->done = true;
}

static void
run_together(struct noted *noted, size_t count)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct noted first = {.chore = {.kind = CHORE_ALONE, .run = run_noted, .done = note}, .gate = &gate};
	struct noted last = {.chore = {.kind = CHORE_ALONE, .run = run_noted, .done = note}};
	struct err err = ERR_NONE;

	pthread_mutex_lock(&gate);
	writer_post(index_writer(index_at_hand), &first.chore);
	for (size_t i = 0; i < count; i++) {
		noted[i].chore.run = run_noted;
		noted[i].chore.done = note;
		writer_post(index_writer(index_at_hand), &noted[i].chore);
	}
	pthread_mutex_unlock(&gate);
	assert_true(writer_run(
	        index_writer(index_at_hand), &last.chore, &err)); /* everything before it is done */
}

/* Every start of a daemon asks for it, and one on a full disk must not fail of it. */
static void
writes_nothing_where_no_receiver_is_forgotten(void **state)
{
	const char *const names[] = {"team", "pager"};
	const struct receiver_row row = {.told = 7};
	struct receiver_row found;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(receiver_rows_keep(index_at_hand, NULL, 0, &err));
	assert_int_equal(state_now().transactions, 0);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_true(receiver_row_set(index_at_hand, names[i], &row, &err));
	assert_true(receiver_rows_keep(index_at_hand, names, COUNT_OF(names), &err));
	assert_int_equal(state_now().transactions, 2);
	assert_true(receiver_rows_keep(index_at_hand, names, 1, &err));
	assert_int_equal(state_now().transactions, 3);
	assert_int_equal(receiver_row_find(index_at_hand, "team", &found, &err), ROW_FOUND);
	assert_int_equal(receiver_row_find(index_at_hand, "pager", &found, &err), ROW_NONE);
}

static void
gathers_jobs_in_transactions(void **state)
{
	enum { COUNT = 2 * WRITER_BATCH_MAX };
	static struct noted noted[COUNT];

	(void)state;
	memset(noted, 0, sizeof noted);
	noted[3].ends = CHORE_REFUSED;
	run_together(noted, COUNT);
	assert_int_equal(state_now().transactions, 2 + 2);
	assert_int_equal(state_now().figures.packages, 2 + COUNT - 1);
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(noted[i].done);
		assert_int_equal(noted[i].told, i == 3 ? ERR_COLLISION : ERR_OK);
	}
}

static void
undoes_a_failed_transaction(void **state)
{
	struct noted noted[3] = {{.ends = CHORE_WRITTEN}, {.ends = CHORE_FAILED}, {.ends = CHORE_WRITTEN}};

	(void)state;
	run_together(noted, COUNT_OF(noted));
	for (size_t i = 0; i < COUNT_OF(noted); i++)
		assert_int_equal(noted[i].told, ERR_IO);
	assert_int_equal(state_now().figures.packages, 2);
	assert_int_equal(state_now().trouble.code, ERR_OK); /* the last transaction went well */
}

static void
writes_lazy_jobs_at_last(void **state)
{
	struct archive_row row = row_for("one"), found;

	(void)state;
	run_change(ARCHIVE_ADD, &row);
	row.stamp.inode = 70;
	archive_change_post(index_at_hand, ARCHIVE_RESTAMP, &row);
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_CLEAN);
	assert_int_equal(find("one", DIGEST_SHA1, &found), ROW_FOUND);
	assert_int_equal(found.stamp.inode, 70);
}

static void
knows_how_it_ended(void **state)
{
	(void)state;
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_UNCLEAN);
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(open_index(INDEX_READ_ALONE).found, INDEX_CLEAN);
	assert_null(index_writer(index_at_hand));
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_CLEAN);
}

static void *
ask_from_a_thread(void *argument)
{
	struct archive_row found;

	for (int i = 0; i < 100; i++) {
		if (find("one", (enum digest_algo)(i % DIGEST_ALGOS), &found) != ROW_FOUND)
			return NULL;
	}
	return argument;
}

static void
answers_many_threads(void **state)
{
	struct archive_row row = row_for("one");
	pthread_t threads[8];
	void *answer;

	(void)state;
	run_change(ARCHIVE_ADD, &row);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, ask_from_a_thread, directory), 0);
		for (size_t i = 0; i < COUNT_OF(threads); i++) {
			pthread_join(threads[i], &answer);
			assert_ptr_equal(answer, directory);
		}
	}
}

/* Questions that belong together see one moment, whatever is written meanwhile. */
static void
answers_as_of_one_moment(void **state)
{
	struct archive_row row = row_for("one"), found;
	struct err err = ERR_NONE;

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_true(index_hold(index_at_hand, &err));
		assert_int_equal(find("one", DIGEST_SHA256, &found), round == 0 ? ROW_NONE : ROW_FOUND);
		run_change(round == 0 ? ARCHIVE_ADD : ARCHIVE_REMOVE, &row);
		assert_int_equal(find("one", DIGEST_SHA256, &found), round == 0 ? ROW_NONE : ROW_FOUND);
		index_let_go(index_at_hand);
		assert_int_equal(find("one", DIGEST_SHA256, &found), round == 0 ? ROW_FOUND : ROW_NONE);
	}
}

static bool
count_rows(void *context, const struct archive_row *row)
{
	unsigned *count = context;

	(void)row;
	(*count)++;
	return *count < 600;
}

static void
walks_in_steps(void **state)
{
	unsigned count = 0;
	struct err err = ERR_NONE;
	char name[16];

	(void)state;
	for (int i = 0; i < 512; i++) { /* twice a step, exactly */
		struct archive_row row;

		snprintf(name, sizeof name, "%d", i);
		row = row_for(name);
		run_change(ARCHIVE_ADD, &row);
	}
	assert_true(archive_rows_walk(index_at_hand, count_rows, &count, &err));
	assert_int_equal(count, 512);
	count = 590;
	assert_true(archive_rows_walk(index_at_hand, count_rows, &count, &err));
	assert_int_equal(count, 600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_all_of_a_row, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(changes_stamps_and_drops, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rights_a_wrong_row, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_a_name_that_is_taken, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                writes_nothing_where_no_receiver_is_forgotten, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(gathers_jobs_in_transactions, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(undoes_a_failed_transaction, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(writes_lazy_jobs_at_last, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(knows_how_it_ended, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(answers_many_threads, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(answers_as_of_one_moment, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(walks_in_steps, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
