/*
 * Probes: looks at single URLs, beside flights and behind them. Against scripted origins, as the other tests
 * of the fetcher.
 */
#include "tests/support/fetching.h"

/* The answer to one probe, copied. */
struct told {
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	bool over;
	int64_t origin_id, took_ms, length, retry_after_ms;
	bool doubtful, forbidden;
	enum origin_result result;
	int status;
	bool whole;
	struct digests digests;
	char url[256], ended_at[256], detail[200], etag[160], modified[160];
};

static void
hear(void *context, const struct probe_answer *answer)
{
	struct told *told = context;

	pthread_mutex_lock(&told->mutex);
	told->origin_id = answer->contact.origin_id;
	told->took_ms = answer->contact.took_ms;
	told->length = answer->contact.length;
	told->result = answer->contact.result;
	told->retry_after_ms = answer->retry_after_ms;
	told->doubtful = answer->doubtful;
	told->forbidden = answer->forbidden;
	told->status = answer->contact.status;
	told->whole = answer->intake != NULL;
	if (told->whole)
		told->digests = *answer->digests;
	snprintf(told->url, sizeof told->url, "%s", answer->contact.url);
	snprintf(told->ended_at, sizeof told->ended_at, "%s", answer->ended_at);
	snprintf(told->detail, sizeof told->detail, "%s", answer->contact.detail);
	snprintf(told->etag, sizeof told->etag, "%s", answer->contact.etag);
	snprintf(told->modified, sizeof told->modified, "%s", answer->contact.modified);
	intake_close(answer->intake);
	told->over = true;
	pthread_cond_signal(&told->changed);
	pthread_mutex_unlock(&told->mutex);
}

