/*
 * Contacts as they are remembered: whom an answer concerns, what becomes news, what of an origin's words is
 * kept.
 */
#include "tests/support/sql.h"

#include "tests/support/cataloged.h"

#define T0   1700000000000ll
#define HOUR 3600000ll

enum { MD5 = 1 << DIGEST_MD5, SHA256 = 1 << DIGEST_SHA256, SHA512 = 1 << DIGEST_SHA512 };

/* Teaches one entry with these digests of a string, at one URL. */
static void
learn_aged(const char *string, unsigned which, const char *url, enum origin_age age)
{
	struct digests all = digests_of(string, strlen(string)), some = {0};
	struct harvest_entry entry = {
	        .package = "a.1", .urls = &url, .n_urls = 1, .past = age == ORIGIN_PAST};
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if ((which & 1u << algo) != 0 && digests_get(&all, (enum digest_algo)algo, &digest))
			digests_put(&some, &digest);
	}
	entry.digests = some;
	assert_true(harvest_add(harvest, &entry, "a test", 1));
	if (!catalog_learn(catalog, harvest, "a test", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
}

static void
learn(const char *string, unsigned which, const char *url)
{
	learn_aged(string, which, url, ORIGIN_CURRENT);
}

#define ASK_MAX 4096

/* What the index answers, a line a row; all that was posted before is written then. */
static const char *
ask(const char *question)
{
	static char answer[ASK_MAX];
	AUTO_FREE char *path = path_below(directory, "index.db");
	AUTO_TEXT text = TEXT_EMPTY;
	sqlite3_stmt *statement;
	sqlite3 *handle;

	run_sql(store, "SELECT 1"); /* behind them */
	assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, question, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			text_addf(&text, "%s%s", i > 0 ? "|" : "", db_column_text(statement, i));
		text_add(&text, "\n");
	}
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	snprintf(answer, sizeof answer, "%s", text_string(&text));
	return answer;
}

static struct contact
contact_of(int64_t origin, enum origin_result result, int status, int64_t at_ms)
{
	return (struct contact){.origin_id = origin,
	        .result = result,
	        .status = status,
	        .detail = "as told",
	        .etag = "",
	        .modified = "",
	        .length = -1,
	        .at_ms = at_ms};
}

static void
say(int64_t origin, enum origin_result result, int status, int64_t at_ms)
{
	struct contact contact = contact_of(origin, result, status, at_ms);

	catalog_contact(catalog, &contact);
}

/*
 * A host that serves is what makes failures of others count. The first origin of each test is such a witness.
 */
static void
learn_witness(void)
{
	learn("witness", SHA256, "https://good.example/x/witness.tgz");
}

static void
witness(int64_t at_ms)
{
	say(1, ORIGIN_SERVED, 200, at_ms);
}

#define STATES "SELECT id, state, failures FROM origin ORDER BY id"
#define NEWS   "SELECT origin, was, is_now, at FROM news ORDER BY id"

static void
mirrors_get_rows_where_the_archive_is_listed(void **state)
{
	struct contact contact = contact_of(0, ORIGIN_SERVED, 200, T0);

	(void)state;
	learn("a", SHA256, "https://h.example/u/a.tgz");
	contact.asked = digest_of("a", DIGEST_SHA256);
	contact.url = "https://mirror.example/cache/sha256/a";
	catalog_contact(catalog, &contact);
	assert_string_equal(
	        ask("SELECT entry, url, site, last_named, past, state, served_at FROM origin WHERE id > 1"),
	        "1|https://mirror.example/cache/sha256/a|mirror.example/cache||0|1|1700000000000\n");
	/* Once more it is the same row. */
	contact.result = ORIGIN_GONE;
	contact.at_ms = T0 + HOUR;
	catalog_contact(catalog, &contact);
	assert_string_equal(ask("SELECT id, result, failures FROM origin WHERE id > 1"), "2|2|1\n");
	/* Of what nobody lists there is nothing to remember, nor of what is no URL. */
	contact.asked = digest_of("b", DIGEST_SHA256);
	catalog_contact(catalog, &contact);
	contact.asked = digest_of("a", DIGEST_SHA256);
	contact.url = "ftp://mirror.example/a";
	catalog_contact(catalog, &contact);
	assert_string_equal(ask("SELECT count(*) FROM origin"), "2\n");
}

