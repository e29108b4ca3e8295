/*
 * Origins that are silent, and those that are asked beside them; hosts that have their share, and those that are asked
 * instead. Little real time passes: the patience is short, and what is waited for are requests and ends.
 */
#include "tests/support/fetching.h"

#define SOON_MS 50
#define CROWD   20

static void
stall(struct scripted_origin *origin, const char *path)
{
	scripted_answer(origin, path, "", "", 0, THEN_STALL);
}

/* Another host at the first origin's port. */
static void
name_third(struct world *world, const char *path)
{
	name_url(world, "http://localhost:%u%s", scripted_origin_port(world->origin), path);
}

static int
set_up_short(void **state)
{
	int failed = set_up(state);

	((struct world *)*state)->config.fetch.overtake_after_ms = SOON_MS;
	return failed;
}

static void
a_silent_origin_is_overtaken(void **state)
{
	struct world *world = *state;

	world->config.fetch.overtake_after_ms = 6 * SOON_MS; /* long enough to tell it from twice as long */
	name(world, "/silent");
	name_other(world, "/a");
	stall(world->origin, "/silent");
	serve_right(world->other, "/a");
	start(world);
	for (int i = 0; i < 7; i++)
		expect_landed(world);
	fetcher_stop(world->fetcher);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 7);
	/* That it was left so soon says nothing: it is asked each time, and nowhere noted. */
	assert_int_equal(scripted_hits(world->origin, "/silent"), 7);
	assert_int_equal(world->catalog.last[1].count, 0);
	assert_int_equal(world->catalog.last[2].count, 7);
	assert_null(strstr(fake_metrics_outcomes(world->metrics), "timeout"));
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 0);
}

/* A head is no byte: the body has to come. */
static void
the_first_may_win_after_all(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));
	struct fetcher_figures figures;

	name(world, "/a");
	name_other(world, "/silent");
	serve_right(world->origin, "/a");
	scripted_gate(world->origin, "/a");
	stall(world->other, "/silent");
	start(world);
	submit(world, flight);
	scripted_wait_hits(world->other, "/silent", 1);
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.transfers != 2);
	scripted_open_gate(world->origin, "/a");
	fake_wait(flight);
	assert_true(flight->settled);
	do /* the other one is broken off */
		fetcher_figures(world->fetcher, &figures);
	while (figures.transfers != 0);
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_SERVED);
	assert_int_equal(world->catalog.last[2].count, 0);
	flight_release(flight);
}

static void
two_at_a_time_and_no_more(void **state)
{
	struct world *world = *state;
	struct flight *flight;

	world->config.fetch.first_byte_timeout_ms = 400;
	name(world, "/silent");
	name_other(world, "/silent");
	name_third(world, "/last");
	stall(world->origin, "/silent");
	stall(world->other, "/silent");
	serve_right(world->origin, "/last");
	scripted_gate(world->origin, "/last");
	start(world);
	flight = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/last", 1);
	/* Only when the first was given up was the third asked. */
	pthread_mutex_lock(&world->catalog.mutex);
	assert_int_equal(world->catalog.last[1].count, 1);
	pthread_mutex_unlock(&world->catalog.mutex);
	scripted_open_gate(world->origin, "/last");
	expect_settled(flight);
}

/* Long before either has failed: whoever was silent the longest makes room, and is remembered as that. */
static void
of_two_that_are_silent_the_older_makes_room(void **state)
{
	struct world *world = *state;

	name(world, "/silent");
	name_other(world, "/silent");
	name_third(world, "/a");
	stall(world->origin, "/silent");
	stall(world->other, "/silent");
	serve_right(world->origin, "/a");
	start(world);
	for (unsigned i = 1; i <= 7; i++) {
		expect_landed(world);
		assert_int_equal(scripted_hits(world->origin, "/silent"), i);
	}
	fetcher_stop(world->fetcher);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 14);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 0);
	assert_int_equal(world->catalog.last[1].count, 7);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_FAILED);
	assert_string_equal(world->catalog.last[1].detail, "silent for 0 s, left for another");
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " silent"));
	assert_null(strstr(fake_metrics_outcomes(world->metrics), "timeout"));
}