static void
send_probe(struct world *world, enum probe_kind kind, const char *path, struct told *told)
{
	struct err err = ERR_NONE;
	char url[256];
	struct probe_plan plan = {.origin_id = 7, .asked = world->asked, .url = url, .kind = kind};

	*told = (struct told){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", scripted_origin_port(world->origin), path);
	assert_true(fetcher_probe(world->fetcher, &plan, hear, told, &err));
	memset(url, 'x', sizeof url - 1); /* it was copied */
}

static void
wait_told(struct told *told)
{
	pthread_mutex_lock(&told->mutex);
	while (!told->over)
		pthread_cond_wait(&told->changed, &told->mutex);
	pthread_mutex_unlock(&told->mutex);
}

static struct told
probe(struct world *world, enum probe_kind kind, const char *path)
{
	struct told told;

	send_probe(world, kind, path, &told);
	wait_told(&told);
	return told;
}

static void
serve_file(struct world *world, const char *path)
{
	struct scripted_file file = {.fields = "ETag: \"one\"\r\nLast-Modified: yesterday\r\n",
	        .body = RIGHT,
	        .length = strlen(RIGHT)};

	scripted_file(world->origin, path, &file);
}

static void
expect_there(const struct told *told, int status)
{
	assert_int_equal(told->result, ORIGIN_PRESENT);
	assert_int_equal(told->status, status);
	assert_int_equal(told->length, strlen(RIGHT));
	assert_int_equal(told->origin_id, 7);
	assert_string_equal(told->etag, "\"one\"");
	assert_string_equal(told->modified, "yesterday");
	assert_non_null(strstr(told->url, "/a"));
	assert_in_range(told->took_ms, 0, 60000);
	assert_false(told->whole);
}

static void
a_head_says_that_it_is_there(void **state)
{
	struct world *world = *state;
	struct told told;

	serve_file(world, "/a");
	start(world);
	told = probe(world, PROBE_HEAD, "/a");
	expect_there(&told, 200);
	assert_true(scripted_last_request_has(world->origin, "HEAD /a "));
	assert_int_equal(scripted_sent(world->origin, "/a"), 0);
	assert_non_null(strstr(fake_metrics_outcomes(world->metrics), " served\n"));
	/* Whoever looked remembers it. */
	assert_int_equal(world->catalog.last[7].count, 0);
}

static void
a_glance_takes_one_byte(void **state)
{
	struct world *world = *state;
	struct told told;

	serve_file(world, "/a");
	start(world);
	told = probe(world, PROBE_RANGE, "/a");
	expect_there(&told, 206);
	assert_true(scripted_last_request_has(world->origin, "Range: bytes=0-0\r\n"));
	assert_int_equal(scripted_sent(world->origin, "/a"), 1);
}

/* A host that knows no ranges begins to send all of it, which goes on for ever here. */
static void
a_glance_does_not_take_the_whole(void **state)
{
	struct world *world = *state;
	struct told told;

	scripted_answer(world->origin, "/a",
	        "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nLast-Modified: yesterday\r\nContent-Length: 15\r\n\r\n",
	        RIGHT, 15, THEN_REPEAT);
	start(world);
	told = probe(world, PROBE_RANGE, "/a");
	expect_there(&told, 200);
}

static void
a_whole_is_what_it_is(void **state)
{
	struct hasher *hasher = hasher_create();
	struct world *world = *state;
	struct digests digests;
	struct told told;

	hasher_add(hasher, RIGHT, strlen(RIGHT));
	hasher_digests(hasher, &digests);
	hasher_destroy(hasher);
	serve_file(world, "/a");
	scripted_serve(world->origin, "/large", RIGHT, strlen(RIGHT));
	start(world);
	told = probe(world, PROBE_WHOLE, "/a");
	assert_int_equal(told.result, ORIGIN_CHANGED);
	assert_true(told.whole);
	assert_int_equal(told.digests.known, digests.known);
	assert_true(digests_agree(&told.digests, &digests));
	assert_string_equal(told.etag, "\"one\"");
	assert_true(digests_get(&digests, DIGEST_SHA256, &world->asked));
	told = probe(world, PROBE_WHOLE, "/a");
	assert_int_equal(told.result, ORIGIN_SERVED);
	scripted_answer(
	        world->origin, "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", RIGHT, 9, THEN_CLOSE);
	told = probe(world, PROBE_WHOLE, "/cut");
	assert_int_equal(told.result, ORIGIN_FAILED);
	assert_false(told.whole);
	assert_string_equal(told.detail, "cut off after 9 bytes");
	assert_int_equal(scripted_hits(world->origin, "/cut"), 1);
	fetcher_stop(world->fetcher);
	assert_int_equal(fake_intakes(), 0);
}

static void
a_whole_is_bounded(void **state)
{
	struct world *world = *state;
	struct told told;

	world->config.fetch.max_archive = 14;
	serve_file(world, "/a");
	scripted_answer(world->origin, "/endless", "HTTP/1.1 200 OK\r\n\r\n", RIGHT, 15, THEN_REPEAT);
	start(world);
	told = probe(world, PROBE_WHOLE, "/a");
	assert_int_equal(told.result, ORIGIN_FAILED);
	assert_string_equal(told.detail, "larger than 14 bytes");
	told = probe(world, PROBE_WHOLE, "/endless");
	assert_int_equal(told.result, ORIGIN_FAILED);
	told = probe(world, PROBE_HEAD, "/a"); /* it is there, however large */
	assert_int_equal(told.result, ORIGIN_PRESENT);
	fetcher_stop(world->fetcher);
	assert_int_equal(fake_intakes(), 0);
	assert_int_equal(metrics_get(world->metrics, METRIC_LIMIT_MAX_ARCHIVE), 2);
}

static const struct {
	const char *status, *fields;
	enum origin_result result;
	bool doubtful;
	int64_t retry_after_ms;
} refusals[] = {
        {"404 Not Found", "", ORIGIN_GONE, true, -1},
        {"410 Gone", "", ORIGIN_GONE, true, -1},
        {"401 Unauthorized", "", ORIGIN_FAILED, true, -1},
        {"405 Method Not Allowed", "", ORIGIN_FAILED, true, -1},
        {"403 Forbidden", "", ORIGIN_FAILED, true, -1},
        {"500 Oops", "", ORIGIN_FAILED, true, -1},
        {"503 Unavailable", "Retry-After: 0\r\n", ORIGIN_FAILED, false, 0},
        {"429 Too Many Requests", "Retry-After: 3600\r\n", ORIGIN_FAILED, false, 3600000},
};

static void
refusals_tell_their_status(void **state)
{
	struct world *world = *state;
	struct told told;

	start(world);
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		scripted_status(world->origin, "/x", refusals[i].status, refusals[i].fields);
		told = probe(world, PROBE_HEAD, "/x");
		assert_int_equal(told.result, refusals[i].result);
		assert_int_equal(told.status, atoi(refusals[i].status));
		assert_int_equal(told.retry_after_ms, refusals[i].retry_after_ms);
		assert_int_equal(told.doubtful, refusals[i].doubtful);
		assert_int_equal(told.length, -1);
	}
	/* And now the host rests, as it asked: nobody asks it. */
	told = probe(world, PROBE_HEAD, "/x");
	assert_int_equal(told.result, ORIGIN_UNTRIED);
	assert_false(told.forbidden);
	assert_non_null(strstr(told.detail, "rests for"));
	assert_in_range(told.retry_after_ms, 3590000, 3600000); /* until when */
	assert_string_equal(told.ended_at, "");
	assert_int_equal(scripted_hits(world->origin, "/x"), COUNT_OF(refusals));
}

