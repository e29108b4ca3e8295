/*
 * The patrol in time: rounds, restarts, politeness, suspicion, witnesses and siblings, against an internet
 * that answers at once and a clock that does not wait.
 */
#include "tests/support/patrolled.h"

#include "server/admin/metrics.h"

static int
set_up(void **state)
{
	(void)state;
	begin_patrol("watch { full_per_day = 64MiB }\n");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(too_soon, 0);
	end_patrol();
	return 0;
}

#define ROUND 1245

static void
name_origin(int i, char ret[128])
{
	if (i % 5 < 3)
		snprintf(ret, 128, "https://github.com/user%d/archive/%d.tar.gz", i % 97, i);
	else
		snprintf(ret, 128, "https://host%d.example/files/%d.tar.gz", i % 53, i);
}

static void
learn_round(int count)
{
	struct harvest *harvest = harvest_create();

	for (int i = 0; i < count; i++) {
		struct digests digests;
		char url[128];

		name_origin(i, url);
		digests = all_digests(url);
		add_entry(harvest, &digests, url);
	}
	learn_harvest(harvest);
}

static void
asks_all_once_in_a_round(void **state)
{
	(void)state;
	learn_round(ROUND);
	run_for(30 * DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE tried_at > 0"), ROUND);
	assert_true(n_asked >= ROUND && n_asked < ROUND * 6 / 5);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE state <> 1"), 0);
	/* All bytes of one in twelve, but for the first half day, when there is no budget for that yet. */
	assert_in_range(times_asked_whole(), ROUND / 15, ROUND / 10);
	/* Spread over it, and again over the next one. */
	assert_true(number_in_index("SELECT max(check_at) - min(check_at) FROM origin") > 25 * DAY);
	run_for(30 * DAY);
	assert_true(n_asked >= 2 * ROUND && n_asked < 2 * ROUND * 6 / 5);
}

static void
a_restart_keeps_the_schedule(void **state)
{
	AUTO_FREE char *before = NULL;

	(void)state;
	learn_round(200);
	run_for(10 * DAY);
	before = xstrdup(ask_index("SELECT id, check_at FROM origin ORDER BY id"));
	restart_after(HOUR);
	run_for(0);
	/* But for those that fell due meanwhile. */
	assert_true(number_in_index("SELECT count(*) FROM origin WHERE tried_at = 0") > 100);
	run_sql(store, "CREATE TABLE told (id INTEGER, at INTEGER)");
	for (const char *line = before; *line != '\0'; line = strchr(line, '\n') + 1) {
		long long id = strtoll(line, NULL, 10), at = strtoll(strchr(line, '|') + 1, NULL, 10);

		if (at > now.wall_ms)
			run_sql(store, "INSERT INTO told VALUES (%lld, %lld)", id, at);
	}
	assert_int_equal(
	        number_in_index("SELECT count(*) FROM told JOIN origin USING (id) WHERE at <> check_at"), 0);
	run_for(20 * DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE tried_at = 0"), 0);
}

static void
the_overdue_are_asked_in_order_and_politely(void **state)
{
	struct metrics *metrics = metrics_create();
	int64_t began_ms;

	(void)state;
	learn_round(ROUND);
	run_for(MINUTE);
	restart_after(60 * DAY);
	patrol->options.metrics = metrics;
	began_ms = now.wall_ms;
	run_for(2 * HOUR);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE tried_at = 0"), 0);
	/* 747 of one host take 25 minutes at least. */
	assert_true(number_in_index("SELECT max(tried_at) FROM origin") - began_ms >= 746 * 2000);
	assert_true(metrics_get(metrics, METRIC_LIMIT_WATCH_QUEUE) > 0);
	for (size_t i = 1; i < n_asked; i++)
		assert_true(log_of_asked[i].wall_ms >= log_of_asked[i - 1].wall_ms);
	patrol->options.metrics = NULL;
	metrics_destroy(metrics);
}

/* --- hosts --- */

static void
too_many_requests(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	if (strstr(url, "busy") == NULL)
		return;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 429;
	ret->retry_after_ms = 1800000;
}

static void
everybody_has_enough(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)url;
	(void)kind;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 429;
}

static void
a_host_that_has_enough_is_left_alone_for_a_day(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		char url[64];

		snprintf(url, sizeof url, "https://busy.example/x/%d.tgz", i);
		learn_at(url, url);
	}
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	internet = too_many_requests;
	run_for(HOUR);
	assert_int_equal(n_asked, 1);
	/* Nothing is held against the archives, and a restart forgets nothing. */
	assert_string_equal(ask_index("SELECT DISTINCT failures, tried_at FROM origin"), "0|0\n");
	assert_string_equal(
	        ask_index("SELECT name, rests_until - %lld FROM host", T0), "busy.example|86400000\n");
	restart_after(HOUR);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	run_for(22 * HOUR - 1);
	assert_int_equal(n_asked, 1);
	internet = NULL;
	run_for(HOUR);
	assert_int_equal(n_asked, 6);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE state = 1"), 5);
}

