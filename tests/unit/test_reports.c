/*
 * Reports: the states of archives, their copies, those that are nowhere else, what to do; and all that is
 * known of one.
 */
#include "tests/support/sql.h"

#include <jansson.h>

#include "server/admin/reports.h"
#include "server/config.h"
#include "storage/catalog/catalog.h"
#include "storage/index/pin_rows.h"

static char *root;
static int64_t ports[] = {443};
static struct config config = {.fetch = {.allow_ports = ports, .n_allow_ports = COUNT_OF(ports)}};
static struct larder larder;

static int
set_up(void **state)
{
	(void)state;
	root = temp_make();
	larder = (struct larder){.config = &config, .store = store_at(root, STORE_WRITE)};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(larder.store);
	temp_remove(root);
	return 0;
}

static void
harvest(struct harvest *ret, const char *string, const char *const *urls, size_t n_urls)
{
	struct harvest_entry entry = {.package = string, .urls = urls, .n_urls = n_urls};
	struct digest sha256 = digest_of(string, DIGEST_SHA256), md5 = digest_of(string, DIGEST_MD5);

	digests_put(&entry.digests, &sha256);
	digests_put(&entry.digests, &md5);
	assert_true(harvest_add(ret, &entry, "list", 1));
}

static void
learn(const struct harvest *entries)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(store_catalog(larder.store), entries, "list", &learned, &err))
		fail_msg("%s", err.text);
}

/* Each of these archives with its two origins. */
static void
learn_all(const char *const *strings, size_t count)
{
	static const char *const urls[] = {"https://a/x", "https://b/x"};
	struct harvest *entries = harvest_create();

	for (size_t i = 0; i < count; i++)
		harvest(entries, strings[i], urls, COUNT_OF(urls));
	learn(entries);
	harvest_destroy(entries);
}

/* Remembers what the origins of this archive did, first and second. */
static void
outcomes(const char *string, enum origin_result first, enum origin_result second)
{
	const enum origin_result results[] = {first, second};
	struct digest digest = digest_of(string, DIGEST_SHA256);
	struct catalog_origins origins;
	struct err err = ERR_NONE;
	struct harvest *nothing = harvest_create();

	assert_true(catalog_origins(store_catalog(larder.store), &digest, &origins, &err));
	assert_int_equal(origins.count, 2);
	for (size_t i = 0; i < origins.count; i++)
		if (results[i] != ORIGIN_UNTRIED)
			catalog_contact(store_catalog(larder.store),
			        &(struct contact){.origin_id = origins.items[i].id,
			                .result = results[i],
			                .detail = "x",
			                .length = -1});
	catalog_origins_finish(&origins);
	learn(nothing); /* written in their order: the outcomes are there afterwards */
	harvest_destroy(nothing);
}

static json_t *
check(const char *const *strings, size_t count)
{
	struct wants wants = WANTS_EMPTY;
	struct err err = ERR_NONE;
	json_t *report;

	for (size_t i = 0; i < count; i++) {
		struct digest digest = digest_of(strings[i], DIGEST_SHA256);
		struct digests digests = {0};

		digests_put(&digests, &digest);
		wants_add_digests(&wants, &digests);
	}
	report = report_check(&larder, &wants, &err);
	wants_finish(&wants);
	assert_non_null(report);
	return report;
}

static const char *
state_of(const json_t *report, size_t number)
{
	const json_t *missing = json_array_get(json_object_get(report, "missing"), number);

	return json_string_value(json_object_get(missing, "state"));
}

static json_int_t
count_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
the_state_is_what_the_origins_did(void **state)
{
	static const char *const all[] = {"stored", "served", "untried", "gone", "removed", "nobody knows"};
	static const char *const wanted[] = {"reachable", "untried", "failing", "removed", "unknown"};
	struct digest removed = digest_of("removed", DIGEST_SHA256);
	struct err err = ERR_NONE;
	struct archive archive;
	json_t *report;

	(void)state;
	learn_all(all, 5);
	put(larder.store, "stored", INTAKE_STORED);
	outcomes("served", ORIGIN_FAILED, ORIGIN_SERVED);
	outcomes("untried", ORIGIN_FAILED, ORIGIN_UNTRIED);
	outcomes("gone", ORIGIN_GONE, ORIGIN_CHANGED);
	assert_true(store_remove(larder.store, &removed, "somebody", &archive, &err));
	report = check(all, COUNT_OF(all));
	assert_int_equal(count_of(report, "archives"), 6);
	assert_int_equal(count_of(report, "stored"), 1);
	assert_int_equal(count_of(report, "stored_bytes"), strlen("stored"));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		assert_string_equal(state_of(report, i), wanted[i]);
		assert_int_equal(count_of(json_object_get(report, "states"), wanted[i]), 1);
	}
	json_decref(report);
}