/* It may have been only slow: when the others have nothing its turn comes again. */
static void
who_made_room_is_asked_again_when_nobody_else_has_it(void **state)
{
	struct world *world = *state;
	struct flight *flight;

	name(world, "/slow");
	name_other(world, "/silent");
	name_third(world, "/gone");
	serve_right(world->origin, "/slow");
	scripted_answer(world->origin, "/slow#1", "", "", 0, THEN_STALL);
	stall(world->other, "/silent");
	scripted_status(world->origin, "/gone", "404 Not Found", "");
	start(world);
	flight = ask(world);
	assert_true(flight->settled);
	assert_int_equal(scripted_hits(world->origin, "/gone"), 1);
	assert_int_equal(scripted_hits(world->origin, "/slow"), 2);
	assert_int_equal(flight->attempts.count, 1); /* that it was left is not said of one that served */
	flight_release(flight);
}

/*
 * Nobody is left to be asked in their place: each has all of fetch.first_byte_timeout, once more for who made
 * room.
 */
static void
the_last_are_waited_for(void **state)
{
	struct world *world = *state;

	world->config.fetch.first_byte_timeout_ms = 400;
	name(world, "/silent");
	name_other(world, "/silent");
	name_third(world, "/gone");
	stall(world->origin, "/silent");
	stall(world->other, "/silent");
	scripted_status(world->origin, "/gone", "404 Not Found", "");
	start(world);
	expect_failed(world, ERR_FAILING, "3 asked");
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/silent"), 2);
	assert_int_equal(scripted_hits(world->other, "/silent"), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 2);
	assert_string_equal(world->catalog.last[1].detail, "timed out after 0 s");
}

/* Who was beaten in a moment may be as good as the other; who was silent for long is remembered as that. */
static void
who_was_silent_for_long_is_remembered_when_it_is_beaten(void **state)
{
	struct world *world = *state;
	struct flight *flight;
	unsigned ticks;

	name(world, "/silent");
	name_other(world, "/a");
	stall(world->origin, "/silent");
	serve_right(world->other, "/a");
	scripted_gate(world->other, "/a");
	start(world);
	flight = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->other, "/a", 1);
	pthread_mutex_lock(&flight->mutex);
	ticks = flight->ticks;
	pthread_mutex_unlock(&flight->mutex);
	fake_wait_ticks(flight, ticks + 3);
	scripted_open_gate(world->other, "/a");
	fake_wait(flight);
	assert_true(flight->settled);
	fetcher_stop(world->fetcher);
	assert_int_equal(world->catalog.last[1].count, 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_FAILED);
	assert_string_equal(world->catalog.last[1].detail, "silent for 0 s, left for another");
	assert_int_equal(world->catalog.last[2].result, ORIGIN_SERVED);
	flight_release(flight);
}

static void
both_silent(void **state)
{
	struct world *world = *state;

	world->config.fetch.first_byte_timeout_ms = 300;
	name(world, "/silent");
	name_other(world, "/silent");
	stall(world->origin, "/silent");
	stall(world->other, "/silent");
	start(world);
	expect_failed(world, ERR_FAILING, "2 asked");
	fetcher_stop(world->fetcher);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_FAILED);
	assert_int_equal(world->catalog.last[2].result, ORIGIN_FAILED);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 2);
}

static void
who_overtakes_in_vain_leaves_the_first(void **state)
{
	struct world *world = *state;
	struct flight *flight;

	name(world, "/a");
	name_other(world, "/gone");
	serve_right(world->origin, "/a");
	scripted_gate(world->origin, "/a");
	scripted_status(world->other, "/gone", "404 Not Found", "");
	start(world);
	flight = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->other, "/gone", 1);
	for (unsigned count = 0; count == 0;) {
		pthread_mutex_lock(&world->catalog.mutex);
		count = world->catalog.last[2].count;
		pthread_mutex_unlock(&world->catalog.mutex);
	}
	scripted_open_gate(world->origin, "/a");
	fake_wait(flight);
	assert_true(flight->settled);
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
	assert_int_equal(flight->attempts.count, 1);
	flight_release(flight);
}

/* The quicker one was wrong: the one it beat has its turn again. */
static void
who_was_beaten_is_asked_again_when_the_winner_is_wrong(void **state)
{
	static const struct {
		const char *head, *body;
	} wrong[] = {
	        {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "something else!"},
	        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
	};
	struct world *world = *state;

	name(world, "/a");
	name_other(world, "/wrong");
	serve_right(world->origin, "/a");
	start(world);
	for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
		struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

		flight->asked.bytes[2] = (uint8_t)i; /* another archive: the URL does not rest for it */
		scripted_gate(world->origin, "/a");
		scripted_answer(world->other, "/wrong", wrong[i].head, wrong[i].body, strlen(wrong[i].body),
		        THEN_KEEP);
		submit(world, flight);
		scripted_wait_hits(world->origin, "/a", 2 * i + 2);
		scripted_open_gate(world->origin, "/a");
		fake_wait(flight);
		assert_true(flight->settled);
		assert_int_equal(scripted_hits(world->other, "/wrong"), i + 1);
		flight_release(flight);
	}
}

