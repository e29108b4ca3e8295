/*
 * Origins that break off in the middle, and how an archive comes all the same; what is told of them. Against
 * scripted origins, as the other tests of the fetcher.
 */
#include "server/upstream/resume.h"
#include "tests/support/fetching.h"

#define LONG 100000u

/* A 200 for RIGHT that breaks off after 9 bytes, however it is asked. */
#define CUT_HEAD  "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"
#define CUT_BYTES 9

static void
cut(struct scripted_origin *origin, const char *path)
{
	scripted_answer(origin, path, CUT_HEAD, RIGHT, CUT_BYTES, THEN_CLOSE);
}

static void
serve_file(struct scripted_origin *origin, const char *path, const char *fields)
{
	struct scripted_file file = {.fields = fields, .body = RIGHT, .length = strlen(RIGHT)};

	scripted_file(origin, path, &file);
}

/* A flight whose first bytes are here; the rest of this answer waits at the gate of /a. */
static void
submit_and_hold(struct world *world, struct flight *flight)
{
	scripted_gate(world->origin, "/a");
	submit(world, flight);
	scripted_wait_hits(world->origin, "/a", 1);
}

static void
one_read_of_each_byte(void **state)
{
	struct world *world = *state;
	AUTO_FREE char *bytes = xmalloc(LONG);
	struct scripted_file file = {
	        .fields = "ETag: \"one\"\r\n", .body = bytes, .length = LONG, .piece = 1000};
	struct fetcher_figures figures;

	for (size_t i = 0; i < LONG; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	scripted_file(world->origin, "/a", &file);
	name(world, "/a");
	start(world);
	expect_settled(submit(world, fake_flight(&world->asked, bytes, LONG)));
	assert_true(scripted_last_request_has(world->origin, "Range: bytes=99000-\r\n"));
	assert_true(scripted_last_request_has(world->origin, "If-Range: \"one\"\r\n"));
	fetcher_figures(world->fetcher, &figures);
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/a"), 100);
	assert_int_equal(scripted_sent(world->origin, "/a"), LONG);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_RESUMES), 99);
	assert_int_equal(metrics_get(world->metrics, METRIC_UPSTREAM_BYTES), LONG);
	/* It went on each time: one contact, and a good one. */
	assert_int_equal(figures.resting_hosts, 0);
	assert_int_equal(world->catalog.last[1].count, 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_SERVED);
	assert_int_equal(world->catalog.last[1].length, LONG);
	assert_string_equal(world->catalog.last[1].etag, "\"one\"");
	assert_null(strstr(fake_metrics_outcomes(world->metrics), " cut\n"));
}

