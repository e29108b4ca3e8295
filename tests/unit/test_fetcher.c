/*
 * The fetcher against scripted origins on loopback, with stand-ins for flights, catalog and metrics. Waits
 * are for events; only tests of a timeout let real time pass, and little of it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "storage/base/clock.h"
#include "tests/support/fetching.h"

/* --- what is served --- */

static void
first_origin_serves(void **state)
{
	struct world *world = *state;

	name(world, "/a");
	name_other(world, "/a");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	fetcher_stop(world->fetcher); /* what follows a landing is done */
	assert_int_equal(scripted_hits(world->other, "/a"), 0);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_SERVED);
	assert_int_equal(metrics_get(world->metrics, METRIC_UPSTREAM_BYTES), strlen(RIGHT));
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " served\n"));
	assert_true(scripted_last_request_has(world->origin, "Accept-Encoding: identity\r\n"));
	assert_true(scripted_last_request_has(world->origin, "User-Agent: larder/test\r\n"));
}

static void
connections_are_kept(void **state)
{
	struct world *world = *state;

	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	for (int i = 0; i < 4; i++)
		expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/a"), 4);
	assert_int_equal(scripted_connections(world->origin), 1);
}

static void
second_origin_is_asked(void **state)
{
	struct world *world = *state;

	name(world, "/gone");
	name_other(world, "/a");
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	fetcher_stop(world->fetcher);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_GONE);
	assert_string_equal(world->catalog.last[1].detail, "404");
	assert_int_equal(world->catalog.last[2].result, ORIGIN_SERVED);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_RESTARTS), 1);
}

static void
mirror_is_asked_last(void **state)
{
	struct world *world = *state;

	name(world, "/gone");
	configure_mirror(world);
	serve_right(world->other, "/mirror/sha256/ab");
	start(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->other, "/mirror/sha256/ab"), 1);
}

static void
redirects_are_followed(void **state)
{
	struct world *world = *state;
	char field[128];

	name(world, "/there");
	snprintf(field, sizeof field, "Location: http://127.0.0.1:%u/a\r\n",
	        scripted_origin_port(world->other));
	scripted_status(world->origin, "/there", "302 Found", "Location: /further\r\n");
	scripted_status(world->origin, "/further", "302 Found", field);
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
}

/* Each address of a name is judged: one that is not allowed (::1) does not spoil one that is. */
static void
names_are_resolved(void **state)
{
	struct world *world = *state;

	name_url(world, "http://localhost:%u/a", scripted_origin_port(world->origin));
	serve_right(world->origin, "/a");
	start(world);
	expect_landed(world);
}

static void
length_is_announced(void **state)
{
	struct world *world = *state;
	struct flight *flight;

	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	flight = ask(world);
	assert_int_equal(flight->announced, strlen(RIGHT));
	flight_release(flight);
}

static void
chunks_and_no_length_are_fine(void **state)
{
	static const char chunks[] = "f\r\n" RIGHT "\r\n0\r\n\r\n";
	struct world *world = *state;

	name(world, "/a");
	start(world);
	scripted_answer(world->origin, "/a", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks,
	        strlen(chunks), THEN_KEEP);
	expect_landed(world);
	scripted_answer(world->origin, "/a", "HTTP/1.0 200 OK\r\n\r\n", RIGHT, strlen(RIGHT), THEN_CLOSE);
	expect_landed(world);
}

static void
empty_body_is_an_archive_too(void **state)
{
	struct world *world = *state;
	struct flight *flight;

	name(world, "/nothing");
	scripted_status(world->origin, "/nothing", "200 OK", "");
	start(world);
	flight = submit(world, fake_flight(&world->asked, "", 0));
	fake_wait(flight);
	assert_true(flight->settled);
	flight_release(flight);
	expect_failed(world, ERR_CHANGED, "other bytes");
}

/* --- what is not --- */

static void
nobody_to_ask(void **state)
{
	struct world *world = *state;

	start(world);
	expect_failed(world, ERR_UNKNOWN, "the catalog names no origin");
}