static void
wants_a_week(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	(void)url;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 503;
	ret->retry_after_ms = 7 * DAY;
}

static void
a_host_rests_as_long_as_it_says(void **state)
{
	(void)state;
	learn_at("a", "https://busy.example/x/a.tgz");
	learn_at("b", "https://busy.example/x/b.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	internet = wants_a_week;
	run_for(7 * DAY - HOUR);
	assert_int_equal(n_asked, 1);
	assert_string_equal(ask_index("SELECT failures FROM origin ORDER BY failures"), "0\n1\n");
	internet = NULL;
	run_for(2 * HOUR);
	assert_int_equal(n_asked, 3);
}

static void
not_asked(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)url;
	(void)kind;
	ret->contact.result = ORIGIN_UNTRIED;
	ret->contact.status = 0;
	ret->retry_after_ms = 10 * MINUTE;
}

static void
what_was_not_asked_is_no_contact(void **state)
{
	(void)state;
	learn_at("a", "https://h.example/x/a.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	internet = not_asked;
	run_for(9 * MINUTE);
	assert_int_equal(n_asked, 1);
	assert_string_equal(ask_index("SELECT tried_at, failures FROM origin"), "0|0\n");
	internet = NULL;
	run_for(5 * MINUTE);
	assert_int_equal(n_asked, 2);
	assert_string_equal(ask_index("SELECT state, failures FROM origin"), "1|0\n");
	assert_int_equal(number_in_index("SELECT count(*) FROM host"), 0);
}

static void
forbidden(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	if (strstr(url, "private") == NULL)
		return;
	not_asked(url, kind, ret);
	ret->retry_after_ms = -1;
	ret->contact.detail = "10.0.0.7: neither public nor in fetch.allow_private";
	ret->forbidden = true;
}

/* However often: it is no failure of the origin's, and says nothing of the network. */
static void
what_larder_may_not_ask_has_not_failed(void **state)
{
	(void)state;
	learn_witnesses(4);
	learn_at("a", "https://private.example/x/a.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE site LIKE 'private%%'", wall());
	internet = forbidden;
	run_for(20 * DAY);
	assert_in_range(times_asked("https://private.example/x/a.tgz"), 19, 21);
	assert_string_equal(
	        ask_index("SELECT state, result, failures, tried_at > 0, detail FROM origin WHERE site LIKE "
	                  "'private%%'"),
	        "0|0|0|1|10.0.0.7: neither public nor in fetch.allow_private\n");
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	internet = NULL;
	run_for(DAY);
	assert_string_equal(
	        ask_index("SELECT state, detail FROM origin WHERE site LIKE 'private%%'"), "1|\n");
}

static int
set_up_rewriting(void **state)
{
	(void)state;
	begin_patrol("rewrite \"https://one.example/\" { to = \"https://mirror.example/one/\" }\n"
	             "rewrite \"https://two.example/\" { to = \"https://mirror.example/two/\" }\n");
	return 0;
}

static void
two_hosts_that_are_one_are_asked_like_one(void **state)
{
	(void)state;
	learn_at("a", "https://one.example/x/a.tgz");
	learn_at("b", "https://two.example/x/b.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	run_for(MINUTE);
	assert_int_equal(n_asked, 2);
	assert_true(log_of_asked[1].wall_ms - log_of_asked[0].wall_ms >= 2000);
	/* And where the one has enough, so has the other. */
	forget_asked();
	now.wall_ms += DAY;
	now.ms += DAY;
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	internet = everybody_has_enough;
	run_for(HOUR);
	assert_int_equal(n_asked, 1);
	assert_string_equal(ask_index("SELECT name FROM host"), "mirror.example\n");
}

static void
redirects_to_third(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	if (strstr(url, "third") == NULL)
		ret->ended_at = "third.example";
}

/* The third one is asked in its own turn only when the first one's redirect was a while ago. */
static void
where_a_redirect_ended_is_left_alone_too(void **state)
{
	(void)state;
	learn_at("a", "https://first.example/x/a.tgz");
	learn_at("b", "https://third.example/x/b.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld + 1000 * id", wall());
	internet = redirects_to_third;
	idle_step_ms = 1000;
	run_for(MINUTE);
	assert_int_equal(n_asked, 2);
	assert_true(log_of_asked[1].wall_ms - log_of_asked[0].wall_ms >= 2000);
}

static void
no_head(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	if (strstr(url, "nohead") == NULL || kind != PROBE_HEAD)
		return;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 405;
}

static void
forbids_all(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)url;
	(void)kind;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 403;
}

static void
who_refuses_head_is_asked_for_a_byte(void **state)
{
	(void)state;
	learn_at("a", "https://nohead.example/x/a.tgz");
	learn_at("b", "https://nohead.example/x/b.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld + id", wall());
	internet = no_head;
	run_for(2 * MINUTE);
	assert_int_equal(n_asked, 3);
	assert_int_equal(log_of_asked[0].kind, PROBE_HEAD);
	assert_int_equal(log_of_asked[1].kind, PROBE_RANGE);
	assert_int_equal(log_of_asked[2].kind, PROBE_RANGE);
	assert_string_equal(ask_index("SELECT DISTINCT state, failures FROM origin"), "1|0\n");
	/* Refused both ways it is a failure, and HEAD is not to blame. */
	forget_asked();
	learn_at("c", "https://forbidden.example/x/c.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld WHERE id = 3", wall());
	internet = forbids_all;
	run_for(0);
	run_for(2 * MINUTE);
	assert_int_equal(n_asked, 2);
	assert_string_equal(ask_index("SELECT state, failures, result FROM origin WHERE id = 3"), "0|1|4\n");
}

static void
head_alone_says_gone(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	if (strstr(url, "twofaced") == NULL || kind != PROBE_HEAD)
		return;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
}

/* A server that knows no HEAD of it says 404: only when a GET says so too it is gone. */
static void
who_answers_head_otherwise_is_asked_for_a_byte(void **state)
{
	(void)state;
	learn_at("a", "https://twofaced.example/x/a.tgz");
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld", wall());
	internet = head_alone_says_gone;
	run_for(2 * MINUTE);
	assert_int_equal(n_asked, 2);
	assert_int_equal(log_of_asked[1].kind, PROBE_RANGE);
	assert_string_equal(ask_index("SELECT state, failures, result FROM origin"), "1|0|5\n");
}

/* What HEAD and GET come to at bad.example. */
static struct {
	enum origin_result result;
	int status;
	bool doubtful;
} bad_head;
static enum origin_result get_result;

static void
answers_head_badly(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	if (strstr(url, "bad.example") == NULL)
		return;
	if (kind != PROBE_HEAD) {
		ret->contact.result = get_result;
		ret->contact.status = get_result == ORIGIN_PRESENT ? 206 : 0;
		return;
	}
	ret->contact.result = bad_head.result;
	ret->contact.status = bad_head.status;
	ret->doubtful = bad_head.doubtful;
}

/* Two archives of one host of their own, the second asked after the first. */
static void
learn_bad(int which)
{
	for (int i = 0; i < 2; i++) {
		char url[64];

		snprintf(url, sizeof url, "https://%d.bad.example/x/%d.tgz", which, i);
		learn_at(url, url);
	}
	run_for(0);
	forget_asked();
	run_sql(store, "UPDATE origin SET check_at = %lld + id WHERE site LIKE '%d.bad.%%'", wall(), which);
	run_for(2 * MINUTE);
}

/* Whatever is wrong with HEAD, GET decides, and the host is asked by GET from then on. */
static void
no_bad_answer_to_head_is_told_before_a_get(void **state)
{
	static const int statuses[] = {302, 400, 401, 402, 403, 405, 406, 451, 500, 501, 502, 504, 0};

	(void)state;
	internet = answers_head_badly;
	bad_head.result = ORIGIN_FAILED;
	bad_head.doubtful = true; /* of 0: the connection was cut */
	get_result = ORIGIN_PRESENT;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		bad_head.status = statuses[i];
		learn_bad((int)i);
		assert_int_equal(n_asked, 3);
		assert_int_equal(log_of_asked[1].kind, PROBE_RANGE);
		assert_int_equal(log_of_asked[2].kind, PROBE_RANGE);
	}
	assert_string_equal(ask_index("SELECT DISTINCT state, failures, result FROM origin"), "1|0|5\n");
}

