/*
 * The verdict as a table: what the contacts with an origin amount to, hour by hour.
 */
#include "tests/support/stores.h"

#include "storage/catalog/verdict.h"

#define HOUR 3600000ll
#define T0   1700000000000ll

/* One contact: when, in hours; how it ended; what the state is afterwards. */
struct step {
	double hours;
	enum origin_result result;
	enum origin_state then;
};

static struct origin_memory
play(const struct step *steps, size_t count)
{
	struct origin_memory memory = {0};

	for (size_t i = 0; i < count; i++) {
		enum origin_state was = memory.state;
		bool moved = verdict_contact(
		        &memory, steps[i].result, NETWORK_TRUSTED, T0 + (int64_t)(steps[i].hours * HOUR));

		if (memory.state != steps[i].then)
			fail_msg("step %zu: %s makes it %s, not %s", i, origin_result_name(steps[i].result),
			        origin_state_name(memory.state), origin_state_name(steps[i].then));
		assert_int_equal(moved, was != memory.state);
	}
	return memory;
}

#define PLAY(...)                                                                                            \
	play((const struct step[]){__VA_ARGS__},                                                             \
	        sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

#define SERVES   ORIGIN_IS_SERVING
#define FAILING  ORIGIN_IS_FAILING
#define VANISHED ORIGIN_IS_VANISHED
#define CHANGED  ORIGIN_IS_CHANGED
#define UNTRIED  ORIGIN_IS_UNTRIED

static void
vanishes_after_three_over_two_days(void **state)
{
	struct origin_memory memory;

	(void)state;
	memory = PLAY({0, ORIGIN_SERVED, SERVES}, {1, ORIGIN_GONE, SERVES}, {25, ORIGIN_GONE, SERVES},
	        {48.9, ORIGIN_GONE, SERVES}, {49, ORIGIN_GONE, VANISHED});
	assert_int_equal(memory.gone_since_ms, T0 + HOUR);
	assert_int_equal(memory.failures, 4);
	assert_int_equal(memory.counted, 3); /* the fourth came six minutes after the third */
	assert_int_equal(memory.served_at_ms, T0);
	PLAY({0, ORIGIN_GONE, UNTRIED}, {24, ORIGIN_GONE, UNTRIED}, {48, ORIGIN_GONE, VANISHED});
	/* Two are too few, however far apart; many at once are one. */
	PLAY({0, ORIGIN_GONE, UNTRIED}, {1000, ORIGIN_GONE, UNTRIED});
	PLAY({0, ORIGIN_GONE, UNTRIED}, {0.1, ORIGIN_GONE, UNTRIED}, {0.2, ORIGIN_GONE, UNTRIED},
	        {60, ORIGIN_GONE, UNTRIED}, {61, ORIGIN_GONE, VANISHED});
}

static void
trouble_never_makes_it_vanish(void **state)
{
	(void)state;
	PLAY({0, ORIGIN_SERVED, SERVES}, {1, ORIGIN_FAILED, SERVES}, {20, ORIGIN_FAILED, SERVES},
	        {49, ORIGIN_FAILED, SERVES}, {168, ORIGIN_FAILED, SERVES}, {169, ORIGIN_FAILED, FAILING},
	        {5000, ORIGIN_FAILED, FAILING}, {5001, ORIGIN_PRESENT, SERVES});
	/* A few days of it are no news at all. */
	PLAY({0, ORIGIN_SERVED, SERVES}, {1, ORIGIN_FAILED, SERVES}, {7, ORIGIN_FAILED, SERVES},
	        {24, ORIGIN_FAILED, SERVES}, {160, ORIGIN_SERVED, SERVES}, {180, ORIGIN_FAILED, SERVES});
	/* Time-outs in between neither count as gone nor take it back. */
	PLAY({0, ORIGIN_GONE, UNTRIED}, {20, ORIGIN_FAILED, UNTRIED}, {49, ORIGIN_FAILED, UNTRIED},
	        {50, ORIGIN_GONE, UNTRIED}, {51, ORIGIN_GONE, VANISHED}, {52, ORIGIN_FAILED, VANISHED});
	PLAY({0, ORIGIN_GONE, UNTRIED}, {20, ORIGIN_FAILED, UNTRIED}, {168, ORIGIN_FAILED, FAILING},
	        {169, ORIGIN_GONE, FAILING}, {170, ORIGIN_GONE, VANISHED});
	/* The first "gone" counts even right after a time-out. */
	PLAY({0, ORIGIN_FAILED, UNTRIED}, {0.1, ORIGIN_GONE, UNTRIED}, {24, ORIGIN_GONE, UNTRIED},
	        {48.2, ORIGIN_GONE, VANISHED});
}

static void
anything_good_begins_anew(void **state)
{
	struct origin_memory memory;

	(void)state;
	memory = PLAY({0, ORIGIN_GONE, UNTRIED}, {24, ORIGIN_GONE, UNTRIED}, {47, ORIGIN_PRESENT, SERVES},
	        {48, ORIGIN_GONE, SERVES}, {72, ORIGIN_GONE, SERVES}, {95, ORIGIN_GONE, SERVES},
	        {96, ORIGIN_GONE, VANISHED}, {97, ORIGIN_SERVED, SERVES});
	assert_int_equal(memory.failures, 0);
	assert_int_equal(memory.gone_since_ms, 0);
	assert_int_equal(memory.proved_at_ms, T0 + 97 * HOUR);
}

static void
other_bytes_are_proof(void **state)
{
	struct origin_memory memory;

	(void)state;
	memory = PLAY({0, ORIGIN_SERVED, SERVES}, {1, ORIGIN_CHANGED, CHANGED}, {2, ORIGIN_PRESENT, CHANGED},
	        {3, ORIGIN_FAILED, CHANGED}, {60, ORIGIN_FAILED, CHANGED}, {120, ORIGIN_FAILED, CHANGED},
	        {121, ORIGIN_SERVED, SERVES});
	assert_int_equal(memory.served_at_ms, T0 + 121 * HOUR);
	PLAY({0, ORIGIN_CHANGED, CHANGED}, {1, ORIGIN_GONE, CHANGED}, {30, ORIGIN_GONE, CHANGED},
	        {49, ORIGIN_GONE, VANISHED}, {50, ORIGIN_CHANGED, CHANGED});
}

static void
nothing_counts_while_the_network_is_suspected(void **state)
{
	static const enum origin_result results[] = {ORIGIN_GONE, ORIGIN_FAILED, ORIGIN_CHANGED};
	struct origin_memory memory = {0};

	(void)state;
	assert_true(verdict_contact(&memory, ORIGIN_SERVED, NETWORK_SUSPECTED, T0));
	for (int i = 1; i < 200; i++)
		assert_false(verdict_contact(
		        &memory, results[i % (int)COUNT_OF(results)], NETWORK_SUSPECTED, T0 + i * HOUR));
	assert_int_equal(memory.state, SERVES);
	assert_int_equal(memory.failures, 199);
	assert_int_equal(memory.counted, 0);
	/* And so the first one afterwards is the first. */
	assert_false(verdict_contact(&memory, ORIGIN_GONE, NETWORK_TRUSTED, T0 + 200 * HOUR));
	assert_int_equal(memory.gone_since_ms, T0 + 200 * HOUR);
}

static void
clocks_that_jump_make_nothing_vanish(void **state)
{
	(void)state;
	PLAY({5000, ORIGIN_GONE, UNTRIED}, {0, ORIGIN_GONE, UNTRIED}, {1, ORIGIN_GONE, UNTRIED},
	        {90, ORIGIN_GONE, UNTRIED});
	PLAY({0, ORIGIN_GONE, UNTRIED}, {90000, ORIGIN_GONE, UNTRIED});
}

static void
what_is_news(void **state)
{
	(void)state;
	for (int was = 0; was < ORIGIN_STATES; was++) {
		for (int is = 0; is < ORIGIN_STATES; is++) {
			bool told = was != is && was != UNTRIED;

			assert_int_equal(
			        verdict_is_news((enum origin_state)was, (enum origin_state)is, ORIGIN_PAST),
			        told);
			told = told || (was == UNTRIED && is != UNTRIED && is != SERVES);
			assert_int_equal(verdict_is_news((enum origin_state)was, (enum origin_state)is,
			                         ORIGIN_CURRENT),
			        told);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vanishes_after_three_over_two_days),
	        cmocka_unit_test(trouble_never_makes_it_vanish),
	        cmocka_unit_test(anything_good_begins_anew),
	        cmocka_unit_test(other_bytes_are_proof),
	        cmocka_unit_test(nothing_counts_while_the_network_is_suspected),
	        cmocka_unit_test(clocks_that_jump_make_nothing_vanish),
	        cmocka_unit_test(what_is_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
