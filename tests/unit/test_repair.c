/*
 * The report of repair: which archives need it, and what it says to name instead.
 */
#include "tests/support/sql.h"

#include <jansson.h>

#include "server/admin/reports.h"
#include "server/config.h"
#include "storage/catalog/catalog.h"

#define NAMED "https://named.example/a/x.tar.gz"
#define ONCE  "https://once.example/a/x.tar.gz"

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

enum { NOW = 0, PAST = 1000 };

/* The archive of these bytes at this URL, named now or until then. */
static void
learn(const char *bytes, const char *package, const char *url, int64_t last_ms)
{
	struct harvest *harvest = harvest_create();
	struct harvest_entry entry = {.package = package,
	        .urls = &url,
	        .n_urls = 1,
	        .first_ms = last_ms,
	        .last_ms = last_ms,
	        .past = last_ms != NOW};
	struct digest sha256 = digest_of(bytes, DIGEST_SHA256), md5 = digest_of(bytes, DIGEST_MD5);
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	digests_put(&entry.digests, &sha256);
	digests_put(&entry.digests, &md5);
	assert_true(harvest_add(harvest, &entry, "list", 1));
	if (!catalog_learn(store_catalog(larder.store), harvest, "list", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
}

/* rosa, named at one place and once named at another. */
static void
learn_rosa(enum origin_state named, enum origin_state once)
{
	learn("rosa", "rosa.0.2.0", NAMED, NOW);
	learn("rosa", "rosa.0.2.0", ONCE, PAST);
	run_sql(larder.store, "UPDATE origin SET state = CASE url WHEN '" NAMED "' THEN %d ELSE %d END",
	        (int)named, (int)once);
}

static json_t *
repair(const struct want *want, enum repair_extent extent)
{
	const struct wants wants = {.items = (struct want *)(uintptr_t)want, .count = 1};
	struct err err = ERR_NONE;
	json_t *report = report_repair(&larder, &wants, extent, &err);

	if (report == NULL)
		fail_msg("%s", err.text);
	return report;
}

static struct want
want_of(const char *bytes)
{
	struct digest md5 = digest_of(bytes, DIGEST_MD5);
	struct want want = {.package = ""};

	digests_put(&want.digests, &md5);
	return want;
}

static size_t
repairs_of(const char *bytes, enum repair_extent extent)
{
	const struct want want = want_of(bytes);
	json_t *report = repair(&want, extent);
	size_t count = json_array_size(json_object_get(report, "repairs"));

	json_decref(report);
	return count;
}

/* The only repair, whose report is to be released. */
static json_t *
only(json_t *report)
{
	assert_int_equal(json_array_size(json_object_get(report, "repairs")), 1);
	return json_array_get(json_object_get(report, "repairs"), 0);
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void
assert_repaired(const char *how, const char *url)
{
	const struct want want = want_of("rosa");
	json_t *report = repair(&want, REPAIR_ALL), *one = only(report);

	assert_string_equal(text_of(one, "how"), how);
	assert_string_equal(text_of(one, "url"), url);
	assert_string_equal(text_of(one, "package"), "rosa.0.2.0");
	assert_int_equal(json_object_size(json_object_get(one, "digests")), 2);
	json_decref(report);
}

static void
only_what_is_gone_from_where_it_is_named(void **state)
{
	static const struct {
		enum origin_state named;
		size_t repairs;
	} cases[] = {{ORIGIN_IS_UNTRIED, 0}, {ORIGIN_IS_SERVING, 0}, {ORIGIN_IS_FAILING, 1},
	        {ORIGIN_IS_VANISHED, 1}, {ORIGIN_IS_CHANGED, 1}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		learn_rosa(cases[i].named, ORIGIN_IS_SERVING);
		assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), cases[i].repairs);
		assert_int_equal(repairs_of("rosa", REPAIR_ALL), 1);
	}
	assert_int_equal(repairs_of("nobody knows", REPAIR_BROKEN), 0);
}

static void
all_that_name_it_have_to_be_gone(void **state)
{
	(void)state;
	learn_rosa(ORIGIN_IS_VANISHED, ORIGIN_IS_VANISHED);
	learn("rosa", "rosa.0.2.0", "https://also.example/a/x.tar.gz", NOW);
	assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), 0);
	run_sql(larder.store, "UPDATE origin SET state = %d", (int)ORIGIN_IS_VANISHED);
	assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), 1);
}

