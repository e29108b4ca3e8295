/*
 * Hosts and URLs at rest. Time is moved by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/upstream/breaker.h"
#include "server/upstream/rests.h"
#include "storage/base/auto.h"

#define HOST "gitlab.com"
#define DAY  (24 * 3600000LL)

static int
set_up(void **state)
{
	*state = breaker_create();
	return 0;
}

static int
tear_down(void **state)
{
	breaker_destroy(*state);
	return 0;
}

/* Fails until the host rests; the rest's length. */
static int64_t
fail_until_rest(struct breaker *breaker, int64_t now_ms, unsigned expected_failures)
{
	struct breaker_rest rest = {0};

	for (unsigned i = 1; i < expected_failures; i++) {
		assert_int_equal(breaker_failed(breaker, HOST, now_ms, &rest), BREAKER_AS_BEFORE);
		assert_int_equal(breaker_rests_until(breaker, HOST, now_ms), 0);
	}
	assert_int_equal(breaker_failed(breaker, HOST, now_ms, &rest), BREAKER_RESTS);
	return rest.for_ms;
}

static void
five_failures_make_a_rest(void **state)
{
	struct breaker *breaker = *state;

	assert_int_equal(fail_until_rest(breaker, 1000, 5), 30000);
	assert_int_equal(breaker_rests_until(breaker, HOST, 1000), 31000);
	assert_int_equal(breaker_rests_until(breaker, HOST, 30999), 31000);
	assert_int_equal(breaker_rests_until(breaker, HOST, 31000), 0);
	assert_int_equal(breaker_rests_until(breaker, "github.com", 1000), 0);
	assert_int_equal(breaker_resting(breaker, 1000, 60000).hosts, 1);
	assert_int_equal(breaker_resting(breaker, 1000, 60000).soon_over_at_ms, 31000);
	assert_int_equal(breaker_resting(breaker, 1000, 1000).soon_over_at_ms, 0);
	assert_int_equal(breaker_resting(breaker, 31000, 60000).hosts, 0);
}

static void
an_answer_in_between_counts_anew(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(breaker_failed(breaker, HOST, 0, &rest), BREAKER_AS_BEFORE);
		if (i % 4 == 3)
			assert_int_equal(breaker_answered(breaker, HOST), BREAKER_AS_BEFORE);
	}
}

static void
rests_double_up_to_ten_minutes(void **state)
{
	static const int64_t lengths_s[] = {30, 60, 120, 240, 480, 600, 600};
	struct breaker *breaker = *state;
	int64_t now_ms = 1000;

	for (size_t i = 0; i < COUNT_OF(lengths_s); i++) {
		int64_t length = fail_until_rest(breaker, now_ms, i == 0 ? 5 : 1);

		assert_int_equal(length, lengths_s[i] * 1000);
		now_ms += length;
		assert_int_equal(breaker_rests_until(breaker, HOST, now_ms), 0);
	}
	assert_int_equal(breaker_answered(breaker, HOST), BREAKER_ANSWERS_AGAIN);
	assert_int_equal(fail_until_rest(breaker, now_ms, 5), 30000);
}

static void
failures_during_a_rest_do_not_lengthen_it(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest;

	fail_until_rest(breaker, 0, 5);
	for (int i = 0; i < 8; i++)
		assert_int_equal(breaker_failed(breaker, HOST, 10, &rest), BREAKER_AS_BEFORE);
	assert_int_equal(breaker_rests_until(breaker, HOST, 10), 30000);
}

static void
an_answer_ends_a_rest_for_failures(void **state)
{
	struct breaker *breaker = *state;

	fail_until_rest(breaker, 0, 5);
	assert_int_equal(breaker_answered(breaker, HOST), BREAKER_ANSWERS_AGAIN);
	assert_int_equal(breaker_rests_until(breaker, HOST, 10), 0);
	assert_int_equal(breaker_answered(breaker, HOST), BREAKER_AS_BEFORE);
}