static void
only_mirrors_and_all_gone(void **state)
{
	struct world *world = *state;

	configure_mirror(world);
	start(world);
	expect_failed(world, ERR_UNKNOWN, "said 404");
}

static void
named_and_all_gone(void **state)
{
	struct world *world = *state;

	name(world, "/gone");
	configure_mirror(world);
	scripted_status(world->origin, "/gone", "410 Gone", "");
	start(world);
	expect_failed(world, ERR_ABSENT, "not there, which may be for now: 2 asked");
	world->catalog.vanished = true;
	expect_failed(world, ERR_VANISHED, "gone, and has for days: 2 asked");
}

static void
wrong_bytes_rest_and_the_next_is_asked(void **state)
{
	struct world *world = *state;

	name(world, "/wrong");
	name_other(world, "/a");
	scripted_serve(world->origin, "/wrong", "something else!", 15);
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/wrong"), 1);
	assert_int_equal(scripted_hits(world->other, "/a"), 2);
	assert_int_equal(metrics_get(world->metrics, METRIC_WRONG_BYTES), 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_CHANGED);
}

static void
drop_drifted(void *context, const struct contact *contact, struct intake *intake)
{
	(void)context;
	(void)contact;
	intake_close(intake);
}

/* Two entries share an md5 and differ in what proves: who keeps the promise of his own has not changed, nor has a mirror of that md5. */
static void
what_another_entry_names_has_not_changed(void **state)
{
	static const char another[] = "another archive";
	struct world *world = *state;
	struct hasher *hasher = hasher_create();
	char hex[DIGEST_HEX_MAX], path[32];
	struct digests digests;
	struct flight *flight;

	hasher_add(hasher, another, strlen(another));
	hasher_digests(hasher, &digests);
	hasher_destroy(hasher);
	name(world, "/kept");
	configure_mirror(world);
	world->mirror.digests[0] = DIGEST_MD5;
	assert_true(digests_get(&digests, DIGEST_MD5, &world->asked));
	digests_put(&world->catalog.promised[0], &world->asked);
	digest_hex(&world->asked, hex);
	snprintf(path, sizeof path, "/mirror/md5/%.2s", hex);
	scripted_serve(world->origin, "/kept", another, strlen(another));
	scripted_serve(world->other, path, another, strlen(another));
	start(world);
	fetcher_on_drift(world->fetcher, drop_drifted, NULL);
	flight = ask(world);
	assert_int_equal(flight->err.code, ERR_CHANGED);
	assert_int_equal(flight->handed_on, 0);
	assert_int_equal(flight->attempts.count, 2);
	flight_release(flight);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_SERVED);
	assert_string_equal(world->catalog.last[1].detail, "");
	assert_int_equal(world->catalog.last[0].count, 0);
	assert_int_equal(metrics_get(world->metrics, METRIC_WRONG_BYTES), 0);
	assert_int_equal(scripted_hits(world->other, path), 1);
	/* It is no use to ask it for this again. */
	expect_failed(world, ERR_CHANGED, "not asked for");
	assert_int_equal(scripted_hits(world->origin, "/kept"), 1);
}

static void
only_wrong_bytes(void **state)
{
	struct world *world = *state;

	name(world, "/gone");
	name(world, "/wrong");
	scripted_serve(world->origin, "/wrong", "<html>", 6);
	start(world);
	expect_failed(world, ERR_CHANGED, "other bytes");
	expect_failed(world, ERR_CHANGED, "not asked for");
	assert_int_equal(scripted_hits(world->origin, "/wrong"), 1);
}

/* Another origin has to give the same bytes again; here there is none. */
static void
promised_bytes_are_not_begun_again(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/cut");
	name_other(world, "/gone");
	scripted_answer(world->origin, "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nthe", " right",
	        6, THEN_CLOSE);
	scripted_gate(world->origin, "/cut");
	start(world);
	submit(world, flight);
	fake_wait_length(flight, 3);
	fake_promise(flight);
	scripted_open_gate(world->origin, "/cut");
	fake_wait(flight);
	assert_true(flight->failed);
	assert_int_equal(flight->err.code, ERR_FAILING);
	assert_non_null(strstr(flight->err.text, "after bytes were given out"));
	assert_int_equal(flight->announced_count, 1);
	flight_release(flight);
}