static void
a_lockfile_names_for_itself(void **state)
{
	char *urls[] = {ONCE};
	struct want want = want_of("rosa");
	json_t *report;

	(void)state;
	learn_rosa(ORIGIN_IS_SERVING, ORIGIN_IS_VANISHED);
	assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), 0);
	want.urls = urls;
	want.n_urls = 1;
	report = repair(&want, REPAIR_BROKEN);
	assert_string_equal(text_of(only(report), "url"), NAMED);
	assert_string_equal(text_of(json_array_get(json_object_get(only(report), "named"), 0), "url"), ONCE);
	json_decref(report);
}

static void
what_to_name_instead(void **state)
{
	(void)state;
	learn_rosa(ORIGIN_IS_SERVING, ORIGIN_IS_SERVING);
	assert_repaired("named", NAMED);
	learn_rosa(ORIGIN_IS_VANISHED, ORIGIN_IS_SERVING);
	assert_repaired("elsewhere", ONCE);
	learn_rosa(ORIGIN_IS_VANISHED, ORIGIN_IS_VANISHED);
	assert_repaired("rescue", "");
	run_sql(larder.store,
	        "INSERT INTO origin (entry, url, site, rank, first_at, last_at, past, state, served_at)"
	        " SELECT entry, 'https://cache.example/x', 'cache.example/x', 1000, 1, 1, 0, %d, 1 FROM "
	        "origin LIMIT 1",
	        (int)ORIGIN_IS_SERVING);
	assert_repaired("elsewhere", "https://cache.example/x");
	run_sql(larder.store, "UPDATE origin SET state = %d WHERE url = '" NAMED "'", (int)ORIGIN_IS_CHANGED);
	learn("rosa corrected", "rosa.0.2.0", NAMED, NOW);
	run_sql(larder.store, "UPDATE origin SET last_at = id");
	assert_repaired("corrected", NAMED);
}

static void
a_correction_brings_its_own_checksums(void **state)
{
	struct digest is = digest_of("rosa corrected", DIGEST_SHA256);
	const struct want want = want_of("rosa");
	char hex[DIGEST_HEX_MAX];
	json_t *report;

	(void)state;
	learn_rosa(ORIGIN_IS_CHANGED, ORIGIN_IS_VANISHED);
	learn("rosa corrected", "rosa.0.2.0", NAMED, NOW);
	run_sql(larder.store, "UPDATE origin SET last_at = id");
	digest_hex(&is, hex);
	report = repair(&want, REPAIR_BROKEN);
	assert_string_equal(text_of(json_object_get(only(report), "checksums"), "sha256"), hex);
	assert_string_not_equal(text_of(json_object_get(only(report), "digests"), "sha256"), hex);
	json_decref(report);
}

static void
a_newer_source_contradicts_what_seems_to_serve(void **state)
{
	struct digest is = digest_of("rosa corrected", DIGEST_SHA256);
	const struct want want = want_of("rosa");
	char hex[DIGEST_HEX_MAX];
	json_t *report;

	(void)state;
	learn("rosa", "rosa.0.2.0", NAMED, NOW);
	learn("rosa corrected", "rosa.0.2.0", NAMED, NOW);
	run_sql(larder.store, "UPDATE origin SET last_at = id, state = %d", (int)ORIGIN_IS_SERVING);
	digest_hex(&is, hex);
	report = repair(&want, REPAIR_BROKEN);
	assert_string_equal(text_of(only(report), "how"), "corrected");
	assert_string_equal(text_of(json_object_get(only(report), "checksums"), "sha256"), hex);
	assert_true(json_is_false(json_object_get(json_object_get(only(report), "correction"), "seen")));
	json_decref(report);
	/* Another place where it is named is not contradicted. */
	learn("rosa", "rosa.0.2.0", ONCE, NOW);
	assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), 0);
	run_sql(larder.store, "UPDATE origin SET state = %d, past = 1 WHERE url = '" ONCE "'",
	        (int)ORIGIN_IS_SERVING);
	report = repair(&want, REPAIR_BROKEN);
	assert_string_equal(text_of(only(report), "url"), ONCE);
	json_decref(report);
	/* Here it is to be had. */
	put(larder.store, "rosa", INTAKE_STORED);
	assert_int_equal(repairs_of("rosa", REPAIR_BROKEN), 0);
	report = repair(&want, REPAIR_ALL);
	assert_string_equal(text_of(only(report), "how"), "named");
	json_decref(report);
}