static void
a_date_where_there_is_no_strong_tag_and_nothing_where_there_is_neither(void **state)
{
	struct world *world = *state;
	struct scripted_file file = {
	        .fields = "ETag: W/\"weak\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
	        .body = RIGHT,
	        .length = strlen(RIGHT),
	        .piece = 8};

	name(world, "/a");
	start(world);
	scripted_file(world->origin, "/a", &file);
	expect_landed(world);
	assert_true(scripted_last_request_has(world->origin, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
	assert_int_equal(scripted_sent(world->origin, "/a"), strlen(RIGHT));
	file.fields = "";
	scripted_file(world->origin, "/a", &file);
	expect_landed(world);
	assert_true(scripted_last_request_has(world->origin, "Range: bytes=8-\r\n"));
	assert_false(scripted_last_request_has(world->origin, "If-Range"));
	fetcher_stop(world->fetcher);
	assert_string_equal(world->catalog.last[1].modified, "");
}

static void
another_origin_goes_on(void **state)
{
	struct world *world = *state;

	name(world, "/cut");
	name_other(world, "/a");
	cut(world->origin, "/cut");
	serve_file(world->other, "/a", "ETag: \"other\"\r\n");
	start(world);
	expect_landed(world);
	assert_true(scripted_last_request_has(world->other, "Range: bytes=9-\r\n"));
	assert_false(scripted_last_request_has(world->other, "If-Range"));
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/cut"), 2); /* it did not go on, and is told once */
	assert_int_equal(scripted_sent(world->other, "/a"), strlen(RIGHT) - CUT_BYTES);
	assert_int_equal(world->catalog.last[1].count, 1);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_FAILED);
	assert_string_equal(world->catalog.last[1].detail, "cut off after 9 bytes");
	assert_int_equal(world->catalog.last[2].result, ORIGIN_SERVED);
}

/* As a cut, told by a chunk that does not end; that the whole has 15 bytes the other one says. */
static void
what_has_no_length_goes_on_too(void **state)
{
	struct world *world = *state;

	name(world, "/chunks");
	name_other(world, "/a");
	scripted_answer(world->origin, "/chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	        "f\r\nthe right", 12, THEN_CLOSE);
	serve_file(world->other, "/a", "");
	start(world);
	expect_landed(world);
	assert_true(scripted_last_request_has(world->other, "Range: bytes=9-\r\n"));
}

static void
what_changed_in_between_comes_whole(void **state)
{
	struct world *world = *state;

	name(world, "/a");
	serve_file(world->origin, "/a", "ETag: \"two\"\r\n");
	scripted_answer(world->origin, "/a#1",
	        "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: 15\r\n\r\n", "something", 9, THEN_CLOSE);
	start(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->origin, "/a"), 2);
	assert_true(scripted_last_request_has(world->origin, "If-Range: \"one\"\r\n"));
}

/* A 206 that is not what was asked for; then the whole is asked for, without a range. */
static const char *const bad_parts[] = {
        "Content-Range: bytes 8-14/15\r\nContent-Length: 7\r\n",
        "Content-Range: bytes 9-14/16\r\nContent-Length: 6\r\n",
        "Content-Range: bytes 9-15/*\r\nContent-Length: 7\r\n",
        "Content-Length: 6\r\n",
        "Content-Range: bytes 9-14/15\r\nETag: \"two\"\r\nContent-Length: 6\r\n",
};

static void
parts_that_do_not_go_on_are_not_taken(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: 15\r\n\r\n";
	struct world *world = *state;

	name(world, "/a");
	serve_file(world->origin, "/a", "");
	start(world);
	for (unsigned i = 0; i < COUNT_OF(bad_parts); i++) {
		struct text part = TEXT_EMPTY;
		char path[16];

		text_addf(&part, "HTTP/1.1 206 Partial Content\r\n%s\r\n", bad_parts[i]);
		snprintf(path, sizeof path, "/a#%u", 3 * i + 1);
		scripted_answer(world->origin, path, head, RIGHT, CUT_BYTES, THEN_CLOSE);
		snprintf(path, sizeof path, "/a#%u", 3 * i + 2);
		scripted_answer(world->origin, path, part.bytes, "xxxxxxx", 7, THEN_CLOSE);
		expect_landed(world);
		assert_int_equal(scripted_hits(world->origin, "/a"), 3 * i + 3);
		assert_false(scripted_last_request_has(world->origin, "Range"));
		text_finish(&part);
	}
}

static void
a_range_that_cannot_be_had_is_asked_for_whole(void **state)
{
	struct world *world = *state;

	name(world, "/cut");
	name_other(world, "/a");
	cut(world->origin, "/cut");
	serve_file(world->other, "/a", "");
	scripted_status(world->other, "/a#1", "416 Range Not Satisfiable", "Content-Range: bytes */15\r\n");
	start(world);
	expect_landed(world);
	assert_int_equal(scripted_hits(world->other, "/a"), 2);
	assert_false(scripted_last_request_has(world->other, "Range"));
}

/* The one that breaks off had other bytes: each is asked for all of it once more. */
static void
parts_that_are_wrong_together(void **state)
{
	struct world *world = *state;

	name(world, "/cut");
	name_other(world, "/a");
	scripted_answer(world->origin, "/cut", CUT_HEAD, "something", 9, THEN_CLOSE);
	serve_file(world->other, "/a", "");
	start(world);
	expect_landed(world);
	assert_false(scripted_last_request_has(world->other, "Range"));
	fetcher_stop(world->fetcher);
	assert_int_equal(scripted_hits(world->origin, "/cut"), 3);
	assert_int_equal(scripted_hits(world->other, "/a"), 2);
	/* Nobody is said to have changed: it cannot be known who has. */
	assert_int_equal(metrics_get(world->metrics, METRIC_WRONG_BYTES), 0);
	assert_int_equal(world->catalog.last[1].result, ORIGIN_FAILED);
	assert_int_equal(world->catalog.last[2].result, ORIGIN_SERVED);
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " parts\n"));
}

/*
 * Given out already: nothing is to be done. But who asks again gets it, since the one that broke off rests
 * for this archive.
 */
static void
parts_that_are_wrong_together_and_were_given_out(void **state)
{
	struct world *world = *state;
	struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));

	name(world, "/a");
	name_other(world, "/b");
	scripted_answer(world->origin, "/a", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nsome", "thing", 5,
	        THEN_CLOSE);
	serve_file(world->other, "/b", "");
	start(world);
	submit_and_hold(world, flight);
	fake_wait_length(flight, 4);
	fake_promise(flight);
	scripted_open_gate(world->origin, "/a");
	fake_wait(flight);
	assert_true(flight->failed);
	assert_int_equal(flight->err.code, ERR_FAILING);
	assert_non_null(strstr(flight->err.text, "after bytes were given out"));
	flight_release(flight);
	expect_landed(world);
	assert_false(scripted_last_request_has(world->other, "Range"));
}