static void
what_no_get_would_change_is_told_at_once(void **state)
{
	static const enum origin_result results[] = {
	        ORIGIN_GONE /* no such host */, ORIGIN_FAILED /* no TLS, or no connection */};

	(void)state;
	internet = answers_head_badly;
	bad_head.status = 0;
	bad_head.doubtful = false;
	for (size_t i = 0; i < COUNT_OF(results); i++) {
		bad_head.result = results[i];
		learn_bad((int)i);
		for (size_t j = 0; j < 2; j++) {
			char url[64];

			snprintf(url, sizeof url, "https://%zu.bad.example/x/%zu.tgz", i, j);
			assert_int_equal(times_asked(url), 1);
		}
	}
	assert_string_equal(ask_index("SELECT DISTINCT result FROM origin ORDER BY 1"), "2\n4\n");
}

/* The host is left alone after too many failures, this one among them. */
static void
what_cannot_be_confirmed_is_told_where_it_is_the_hosts_failure(void **state)
{
	(void)state;
	internet = answers_head_badly;
	get_result = ORIGIN_UNTRIED;
	bad_head.result = ORIGIN_FAILED;
	bad_head.status = 500;
	learn_bad(0);
	assert_string_equal(
	        ask_index("SELECT DISTINCT result, failures FROM origin WHERE site LIKE '0.%%'"), "4|1\n");
	bad_head.result = ORIGIN_GONE;
	bad_head.status = 404;
	learn_bad(1);
	assert_string_equal(
	        ask_index("SELECT DISTINCT result, failures FROM origin WHERE site LIKE '1.%%'"), "0|0\n");
}