/* An answer, and how the flight fails that gets no other. */
struct bad_answer {
	const char *head, *body;
	enum scripted_then then;
	enum err_code code;
	const char *part;
};

static const struct bad_answer bad_answers[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "the right", THEN_CLOSE, ERR_FAILING,
                "cut off after 9"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "the right", THEN_RESET, ERR_FAILING,
                "connection broken"},
        {"", "", THEN_CLOSE, ERR_FAILING, "closed without an answer"},
        {"nonsense\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "not an HTTP answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 16\r\n\r\n", RIGHT, THEN_CLOSE,
                ERR_FAILING, "contradictory"},
        {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", RIGHT, THEN_CLOSE, ERR_FAILING, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Encoding: gzip\r\n\r\n", RIGHT, THEN_CLOSE,
                ERR_FAILING, "Content-Encoding"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\nthe right", THEN_CLOSE, ERR_FAILING,
                ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "f\r\nthe right", THEN_CLOSE, ERR_FAILING,
                ""},
        {"HTTP/1.1 206 Partial Content\r\nContent-Length: 15\r\n\r\n", RIGHT, THEN_CLOSE, ERR_FAILING,
                "said 206"},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 204"},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 304"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 302"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation:\r\n\r\n", "", THEN_CLOSE, ERR_FAILING,
                "said 302"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n", "", THEN_CLOSE, ERR_FAILING,
                "too many redirects"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: file:///etc/passwd\r\n\r\n", "", THEN_CLOSE,
                ERR_FAILING, "scheme not allowed"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://10.0.0.1/\r\n\r\n", "", THEN_CLOSE,
                ERR_FAILING, "10.0.0.1"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:9/\r\n\r\n", "", THEN_CLOSE,
                ERR_FAILING, "127.0.0.1, port 9: the port is not one of fetch.allow_ports"},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a:b@127.0.0.1/\r\n\r\n", "", THEN_CLOSE,
                ERR_FAILING, "user name"},
        {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 401"},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 403"},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "", THEN_CLOSE, ERR_FAILING, "said 500"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "endless ", THEN_REPEAT, ERR_ABSENT, "said 404"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", THEN_REPEAT, ERR_FAILING,
                "header fields"},
        {"HTTP/1.1 200 OK\r\nX: ", "endless ", THEN_REPEAT, ERR_FAILING, "header fields"},
        {"HTTP/1.1 200 OK\r\n", "X-Storm: yes\r\n", THEN_REPEAT, ERR_FAILING,
                "header fields of more than 64 KiB"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "", THEN_CLOSE, ERR_LIMIT, "larger than"},
        {"HTTP/1.1 200 OK\r\n\r\n", "endless ", THEN_REPEAT, ERR_LIMIT, "larger than"},
};

static void
bad_answers_fail_cleanly(void **state)
{
	struct world *world = *state;

	name(world, "/x");
	start(world);
	for (size_t i = 0; i < COUNT_OF(bad_answers); i++) {
		const struct bad_answer *bad = &bad_answers[i];

		scripted_answer(world->origin, "/x", bad->head, bad->body, strlen(bad->body), bad->then);
		expect_failed(world, bad->code, bad->part);
		/* The host is well again, so that its rest does not hide the next answer. */
		serve_right(world->origin, "/x");
		expect_landed(world);
	}
}

static void
after_every_bad_answer_the_next_origin_serves(void **state)
{
	struct world *world = *state;

	name(world, "/x");
	name_other(world, "/a");
	serve_right(world->other, "/a");
	start(world);
	for (size_t i = 0; i < COUNT_OF(bad_answers); i++) {
		const struct bad_answer *bad = &bad_answers[i];

		scripted_answer(world->origin, "/x", bad->head, bad->body, strlen(bad->body), bad->then);
		expect_landed(world);
		serve_right(world->origin, "/x");
		expect_landed(world);
	}
}

