/*
 * When an origin is asked next, by the hour; and the budget of bytes.
 */
#include "tests/support/stores.h"

#include "server/watch/schedule.h"
#include "server/watch/patrol_parts.h"

#define HOUR   3600000ll
#define DAY    (24 * HOUR)
#define MINUTE 60000ll
#define T0     1700000000000ll

static const struct schedule monthly = {.interval_ms = 30 * DAY, .seed = 7};

static int64_t
next_after(enum origin_result result, const struct origin_memory *memory, int64_t tried_at_ms)
{
	struct schedule_contact contact = {
	        .origin = 5, .tried_at_ms = tried_at_ms, .result = result, .memory = memory};

	return schedule_next(&monthly, &contact, tried_at_ms);
}

static void
new_ones_are_spread_over_the_interval(void **state)
{
	unsigned thirds[3] = {0};

	(void)state;
	for (int origin = 1; origin <= 3000; origin++) {
		int64_t in_ms = schedule_first(&monthly, origin, T0) - T0;

		assert_true(in_ms >= 0 && in_ms < 30 * DAY);
		thirds[in_ms / (10 * DAY)]++;
		assert_int_equal(in_ms, schedule_first(&monthly, origin, T0) - T0);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(thirds[i], 900, 1100);
	assert_int_not_equal(schedule_first(&monthly, 1, T0),
	        schedule_first(&(struct schedule){.interval_ms = 30 * DAY, .seed = 8}, 1, T0));
	assert_int_equal(schedule_chance(&monthly, 1, 1, 0), 0);
}

static void
what_serves_is_asked_within_the_interval(void **state)
{
	static const enum origin_result good[] = {ORIGIN_SERVED, ORIGIN_PRESENT};
	struct origin_memory memory = {.state = ORIGIN_IS_SERVING};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		int64_t in_ms = next_after(good[i], &memory, T0) - T0;

		assert_true(in_ms >= 27 * DAY && in_ms <= 30 * DAY);
	}
}

/* Once: what was cut at its end comes whole then, and who has changed serves the same again. */
static void
other_bytes_are_looked_at_twice(void **state)
{
	struct origin_memory memory = {.state = ORIGIN_IS_SERVING};

	(void)state;
	verdict_contact(&memory, ORIGIN_CHANGED, NETWORK_TRUSTED, T0);
	assert_int_equal(next_after(ORIGIN_CHANGED, &memory, T0), T0 + SCHEDULE_AGAIN_MS);
	verdict_contact(&memory, ORIGIN_CHANGED, NETWORK_TRUSTED, T0 + SCHEDULE_AGAIN_MS);
	assert_true(next_after(ORIGIN_CHANGED, &memory, T0 + SCHEDULE_AGAIN_MS) - T0 >= 27 * DAY);
}

/* Plays failures that are asked whenever the schedule says so; at which hours that is. */
static size_t
play(enum origin_result result, size_t count, double ret_hours[])
{
	struct origin_memory memory = {.state = ORIGIN_IS_SERVING};
	int64_t at_ms = T0;

	for (size_t i = 0; i < count; i++) {
		verdict_contact(&memory, result, NETWORK_TRUSTED, at_ms);
		at_ms = next_after(result, &memory, at_ms);
		ret_hours[i] = (double)(at_ms - T0) / (double)HOUR;
	}
	return (size_t)memory.state;
}

static void
suspicion_leads_to_a_verdict_at_49_hours(void **state)
{
	static const double wanted[] = {1, 6, 24, 49};
	double hours[16];

	(void)state;
	assert_int_equal(play(ORIGIN_GONE, 4, hours), ORIGIN_IS_SERVING);
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		assert_true(hours[i] >= wanted[i] && hours[i] < wanted[i] + 0.1);
	assert_int_equal(play(ORIGIN_GONE, 5, hours), ORIGIN_IS_VANISHED);
	assert_int_equal(play(ORIGIN_FAILED, 9, hours), ORIGIN_IS_SERVING);
	assert_int_equal(play(ORIGIN_FAILED, 11, hours), ORIGIN_IS_FAILING); /* after a week */
	/* Daily for a week afterwards, then as everybody. */
	play(ORIGIN_GONE, 14, hours);
	assert_true(hours[4] - hours[3] > 22.9 && hours[4] - hours[3] <= 24);
	assert_true(hours[10] - hours[9] <= 24);
	assert_true(hours[12] - hours[11] > 27 * 24);
}

static void
what_did_not_count_is_asked_again_at_once(void **state)
{
	struct origin_memory memory = {.state = ORIGIN_IS_SERVING};

	(void)state;
	verdict_contact(&memory, ORIGIN_GONE, NETWORK_SUSPECTED, T0);
	assert_int_equal(next_after(ORIGIN_GONE, &memory, T0), T0 + SCHEDULE_AGAIN_MS);
	verdict_contact(&memory, ORIGIN_GONE, NETWORK_SUSPECTED, T0 + SCHEDULE_AGAIN_MS);
	assert_true(next_after(ORIGIN_GONE, &memory, T0 + SCHEDULE_AGAIN_MS) >= T0 + HOUR);
	memory = (struct origin_memory){.state = ORIGIN_IS_SERVING};
	verdict_contact(&memory, ORIGIN_CHANGED, NETWORK_SUSPECTED, T0);
	assert_int_equal(next_after(ORIGIN_CHANGED, &memory, T0), T0 + SCHEDULE_AGAIN_MS);
}

