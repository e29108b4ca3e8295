/*
 * What the patrol makes of what an origin tells: when all bytes are asked for, what becomes of them, and what
 * it never asks.
 */
#include "tests/support/patrolled.h"

#include "server/admin/metrics.h"

static struct metrics *metrics;

/* The budget is full. */
static int
set_up(void **state)
{
	(void)state;
	begin_patrol("mirror \"m\" { url = \"https://mirror.example/{algo}/{hash}\" }\n"
	             "fetch { max_archive = 1MiB }\n"
	             "watch { full_per_day = 2MiB }\n");
	metrics = metrics_create();
	patrol->options.metrics = metrics;
	patrol->budget.at_ms = now.ms - 2 * DAY;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(too_soon, 0);
	end_patrol();
	metrics_destroy(metrics);
	return 0;
}

static uint64_t
counted(enum metric metric)
{
	return metrics_get(metrics, metric);
}

#define AT "https://h.example/x/a.tgz"

/* What AT answers. */
static const char *body, *etag;
static int64_t length;
static enum origin_result head_result;

static void
tells(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	if (strcmp(url, AT) != 0)
		return;
	ret->contact.etag = etag;
	ret->contact.length = length;
	ret->contact.result = head_result;
	ret->contact.status = head_result == ORIGIN_PRESENT ? 200 : 404;
	if (kind == PROBE_WHOLE && body != NULL)
		answer_whole(ret, body);
	if (kind == PROBE_WHOLE && body == NULL) {
		ret->contact.result = ORIGIN_GONE;
		ret->contact.status = 404;
	}
}

/* The archive "archive" is at AT, which answers like this. */
static void
learn_one(const char *tells_etag, int64_t tells_length, const char *has)
{
	learn_at("archive", AT);
	run_for(0);
	etag = tells_etag;
	length = tells_length;
	body = has;
	head_result = ORIGIN_PRESENT;
	internet = tells;
}

/* It is asked now. */
static void
visit(void)
{
	now.wall_ms += 2 * HOUR; /* or else it was asked just before */
	now.ms += 2 * HOUR;
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE url = '" AT "'", wall());
	run_for(MINUTE);
}

static void
assert_asked(const char *kinds)
{
	char got[64] = "";

	for (size_t i = 0; i < n_asked && i + 1 < sizeof got; i++)
		if (strcmp(log_of_asked[i].url, AT) == 0)
			got[strlen(got)] = "HRW"[log_of_asked[i].kind];
	assert_string_equal(got, kinds);
	forget_asked();
}

static const char *
origin_state(void)
{
	return ask_index("SELECT state, result, etag, length FROM origin WHERE url = '" AT "'");
}

static void
what_agrees_is_present(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	assert_asked("H"); /* its length is that of what is stored */
	assert_string_equal(origin_state(), "1|5|\"1\"|7\n");
	visit();
	assert_asked("H");
	assert_int_equal(counted(METRIC_WATCH_PRESENT), 2);
}

static void
an_etag_that_moved_is_looked_behind_once(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	etag = "\"2\"";
	forget_asked();
	visit();
	assert_asked("HW");
	assert_string_equal(origin_state(), "1|1|\"2\"|7\n");
	visit();
	assert_asked("H");
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	assert_int_equal(counted(METRIC_WATCH_SERVED), 1);
	assert_int_equal(counted(METRIC_WATCH_RESCUED), 0);
}