static void
urls_the_policy_refuses(void **state)
{
	static const struct {
		const char *url, *part;
	} refused[] = {
	        {"ftp://127.0.0.1/a", "neither http nor https"},
	        {"file:///etc/passwd", "neither http nor https"},
	        {"http://user:secret@127.0.0.1/a", "user name"},
	        {"http://127.0.0.1:9/a", "allow_ports"},
	        {"not a URL", "not a URL"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		name_url(world, "%s", refused[i].url);
		start(world);
		expect_failed(world, ERR_BARRED, refused[i].part);
		fetcher_destroy(world->fetcher);
		world->fetcher = NULL;
		unname(world);
	}
}

static void
private_addresses_are_refused(void **state)
{
	struct world *world = *state;

	world->config.fetch.allow_private.count = 0;
	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	expect_failed(world, ERR_BARRED, "neither public nor in fetch.allow_private");
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_ADDRESS_POLICY), 1);
	/* What a name stands for may be another address the next time. */
	name_url(world, "http://localhost:%u/a", scripted_origin_port(world->origin));
	expect_failed(world, ERR_FAILING, ": neither public nor in fetch.allow_private");
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_ADDRESS_POLICY), 3);
	assert_int_equal(scripted_connections(world->origin), 0);
}

/* --- hosts that rest --- */

static void
failing_host_rests(void **state)
{
	struct world *world = *state;
	struct fetcher_figures figures;

	name_url(world, "http://127.0.0.1:%d/a", CLOSED_PORT);
	start(world);
	for (int i = 0; i < 5; i++)
		expect_failed(world, ERR_FAILING, "connection refused");
	expect_failed(world, ERR_FAILING, "rests for");
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.resting_hosts == 0);
	assert_int_equal(figures.resting_hosts, 1);
}

static void
host_that_asks_is_left_alone(void **state)
{
	struct world *world = *state;

	name(world, "/busy");
	name_other(world, "/a");
	serve_right(world->other, "/a");
	scripted_status(world->origin, "/busy", "429 Too Many Requests", "Retry-After: 3600\r\n");
	start(world);
	expect_landed(world);
	expect_landed(world);
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/busy"), 1);
	assert_int_equal(scripted_hits(world->other, "/a"), 2);
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " busy\n"));
}

/* All others say no: so it stays until the host that asked for rest may be asked, and longer is not told. */
static void
what_only_a_resting_host_may_have_is_held(void **state)
{
	struct world *world = *state;

	name(world, "/busy");
	name_other(world, "/gone");
	scripted_status(world->origin, "/busy", "429 Too Many Requests", "Retry-After: 1800\r\n");
	scripted_status(world->other, "/gone", "404 Not Found", "");
	start(world);
	for (int i = 0; i < 2; i++) { /* it says so, and is passed over */
		struct flight *flight = ask(world);
		int64_t for_ms = flight->failed_until_ms - clock_ms();

		assert_int_equal(flight->err.code, ERR_FAILING);
		assert_non_null(strstr(flight->err.text, "1 asked do not have it, 127.0.0.1"));
		assert_non_null(strstr(flight->err.text, " asked for rest until 2"));
		assert_true(for_ms > 1700000 && for_ms <= 1800000);
		flight_release(flight);
	}
	assert_int_equal(scripted_hits(world->origin, "/busy"), 1);
}

/* Not where the host rests for its failures, or where it is to be asked at once. */
static void
what_a_failing_host_may_have_is_not_held(void **state)
{
	static const char *const answers[] = {"500 Internal Server Error", "429 Too Many Requests"};
	struct world *world = *state;

	name(world, "/failing");
	name_other(world, "/gone");
	scripted_status(world->other, "/gone", "404 Not Found", "");
	start(world);
	for (size_t i = 0; i < 12; i++) {
		struct flight *flight;

		scripted_status(world->origin, "/failing", answers[i < 6], "Retry-After: 0\r\n");
		flight = ask(world);
		assert_int_equal(flight->err.code, ERR_FAILING);
		assert_int_equal(flight->failed_until_ms, 0);
		flight_release(flight);
	}
	assert_int_equal(scripted_hits(world->origin, "/failing"), 11); /* it rests by then */
}