/* Under another name the same host is as silent. */
static void
a_host_does_not_overtake_itself(void **state)
{
	struct world *world = *state;

	world->config.fetch.first_byte_timeout_ms = 300;
	name(world, "/silent");
	name(world, "/a");
	name_other(world, "/b");
	stall(world->origin, "/silent");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/b");
	start(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/a"), 0);
	unname(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 1);
}

/* Patience without end: the next one is asked when the first has failed. */
static void
never_where_it_is_turned_off(void **state)
{
	struct world *world = *state;

	world->config.fetch.overtake_after_ms = 0;
	world->config.fetch.first_byte_timeout_ms = 300;
	name(world, "/silent");
	name_other(world, "/a");
	stall(world->origin, "/silent");
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 0);
}

/* Where all transfers are taken nobody is overtaken; the archive comes as soon as the first answers. */
static void
overtaking_waits_for_a_transfer(void **state)
{
	struct world *world = *state;
	struct fetcher_figures figures;
	struct flight *flight;

	world->config.fetch.transfers = 1;
	name(world, "/a");
	name_other(world, "/b");
	serve_right(world->origin, "/a");
	scripted_gate(world->origin, "/a");
	serve_right(world->other, "/b");
	start(world);
	flight = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 1 || figures.transfers != 1);
	scripted_open_gate(world->origin, "/a");
	fake_wait(flight);
	assert_true(flight->settled);
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 0);
	assert_int_equal(scripted_hits(world->other, "/b"), 0);
	flight_release(flight);
}

/* --- hosts that have their share --- */

/* One slow download has all of a host's share: of this origin's, for what the catalog names first. */
static struct flight *
fill(struct world *world, struct scripted_origin *origin)
{
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	serve_right(origin, "/slow");
	scripted_gate(origin, "/slow");
	if (world->fetcher == NULL) {
		world->config.fetch.per_host = 1;
		start(world);
	}
	name_url(world, "http://127.0.0.1:%u/slow", scripted_origin_port(origin));
	submit(world, flight);
	scripted_wait_hits(origin, "/slow", 1);
	unname(world);
	return flight;
}

static void
finish(struct flight *slow, struct scripted_origin *origin)
{
	scripted_open_gate(origin, "/slow");
	expect_settled(slow);
}

/* Longer than whoever waits for a full host has patience: it is told the time every 100 ms. */
static void
wait_past_patience(struct flight *flight)
{
	fake_wait_ticks(flight, 3);
}

static void
a_full_host_is_passed(void **state)
{
	struct world *world = *state;
	struct flight *slow = fill(world, world->origin);

	name(world, "/a");
	name_other(world, "/b");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/b");
	expect_landed(world);
	assert_int_equal(scripted_hits(world->other, "/b"), 1);
	assert_int_equal(scripted_hits(world->origin, "/a"), 0);
	assert_int_equal(world->catalog.last[1].count, 0); /* nothing is said of who was not asked */
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 0);
	finish(slow, world->origin);
	expect_landed(world); /* the order is kept where there is room */
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
}

/* One after the other, since the next host has a share too. */
static void
a_crowd_passes_a_full_host(void **state)
{
	struct world *world = *state;
	struct flight *slow = fill(world, world->origin), *crowd[CROWD];

	name(world, "/a");
	name_other(world, "/b");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/b");
	for (unsigned i = 0; i < CROWD; i++)
		crowd[i] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	for (unsigned i = 0; i < CROWD; i++) {
		expect_settled(crowd[i]);
	}
	assert_int_equal(scripted_hits(world->origin, "/a"), 0);
	assert_int_equal(scripted_hits(world->other, "/b"), CROWD);
	finish(slow, world->origin);
}

static void
who_was_passed_is_asked_when_the_others_have_nothing(void **state)
{
	struct world *world = *state;
	struct flight *slow = fill(world, world->origin);
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/a");
	name_other(world, "/gone");
	serve_right(world->origin, "/a");
	scripted_status(world->other, "/gone", "404 Not Found", "");
	submit(world, flight);
	scripted_wait_hits(world->other, "/gone", 1);
	finish(slow, world->origin);
	fake_wait(flight);
	assert_true(flight->settled);
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
	assert_int_equal(scripted_hits(world->other, "/gone"), 1);
	flight_release(flight);
}