static void
what_is_stored_has_all_digests_and_a_name_by_its_bytes(void **state)
{
	static const char bytes[] = "BZh9 is how bzip2 begins";
	const struct want want = want_of(bytes);
	json_t *report;

	(void)state;
	learn(bytes, "rosa.0.2.0", NAMED, NOW);
	report = repair(&want, REPAIR_ALL);
	assert_string_equal(text_of(only(report), "file"), "rosa-0.2.0.tar.gz");
	assert_true(json_is_false(json_object_get(only(report), "stored")));
	json_decref(report);
	put(larder.store, bytes, INTAKE_STORED);
	report = repair(&want, REPAIR_ALL);
	assert_string_equal(text_of(only(report), "file"), "rosa-0.2.0.tbz");
	assert_int_equal(json_object_size(json_object_get(only(report), "checksums")), DIGEST_ALGOS);
	assert_true(json_is_true(json_object_get(only(report), "stored")));
	json_decref(report);
}

static void
no_two_files_have_one_name(void **state)
{
	struct want items[] = {want_of("one"), want_of("two")};
	const struct wants wants = {.items = items, .count = 2};
	struct err err = ERR_NONE;
	const char *first, *second;
	json_t *report, *repairs;

	(void)state;
	learn("one", "rosa.0.2.0", NAMED, NOW);
	learn("two", "rosa.0.2.0", ONCE, NOW);
	report = report_repair(&larder, &wants, REPAIR_ALL, &err);
	repairs = json_object_get(report, "repairs");
	first = text_of(json_array_get(repairs, 0), "file");
	second = text_of(json_array_get(repairs, 1), "file");
	assert_string_equal(first, "rosa-0.2.0.tar.gz");
	assert_true(text_starts_with(second, "rosa-0.2.0-"));
	assert_int_equal(strlen(second), strlen("rosa-0.2.0-01234567.tar.gz"));
	json_decref(report);
}

static void
who_is_left_to_ask(void **state)
{
	const struct want want = want_of("rosa");
	json_t *report;

	(void)state;
	learn_rosa(ORIGIN_IS_VANISHED, ORIGIN_IS_UNTRIED);
	run_sql(larder.store, "UPDATE origin SET result = 2 WHERE url = '" NAMED "'");
	report = repair(&want, REPAIR_BROKEN);
	assert_int_equal(json_array_size(json_object_get(only(report), "untried")), 1);
	assert_string_equal(
	        json_string_value(json_array_get(json_object_get(only(report), "untried"), 0)), ONCE);
	json_decref(report);
	config.fetch.n_allow_ports = 0; /* which fetch does not do either */
	report = repair(&want, REPAIR_BROKEN);
	config.fetch.n_allow_ports = COUNT_OF(ports);
	assert_int_equal(json_array_size(json_object_get(only(report), "untried")), 0);
	json_decref(report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(only_what_is_gone_from_where_it_is_named, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(all_that_name_it_have_to_be_gone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_lockfile_names_for_itself, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_to_name_instead, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_correction_brings_its_own_checksums, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                a_newer_source_contradicts_what_seems_to_serve, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_is_stored_has_all_digests_and_a_name_by_its_bytes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(no_two_files_have_one_name, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(who_is_left_to_ask, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