/* --- suspicion --- */

static bool down;

static void
gone_while_down(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	if (!down || strstr(url, "kodwx") == NULL)
		return;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
	ret->contact.detail = "404";
}

/* An account with some archives that serve, next asked in the second week, the first of them in a minute. */
static void
learn_account(int count)
{
	for (int i = 0; i < count; i++) {
		char url[128];

		snprintf(url, sizeof url, "https://github.com/kodwx/%d.tar.gz", i);
		learn_at(url, url);
	}
	run_sql(store,
	        "UPDATE origin SET state = 1, result = 5, served_at = %lld, tried_at = %lld, check_at = %lld "
	        "+ id * %lld"
	        " WHERE site LIKE '%%kodwx%%'",
	        T0 - 5 * DAY, T0 - 5 * DAY, wall() + 10 * DAY, MINUTE);
	run_sql(store,
	        "UPDATE origin SET check_at = %lld WHERE id = (SELECT min(id) FROM origin WHERE site LIKE "
	        "'%%kodwx%%')",
	        wall() + MINUTE);
	internet = gone_while_down;
	down = true;
}

static void
what_is_gone_has_vanished_after_two_days(void **state)
{
	int64_t first_ms, hours;

	(void)state;
	learn_witnesses(3);
	learn_account(1);
	run_for(48 * HOUR);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	first_ms = number_in_index("SELECT gone_since FROM origin WHERE site LIKE '%kodwx%'");
	assert_true(first_ms - T0 < 10 * MINUTE);
	run_for(3 * HOUR);
	assert_string_equal(ask_index("SELECT was, is_now FROM news"), "1|3\n");
	hours = (number_in_index("SELECT at FROM news") - first_ms) / HOUR;
	assert_int_equal(hours, 49);
	/*
	 * Twice at first, since nobody had vouched for the network; then after 1, 6, 24 and 49 hours. The
	 * first time in two ways.
	 */
	assert_int_equal(times_asked("https://github.com/kodwx/0.tar.gz"), 1 + 6);
	/* Daily for a week, then as everybody. */
	run_for(7 * DAY);
	assert_in_range(times_asked("https://github.com/kodwx/0.tar.gz"), 1 + 12, 1 + 14);
	run_for(25 * DAY);
	assert_in_range(times_asked("https://github.com/kodwx/0.tar.gz"), 1 + 12, 1 + 14);
	down = false;
	run_for(8 * DAY);
	assert_string_equal(ask_index("SELECT was, is_now FROM news ORDER BY id"), "1|3\n3|1\n");
}