static void
urls_that_the_catalog_does_not_know_are_untried(void **state)
{
	static const char *const urls[] = {"https://a/x", "https://c/x"}, *const one[] = {"gone"};
	struct harvest *lockfile = harvest_create();
	struct wants wants = WANTS_EMPTY;
	struct err err = ERR_NONE;
	json_t *report;

	(void)state;
	learn_all(one, 1);
	outcomes("gone", ORIGIN_GONE, ORIGIN_GONE);
	harvest(lockfile, "gone", urls, COUNT_OF(urls));
	wants_add_harvest(&wants, lockfile);
	report = report_check(&larder, &wants, &err);
	assert_string_equal(state_of(report, 0), "untried");
	assert_int_equal(json_array_size(json_object_get(
	                         json_array_get(json_object_get(report, "missing"), 0), "origins")),
	        3);
	json_decref(report);
	wants_finish(&wants);
	harvest_destroy(lockfile);
}

/* Puts the origins of this archive, first and second, into these states. */
static void
put_states(const char *string, enum origin_state first, enum origin_state second)
{
	struct digest digest = digest_of(string, DIGEST_SHA256);
	char hex[DIGEST_HEX_MAX];

	digest_hex(&digest, hex);
	run_sql(larder.store,
	        "UPDATE origin SET tried_at = 1000, state = CASE WHEN url LIKE 'https://a/%%' THEN %d ELSE "
	        "%d END"
	        " WHERE entry = (SELECT id FROM entry WHERE sha256 = x'%s')",
	        (int)first, (int)second, hex);
}

static const json_t *
missing_of(const json_t *report, size_t number)
{
	return json_array_get(json_object_get(report, "missing"), number);
}

static void
verdicts_decide(void **state)
{
	static const char *const all[] = {"reachable", "vanished", "changed", "failing"};
	json_t *report;

	(void)state;
	learn_all(all, COUNT_OF(all));
	put_states("reachable", ORIGIN_IS_VANISHED, ORIGIN_IS_SERVING);
	put_states("vanished", ORIGIN_IS_VANISHED, ORIGIN_IS_VANISHED);
	put_states("changed", ORIGIN_IS_CHANGED, ORIGIN_IS_UNTRIED);
	put_states("failing", ORIGIN_IS_VANISHED, ORIGIN_IS_FAILING);
	report = check(all, COUNT_OF(all));
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_string_equal(state_of(report, i), all[i]);
		assert_int_equal(count_of(json_object_get(report, "states"), all[i]), 1);
		assert_int_equal(count_of(missing_of(report, i), "copies"), i == 0);
		assert_int_equal(json_array_size(json_object_get(missing_of(report, i), "hosts")), i == 0);
	}
	assert_string_equal(json_string_value(json_object_get(missing_of(report, 0), "site")), "b/x");
	json_decref(report);
}

static void
what_is_stored_and_nowhere_else_is_counted(void **state)
{
	static const char *const all[] = {"two-copies", "no-copy", "nobody-was-asked", "named-by-nobody"};
	static const char *const elsewhere[] = {"reachable", "vanished", "untried", "unknown"};
	json_t *report;

	(void)state;
	learn_all(all, 3);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		put(larder.store, all[i], INTAKE_STORED);
	put_states("two-copies", ORIGIN_IS_SERVING, ORIGIN_IS_SERVING);
	put_states("no-copy", ORIGIN_IS_VANISHED, ORIGIN_IS_VANISHED);
	report = check(all, COUNT_OF(all));
	assert_int_equal(count_of(report, "stored"), 4);
	assert_int_equal(count_of(report, "only_here"), 2);
	assert_int_equal(json_array_size(json_object_get(report, "missing")), 0);
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const json_t *kept = json_array_get(json_object_get(report, "kept"), i);

		assert_string_equal(json_string_value(json_object_get(kept, "elsewhere")), elsewhere[i]);
		assert_int_equal(count_of(kept, "copies"), i == 0 ? 2 : 0);
		assert_int_equal(count_of(kept, "size"), strlen(all[i]));
	}
	json_decref(report);
}

static const char *
advice_of(const json_t *report, size_t number)
{
	return json_string_value(json_object_get(missing_of(report, number), "advice"));
}

static void
mirrors_are_left_to_ask(void **state)
{
	static const char *const all[] = {"vanished", "nobody knows"};
	struct config_mirror mirror = {.name = "cache",
	        .url = "https://cache.example/{algo}/{hash}",
	        .digests = {DIGEST_SHA256},
	        .n_digests = 1};
	json_t *report;

	(void)state;
	learn_all(all, 1);
	put_states("vanished", ORIGIN_IS_VANISHED, ORIGIN_IS_VANISHED);
	report = check(all, COUNT_OF(all));
	assert_non_null(strstr(advice_of(report, 0), "ask around"));
	assert_null(strstr(advice_of(report, 0), "larder fetch"));
	assert_string_equal(advice_of(report, 1), "larder add FILE, if you have it");
	json_decref(report);
	config.mirrors = &mirror;
	config.n_mirrors = 1;
	report = check(all, COUNT_OF(all));
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_non_null(strstr(advice_of(report, i), "larder fetch"));
		assert_string_equal(json_string_value(json_array_get(
		                            json_object_get(missing_of(report, i), "mirrors_untried"), 0)),
		        "cache");
	}
	json_decref(report);
	config = (struct config){0};
}