static void
what_tells_nothing_is_looked_at(void **state)
{
	(void)state;
	learn_one("", -1, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	assert_asked("HW");
	assert_string_equal(ask_index("SELECT state, proved_at > 0 FROM origin"), "1|1\n");
}

static void
the_world_is_not_downloaded(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	visit();
	visit();
	assert_asked("HH");
	assert_missing(store, "archive");
	assert_string_equal(origin_state(), "1|5|\"1\"|7\n");
}

/* --- other bytes --- */

static struct {
	unsigned count;
	int64_t origin;
	char bytes[64];
	struct digest asked;
} drifted;

static void
take_drift(void *context, const struct contact *contact, struct intake *intake)
{
	struct err err = ERR_NONE;
	ssize_t got = intake_pread(intake, drifted.bytes, sizeof drifted.bytes - 1, 0, &err);

	assert_null(context);
	assert_int_equal(contact->result, ORIGIN_CHANGED);
	assert_true(got >= 0);
	drifted.bytes[got] = '\0';
	drifted.origin = contact->origin_id;
	drifted.asked = contact->asked;
	drifted.count++;
	intake_close(intake);
}

static void
other_bytes_are_handed_on(void **state)
{
	struct digest promised = digest_of("archive", DIGEST_SHA256);

	(void)state;
	drifted.count = 0;
	patrol->options.drifted = take_drift;
	learn_witnesses(3);
	learn_one("\"1\"", 9, "different");
	put(store, "archive", INTAKE_STORED);
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE url = '" AT "'", wall());
	run_for(MINUTE);
	assert_asked("HW"); /* nobody vouched for the network yet */
	assert_string_equal(ask_index("SELECT state, result FROM origin WHERE url = '" AT "'"), "0|3\n");
	run_for(10 * MINUTE);
	assert_asked("RW");
	assert_int_equal(drifted.count, 2);
	assert_string_equal(drifted.bytes, "different");
	assert_true(digest_equal(&drifted.asked, &promised)); /* by which the archive itself is found */
	assert_int_equal(drifted.origin, number_in_index("SELECT id FROM origin WHERE url = '" AT "'"));
	assert_string_equal(ask_index("SELECT was, is_now FROM news"), "0|4\n");
	/* Known now: it is left alone for an interval, and then all its bytes are asked for again. */
	run_for(26 * DAY);
	assert_asked("");
	body = "archive";
	length = 7;
	run_for(5 * DAY);
	assert_asked("RW");
	assert_string_equal(ask_index("SELECT was, is_now FROM news ORDER BY id"), "0|4\n4|1\n");
}

static void
other_bytes_nobody_takes_are_dropped(void **state)
{
	(void)state;
	learn_one("\"1\"", 9, "different");
	put(store, "archive", INTAKE_STORED);
	visit();
	assert_asked("HW");
	assert_int_equal(counted(METRIC_WATCH_CHANGED), 1);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
}

static void
head_and_get_may_differ(void **state)
{
	(void)state;
	learn_one("", -1, NULL);
	put(store, "archive", INTAKE_STORED);
	visit();
	assert_asked("HW");
	assert_string_equal(ask_index("SELECT state, result, failures FROM origin"), "0|2|1\n");
}

/* --- rescue --- */

static void
what_others_lost_is_kept(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	learn_at("archive", "https://other.example/x/a.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET state = 3 WHERE url <> '" AT "'");
	visit();
	assert_asked("HW");
	assert_stored(store, "archive", BLOB_PROVEN);
	assert_int_equal(counted(METRIC_WATCH_RESCUED), 1);
	visit();
	assert_asked("H");
}

#define OTHER "https://other.example/x/a.tgz"

static void
other_is_gone(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	tells(url, kind, ret);
	if (strcmp(url, OTHER) != 0)
		return;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
}

/* Long before anything is held to have vanished, and though the turn of the other place is in nine days. */
static void
what_begins_to_vanish_is_kept_at_once(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	learn_at("archive", OTHER);
	learn_witnesses(3);
	run_for(0);
	internet = other_is_gone;
	run_sql(store,
	        "UPDATE origin SET state = 1, result = 5, tried_at = %lld, served_at = %lld, check_at = %lld",
	        wall() - 2 * DAY, wall() - 2 * DAY, wall() + 9 * DAY);
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE url = '" OTHER "'", wall());
	run_for(7 * HOUR);
	assert_stored(store, "archive", BLOB_PROVEN);
	assert_asked(
	        "HHWH"); /* once as a witness; when the other one said so for the first time, and six hours later */
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
}

static void
what_comes_back_is_kept(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	head_result = ORIGIN_GONE;
	visit();
	assert_asked("HR");
	head_result = ORIGIN_PRESENT;
	visit();
	assert_asked("RW");
	assert_stored(store, "archive", BLOB_PROVEN);
}

static void
what_was_removed_stays_removed(void **state)
{
	struct digest digest = digest_of("archive", DIGEST_SHA256);
	struct archive removed;
	struct err err = ERR_NONE;

	(void)state;
	learn_one("\"1\"", 7, "archive");
	learn_at("archive", "https://other.example/x/a.tgz");
	run_for(0);
	assert_true(store_remove(store, &digest, "a test", &removed, &err));
	run_sql(store, "UPDATE origin SET state = 3 WHERE url <> '" AT "'");
	visit();
	assert_missing(store, "archive");
	assert_asked("H");
}

/* --- checks --- */

/* Visits until all bytes are asked for; what else is asked is forgotten. Each at a moment of its own. */
static unsigned
visits_until_whole(unsigned most)
{
	for (unsigned visits = 1; visits <= most; visits++) {
		forget_asked();
		now.wall_ms += MINUTE;
		now.ms += DAY; /* for the budget */
		visit();
		for (size_t i = 0; i < n_asked; i++)
			if (log_of_asked[i].kind == PROBE_WHOLE)
				return visits;
	}
	return most + 1;
}

#define NEVER                                                                                                \
	200 /* visits; one in twelve is a check, and a run of so many without one is one in thirty million */

static void
what_tells_nothing_new_is_looked_at_now_and_then(void **state)
{
	unsigned visits = 0, checks = 40;

	(void)state;
	learn_one("", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	for (unsigned i = 0; i < checks; i++) {
		visits += visits_until_whole(NEVER);
		assert_asked("HW");
		run_sql(store, "UPDATE origin SET proved_at = 1"); /* long ago */
	}
	assert_in_range(visits, checks * 8, checks * 16);
	assert_int_equal(counted(METRIC_WATCH_SERVED), checks);
}

static void
what_was_proved_lately_is_not_checked(void **state)
{
	(void)state;
	learn_one("", 7, "archive");
	assert_in_range(visits_until_whole(NEVER), 1, NEVER);
	/* 200 visits, 2 hours and some apart, are within the 90 days. */
	assert_int_equal(visits_until_whole(NEVER), NEVER + 1);
	now.wall_ms += PATROL_CHECK_ROUNDS * 30 * DAY;
	assert_in_range(visits_until_whole(NEVER), 1, NEVER);
}

/* What is in no danger does not come into the store that way. */
static void
what_is_checked_is_not_kept(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	assert_in_range(visits_until_whole(NEVER), 1, NEVER);
	assert_string_equal(ask_index("SELECT state, result, proved_at > 0 FROM origin"), "1|1|1\n");
	assert_missing(store, "archive");
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_int_equal(counted(METRIC_WATCH_RESCUED), 0);
}

/* Other bytes of the same length, and nothing else told of them. */
static void
bytes_of_the_same_length_are_found_out(void **state)
{
	(void)state;
	drifted.count = 0;
	patrol->options.drifted = take_drift;
	learn_witnesses(3);
	learn_one("", 7, "Archive");
	put(store, "archive", INTAKE_STORED);
	assert_in_range(visits_until_whole(NEVER), 1, NEVER);
	run_for(HOUR); /* until somebody vouched for the network */
	assert_string_equal(drifted.bytes, "Archive");
	assert_string_equal(ask_index("SELECT was, is_now FROM news"), "1|4\n");
}

static bool get_is_gone;

static void
head_alone_is_well(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	tells(url, kind, ret);
	if (!get_is_gone || kind == PROBE_HEAD || strcmp(url, AT) != 0)
		return;
	intake_close(ret->intake);
	ret->intake = NULL;
	ret->digests = NULL; /* which were in it */
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
}

/* Nor does HEAD acquit an origin whose GET fails. */
static void
what_only_head_finds_has_vanished(void **state)
{
	(void)state;
	learn_witnesses(3);
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	get_is_gone = true;
	internet = head_alone_is_well;
	assert_in_range(visits_until_whole(NEVER), 1, NEVER);
	forget_asked();
	run_for(3 * DAY);
	assert_string_equal(ask_index("SELECT was, is_now FROM news"), "1|3\n");
	assert_int_equal(times_asked(AT), 5); /* 3 minutes, 1, 6, 24 and 49 hours later */
	get_is_gone = false;
	run_for(2 * DAY);
	assert_string_equal(ask_index("SELECT state FROM origin WHERE url = '" AT "'"), "1\n");
}

static void
checks_leave_half_of_the_budget(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	length = (1 << 20) - 7; /* not quite half of it */
	for (int i = 0; i < NEVER; i++) {
		patrol->budget.bytes = 1 << 20; /* half of it is there, as good as */
		patrol->budget.at_ms = now.ms + 2 * HOUR;
		visit();
	}
	for (size_t i = 0; i < n_asked; i++)
		assert_int_equal(log_of_asked[i].kind, PROBE_HEAD);
	assert_true(counted(METRIC_LIMIT_WATCH_FULL) > 5);
	/* It is told that it is there, and asked in turn. */
	assert_string_equal(ask_index("SELECT result, proved_at FROM origin"), "5|0\n");
	assert_true(number_in_index("SELECT check_at FROM origin") > now.wall_ms + 26 * DAY);
}

static void
what_is_too_large_is_not_checked(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	length = (1 << 20) + 1; /* half of the budget */
	assert_int_equal(visits_until_whole(NEVER), NEVER + 1);
	assert_int_equal(counted(METRIC_LIMIT_WATCH_FULL), 0);
}

/* --- limits --- */

static void
the_budget_puts_off_and_forgets_nothing(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	etag = "\"2\"";
	length = 7;
	forget_asked();
	patrol->budget.bytes = -(1 << 20); /* half a day's worth overdrawn */
	patrol->budget.at_ms = now.ms + 2 * HOUR;
	visit();
	assert_asked("H");
	assert_int_equal(counted(METRIC_LIMIT_WATCH_FULL), 1);
	/* What it tells now is not taken for good before its bytes were seen. */
	assert_string_equal(origin_state(), "1|5|\"1\"|7\n");
	run_for(2 * DAY);
	assert_asked("HW");
	assert_string_equal(origin_state(), "1|1|\"2\"|7\n");
}

#define DOWN "https://down.example/x/a.tgz"

static void
one_is_down(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	tells(url, kind, ret);
	if (strcmp(url, DOWN) != 0)
		return;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 0;
	ret->contact.detail = "connection refused";
}

/*
 * Who waits for his bytes to be looked at vouches for nobody meanwhile, or all who failed would wait for his
 * word.
 */
static void
who_is_put_off_holds_nobody_up(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	learn_at("other", DOWN);
	put(store, "archive", INTAKE_STORED);
	visit();
	etag = "\"2\"";
	length = 7;
	internet = one_is_down;
	forget_asked();
	patrol->budget.bytes = -(1 << 20);
	patrol->budget.at_ms = now.ms + 2 * HOUR;
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE url = '" DOWN "'", wall() + HOUR);
	visit();
	assert_int_equal(counted(METRIC_LIMIT_WATCH_FULL), 1);
	assert_int_equal(times_asked(DOWN), 1);
	run_for(10 * MINUTE);
	assert_int_equal(times_asked(DOWN), 2);
}

static void
what_is_too_large_is_never_downloaded(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	forget_asked();
	length = (1 << 20) + 1; /* fetch.max_archive */
	visit();
	assert_asked("H");
	run_for(28 * DAY);
	assert_asked("");
	run_for(3 * DAY);
	assert_asked("H");
	assert_string_equal(origin_state(), "1|5|\"1\"|7\n");
	assert_int_equal(counted(METRIC_LIMIT_WATCH_FULL), 2);
}

static void
one_archive_comes_at_a_time(void **state)
{
	(void)state;
	learn_one("\"1\"", 7, "archive");
	put(store, "archive", INTAKE_STORED);
	visit();
	forget_asked();
	etag = "\"2\"";
	patrol->whole = 1; /* another one is coming */
	visit();
	assert_asked("H");
	patrol->whole = 0;
	run_for(MINUTE);
	assert_asked("W");
}

/* --- who is passed over --- */

static void
add_some(struct harvest *harvest, unsigned which, const char *url)
{
	struct digests all = all_digests("archive"), some = {0};

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if ((which & 1u << algo) != 0 && digests_get(&all, (enum digest_algo)algo, &digest))
			digests_put(&some, &digest);
	}
	add_entry(harvest, &some, url);
}

static void
a_url_of_several_entries_is_asked_once(void **state)
{
	struct harvest *harvest = harvest_create();

	(void)state;
	add_some(harvest, 1u << DIGEST_MD5, AT);
	add_some(harvest, 1u << DIGEST_MD5 | 1u << DIGEST_SHA256, "https://h.example/x/b.tgz");
	add_some(harvest, 1u << DIGEST_MD5 | 1u << DIGEST_SHA256 | 1u << DIGEST_SHA512, AT);
	learn_harvest(harvest);
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	run_for(MINUTE);
	assert_int_equal(times_asked(AT), 1);
	assert_int_equal(n_asked, 2);
	/* And all of them know. */
	assert_string_equal(ask_index("SELECT DISTINCT state FROM origin"), "1\n");
}

static void
mirrors_are_asked_for_what_they_had(void **state)
{
	static const char *const urls[] = {"https://mirror.example/sha256/a",
	        "https://mirror.example/sha256/b", "https://old.example/sha256/a"};

	(void)state;
	learn_at("archive", AT);
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct contact contact = {.asked = digest_of("archive", DIGEST_SHA256),
		        .url = urls[i],
		        .result = i == 1 ? ORIGIN_GONE : ORIGIN_SERVED,
		        .status = 200,
		        .length = -1,
		        .at_ms = now.wall_ms - DAY};

		catalog_contact(store_catalog(store), &contact);
	}
	flush();
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE url <> '" AT "'", wall());
	run_for(MINUTE);
	assert_int_equal(n_asked, 1);
	assert_string_equal(log_of_asked[0].url, urls[0]);
	assert_int_equal(
	        number_in_index(
	                "SELECT count(*) FROM origin WHERE check_at < 1700086400000 AND url <> '" AT "'"),
	        0);
}