static void
a_mirrors_row_belongs_to_the_fullest_entry(void **state)
{
	struct contact contact = contact_of(0, ORIGIN_SERVED, 200, T0);

	(void)state;
	learn("a", MD5, "https://h.example/u/a.tgz");
	learn("a", MD5 | SHA256, "https://h.example/u/a.tgz");
	contact.asked = digest_of("a", DIGEST_MD5);
	contact.url = "https://mirror.example/cache/md5/a";
	catalog_contact(catalog, &contact);
	assert_string_equal(ask("SELECT entry FROM origin WHERE id > 2"), "2\n");
}

static void
what_a_mirror_never_had_is_no_news(void **state)
{
	struct contact contact = contact_of(0, ORIGIN_GONE, 404, T0);

	(void)state;
	learn_witness();
	learn("a", SHA256, "https://h.example/u/a.tgz");
	contact.asked = digest_of("a", DIGEST_SHA256);
	contact.url = "https://mirror.example/cache/a";
	for (int day = 0; day < 4; day++) {
		witness(T0 + day * 24 * HOUR);
		contact.at_ms = T0 + day * 24 * HOUR + 1;
		catalog_contact(catalog, &contact);
	}
	assert_string_equal(ask("SELECT state FROM origin WHERE id = 3"), "3\n");
	assert_string_equal(ask(NEWS), "");
	/* What it had, is. */
	contact.result = ORIGIN_SERVED;
	contact.at_ms += HOUR;
	catalog_contact(catalog, &contact);
	assert_string_equal(ask(NEWS), "3|3|1|1700262800001\n");
}

static void
failures_are_shared_by_all_who_name_the_url(void **state)
{
	(void)state;
	learn_witness();
	learn("old", SHA256, "https://h.example/u/duff.tgz");
	learn("new", SHA256, "https://h.example/u/duff.tgz");
	learn("other", SHA256, "https://h.example/u/other.tgz");
	witness(T0);
	say(2, ORIGIN_GONE, 404, T0 + 1);
	assert_string_equal(ask(STATES), "1|1|0\n2|0|1\n3|0|1\n4|0|0\n");
	/* That one has its bytes tells nothing of the other. */
	say(3, ORIGIN_SERVED, 200, T0 + 2);
	say(2, ORIGIN_CHANGED, 200, T0 + 3);
	assert_string_equal(ask(STATES), "1|1|0\n2|4|2\n3|1|0\n4|0|0\n");
}

static void
what_is_good_is_good_for_the_entries_within(void **state)
{
	(void)state;
	learn_witness();
	learn("a", MD5, "https://h.example/u/a.tgz");
	learn("a", MD5 | SHA256, "https://h.example/u/elsewhere.tgz");
	learn("a", MD5 | SHA256 | SHA512, "https://h.example/u/a.tgz");
	witness(T0);
	say(4, ORIGIN_GONE, 404, T0 + 1);
	assert_string_equal(ask(STATES), "1|1|0\n2|0|1\n3|0|0\n4|0|1\n");
	say(4, ORIGIN_PRESENT, 200, T0 + 2);
	assert_string_equal(ask(STATES), "1|1|0\n2|1|0\n3|0|0\n4|1|0\n");
	/* Not the other way round: the lesser entry does not say all. */
	say(4, ORIGIN_GONE, 404, T0 + 3);
	say(2, ORIGIN_PRESENT, 200, T0 + 4);
	assert_string_equal(ask(STATES), "1|1|0\n2|1|0\n3|0|0\n4|1|1\n");
	/* Other bytes than the greater entry wants may be right for the lesser. */
	say(4, ORIGIN_CHANGED, 200, T0 + 5);
	assert_string_equal(ask(STATES), "1|1|0\n2|1|0\n3|0|0\n4|4|2\n");
}