static void
gone_and_wrong_do_not_rest_a_host(void **state)
{
	struct world *world = *state;

	name(world, "/gone");
	start(world);
	for (int i = 0; i < 7; i++)
		expect_failed(world, ERR_ABSENT, "said 404");
	assert_int_equal(scripted_hits(world->origin, "/gone"), 0);
	assert_true(scripted_connections(world->origin) > 0);
}

/* --- time --- */

static void
silence_ends(void **state)
{
	struct world *world = *state;

	world->config.fetch.first_byte_timeout_ms = 200;
	name(world, "/silent");
	name_other(world, "/a");
	scripted_answer(world->origin, "/silent", "", "", 0, THEN_STALL);
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	fetcher_stop(world->fetcher);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FIRST_BYTE), 1);
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " timeout\n"));
}

static void
slowness_ends(void **state)
{
	struct world *world = *state;

	world->config.fetch.min_rate = 1000;
	world->config.fetch.min_rate_over_ms = 200;
	name(world, "/slow");
	name_other(world, "/a");
	scripted_answer(world->origin, "/slow", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "the", 3,
	        THEN_STALL);
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/slow"), 2); /* it was asked to go on, once */
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_FETCH_RATE), 2);
}

/* As slow as it likes is not stopped. */
static void
who_stops_has_failed_at_any_rate(void **state)
{
	struct world *world = *state;

	world->config.fetch.min_rate = 0;
	world->config.fetch.min_rate_over_ms = 200;
	name(world, "/stops");
	name_other(world, "/a");
	scripted_answer(world->origin, "/stops", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "the", 3,
	        THEN_STALL);
	serve_right(world->other, "/a");
	start(world);
	expect_landed(world);
	fetcher_stop(world->fetcher);
	assert_int_equal(
	        metrics_get(world->metrics, METRIC_LIMIT_FETCH_RATE), 2); /* it was asked to go on, once */
	assert_string_equal(world->catalog.last[1].detail, "not a byte for 0 s");
}

static void
flights_are_ticked_until_the_store_is_done(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	flight->settles_later = true;
	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	submit(world, flight);
	fake_wait_landed(flight);
	fake_wait_ticks(flight, 2);
	assert_int_equal(flight->references, 2);
	fake_settle(flight);
	while (flight->references > 1)
		sched_yield();
	flight_release(flight);
}

/* --- what is not needed any more --- */

static void
wait_until_left(struct flight *flight)
{
	while (flight->references > 1)
		sched_yield();
}

/*
 * Of three errands one is running, one has bytes already and one waits for its host; none complains of its
 * origin.
 */
static void
an_archive_that_came_by_other_means_ends_its_errands(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n";
	struct world *world = *state;
	struct flight *flights[3];
	struct fetcher_figures figures;

	world->config.fetch.per_host = 1;
	scripted_answer(world->origin, "/stall", "", "", 0, THEN_STALL);
	scripted_answer(world->other, "/half", head, RIGHT, 7, THEN_STALL);
	name(world, "/stall");
	start(world);
	flights[0] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/stall", 1);
	flights[1] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 1);
	unname(world);
	name_other(world, "/half");
	flights[2] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	fake_wait_length(flights[2], 7);

	for (int i = 0; i < 3; i++)
		fake_stored(flights[i]);
	for (int i = 0; i < 3; i++)
		wait_until_left(flights[i]);
	fetcher_stop(world->fetcher);
	for (int i = 0; i < 3; i++) {
		assert_false(flights[i]->failed);
		assert_int_equal(flights[i]->attempts.count, 0);
		flight_release(flights[i]);
	}
	assert_int_equal(scripted_hits(world->origin, "/stall"), 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_UNTRIED);
	assert_string_equal(fake_metrics_outcomes(world->metrics), "");
}

static void
a_flight_that_is_over_is_not_begun(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/a");
	serve_right(world->origin, "/a");
	fake_stored(flight);
	start(world);
	submit(world, flight);
	wait_until_left(flight);
	assert_false(flight->failed);
	assert_int_equal(scripted_hits(world->origin, "/a"), 0);
	flight_release(flight);
}

/* --- trouble on this side --- */