/* Who comes from elsewhere gets what those leave whose first host it is, however late they came. */
static void
a_host_is_first_for_those_who_are_there_in_order(void **state)
{
	struct world *world = *state;
	struct flight *slow = fill(world, world->origin), *other_slow = fill(world, world->other);
	struct flight *passes = fake_flight(&world->asked, RIGHT, strlen(RIGHT));
	struct flight *in_order = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/a");
	name_other(world, "/passes");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/passes");
	submit(world, passes);
	wait_past_patience(passes);
	unname(world);
	unname(world);
	name_other(world, "/in-order");
	serve_right(world->other, "/in-order");
	scripted_gate(world->other, "/in-order");
	submit(world, in_order);
	wait_past_patience(in_order);
	finish(other_slow, world->other);
	scripted_wait_hits(world->other, "/in-order", 1);
	assert_int_equal(scripted_hits(world->other, "/passes"), 0);
	scripted_open_gate(world->other, "/in-order");
	fake_wait(in_order);
	assert_true(in_order->settled);
	fake_wait(passes);
	assert_true(passes->settled);
	assert_int_equal(scripted_hits(world->origin, "/a"), 0);
	finish(slow, world->origin);
	flight_release(in_order);
	flight_release(passes);
}

/* It would be asked beside a silent one: a third is. */
static void
who_overtakes_passes_a_full_host(void **state)
{
	struct world *world = *state;
	struct flight *slow = fill(world, world->other);

	name(world, "/silent");
	name_other(world, "/b");
	name_third(world, "/c");
	stall(world->origin, "/silent");
	serve_right(world->other, "/b");
	serve_right(world->origin, "/c");
	expect_landed(world);
	assert_int_equal(scripted_hits(world->other, "/b"), 0);
	assert_int_equal(scripted_hits(world->origin, "/c"), 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 1);
	finish(slow, world->other);
}

static void
a_full_host_is_waited_for_where_that_is_turned_off(void **state)
{
	struct world *world = *state;
	struct flight *slow, *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	world->config.fetch.overtake_after_ms = 0;
	slow = fill(world, world->origin);
	name(world, "/a");
	name_other(world, "/b");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/b");
	submit(world, flight);
	wait_past_patience(flight);
	finish(slow, world->origin);
	fake_wait(flight);
	assert_true(flight->settled);
	assert_int_equal(scripted_hits(world->other, "/b"), 0);
	flight_release(flight);
}

/* In the middle of a race: an archive that came by other means, and a stop. */
static void
races_end_with_the_errand(void **state)
{
	struct world *world = *state;
	struct flight *stored = fake_flight(&world->asked, RIGHT, strlen(RIGHT)), *stopped;
	struct fetcher_figures figures;

	name(world, "/silent");
	name_other(world, "/silent");
	stall(world->origin, "/silent");
	stall(world->other, "/silent");
	start(world);
	submit(world, stored);
	scripted_wait_hits(world->other, "/silent", 1);
	fake_stored(stored);
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.transfers != 0 || stored->references > 1);
	assert_int_equal(stored->attempts.count, 0);
	stopped = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->other, "/silent", 2);
	fetcher_stop(world->fetcher);
	assert_int_equal(stopped->err.code, ERR_STOPPING);
	assert_string_equal(fake_metrics_outcomes(world->metrics), "");
	flight_release(stored);
	flight_release(stopped);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_short, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_silent_origin_is_overtaken),
	        CASE(the_first_may_win_after_all),
	        CASE(two_at_a_time_and_no_more),
	        CASE(of_two_that_are_silent_the_older_makes_room),
	        CASE(who_made_room_is_asked_again_when_nobody_else_has_it),
	        CASE(the_last_are_waited_for),
	        CASE(who_was_silent_for_long_is_remembered_when_it_is_beaten),
	        CASE(both_silent),
	        CASE(who_overtakes_in_vain_leaves_the_first),
	        CASE(who_was_beaten_is_asked_again_when_the_winner_is_wrong),
	        CASE(a_host_does_not_overtake_itself),
	        CASE(never_where_it_is_turned_off),
	        CASE(overtaking_waits_for_a_transfer),
	        CASE(a_full_host_is_passed),
	        CASE(a_crowd_passes_a_full_host),
	        CASE(who_was_passed_is_asked_when_the_others_have_nothing),
	        CASE(a_host_is_first_for_those_who_are_there_in_order),
	        CASE(who_overtakes_passes_a_full_host),
	        CASE(a_full_host_is_waited_for_where_that_is_turned_off),
	        CASE(races_end_with_the_errand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