static void
no_such_host(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	gone_while_down(url, kind, ret);
	if (ret->contact.result == ORIGIN_GONE)
		ret->contact.status = 0;
}

#define OF_ACCOUNT " FROM origin WHERE site LIKE '%%kodwx%%'"

/* Nobody else can be asked: its name may be gone, or the network here is down. */
static void
without_witnesses_nothing_vanishes(void **state)
{
	(void)state;
	learn_account(1);
	internet = no_such_host;
	run_for(20 * DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	assert_string_equal(ask_index("SELECT counted FROM origin"), "0\n");
	/* People can see that it is so. */
	assert_int_equal(catalog_network(store_catalog(store)), NETWORK_SUSPECTED);
	assert_true(patrol->suspicion_told);
	down = false;
	run_for(31 * DAY);
	assert_int_equal(catalog_network(store_catalog(store)), NETWORK_TRUSTED);
	assert_false(patrol->suspicion_told);
}

/* Over https nobody else can have said it. */
static void
the_only_host_is_taken_at_its_word(void **state)
{
	(void)state;
	learn_account(2);
	run_for(52 * HOUR);
	assert_string_equal(ask_index("SELECT was, is_now FROM news"), "1|3\n1|3\n");
	assert_false(patrol->suspicion_told);
}

static void
an_unknown_host_is_not_taken_at_its_word(void **state)
{
	(void)state;
	learn_account(1);
	run_sql(store, "UPDATE origin SET served_at = 0, state = 0");
	run_for(20 * DAY);
	assert_string_equal(ask_index("SELECT counted, state FROM origin"), "0|0\n");
}

static void
nor_is_one_without_tls(void **state)
{
	(void)state;
	learn_account(1);
	run_sql(store, "UPDATE origin SET url = replace(url, 'https', 'http')");
	run_for(20 * DAY);
	assert_string_equal(ask_index("SELECT counted FROM origin"), "0\n");
}

/* Each of the few is judged by the others. */
static void
one_of_two_or_three_hosts_may_be_dead(void **state)
{
	(void)state;
	learn_witnesses(1);
	learn_account(1);
	internet = no_such_host;
	run_for(52 * HOUR);
	assert_string_equal(ask_index("SELECT state" OF_ACCOUNT), "3\n");
	learn_at("another", "https://another.example/x/a.tgz");
	run_sql(store,
	        "UPDATE origin SET state = 1, served_at = 1, check_at = CASE WHEN site LIKE '%%kodwx%%' THEN"
	        " %lld ELSE check_at END, failures = 0, counted = 0, gone = 0",
	        wall());
	run_for(52 * HOUR);
	assert_string_equal(ask_index("SELECT state" OF_ACCOUNT), "3\n");
	assert_int_equal(catalog_network(store_catalog(store)), NETWORK_TRUSTED);
}

static void
all_say_404(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)url;
	(void)kind;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
}

/* Not even over https: where there are others, they have to vouch. */
static void
where_everybody_says_404_nothing_vanishes(void **state)
{
	(void)state;
	learn_witnesses(2);
	learn_account(2);
	run_sql(store, "UPDATE origin SET check_at = %lld + id", wall());
	internet = all_say_404;
	run_for(20 * DAY);
	assert_string_equal(ask_index("SELECT DISTINCT counted, state FROM origin"), "0|1\n");
	assert_true(patrol->suspicion_told);
}