static void
a_disk_that_takes_nothing_asks_the_same_origin_again(void **state)
{
	static const enum err_code codes[] = {ERR_NO_SPACE, ERR_IO};
	struct world *world = *state;

	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

		err_set(&flight->refuse_append, codes[i], "the disk");
		submit(world, flight);
		fake_wait(flight);
		assert_true(flight->settled);
		assert_int_equal(flight->announced_count, 2);
		assert_int_equal(scripted_hits(world->origin, "/a"), 2 * (i + 1));
		flight_release(flight);
	}
}

static void
broken_disk_fails_the_flight(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	err_set(&flight->refuse_land, ERR_IO, "the disk"); /* and what is tried in place of it */
	name(world, "/a");
	name_other(world, "/a");
	serve_right(world->origin, "/a");
	serve_right(world->other, "/a");
	start(world);
	submit(world, flight);
	fake_wait(flight);
	assert_int_equal(flight->err.code, ERR_IO);
	assert_int_equal(scripted_hits(world->origin, "/a"), 2);
	assert_int_equal(scripted_hits(world->other, "/a"), 0);
	flight_release(flight);
}

static void
broken_catalog_leaves_the_mirrors(void **state)
{
	struct world *world = *state;

	world->catalog.broken = true;
	configure_mirror(world);
	start(world);
	expect_failed(world, ERR_FAILING, "catalog cannot be read");
	serve_right(world->other, "/mirror/sha256/ab");
	expect_landed(world);
}

/* --- many --- */

#define CROWD 6

static void
a_full_host_does_not_hold_up_another(void **state)
{
	struct world *world = *state;
	struct flight *crowd[CROWD];
	struct fetcher_figures figures;

	world->config.fetch.per_host = 2;
	world->config.fetch.transfers = 3;
	name(world, "/a");
	serve_right(world->origin, "/a");
	scripted_gate(world->origin, "/a");
	start(world);
	for (int i = 0; i < CROWD; i++)
		crowd[i] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/a", 2);

	do /* until the catalog was asked for all of them */
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != CROWD - 2);
	assert_int_equal(figures.transfers, 2);
	unname(world);
	name_other(world, "/b");
	serve_right(world->other, "/b");
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/a"), 2);

	scripted_open_gate(world->origin, "/a");
	for (int i = 0; i < CROWD; i++) {
		fake_wait(crowd[i]);
		assert_true(crowd[i]->settled);
		flight_release(crowd[i]);
	}
	assert_int_equal(scripted_hits(world->origin, "/a"), CROWD);
}

#define NEWCOMERS 100
#define LATE      80

/* What the catalog of the next test waits for. */
struct newcomers {
	struct world *world;
	struct flight *flights[NEWCOMERS];
	atomic_bool all_there;
	int asked;
};

/* On the fetcher's thread, for each of them: the first is asked for when all have come, a late one when the first is being served. */
static void
look_slowly(void *context)
{
	struct newcomers *newcomers = context;

	newcomers->asked++;
	while (newcomers->asked == 1 && !atomic_load(&newcomers->all_there))
		sched_yield();
	if (newcomers->asked == LATE)
		scripted_wait_hits(newcomers->world->origin, "/a", 1);
}

static void
looking_for_many_does_not_hold_up_the_first(void **state)
{
	struct world *world = *state;
	struct newcomers newcomers = {.world = world};

	name(world, "/a");
	serve_right(world->origin, "/a");
	world->catalog.asked = look_slowly;
	world->catalog.context = &newcomers;
	start(world);
	for (int i = 0; i < NEWCOMERS; i++)
		newcomers.flights[i] = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	atomic_store(&newcomers.all_there, true);
	for (int i = 0; i < NEWCOMERS; i++) {
		fake_wait(newcomers.flights[i]);
		assert_true(newcomers.flights[i]->settled);
		flight_release(newcomers.flights[i]);
	}
}