static void
what_cannot_be_asked_is_planned_far_away(void **state)
{
	(void)state;
	learn_at("archive", "ftp://h.example/x/a.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	run_for(HOUR);
	assert_int_equal(n_asked, 0);
	assert_true(number_in_index("SELECT check_at FROM origin") > now.wall_ms + 20 * DAY);
}

static void
what_somebody_else_asked_is_not_asked_again(void **state)
{
	struct contact contact = {
	        .result = ORIGIN_SERVED, .status = 200, .length = 7, .at_ms = T0 + HOUR, .origin_id = 1};

	(void)state;
	learn_one("", 7, "archive");
	catalog_contact(store_catalog(store), &contact);
	flush();
	now.wall_ms += HOUR + MINUTE;
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	run_for(MINUTE);
	assert_asked("");
	assert_true(number_in_index("SELECT check_at FROM origin") > now.wall_ms + 26 * DAY);
}

/* --- with its thread --- */

static probe_done_fn *waiting_done;
static void *waiting_context;
static atomic_bool asked_by_thread;

static bool
ask_and_wait(void *context, const struct probe_plan *plan, probe_done_fn *done, void *done_context,
        struct err *err)
{
	(void)context;
	(void)plan;
	(void)err;
	waiting_done = done;
	waiting_context = done_context;
	asked_by_thread = true;
	return true;
}

static void
a_stop_waits_for_what_is_under_way(void **state)
{
	struct probe_answer answer = {
	        .contact = {.result = ORIGIN_UNTRIED, .detail = "", .etag = "", .modified = "", .length = -1},
	        .retry_after_ms = -1};
	struct err err = ERR_NONE;

	(void)state;
	learn_at("archive", AT);
	run_sql(store, "UPDATE origin SET check_at = 1000");
	patrol->options.ask.probe = ask_and_wait;
	asked_by_thread = false;
	assert_true(patrol_start(patrol, &err));
	while (!asked_by_thread)
		usleep(1000);
	patrol_stop(patrol);
	answer_whole(&answer, "archive"); /* and what it brings is dropped */
	waiting_done(waiting_context, &answer);
	patrol_destroy(patrol);
	assert_string_equal(ask_index("SELECT tried_at FROM origin"), "0\n");
	assert_missing(store, "archive");
	patrol = patrol_create(&options); /* for the end of the test */
}

static bool
stopping(void *context, const struct probe_plan *plan, probe_done_fn *done, void *done_context,
        struct err *err)
{
	(void)context;
	(void)plan;
	(void)done;
	(void)done_context;
	asked_by_thread = true;
	return err_set(err, ERR_STOPPING, "larder is stopping");
}

static void
who_cannot_ask_pauses(void **state)
{
	(void)state;
	learn_one("", 7, "archive");
	patrol->options.ask.probe = stopping;
	asked_by_thread = false;
	visit();
	assert_true(asked_by_thread);
	patrol->options.ask.probe = ask_internet;
	run_for(PATROL_TROUBLE_MS - 2 * MINUTE);
	assert_asked("");
	run_for(3 * MINUTE);
	assert_asked("H");
}

static void
counts_from_time_to_time(void **state)
{
	struct patrol_figures figures;

	(void)state;
	learn_one("", 7, "archive");
	patrol_figures(patrol, &figures);
	assert_false(figures.counted);
	patrol_count(patrol, now);
	patrol_figures(patrol, &figures);
	assert_true(figures.counted);
	assert_int_equal(figures.archives.by_state[ARCHIVE_IS_UNTRIED], 1);
	visit(); /* which is something new */
	patrol_count(patrol, now);
	patrol_figures(patrol, &figures);
	assert_int_equal(figures.archives.by_state[ARCHIVE_IS_REACHABLE], 1);
	assert_int_equal(figures.archives.by_copies[1], 1);
	/* What nobody told the patrol is counted in time. */
	put(store, "archive", INTAKE_STORED);
	now.ms += PATROL_NEWS_MS;
	patrol_count(patrol, now);
	patrol_figures(patrol, &figures);
	assert_int_equal(figures.archives.by_state[ARCHIVE_IS_STORED], 0);
	now.ms += PATROL_COUNT_MS;
	patrol_count(patrol, now);
	patrol_figures(patrol, &figures);
	assert_int_equal(figures.archives.by_state[ARCHIVE_IS_STORED], 1);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall() - 2 * HOUR);
	now.ms += PATROL_COUNT_MS;
	patrol_count(patrol, now);
	patrol_figures(patrol, &figures);
	assert_int_equal(figures.overdue, 1);
}