static void
news_are_what_people_are_told(void **state)
{
	(void)state;
	learn_witness();
	learn("a", SHA256, "https://h.example/u/a.tgz");
	learn_aged("past", SHA256, "https://h.example/u/past.tgz", ORIGIN_PAST);
	witness(T0);
	say(2, ORIGIN_SERVED, 200, T0);
	assert_string_equal(ask(NEWS), ""); /* that it serves is no news */
	for (int day = 1; day <= 3; day++) {
		witness(T0 + day * 24 * HOUR);
		say(2, ORIGIN_GONE, 404, T0 + day * 24 * HOUR);
		say(3, ORIGIN_GONE, 404, T0 + day * 24 * HOUR);
	}
	/* Vanished, once; of what only the past names and nobody ever saw there is nothing to tell. */
	assert_string_equal(ask(NEWS), "2|1|3|1700259200000\n");
	assert_string_equal(ask("SELECT state FROM origin WHERE id = 3"), "3\n");
	say(2, ORIGIN_GONE, 404, T0 + 4 * 24 * HOUR);
	assert_string_equal(ask(NEWS), "2|1|3|1700259200000\n");
	say(2, ORIGIN_PRESENT, 200, T0 + 5 * 24 * HOUR);
	assert_string_equal(ask(NEWS), "2|1|3|1700259200000\n2|3|1|1700432000000\n");
}

static void
the_networks_window_is_an_hour(void **state)
{
	(void)state;
	learn_witness();
	learn("a", SHA256, "https://h.example/u/a.tgz");
	learn("b", SHA256, "https://other.example/u/b.tgz");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
	say(2, ORIGIN_GONE, 404, T0);
	assert_string_equal(ask("SELECT counted FROM origin WHERE id = 2"), "0\n");
	witness(T0 + 1);
	say(2, ORIGIN_GONE, 404, T0 + HOUR);
	assert_string_equal(ask("SELECT counted FROM origin WHERE id = 2"), "1\n");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
	say(2, ORIGIN_GONE, 404, T0 + 2 * HOUR); /* nobody was heard for an hour */
	assert_string_equal(ask("SELECT counted, failures FROM origin WHERE id = 2"), "1|3\n");
	assert_int_equal(catalog_network(catalog), NETWORK_SUSPECTED);
	/* Who vouches within the hour clears that up; nobody else need fail again for it. */
	witness(T0 + 2 * HOUR + 1);
	ask("SELECT 1");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
	say(2, ORIGIN_FAILED, 0, T0 + 2 * HOUR + 2);
	assert_string_equal(ask("SELECT counted FROM origin WHERE id = 2"), "2\n");
	/* A third of the other hosts silent is the line, not they. */
	say(3, ORIGIN_FAILED, 0, T0 + 2 * HOUR + 3);
	say(2, ORIGIN_FAILED, 0, T0 + 3 * HOUR);
	assert_string_equal(ask("SELECT counted FROM origin WHERE id > 1 ORDER BY id"), "2\n1\n");
	assert_int_equal(catalog_network(catalog), NETWORK_SUSPECTED);
	/* It answers: whatever that was is over. */
	say(2, ORIGIN_SERVED, 200, T0 + 4 * HOUR);
	ask("SELECT 1");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
}

/* The only host there is, as it says "not here" itself: before it ever served, and after. */
static void
the_only_host_is_taken_at_its_word(void **state)
{
	struct contact gone = contact_of(1, ORIGIN_GONE, 404, T0);

	(void)state;
	learn_witness();
	learn("more", SHA256, "https://good.example/y/more.tgz");
	gone.own_word = true;
	catalog_contact(catalog, &gone);
	assert_string_equal(ask("SELECT counted, failures FROM origin WHERE id = 1"), "0|1\n");
	say(2, ORIGIN_SERVED, 200, T0 + 1);
	gone.at_ms = T0 + 3 * HOUR;
	catalog_contact(catalog, &gone);
	assert_string_equal(ask("SELECT counted, failures FROM origin WHERE id = 1"), "1|2\n");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
	/* With another one to ask that one has to vouch: before, between and behind in the order of names. */
	for (int i = 0; i < 3; i++) {
		static const char *const urls[] = {
		        "https://a.example/x", "https://good.example-2.example/x", "https://z.example/x"};

		learn(urls[i], SHA256, urls[i]);
		gone.at_ms += 3 * HOUR;
		catalog_contact(catalog, &gone);
		assert_string_equal(ask("SELECT counted FROM origin WHERE id = 1"), "1\n");
		run_sql(store, "DELETE FROM origin WHERE url = '%s'", urls[i]);
	}
	gone.at_ms += 3 * HOUR;
	catalog_contact(catalog, &gone);
	assert_string_equal(ask("SELECT counted FROM origin WHERE id = 1"), "2\n");
}