/* Promised bytes that an origin sends again are compared, and what follows is taken. */
static void
a_whole_repeats_what_was_given_out(void **state)
{
	static const struct {
		const char *head, *body;
		size_t hits;
		enum err_code code;
	} wholes[] = {
	        {CUT_HEAD, RIGHT, 1, ERR_OK},
	        {"HTTP/1.1 200 OK\r\n\r\n", RIGHT, 1, ERR_OK},
	        {CUT_HEAD, "the wrong bytes", 1, ERR_FAILING},
	        {CUT_HEAD, "the right bytex", 1, ERR_CHANGED},
	        {"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n", RIGHT "!", 2, ERR_FAILING},
	        {"HTTP/1.1 200 OK\r\n\r\n", "the", 1, ERR_FAILING},
	};
	struct world *world = *state;

	name(world, "/a");
	name_other(world, "/b");
	for (unsigned i = 0; i < COUNT_OF(wholes); i++) {
		struct flight *flight = fake_flight(&world->asked, RIGHT, strlen(RIGHT));
		unsigned before = scripted_hits(world->origin, "/a"),
		         other = scripted_hits(world->other, "/b");

		start(world); /* one that knows nothing of the rows before */
		scripted_answer(world->origin, "/a", CUT_HEAD "the", " right", 6, THEN_CLOSE);
		scripted_gate(world->origin, "/a");
		scripted_answer(world->other, "/b", wholes[i].head, wholes[i].body, strlen(wholes[i].body),
		        THEN_CLOSE);
		submit(world, flight);
		scripted_wait_hits(world->origin, "/a", before + 1);
		fake_wait_length(flight, 3);
		fake_promise(flight);
		scripted_open_gate(world->origin, "/a");
		fake_wait(flight);
		if (flight->err.code != wholes[i].code)
			fail_msg("%u: %s, %s", i, err_name(flight->err.code), flight->err.text);
		assert_int_equal(flight->announced_count, 1);
		assert_int_equal(scripted_hits(world->other, "/b") - other, wholes[i].hits);
		fetcher_destroy(world->fetcher);
		world->fetcher = NULL;
		flight_release(flight);
	}
}

/* An origin that gives a byte at a time is not listened to for ever. */
static void
resumes_are_bounded(void **state)
{
	struct world *world = *state;
	char bytes[2 * RESUMES_MAX];
	struct scripted_file file = {.fields = "", .body = bytes, .length = sizeof bytes, .piece = 1};

	memset(bytes, 'x', sizeof bytes);
	name(world, "/a");
	name_other(world, "/b");
	scripted_file(world->origin, "/a", &file);
	file.piece = 0;
	scripted_file(world->other, "/b", &file);
	start(world);
	expect_settled(submit(world, fake_flight(&world->asked, bytes, sizeof bytes)));
	assert_int_equal(scripted_hits(world->origin, "/a"), RESUMES_MAX + 1);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_RESUMES), 1);
	/* From then on the whole. */
	assert_false(scripted_last_request_has(world->other, "Range"));
}

/* Many clients' flights at an origin that never goes on: it rests as one that always fails. */
static void
an_origin_that_cannot_go_on_rests(void **state)
{
	struct world *world = *state;

	name(world, "/cut");
	cut(world->origin, "/cut");
	start(world);
	for (int i = 0; i < 5; i++)
		expect_failed(world, ERR_FAILING, "cut off after 9");
	expect_failed(world, ERR_FAILING, "rests for");
	assert_int_equal(scripted_hits(world->origin, "/cut"), 10);
}

/* Whoever goes on is silent: another one goes on in its place. */
static void
who_is_asked_to_go_on_may_be_overtaken(void **state)
{
	struct world *world = *state;

	world->config.fetch.overtake_after_ms = 50;
	name(world, "/a");
	name_other(world, "/b");
	scripted_answer(world->origin, "/a", "", "", 0, THEN_STALL);
	scripted_answer(world->origin, "/a#1", CUT_HEAD, RIGHT, CUT_BYTES, THEN_CLOSE);
	serve_file(world->other, "/b", "");
	start(world);
	expect_landed(world);
	assert_true(scripted_last_request_has(world->other, "Range: bytes=9-\r\n"));
	fetcher_stop(world->fetcher);
	assert_int_equal(metrics_get(world->metrics, METRIC_FLIGHT_OVERTAKINGS), 1);
	assert_string_equal(world->catalog.last[1].detail, "cut off after 9 bytes");
	assert_int_equal(world->catalog.last[1].count, 1);
}