static void
a_rest_asked_for_is_kept(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest = {.failures = 1};

	assert_int_equal(breaker_asked_rest(breaker, HOST, 5000, 100, &rest), BREAKER_RESTS);
	assert_int_equal(rest.for_ms, 5000);
	assert_int_equal(rest.failures, 0);
	assert_int_equal(breaker_answered(breaker, HOST), BREAKER_AS_BEFORE);
	assert_int_equal(breaker_rests_until(breaker, HOST, 200), 5100);
	assert_int_equal(breaker_asked_rest(breaker, HOST, 1000, 200, &rest), BREAKER_AS_BEFORE);
	assert_int_equal(breaker_rests_until(breaker, HOST, 200), 5100);
	assert_int_equal(breaker_asked_rest(breaker, HOST, 7 * DAY, 300, &rest), BREAKER_AS_BEFORE);
	assert_int_equal(breaker_rests_until(breaker, HOST, 300), 300 + DAY);
	assert_int_equal(breaker_asked_rest(breaker, "now", 0, 300, &rest), BREAKER_AS_BEFORE);
	assert_int_equal(breaker_rests_until(breaker, "now", 300), 0);
}

static void
transfers_are_counted(void **state)
{
	struct breaker *breaker = *state;

	assert_int_equal(breaker_running(breaker, HOST), 0);
	breaker_begin(breaker, HOST, 0);
	breaker_begin(breaker, HOST, 0);
	assert_int_equal(breaker_running(breaker, HOST), 2);
	breaker_end(breaker, HOST);
	assert_int_equal(breaker_running(breaker, HOST), 1);
	assert_int_equal(breaker_running(breaker, "github.com"), 0);
}

/* As many hosts as a hostile catalog names: those that rest or run are kept, the others make room. */
static void
idle_hosts_are_forgotten(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest;
	char name[32];

	breaker_begin(breaker, "busy", 1000);
	breaker_asked_rest(breaker, "resting", DAY, 1000, &rest);
	breaker_failed(breaker, "idle", 1000, &rest);
	for (int i = 0; i < 4; i++)
		breaker_failed(breaker, HOST, 1000, &rest);
	for (int i = 0; i < BREAKER_HOSTS_MAX; i++) {
		snprintf(name, sizeof name, "host%d", i);
		breaker_failed(breaker, name, 1000, &rest);
	}
	assert_int_equal(breaker_running(breaker, "busy"), 1);
	assert_int_not_equal(breaker_rests_until(breaker, "resting", 1000), 0);
	assert_int_equal(breaker_failed(breaker, HOST, 1000, &rest), BREAKER_AS_BEFORE); /* counted anew */
}

/* As many others as are remembered, each asked once at this time, with an answer. */
static void
ask_others(struct breaker *breaker, int64_t now_ms)
{
	char name[32];

	for (int i = 0; i < BREAKER_HOSTS_MAX; i++) {
		snprintf(name, sizeof name, "at%lld-host%d", (long long)now_ms, i);
		breaker_begin(breaker, name, now_ms);
		breaker_end(breaker, name);
		breaker_answered(breaker, name);
	}
}

/* One failure short of a rest: that it is counted anew tells that the host was forgotten. */
static void
hosts_that_answered_are_forgotten(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest;

	breaker_begin(breaker, HOST, 1000);
	breaker_end(breaker, HOST);
	breaker_answered(breaker, HOST);
	for (int i = 1; i < BREAKER_FAILURES; i++)
		assert_int_equal(breaker_failed(breaker, HOST, 1000, &rest), BREAKER_AS_BEFORE);
	ask_others(breaker, 2000);
	assert_int_equal(breaker_failed(breaker, HOST, 2000, &rest), BREAKER_AS_BEFORE);

	/* These others answered too: they make room in their turn. */
	for (int i = 1; i < BREAKER_FAILURES - 1; i++)
		assert_int_equal(breaker_failed(breaker, HOST, 2000, &rest), BREAKER_AS_BEFORE);
	ask_others(breaker, 3000);
	assert_int_equal(breaker_failed(breaker, HOST, 3000, &rest), BREAKER_AS_BEFORE);
}

static void
hosts_are_kept_as_long_as_they_rest(void **state)
{
	struct breaker *breaker = *state;
	struct breaker_rest rest;
	int64_t over_ms = 1000 + fail_until_rest(breaker, 1000, BREAKER_FAILURES);

	ask_others(breaker, over_ms - 1);
	assert_int_equal(breaker_rests_until(breaker, HOST, over_ms - 1), over_ms);
	ask_others(breaker, over_ms);
	assert_int_equal(breaker_failed(breaker, HOST, over_ms, &rest), BREAKER_AS_BEFORE);
}