static void
what_was_not_asked_is_neither_good_nor_bad(void **state)
{
	(void)state;
	learn_witness();
	learn("a", SHA256, "https://h.example/u/a.tgz");
	witness(T0);
	say(2, ORIGIN_UNTRIED, 0, T0 + 1);
	assert_string_equal(ask("SELECT result, failures, detail, tried_at FROM origin WHERE id = 2"),
	        "0|0|as told|1700000000001\n");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
}

static void
texts_are_cut_and_escaped(void **state)
{
	struct contact contact = contact_of(1, ORIGIN_SERVED, 200, T0);
	char long_text[1000];

	(void)state;
	learn_witness();
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	contact.detail = contact.etag = contact.modified = long_text;
	contact.length = 7;
	catalog_contact(catalog, &contact);
	assert_string_equal(ask("SELECT length(detail), length(etag), length(modified), length FROM origin"),
	        "199|127|127|7\n");
	contact.detail = "\x1b[31mred\n";
	contact.etag = NULL;
	contact.modified = "\"one\"";
	contact.length = -1;
	catalog_contact(catalog, &contact);
	assert_string_equal(
	        ask("SELECT detail, etag, modified, length FROM origin"), "\\x1b[31mred\\x0a||\"one\"|-1\n");
	/* A failure does not tell what the origin has. */
	contact = contact_of(1, ORIGIN_FAILED, 500, T0 + 1);
	contact.modified = "of the page that says 500";
	catalog_contact(catalog, &contact);
	assert_string_equal(ask("SELECT detail, modified FROM origin"), "as told|\"one\"\n");
}

static void
a_first_failure_is_planned_anew(void **state)
{
	(void)state;
	learn_witness();
	learn("old", SHA256, "https://h.example/u/duff.tgz");
	learn("new", SHA256, "https://h.example/u/duff.tgz");
	run_sql(store, "UPDATE origin SET check_at = 77");
	say(2, ORIGIN_SERVED, 200, T0);
	assert_string_equal(ask("SELECT check_at FROM origin ORDER BY id"), "77\n77\n77\n");
	say(2, ORIGIN_FAILED, 500, T0 + 1);
	assert_string_equal(ask("SELECT check_at FROM origin ORDER BY id"), "77\n0\n0\n");
	run_sql(store, "UPDATE origin SET check_at = 78");
	say(2, ORIGIN_FAILED, 500, T0 + 2);
	assert_string_equal(ask("SELECT check_at FROM origin ORDER BY id"), "78\n78\n78\n");
}

static void
strangers_change_nothing(void **state)
{
	(void)state;
	learn_witness();
	say(99, ORIGIN_GONE, 404, T0);
	assert_string_equal(ask(STATES), "1|0|0\n");
	assert_int_equal(catalog_network(catalog), NETWORK_TRUSTED);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_STORE(mirrors_get_rows_where_the_archive_is_listed),
	        IN_STORE(a_mirrors_row_belongs_to_the_fullest_entry),
	        IN_STORE(what_a_mirror_never_had_is_no_news),
	        IN_STORE(failures_are_shared_by_all_who_name_the_url),
	        IN_STORE(what_is_good_is_good_for_the_entries_within),
	        IN_STORE(news_are_what_people_are_told),
	        IN_STORE(the_networks_window_is_an_hour),
	        IN_STORE(the_only_host_is_taken_at_its_word),
	        IN_STORE(what_was_not_asked_is_neither_good_nor_bad),
	        IN_STORE(texts_are_cut_and_escaped),
	        IN_STORE(a_first_failure_is_planned_anew),
	        IN_STORE(strangers_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