static void
what_is_gone_after_trouble_is_judged_from_then(void **state)
{
	struct origin_memory memory = {.state = ORIGIN_IS_SERVING};

	(void)state;
	verdict_contact(&memory, ORIGIN_FAILED, NETWORK_TRUSTED, T0);
	verdict_contact(&memory, ORIGIN_GONE, NETWORK_TRUSTED, T0 + 40 * HOUR);
	assert_in_range(
	        next_after(ORIGIN_GONE, &memory, T0 + 40 * HOUR) - T0, 41 * HOUR, 41 * HOUR + 5 * MINUTE);
}

static void
no_clock_leads_astray(void **state)
{
	struct origin_memory memory = {
	        .state = ORIGIN_IS_SERVING, .failures = 3, .failing_since_ms = T0 + 900 * DAY};
	struct schedule_contact contact = {
	        .origin = 5, .tried_at_ms = T0 + 900 * DAY, .result = ORIGIN_GONE, .memory = &memory};
	int64_t at_ms = schedule_next(&monthly, &contact, T0);

	(void)state;
	assert_true(at_ms >= T0 && at_ms <= T0 + 30 * DAY);
	contact.tried_at_ms = T0 - 900 * DAY;
	contact.result = ORIGIN_PRESENT;
	assert_int_equal(schedule_next(&monthly, &contact, T0), T0 + 1);
	contact.tried_at_ms = T0;
	contact.result = ORIGIN_GONE;
	assert_true(schedule_next(&monthly, &contact, T0) <= schedule_horizon(&monthly, T0));
	assert_int_equal(schedule_horizon(&monthly, T0), T0 + 30 * DAY + SCHEDULE_WITHIN_MS);
}

static void
a_budget_fills_evenly(void **state)
{
	struct budget budget = {.per_day = 24000};

	(void)state;
	assert_int_equal(budget_ask(&budget, 1, 500), BUDGET_LACKS); /* empty at first */
	assert_int_equal(budget_ask(&budget, 1000, 500 + HOUR), BUDGET_HOLDS);
	assert_int_equal(budget_ask(&budget, 1001, 500 + HOUR), BUDGET_LACKS);
	budget_spend(&budget, 3000); /* overdrawn */
	assert_int_equal(budget_ask(&budget, 0, 500 + HOUR), BUDGET_LACKS);
	assert_int_equal(budget_wait_ms(&budget, 1000), 3 * HOUR + 1);
	assert_int_equal(budget_ask(&budget, 1000, 500 + 4 * HOUR), BUDGET_HOLDS);
	assert_int_equal(budget_wait_ms(&budget, 1000), 0);
	/* Never more than a day's worth. */
	assert_int_equal(budget_ask(&budget, 24000, 500 + 90 * DAY), BUDGET_HOLDS);
	assert_int_equal(budget_ask(&budget, 24001, 500 + 90 * DAY), BUDGET_LACKS);
	budget_spend(&budget, 24000);
	assert_int_equal(budget_wait_ms(&budget, 1 << 30), DAY + 1);
	/* Looking at it often loses nothing. */
	budget = (struct budget){.per_day = 24000};
	for (int64_t ms = 500; ms <= 500 + HOUR; ms += 1000)
		(void)budget_ask(&budget, 1, ms);
	assert_int_equal(budget_ask(&budget, 990, 500 + HOUR), BUDGET_HOLDS);
	budget = (struct budget){.per_day = 0};
	assert_int_equal(budget_ask(&budget, 0, 500), BUDGET_LACKS);
	assert_int_equal(budget_wait_ms(&budget, 1), DAY);
}

static void
what_is_said_is_held_against_what_is_known(void **state)
{
	static const struct {
		struct hints said, known;
		int64_t stored;
		enum hints_answer answer;
	} rows[] = {
	        {{"", "", -1}, {"", "", -1}, -1, HINTS_MISSING},
	        {{"\"a\"", "then", 7}, {"", "", -1}, -1, HINTS_MISSING},
	        {{"", "", -1}, {"\"a\"", "then", 7}, 7, HINTS_MISSING},
	        {{"", "", 7}, {"", "", -1}, 7, HINTS_AGREE},
	        {{"", "", 8}, {"", "", -1}, 7, HINTS_DIFFER},
	        {{"", "", 8}, {"", "", 8}, 7, HINTS_DIFFER},
	        {{"", "", 8}, {"", "", 7}, -1, HINTS_DIFFER},
	        {{"\"a\"", "", -1}, {"\"a\"", "", -1}, -1, HINTS_AGREE},
	        {{"\"b\"", "then", 7}, {"\"a\"", "then", 7}, 7, HINTS_DIFFER},
	        {{"\"a\"", "now", 7}, {"\"a\"", "then", 7}, 7, HINTS_DIFFER},
	        {{"\"a\"", "then", 7}, {"\"a\"", "then", 7}, 7, HINTS_AGREE},
	        {{"", "then", -1}, {"\"a\"", "then", 7}, 7, HINTS_AGREE},
	        {{"\"a\"", "", 0}, {"", "", -1}, 0, HINTS_AGREE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (hints_compare(&rows[i].said, &rows[i].known, rows[i].stored) != rows[i].answer)
			fail_msg("row %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(new_ones_are_spread_over_the_interval),
	        cmocka_unit_test(what_serves_is_asked_within_the_interval),
	        cmocka_unit_test(other_bytes_are_looked_at_twice),
	        cmocka_unit_test(suspicion_leads_to_a_verdict_at_49_hours),
	        cmocka_unit_test(what_did_not_count_is_asked_again_at_once),
	        cmocka_unit_test(what_is_gone_after_trouble_is_judged_from_then),
	        cmocka_unit_test(no_clock_leads_astray),
	        cmocka_unit_test(a_budget_fills_evenly),
	        cmocka_unit_test(what_is_said_is_held_against_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