/* --- URLs that served other bytes --- */

static const struct digest asked = {.algo = DIGEST_SHA256, .bytes = {1}};
static const struct digest another = {.algo = DIGEST_SHA256, .bytes = {2}};

static void
a_url_rests_for_one_digest(void **state)
{
	struct rests *rests = rests_create();

	(void)state;
	assert_int_equal(rests_until(rests, &asked, "http://a/", 0), 0);
	rests_add(rests, &asked, "http://a/", RESTS_UNASKED, 1000);
	assert_int_equal(rests_until(rests, &asked, "http://a/", 1000), 61000);
	assert_int_equal(rests_until(rests, &asked, "http://a/", 61000), 0);
	assert_int_equal(rests_until(rests, &another, "http://a/", 1000), 0);
	assert_int_equal(rests_until(rests, &asked, "http://b/", 1000), 0);
	rests_destroy(rests);
}

static void
a_url_is_asked_last_for_one_digest(void **state)
{
	struct rests *rests = rests_create();

	(void)state;
	assert_false(rests_is_last(rests, &asked, "http://a/", 0));
	rests_add(rests, &asked, "http://a/", RESTS_LAST, 1000);
	assert_true(rests_is_last(rests, &asked, "http://a/", 1000));
	assert_int_equal(rests_until(rests, &asked, "http://a/", 1000), 0);
	assert_false(rests_is_last(rests, &asked, "http://a/", 61000));
	assert_false(rests_is_last(rests, &another, "http://a/", 1000));
	rests_add(rests, &asked, "http://a/", RESTS_UNASKED, 61000);
	assert_false(rests_is_last(rests, &asked, "http://a/", 61000));
	assert_int_equal(rests_until(rests, &asked, "http://a/", 61000), 61000 + 120000);
	rests_destroy(rests);
}

static void
url_rests_double_up_to_a_day(void **state)
{
	struct rests *rests = rests_create();
	int64_t now_ms = 0, length_ms = 60000;

	(void)state;
	for (int i = 0; i < 14; i++) {
		rests_add(rests, &asked, "http://a/", RESTS_UNASKED, now_ms);
		assert_int_equal(rests_until(rests, &asked, "http://a/", now_ms), now_ms + length_ms);
		now_ms += length_ms;
		length_ms = length_ms * 2 > DAY ? DAY : length_ms * 2;
	}
	assert_int_equal(length_ms, DAY);
	rests_remove(rests, &asked, "http://a/");
	rests_add(rests, &asked, "http://a/", RESTS_UNASKED, 0);
	assert_int_equal(rests_until(rests, &asked, "http://a/", 0), 60000);
	rests_destroy(rests);
}

static void
the_oldest_url_is_forgotten(void **state)
{
	struct rests *rests = rests_create();
	char url[32];

	(void)state;
	for (int i = 0; i <= RESTS_MAX; i++) {
		snprintf(url, sizeof url, "http://a/%d", i);
		rests_add(rests, &asked, url, RESTS_UNASKED, 0);
	}
	assert_int_equal(rests_until(rests, &asked, "http://a/0", 0), 0);
	assert_int_not_equal(rests_until(rests, &asked, "http://a/1", 0), 0);
	assert_int_not_equal(rests_until(rests, &asked, url, 0), 0);
	rests_destroy(rests);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(five_failures_make_a_rest),
	        CASE(an_answer_in_between_counts_anew),
	        CASE(rests_double_up_to_ten_minutes),
	        CASE(failures_during_a_rest_do_not_lengthen_it),
	        CASE(an_answer_ends_a_rest_for_failures),
	        CASE(a_rest_asked_for_is_kept),
	        CASE(transfers_are_counted),
	        CASE(idle_hosts_are_forgotten),
	        CASE(hosts_that_answered_are_forgotten),
	        CASE(hosts_are_kept_as_long_as_they_rest),
	        cmocka_unit_test(a_url_rests_for_one_digest),
	        cmocka_unit_test(a_url_is_asked_last_for_one_digest),
	        cmocka_unit_test(url_rests_double_up_to_a_day),
	        cmocka_unit_test(the_oldest_url_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