/* Whoever hung up or hangs on a HEAD may do better by a GET. */
static void
failures_tell_whether_a_get_may_fare_otherwise(void **state)
{
	struct world *world = *state;
	struct told told;

	world->config.fetch.first_byte_timeout_ms = 1500; /* of which those that answer need little */
	scripted_answer(world->origin, "/cut", "", "", 0, THEN_CLOSE);
	scripted_answer(world->origin, "/silent", "", "", 0, THEN_STALL);
	scripted_status(world->origin, "/loop", "302 Found", "Location: /loop\r\n");
	start(world);
	told = probe(world, PROBE_HEAD, "/cut");
	assert_int_equal(told.result, ORIGIN_FAILED);
	assert_true(told.doubtful);
	told = probe(world, PROBE_HEAD, "/silent");
	assert_non_null(strstr(told.detail, "timed out"));
	assert_true(told.doubtful);
	told = probe(world, PROBE_HEAD, "/loop");
	assert_string_equal(told.detail, "too many redirects");
	assert_true(told.doubtful);
	serve_file(world, "/a");
	told = probe(world, PROBE_HEAD, "/a");
	assert_false(told.doubtful);
}

/* So that it is left alone for a while as well. */
static void
whoever_a_redirect_leads_to_is_told(void **state)
{
	struct world *world = *state;
	char fields[128], here[64], there[64];
	struct told told;

	snprintf(here, sizeof here, "127.0.0.1:%u", scripted_origin_port(world->origin));
	snprintf(there, sizeof there, "127.0.0.1:%u", scripted_origin_port(world->other));
	snprintf(fields, sizeof fields, "Location: http://%s/b\r\n", there);
	serve_file(world, "/a");
	scripted_status(world->origin, "/there", "302 Found", fields);
	scripted_serve(world->other, "/b", RIGHT, strlen(RIGHT));
	start(world);
	told = probe(world, PROBE_HEAD, "/a");
	assert_string_equal(told.ended_at, here);
	told = probe(world, PROBE_HEAD, "/there");
	assert_string_equal(told.ended_at, there);
}