/* A question to one that is gone is no suspicion worth a line while a witness is found at once. */
static void
a_suspicion_that_is_cleared_up_at_once_is_not_told(void **state)
{
	(void)state;
	learn_witnesses(1);
	learn_account(1);
	for (int i = 0; i < 26; i++) {
		run_for(2 * HOUR);
		assert_false(patrol->suspicion_told);
	}
	assert_string_equal(ask_index("SELECT state" OF_ACCOUNT), "3\n");
}

static void
what_vanishes_together_is_judged_together(void **state)
{
	(void)state;
	learn_witnesses(4);
	learn_account(30);
	learn_at("a neighbour", "https://github.com/lucid/1.tar.gz");
	run_sql(store, "UPDATE origin SET state = 1, result = 5, check_at = %lld WHERE site LIKE '%%lucid%%'",
	        wall() + 9 * DAY);
	run_for(51 * HOUR);
	assert_int_equal(number_in_index("SELECT count(*) FROM news WHERE is_now = 3"), 30);
	assert_true(number_in_index("SELECT max(at) - min(at) FROM news") < 2 * HOUR);
	/* A neighbour on the same host was looked at too, and is well. */
	assert_int_equal(times_asked("https://github.com/lucid/1.tar.gz"), 1);
	assert_string_equal(ask_index("SELECT state FROM origin WHERE site LIKE '%%lucid%%'"), "1\n");
}

/* Though the others were well two hours before, and their turn is far away. */
static void
what_was_well_just_before_is_judged_with_it(void **state)
{
	(void)state;
	learn_witnesses(4);
	learn_account(5);
	run_sql(store, "UPDATE origin SET tried_at = %lld, served_at = tried_at WHERE site LIKE '%%kodwx%%'",
	        wall() - 2 * HOUR);
	run_for(51 * HOUR);
	assert_int_equal(number_in_index("SELECT count(*) FROM news WHERE is_now = 3"), 5);
	assert_true(number_in_index("SELECT max(at) - min(at) FROM news") < HOUR);
}

static void
all_silent_while_down(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)url;
	(void)kind;
	if (!down)
		return;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 0;
	ret->contact.detail = "no such host";
}