static void
whose_host_is_least_busy_goes_first(void **state)
{
	struct world *world = *state;
	struct flight *ends, *stalls, *queued, *late;
	struct fetcher_figures figures;

	world->config.fetch.transfers = 2;
	name(world, "/a");
	serve_right(world->origin, "/a");
	scripted_gate(world->origin, "/a");
	scripted_answer(world->origin, "/stall", "", "", 0, THEN_STALL);
	start(world);
	ends = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/a", 1);
	unname(world);
	name(world, "/stall");
	stalls = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/stall", 1);
	queued = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	do /* until the catalog was asked for it */
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 1);

	/* It comes last, and gets the transfer that ends. */
	unname(world);
	name_other(world, "/b");
	serve_right(world->other, "/b");
	scripted_gate(world->other, "/b");
	late = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 2);
	scripted_open_gate(world->origin, "/a");
	scripted_wait_hits(world->other, "/b", 1);
	assert_int_equal(scripted_hits(world->origin, "/stall"), 1);
	fetcher_stop(world->fetcher);
	flight_release(ends);
	flight_release(stalls);
	flight_release(queued);
	flight_release(late);
}

static void
stopping_fails_all(void **state)
{
	struct world *world = *state;
	struct flight *running, *queued, *late = fake_flight(&world->asked, RIGHT, strlen(RIGHT));
	struct err err = ERR_NONE;

	world->config.fetch.per_host = 1;
	name(world, "/stall");
	scripted_answer(world->origin, "/stall", "", "", 0, THEN_STALL);
	start(world);
	running = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	queued = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/stall", 1);
	fetcher_stop(world->fetcher);
	fetcher_stop(world->fetcher);
	assert_int_equal(running->err.code, ERR_STOPPING);
	assert_int_equal(queued->err.code, ERR_STOPPING);
	assert_int_equal(running->references, 1);
	assert_int_equal(queued->references, 1);
	assert_false(fetcher_submit(world->fetcher, late, &err));
	assert_int_equal(err.code, ERR_STOPPING);
	flight_release(late);
	flight_release(running);
	flight_release(queued);
}

/* --- whether it is right is told later --- */

static void
others_go_on_while_one_is_proved(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	world->config.fetch.transfers = 1;
	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	flight->tells_later = true;
	submit(world, flight);
	fake_wait_landing(flight);
	fake_wait_ticks(flight, 2);
	expect_landed(world);
	fake_tell(flight);
	fake_wait(flight);
	assert_true(flight->settled);
	flight_release(flight);
}

static void
the_next_origin_is_asked_when_it_is_told_that_bytes_were_wrong(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/wrong");
	name_other(world, "/b");
	scripted_serve(world->origin, "/wrong", "wrong", 5);
	serve_right(world->other, "/b");
	start(world);
	flight->tells_later = true;
	submit(world, flight);
	fake_tell(flight);
	fake_tell(flight);
	fake_wait(flight);
	assert_true(flight->settled);
	assert_int_equal(scripted_hits(world->origin, "/wrong"), 1);
	assert_int_equal(scripted_hits(world->other, "/b"), 1);
	flight_release(flight);
}

/* It came by other means meanwhile: the errand is not over before it was told. */
static void
stored_meanwhile_is_no_harm(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	flight->tells_later = true;
	submit(world, flight);
	fake_wait_landing(flight);
	fake_stored(flight);
	expect_landed(world); /* the fetcher has had time to notice */
	fake_tell(flight);
	fetcher_stop(world->fetcher);
	assert_int_equal(flight->references, 1);
	flight_release(flight);
}

static void *
stop(void *context)
{
	fetcher_stop(context);
	return NULL;
}

static void
stopping_waits_for_what_is_being_proved(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));
	pthread_t stopping;

	name(world, "/a");
	serve_right(world->origin, "/a");
	start(world);
	flight->tells_later = true;
	submit(world, flight);
	fake_wait_landing(flight);
	assert_int_equal(pthread_create(&stopping, NULL, stop, world->fetcher), 0);
	fake_tell(flight);
	pthread_join(stopping, NULL);
	assert_true(flight->settled);
	assert_int_equal(flight->err.code, ERR_OK);
	assert_int_equal(flight->references, 1);
	flight_release(flight);
}

/* --- documents --- */

static bool
fetch_document(struct world *world, const char *path, int fd, uint64_t max, struct err *err)
{
	struct fetch_document document = {.fd = fd, .max_bytes = max};
	char url[128];

	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", scripted_origin_port(world->origin), path);
	document.url = url;
	return fetcher_document(world->fetcher, &document, err);
}