/* --- what is told of them --- */

static void
contacts_tell_all_there_is(void **state)
{
	static char from[] = "http://named.example/";
	struct world *world = *state;
	struct config_rewrite rule = {.from = from};
	struct text to = TEXT_EMPTY;

	text_addf(&to, "http://127.0.0.1:%u/", scripted_origin_port(world->origin));
	rule.to = to.bytes;
	world->config.rewrites = &rule;
	world->config.n_rewrites = 1;
	configure_mirror(world);
	name_url(world, "http://named.example/a");
	name_url(world, "http://%064d.example:%d/a", 0, CLOSED_PORT); /* no name can be so long */
	scripted_answer(world->origin, "/a",
	        "HTTP/1.1 200 OK\r\nETag: W/\"x\"\r\nLast-Modified: yesterday\r\nContent-Length: 5\r\n\r\n",
	        "wrong", 5, THEN_KEEP);
	start(world);
	expect_failed(world, ERR_FAILING, "host name not found");
	fetcher_stop(world->fetcher);
	assert_string_equal(world->catalog.last[1].url, "http://named.example/a");
	assert_int_equal(world->catalog.last[1].result, ORIGIN_CHANGED);
	assert_int_equal(world->catalog.last[1].length, 5);
	assert_string_equal(world->catalog.last[1].etag, "W/\"x\"");
	assert_string_equal(world->catalog.last[1].modified, "yesterday");
	assert_true(digest_equal(&world->catalog.last[1].asked, &world->asked));
	assert_in_range(world->catalog.last[1].took_ms, 0, 60000);
	/* For the catalog it is gone; the client is told that it fails. */
	assert_int_equal(world->catalog.last[2].result, ORIGIN_GONE);
	assert_string_equal(world->catalog.last[2].detail, "host name not found");
	assert_int_equal(world->catalog.last[2].length, -1);
	assert_int_equal(world->catalog.last[0].result, ORIGIN_GONE);
	assert_string_equal(world->catalog.last[0].detail, "404");
	assert_non_null(strstr(world->catalog.last[0].url, "/mirror/sha256/ab"));
	text_finish(&to);
}

struct drifted {
	unsigned count;
	char url[256];
	enum origin_result result;
};

static void
take_drifted(void *context, const struct contact *contact, struct intake *intake)
{
	struct drifted *drifted = context;

	drifted->count++;
	drifted->result = contact->result;
	snprintf(drifted->url, sizeof drifted->url, "%s", contact->url);
	intake_close(intake);
}

static void
other_bytes_are_handed_on(void **state)
{
	struct world *world = *state;
	struct drifted drifted = {0};
	struct flight *flight;

	name(world, "/longer");
	name(world, "/cut");
	name(world, "/wrong");
	scripted_answer(world->origin, "/longer", "HTTP/1.0 200 OK\r\n\r\n", RIGHT "!", 16, THEN_CLOSE);
	scripted_answer(world->origin, "/cut", CUT_HEAD, "some", 4, THEN_CLOSE);
	scripted_serve(world->origin, "/wrong", "something else!", 15);
	start(world);
	fetcher_on_drift(world->fetcher, take_drifted, &drifted);
	flight = ask(world);
	assert_int_equal(flight->err.code, ERR_FAILING);
	assert_int_equal(flight->handed_on, 2);
	flight_release(flight);
	fetcher_stop(world->fetcher);
	assert_int_equal(drifted.count, 2);
	assert_int_equal(drifted.result, ORIGIN_CHANGED);
	assert_non_null(strstr(drifted.url, "/wrong"));
	assert_int_equal(fake_intakes(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(one_read_of_each_byte),
	        CASE(a_date_where_there_is_no_strong_tag_and_nothing_where_there_is_neither),
	        CASE(another_origin_goes_on),
	        CASE(what_has_no_length_goes_on_too),
	        CASE(what_changed_in_between_comes_whole),
	        CASE(parts_that_do_not_go_on_are_not_taken),
	        CASE(a_range_that_cannot_be_had_is_asked_for_whole),
	        CASE(parts_that_are_wrong_together),
	        CASE(parts_that_are_wrong_together_and_were_given_out),
	        CASE(a_whole_repeats_what_was_given_out),
	        CASE(resumes_are_bounded),
	        CASE(an_origin_that_cannot_go_on_rests),
	        CASE(who_is_asked_to_go_on_may_be_overtaken),
	        CASE(contacts_tell_all_there_is),
	        CASE(other_bytes_are_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