#define PATROLLED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        PATROLLED(what_agrees_is_present),
	        PATROLLED(an_etag_that_moved_is_looked_behind_once),
	        PATROLLED(what_tells_nothing_is_looked_at),
	        PATROLLED(the_world_is_not_downloaded),
	        PATROLLED(other_bytes_are_handed_on),
	        PATROLLED(other_bytes_nobody_takes_are_dropped),
	        PATROLLED(head_and_get_may_differ),
	        PATROLLED(what_others_lost_is_kept),
	        PATROLLED(what_begins_to_vanish_is_kept_at_once),
	        PATROLLED(what_comes_back_is_kept),
	        PATROLLED(what_was_removed_stays_removed),
	        PATROLLED(what_tells_nothing_new_is_looked_at_now_and_then),
	        PATROLLED(what_was_proved_lately_is_not_checked),
	        PATROLLED(what_is_checked_is_not_kept),
	        PATROLLED(bytes_of_the_same_length_are_found_out),
	        PATROLLED(what_only_head_finds_has_vanished),
	        PATROLLED(checks_leave_half_of_the_budget),
	        PATROLLED(what_is_too_large_is_not_checked),
	        PATROLLED(the_budget_puts_off_and_forgets_nothing),
	        PATROLLED(who_is_put_off_holds_nobody_up),
	        PATROLLED(what_is_too_large_is_never_downloaded),
	        PATROLLED(one_archive_comes_at_a_time),
	        PATROLLED(a_url_of_several_entries_is_asked_once),
	        PATROLLED(mirrors_are_asked_for_what_they_had),
	        PATROLLED(what_cannot_be_asked_is_planned_far_away),
	        PATROLLED(what_somebody_else_asked_is_not_asked_again),
	        PATROLLED(a_stop_waits_for_what_is_under_way),
	        PATROLLED(who_cannot_ask_pauses),
	        PATROLLED(counts_from_time_to_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