static void
documents_come_into_a_file(void **state)
{
	struct world *world = *state;
	AUTO_FD fd = memfd_create("document", MFD_CLOEXEC);
	struct err err = ERR_NONE;
	char bytes[32] = "";

	assert_int_equal(write(fd, "what was there before", 21), 21);
	serve_right(world->origin, "/document");
	start(world);
	assert_true(fetch_document(world, "/document", fd, 1000, &err));
	assert_int_equal(pread(fd, bytes, sizeof bytes, 0), strlen(RIGHT));
	assert_string_equal(bytes, RIGHT);
	assert_false(fetch_document(world, "/document", fd, 10, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_false(fetch_document(world, "/gone", fd, 1000, &err));
	assert_int_equal(err.code, ERR_FAILING);
	assert_non_null(strstr(err.text, "said 404"));
}

static void *
stop_when_asked(void *context)
{
	struct world *world = context;

	scripted_wait_hits(world->origin, "/stall", 1);
	fetcher_stop(world->fetcher);
	return NULL;
}

static void
stopping_wakes_who_waits_for_a_document(void **state)
{
	struct world *world = *state;
	AUTO_FD fd = memfd_create("document", MFD_CLOEXEC);
	struct err err = ERR_NONE;
	pthread_t stopper;

	scripted_answer(world->origin, "/stall", "", "", 0, THEN_STALL);
	start(world);
	assert_int_equal(pthread_create(&stopper, NULL, stop_when_asked, world), 0);
	assert_false(fetch_document(world, "/stall", fd, 1000, &err));
	assert_int_equal(err.code, ERR_STOPPING);
	pthread_join(stopper, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(first_origin_serves),
	        CASE(connections_are_kept),
	        CASE(second_origin_is_asked),
	        CASE(mirror_is_asked_last),
	        CASE(redirects_are_followed),
	        CASE(names_are_resolved),
	        CASE(length_is_announced),
	        CASE(chunks_and_no_length_are_fine),
	        CASE(empty_body_is_an_archive_too),
	        CASE(nobody_to_ask),
	        CASE(only_mirrors_and_all_gone),
	        CASE(named_and_all_gone),
	        CASE(wrong_bytes_rest_and_the_next_is_asked),
	        CASE(what_another_entry_names_has_not_changed),
	        CASE(only_wrong_bytes),
	        CASE(promised_bytes_are_not_begun_again),
	        CASE(bad_answers_fail_cleanly),
	        CASE(after_every_bad_answer_the_next_origin_serves),
	        CASE(urls_the_policy_refuses),
	        CASE(private_addresses_are_refused),
	        CASE(failing_host_rests),
	        CASE(host_that_asks_is_left_alone),
	        CASE(what_only_a_resting_host_may_have_is_held),
	        CASE(what_a_failing_host_may_have_is_not_held),
	        CASE(gone_and_wrong_do_not_rest_a_host),
	        CASE(silence_ends),
	        CASE(slowness_ends),
	        CASE(who_stops_has_failed_at_any_rate),
	        CASE(flights_are_ticked_until_the_store_is_done),
	        CASE(an_archive_that_came_by_other_means_ends_its_errands),
	        CASE(a_flight_that_is_over_is_not_begun),
	        CASE(a_disk_that_takes_nothing_asks_the_same_origin_again),
	        CASE(broken_disk_fails_the_flight),
	        CASE(broken_catalog_leaves_the_mirrors),
	        CASE(a_full_host_does_not_hold_up_another),
	        CASE(looking_for_many_does_not_hold_up_the_first),
	        CASE(whose_host_is_least_busy_goes_first),
	        CASE(others_go_on_while_one_is_proved),
	        CASE(the_next_origin_is_asked_when_it_is_told_that_bytes_were_wrong),
	        CASE(stored_meanwhile_is_no_harm),
	        CASE(stopping_waits_for_what_is_being_proved),
	        CASE(stopping_fails_all),
	        CASE(documents_come_into_a_file),
	        CASE(stopping_wakes_who_waits_for_a_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