static json_t *
tell(const char *string, enum digest_algo algo, struct err *err)
{
	struct digest digest = digest_of(string, algo);
	struct digests digests = {0};

	digests_put(&digests, &digest);
	return report_archive(&larder, &digests, err);
}

static void
all_that_is_known_of_a_stored_archive(void **state)
{
	static const char *const one[] = {"one"};
	struct pin pin = {.who = "token laptop", .at_ms = 1000};
	struct digest sha256 = digest_of("one", DIGEST_SHA256);
	struct err err = ERR_NONE;
	const json_t *vanished;
	json_t *report;

	(void)state;
	learn_all(one, 1);
	put(larder.store, "one", INTAKE_STORED);
	memcpy(pin.sha256, sha256.bytes, sizeof pin.sha256);
	assert_true(pin_row_add(store_index(larder.store), &pin, &err));
	put_states("one", ORIGIN_IS_SERVING, ORIGIN_IS_VANISHED);
	run_sql(larder.store, "UPDATE archive SET git_commit = '0123'; UPDATE origin SET failures = 3,"
	                      " failing_since = 500, took_ms = 7, past = 1 WHERE url LIKE 'https://b/%%'");
	report = tell("one", DIGEST_MD5, &err);
	assert_string_equal(json_string_value(json_object_get(report, "state")), "stored");
	assert_int_equal(json_object_size(json_object_get(report, "digests")), DIGEST_ALGOS);
	assert_int_equal(count_of(report, "size"), 3);
	assert_true(json_is_string(json_object_get(report, "used_at")));
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(report, "pinned"), "who")), "token laptop");
	assert_true(json_is_null(json_object_get(report, "removed")));
	assert_int_equal(json_array_size(json_object_get(report, "origins")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(report, "packages"), 0)), "one");
	assert_string_equal(json_string_value(json_object_get(report, "git_commit")), "0123");
	assert_int_equal(count_of(report, "copies"), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(report, "hosts"), 0)), "a");
	vanished = json_array_get(json_object_get(report, "origins"), 1);
	assert_string_equal(json_string_value(json_object_get(vanished, "state")), "vanished");
	assert_string_equal(
	        json_string_value(json_object_get(vanished, "failing_since")), "1970-01-01T00:00:00.500Z");
	assert_int_equal(count_of(vanished, "took_ms"), 7);
	assert_true(json_is_true(json_object_get(vanished, "past")));
	assert_true(json_is_false(json_object_get(vanished, "mirror")));
	assert_true(json_is_string(json_object_get(vanished, "last_named")));
	assert_int_equal(json_array_size(json_object_get(vanished, "drifts")), 0);
	json_decref(report);
}

static void
all_that_is_known_of_one_that_is_not_stored(void **state)
{
	static const char *const one[] = {"one"};
	struct err err = ERR_NONE;
	json_t *report;

	(void)state;
	learn_all(one, 1);
	report = tell("one", DIGEST_MD5, &err);
	assert_string_equal(json_string_value(json_object_get(report, "state")), "untried");
	assert_int_equal(json_object_size(json_object_get(report, "digests")), 2);
	assert_true(json_is_null(json_object_get(report, "size")));
	assert_true(json_is_null(json_object_get(report, "used_at")));
	json_decref(report);
	assert_null(tell("two", DIGEST_MD5, &err));
	assert_int_equal(err.code, ERR_UNKNOWN);
}

static void
what_was_removed_is_known_even_where_nothing_else_is(void **state)
{
	struct digest digest = digest_of("gone", DIGEST_SHA256);
	struct err err = ERR_NONE;
	struct archive archive;
	json_t *report;

	(void)state;
	put(larder.store, "gone", INTAKE_STORED);
	assert_true(store_remove(larder.store, &digest, "somebody", &archive, &err));
	report = tell("gone", DIGEST_SHA512, &err);
	assert_string_equal(json_string_value(json_object_get(report, "state")), "removed");
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(report, "removed"), "who")), "somebody");
	assert_true(json_is_false(json_object_get(report, "stored")));
	json_decref(report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(the_state_is_what_the_origins_did, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                urls_that_the_catalog_does_not_know_are_untried, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(verdicts_decide, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_is_stored_and_nowhere_else_is_counted, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(mirrors_are_left_to_ask, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(all_that_is_known_of_a_stored_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                all_that_is_known_of_one_that_is_not_stored, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_was_removed_is_known_even_where_nothing_else_is, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