static void
an_outage_at_home_is_nobodys_failure(void **state)
{
	(void)state;
	learn_round(600);
	run_sql(store, "UPDATE origin SET state = 1, result = 5, tried_at = %lld, served_at = %lld",
	        T0 - 20 * DAY, T0 - 20 * DAY);
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld + id * 60000", wall());
	run_for(2 * HOUR);
	internet = all_silent_while_down;
	down = true;
	run_for(HOUR);
	assert_true(number_in_index("SELECT count(*) FROM origin WHERE failures > 0") >= 40);
	down = false;
	assert_true(number_in_index("SELECT max(counted) FROM origin") <= 1);
	run_for(4 * DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	assert_int_equal(number_in_index("SELECT max(counted) FROM origin"), 0);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE state <> 1"), 0);
}

static void
broken_github(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	if (!down || strstr(url, "github.com") == NULL)
		return;
	ret->contact.result = ORIGIN_FAILED;
	ret->contact.status = 502;
	ret->contact.detail = "502";
}

static void
a_bad_day_of_a_large_host_is_no_news(void **state)
{
	(void)state;
	learn_round(ROUND);
	run_sql(store, "UPDATE origin SET state = 1, result = 5, tried_at = %lld, served_at = %lld",
	        T0 - 20 * DAY, T0 - 20 * DAY);
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld + id * %lld", wall(), 30 * MINUTE);
	run_for(6 * HOUR);
	internet = broken_github;
	down = true;
	run_for(DAY);
	assert_true(number_in_index("SELECT count(*) FROM origin WHERE counted > 0") >= 20);
	down = false;
	run_for(4 * DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE counted > 0"), 0);
}

static void
flaps(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	(void)kind;
	if (strstr(url, "flappy") == NULL || (now.wall_ms / (5 * HOUR)) % 2 == 0)
		return;
	ret->contact.result = ORIGIN_GONE;
	ret->contact.status = 404;
}

static void
a_host_that_comes_and_goes_is_no_news(void **state)
{
	(void)state;
	learn_witnesses(4);
	for (int i = 0; i < 20; i++) {
		char url[64];

		snprintf(url, sizeof url, "https://flappy.example/x/%d.tgz", i);
		learn_at(url, url);
	}
	run_for(0);
	run_sql(store, "UPDATE origin SET check_at = %lld + id * %lld WHERE site LIKE '%%flappy%%'", wall(),
	        3 * HOUR);
	internet = flaps;
	run_for(14 * DAY);
	assert_true(n_asked > 40);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
}

/* --- clocks --- */

static void
a_clock_set_back_loses_nobody(void **state)
{
	(void)state;
	learn_round(100);
	run_for(5 * DAY);
	now.wall_ms += 400 * DAY; /* a wrong clock: all are overdue */
	run_for(DAY);
	assert_int_equal(number_in_index("SELECT count(*) FROM origin WHERE tried_at = 0"), 0);
	forget_asked();
	now.wall_ms -= 400 * DAY;
	run_for(31 * DAY);
	assert_in_range(n_asked, 100, 140);
	for (int i = 0; i < 100; i++) {
		char url[128];

		name_origin(i, url);
		assert_true(times_asked(url) >= 1);
	}
}

static void
a_jump_of_the_clock_is_no_time_that_passed(void **state)
{
	(void)state;
	learn_witnesses(4);
	learn_account(1);
	run_for(30 * MINUTE);
	assert_int_equal(number_in_index("SELECT gone FROM origin WHERE site LIKE '%kodwx%'"), 1);
	now.wall_ms += 400 * DAY;
	run_for(30 * MINUTE);
	assert_int_equal(number_in_index("SELECT gone FROM origin WHERE site LIKE '%kodwx%'"), 2);
	assert_int_equal(number_in_index("SELECT count(*) FROM news"), 0);
}

#define PATROLLED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        PATROLLED(asks_all_once_in_a_round),
	        PATROLLED(a_restart_keeps_the_schedule),
	        PATROLLED(the_overdue_are_asked_in_order_and_politely),
	        PATROLLED(a_host_that_has_enough_is_left_alone_for_a_day),
	        PATROLLED(a_host_rests_as_long_as_it_says),
	        PATROLLED(what_was_not_asked_is_no_contact),
	        PATROLLED(what_larder_may_not_ask_has_not_failed),
	        cmocka_unit_test_setup_teardown(
	                two_hosts_that_are_one_are_asked_like_one, set_up_rewriting, tear_down),
	        PATROLLED(where_a_redirect_ended_is_left_alone_too),
	        PATROLLED(who_refuses_head_is_asked_for_a_byte),
	        PATROLLED(who_answers_head_otherwise_is_asked_for_a_byte),
	        PATROLLED(no_bad_answer_to_head_is_told_before_a_get),
	        PATROLLED(what_no_get_would_change_is_told_at_once),
	        PATROLLED(what_cannot_be_confirmed_is_told_where_it_is_the_hosts_failure),
	        PATROLLED(what_is_gone_has_vanished_after_two_days),
	        PATROLLED(without_witnesses_nothing_vanishes),
	        PATROLLED(the_only_host_is_taken_at_its_word),
	        PATROLLED(an_unknown_host_is_not_taken_at_its_word),
	        PATROLLED(nor_is_one_without_tls),
	        PATROLLED(one_of_two_or_three_hosts_may_be_dead),
	        PATROLLED(where_everybody_says_404_nothing_vanishes),
	        PATROLLED(a_suspicion_that_is_cleared_up_at_once_is_not_told),
	        PATROLLED(what_vanishes_together_is_judged_together),
	        PATROLLED(what_was_well_just_before_is_judged_with_it),
	        PATROLLED(an_outage_at_home_is_nobodys_failure),
	        PATROLLED(a_bad_day_of_a_large_host_is_no_news),
	        PATROLLED(a_host_that_comes_and_goes_is_no_news),
	        PATROLLED(a_clock_set_back_loses_nobody),
	        PATROLLED(a_jump_of_the_clock_is_no_time_that_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