static void
the_policy_and_redirects_are_those_of_everything(void **state)
{
	struct world *world = *state;
	struct told told;

	serve_file(world, "/a");
	scripted_status(world->origin, "/there", "302 Found", "Location: /a\r\n");
	scripted_status(world->origin, "/out", "302 Found", "Location: http://10.0.0.1/\r\n");
	start(world);
	told = probe(world, PROBE_HEAD, "/there");
	assert_int_equal(told.result, ORIGIN_PRESENT);
	told = probe(world, PROBE_HEAD, "/out");
	assert_int_equal(told.result, ORIGIN_FAILED);
	assert_non_null(strstr(told.detail, "10.0.0.1"));
	assert_false(told.forbidden);
	/* What larder may not ask at all has not failed. */
	world->config.fetch.allow_private.count = 0;
	fetcher_destroy(world->fetcher);
	start(world);
	told = probe(world, PROBE_HEAD, "/a");
	assert_int_equal(told.result, ORIGIN_UNTRIED);
	assert_non_null(strstr(told.detail, "neither public nor in fetch.allow_private"));
	assert_true(told.forbidden);
	assert_false(told.doubtful);
	world->config.fetch.n_allow_ports = 0;
	fetcher_destroy(world->fetcher);
	start(world);
	told = probe(world, PROBE_HEAD, "/a");
	assert_int_equal(told.result, ORIGIN_UNTRIED);
	assert_non_null(strstr(told.detail, "allow_ports"));
	assert_true(told.forbidden);
	assert_int_equal(scripted_hits(world->origin, "/a"), 1);
}

/* One transfer at a time: what somebody waits for goes before what nobody does, though it came later. */
static void
probes_yield_to_flights(void **state)
{
	struct world *world = *state;
	struct flight *first, *second;
	struct fetcher_figures figures;
	struct told told;

	world->config.fetch.transfers = 1;
	name(world, "/a");
	serve_right(world->origin, "/a");
	serve_file(world, "/probed");
	scripted_gate(world->origin, "/a");
	start(world);
	first = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	scripted_wait_hits(world->origin, "/a", 1);
	send_probe(world, PROBE_HEAD, "/probed", &told);
	second = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));
	do
		fetcher_figures(world->fetcher, &figures);
	while (figures.queued != 1);
	scripted_open_gate(world->origin, "/a");
	wait_told(&told);
	/* By the time it was its turn both had been asked for. */
	assert_int_equal(scripted_hits(world->origin, "/a"), 2);
	fake_wait(first);
	fake_wait(second);
	flight_release(first);
	flight_release(second);
}

static void
stopping_answers_all(void **state)
{
	struct world *world = *state;
	struct probe_plan plan = {.url = "http://127.0.0.1/"};
	struct told running, waiting;
	struct err err = ERR_NONE;

	world->config.fetch.per_host = 1;
	scripted_answer(world->origin, "/stall", "", "", 0, THEN_STALL);
	start(world);
	send_probe(world, PROBE_WHOLE, "/stall", &running);
	scripted_wait_hits(world->origin, "/stall", 1);
	send_probe(world, PROBE_WHOLE, "/stall", &waiting);
	fetcher_stop(world->fetcher);
	wait_told(&running);
	wait_told(&waiting);
	assert_int_equal(running.result, ORIGIN_UNTRIED);
	assert_int_equal(waiting.result, ORIGIN_UNTRIED);
	assert_string_equal(waiting.detail, "larder is stopping");
	assert_false(fetcher_probe(world->fetcher, &plan, hear, &running, &err));
	assert_int_equal(err.code, ERR_STOPPING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_head_says_that_it_is_there),
	        CASE(a_glance_takes_one_byte),
	        CASE(a_glance_does_not_take_the_whole),
	        CASE(a_whole_is_what_it_is),
	        CASE(a_whole_is_bounded),
	        CASE(refusals_tell_their_status),
	        CASE(failures_tell_whether_a_get_may_fare_otherwise),
	        CASE(whoever_a_redirect_leads_to_is_told),
	        CASE(the_policy_and_redirects_are_those_of_everything),
	        CASE(probes_yield_to_flights),
	        CASE(stopping_answers_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
