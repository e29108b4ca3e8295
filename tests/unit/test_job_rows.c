/*
 * The table of jobs: what is asked survives, an end is final, and those that ended long ago make room.
 */
#include "tests/support/rows.h"

#include "storage/index/job_rows.h"

static int64_t
add(const char *asked)
{
	struct job_row job = {
	        .kind = "fetch",
	        .who = "token laptop",
	        .asked = (char *)asked,
	        .body = "00112233445566778899aabb",
	        .created_at_ms = 1000,
	};
	struct err err = ERR_NONE;
	int64_t id = 0;

	if (!job_row_add(index_at_hand, &job, &id, &err))
		fail_msg("%s", err.text);
	return id;
}

static void
move(int64_t id, enum job_state to, const char *result)
{
	struct err err = ERR_NONE;

	if (!job_row_move(index_at_hand, id, to, result, &err))
		fail_msg("%s", err.text);
}

static struct job_row
job(int64_t id)
{
	struct job_row found;
	struct err err = ERR_NONE;

	assert_int_equal(job_row_find(index_at_hand, id, &found, &err), ROW_FOUND);
	assert_int_equal(found.id, id);
	return found;
}

static void
keeps_all_of_a_job(void **state)
{
	int64_t id = add("{\"digests\": []}");
	struct job_row found;
	struct err err = ERR_NONE;

	(void)state;
	open_again();
	found = job(id);
	assert_string_equal(found.kind, "fetch");
	assert_string_equal(found.who, "token laptop");
	assert_string_equal(found.asked, "{\"digests\": []}");
	assert_string_equal(found.body, "00112233445566778899aabb");
	assert_string_equal(found.result, "");
	assert_int_equal(found.state, JOB_WAITING);
	assert_int_equal(found.created_at_ms, 1000);
	assert_int_equal(found.ended_at_ms, 0);
	job_row_finish(&found);
	assert_int_equal(job_row_find(index_at_hand, id + 1, &found, &err), ROW_NONE);
}

static void
goes_from_state_to_state(void **state)
{
	int64_t id = add("{}"), before_ms = clock_wall_ms();
	struct job_row found;

	(void)state;
	move(id, JOB_RUNNING, NULL);
	found = job(id);
	assert_int_equal(found.state, JOB_RUNNING);
	assert_int_equal(found.ended_at_ms, 0);
	job_row_finish(&found);
	move(id, JOB_WAITING, NULL); /* a restart */
	move(id, JOB_RUNNING, "{\"so far\": 1}");
	move(id, JOB_DONE, NULL);
	found = job(id);
	assert_int_equal(found.state, JOB_DONE);
	assert_string_equal(found.result, "{\"so far\": 1}");
	assert_in_range(found.ended_at_ms, before_ms, clock_wall_ms());
	job_row_finish(&found);
}

static void
ends_once(void **state)
{
	static const enum job_state ends[] = {JOB_DONE, JOB_FAILED, JOB_CANCELLED};
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		int64_t id = add("{}");
		struct job_row found;

		move(id, ends[i], "{\"end\": 1}");
		assert_false(job_row_move(index_at_hand, id, JOB_RUNNING, "{}", &err));
		assert_int_equal(err.code, ERR_NOT_FOUND);
		found = job(id);
		assert_int_equal(found.state, ends[i]);
		assert_string_equal(found.result, "{\"end\": 1}");
		job_row_finish(&found);
	}
	assert_false(job_row_move(index_at_hand, 12345, JOB_DONE, "{}", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* What somebody was promised is not undone by a thread that begins just then, nor by a restart. */
static void
stays_cancelling_until_it_ends(void **state)
{
	static const enum job_state ends[] = {JOB_DONE, JOB_FAILED, JOB_CANCELLED};
	struct job_row found;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		int64_t id = add("{}");

		move(id, JOB_CANCELLING, NULL);
		move(id, JOB_RUNNING, NULL);
		move(id, JOB_WAITING, NULL);
		move(id, JOB_CANCELLING, NULL);
		open_again();
		found = job(id);
		assert_int_equal(found.state, JOB_CANCELLING);
		assert_int_equal(found.ended_at_ms, 0);
		job_row_finish(&found);
		move(id, ends[i], "{}");
		found = job(id);
		assert_int_equal(found.state, ends[i]);
		job_row_finish(&found);
	}
}

struct walked {
	int64_t ids[4];
	size_t count, stop_at;
};

static bool
visit(void *context, const struct job_row *visited)
{
	struct walked *walked = context;
	struct job_row again = job(visited->id); /* the index may be asked meanwhile */

	job_row_finish(&again);
	walked->ids[walked->count++] = visited->id;
	return walked->count != walked->stop_at;
}

static void
shows_the_newest_first(void **state)
{
	struct walked all = {0}, two = {.stop_at = 2};
	struct err err = ERR_NONE;
	int64_t first = add("1"), second = add("2"), third = add("3");

	(void)state;
	assert_true(job_rows_walk(index_at_hand, visit, &all, &err));
	assert_int_equal(all.count, 3);
	assert_int_equal(all.ids[0], third);
	assert_int_equal(all.ids[1], second);
	assert_int_equal(all.ids[2], first);
	assert_true(job_rows_walk(index_at_hand, visit, &two, &err));
	assert_int_equal(two.count, 2);
}

/* By their end, not by their beginning: who waited long for an answer can still read it. */
static void
forgets_those_that_ended_long_ago(void **state)
{
	int64_t waiting = add("still waiting"), cancelling = add("not ended"), slow = add("slow"), first = 0,
	        last = 0;
	struct job_row found;
	struct err err = ERR_NONE;

	(void)state;
	move(cancelling, JOB_CANCELLING, NULL);
	for (int i = 0; i < JOB_ROWS_MAX; i++) {
		last = add("{}");
		first = first == 0 ? last : first;
		move(last, JOB_DONE, "{}");
	}
	found = job(first);
	job_row_finish(&found);
	move(slow, JOB_FAILED, "{}");
	found = job(slow);
	job_row_finish(&found);
	found = job(cancelling);
	job_row_finish(&found);
	found = job(waiting);
	job_row_finish(&found);
	found = job(last);
	job_row_finish(&found);
	assert_int_equal(job_row_find(index_at_hand, first, &found, &err), ROW_NONE);
	assert_true(add("the next") > last);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_all_of_a_job, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(goes_from_state_to_state, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(ends_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(stays_cancelling_until_it_ends, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(shows_the_newest_first, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(forgets_those_that_ended_long_ago, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
