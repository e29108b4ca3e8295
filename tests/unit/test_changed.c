/*
 * What a changed origin serves instead, and the checksum that the catalog names for it.
 */
#include "tests/support/sql.h"

#include <jansson.h>

#include "server/admin/changed.h"
#include "server/watch/came.h"
#include "storage/catalog/catalog.h"

#define URL "https://host.example/a/x.tbz"

static char *root;
static struct store *store;

static int
set_up(void **state)
{
	(void)state;
	root = temp_make();
	store = store_at(root, STORE_WRITE);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(store);
	temp_remove(root);
	return 0;
}

/* One archive of these digests at one URL, named between these times; 0: by this reading. */
static void
learn_digests(const struct digests *digests, const char *package, const char *url, int64_t first_ms,
        int64_t last_ms)
{
	struct harvest *harvest = harvest_create();
	struct harvest_entry entry = {.digests = *digests,
	        .package = package,
	        .urls = &url,
	        .n_urls = 1,
	        .first_ms = first_ms,
	        .last_ms = last_ms,
	        .past = last_ms != 0};
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	assert_true(harvest_add(harvest, &entry, "list", 1));
	if (!catalog_learn(store_catalog(store), harvest, "list", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
}

static void
learn(const char *bytes, const char *package, const char *url, int64_t first_ms, int64_t last_ms)
{
	struct digest sha256 = digest_of(bytes, DIGEST_SHA256);
	struct digests digests = {0};

	digests_put(&digests, &sha256);
	learn_digests(&digests, package, url, first_ms, last_ms);
}

static struct want
want_of(const char *bytes)
{
	struct want want = {.package = ""};
	struct digest sha256 = digest_of(bytes, DIGEST_SHA256);

	digests_put(&want.digests, &sha256);
	return want;
}

/* The origins of this archive have changed, and served these bytes. */
static void
change(const char *bytes, const char *instead, const char *kind, const char *detail, int at)
{
	struct digest was = digest_of(bytes, DIGEST_SHA256), is = digest_of(instead, DIGEST_SHA256);
	char old_hex[DIGEST_HEX_MAX], new_hex[DIGEST_HEX_MAX];

	digest_hex(&was, old_hex);
	digest_hex(&is, new_hex);
	run_sql(store,
	        "UPDATE origin SET state = 4, result = 3 WHERE entry IN (SELECT id FROM entry WHERE sha256 = "
	        "x'%s');"
	        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
	        " SELECT id, x'%s', %zu, 1, 1, '%s', '%s', %d FROM origin"
	        " WHERE entry IN (SELECT id FROM entry WHERE sha256 = x'%s')",
	        old_hex, new_hex, strlen(instead), kind, detail, at, old_hex);
}

/* The correction of this archive, as JSON. */
static json_t *
correct(const struct want *want)
{
	struct err err = ERR_NONE;
	struct changed changed;
	struct known known;
	json_t *correction;

	assert_true(known_look_up(store, want, &known, &err));
	assert_true(changed_look_up(store, &known, &changed, &err));
	correction = changed_correction_json(&changed);
	changed_finish(&changed);
	known_finish(&known);
	return correction;
}

static void
assert_corrected(const struct want *want, const char *package, const char *bytes)
{
	struct digest sha256 = digest_of(bytes, DIGEST_SHA256);
	json_t *correction = correct(want);
	char hex[DIGEST_HEX_MAX];

	digest_hex(&sha256, hex);
	assert_true(json_is_object(correction));
	assert_string_equal(json_string_value(json_object_get(correction, "package")), package);
	assert_string_equal(json_string_value(json_object_get(correction, "url")), URL);
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(correction, "digests"), "sha256")), hex);
	json_decref(correction);
}

static void
assert_not_corrected(const struct want *want)
{
	json_t *correction = correct(want);

	assert_true(json_is_null(correction));
	json_decref(correction);
}

/* What the catalog calls what came from the first origin of this archive; to be freed. */
static char *
known_as(const struct want *want)
{
	struct err err = ERR_NONE;
	struct changed changed;
	struct known known;
	const char *package;
	json_t *drifts;
	char *copy;

	assert_true(known_look_up(store, want, &known, &err));
	assert_true(changed_look_up(store, &known, &changed, &err));
	drifts = changed_drifts_json(&changed, &known.origins.items[0]);
	package = json_string_value(json_object_get(json_array_get(drifts, 0), "known"));
	copy = xstrdup(package != NULL ? package : "");
	json_decref(drifts);
	changed_finish(&changed);
	known_finish(&known);
	return copy;
}

static void
assert_known_as(const struct want *want, const char *package)
{
	AUTO_FREE char *known = known_as(want);

	assert_string_equal(known, package);
}

static void
what_came_is_told_the_newest_first(void **state)
{
	const struct want want = want_of("old");
	struct err err = ERR_NONE;
	struct changed changed;
	struct known known;
	json_t *drifts, *newest, *oldest;

	(void)state;
	learn("old", "duff.0.5", URL, 0, 0);
	learn("again", "duff.0.6", "https://elsewhere.example/a/y.tbz", 0, 0);
	change("old", "first", "", "", 1000);
	change("old", "again", "content", "{\"files\": [\"a\"]}", 2000);
	assert_true(known_look_up(store, &want, &known, &err));
	assert_true(changed_look_up(store, &known, &changed, &err));
	drifts = changed_drifts_json(&changed, &known.origins.items[0]);
	changed_finish(&changed);
	assert_int_equal(json_array_size(drifts), 2);
	newest = json_array_get(drifts, 0);
	oldest = json_array_get(drifts, 1);
	assert_string_equal(json_string_value(json_object_get(newest, "kind")), "content");
	assert_true(json_is_object(json_object_get(newest, "detail")));
	assert_string_equal(json_string_value(json_object_get(newest, "known")), "duff.0.6");
	assert_int_equal(json_integer_value(json_object_get(newest, "size")), strlen("again"));
	assert_true(json_is_true(json_object_get(newest, "kept")));
	assert_true(json_is_null(json_object_get(oldest, "kind")));
	assert_true(json_is_null(json_object_get(oldest, "detail")));
	assert_true(json_is_null(json_object_get(oldest, "known")));
	json_decref(drifts);
	known_finish(&known);
}

static void
corrected_by_the_bytes_that_came(void **state)
{
	const struct want want = want_of("old");

	(void)state;
	learn("old", "duff.0.5", URL, 0, 0);
	assert_not_corrected(&want);
	change("old", "new", "content", "", 1000);
	assert_not_corrected(&want); /* nobody vouches for them */
	learn("new", "duff.0.5", "https://elsewhere.example/a/y.tbz", 0, 0);
	assert_corrected(&want, "duff.0.5", "new");
}

static void
another_package_is_no_correction(void **state)
{
	const struct want want = want_of("old");

	(void)state;
	learn("old", "foo.1.0", URL, 0, 0);
	learn("new", "bar.9", "https://elsewhere.example/a/y.tbz", 0, 0);
	change("old", "new", "content", "", 1000);
	assert_not_corrected(&want);
	assert_known_as(&want, "bar.9");
	/* Another version elsewhere is another archive too. */
	learn("new", "foo.1.1", "https://elsewhere.example/a/y.tbz", 0, 0);
	assert_not_corrected(&want);
	/* What once was named there is not named now. */
	learn("new", "bar.9", URL, 1000, 2000);
	assert_not_corrected(&want);
	/* At the same URL it is one, whatever it is called. */
	learn("new", "bar.9", URL, 0, 0);
	run_sql(store, "UPDATE origin SET last_at = 1"); /* so that the bytes decide */
	assert_corrected(&want, "bar.9", "new");
}

static void
known_by_any_digest_of_what_was_kept(void **state)
{
	const struct want want = want_of("old");
	struct digest md5 = digest_of("new", DIGEST_MD5), sha512 = digest_of("new", DIGEST_SHA512);
	struct digests digests = {0};
	json_t *correction;

	(void)state;
	digests_put(&digests, &md5);
	digests_put(&digests, &sha512);
	learn("old", "duff.0.5", URL, 0, 0);
	learn_digests(&digests, "duff.0.5", "https://elsewhere.example/a/y.tbz", 0, 0);
	change("old", "new", "content", "", 1000);
	assert_known_as(&want, ""); /* noted as kept, but it is not here */
	assert_not_corrected(&want);
	put(store, "new", INTAKE_STORED);
	assert_known_as(&want, "duff.0.5");
	correction = correct(&want);
	assert_int_equal(json_object_size(json_object_get(correction, "digests")), 2);
	json_decref(correction);
}

/* By this digest of the bytes alone, as some source lists them. */
static void
learn_by(const char *bytes, enum digest_algo algo, const char *package, const char *url)
{
	struct digest digest = digest_of(bytes, algo);
	struct digests digests = {0};

	digests_put(&digests, &digest);
	learn_digests(&digests, package, url, 0, 0);
}

/* Of the bytes that came some list the md5, some the sha512: what is listed for the package itself is put together, else nothing. */
static void
known_by_what_several_list_together(void **state)
{
	const struct want want = want_of("old");
	const char *const words[] = {"md5", "sha512"};
	json_t *correction, *digests;

	(void)state;
	learn("old", "duff.0.5", URL, 0, 0);
	learn_by("new", DIGEST_SHA1, "bar.9", "https://first.example/bar.tbz");
	learn_by("new", DIGEST_MD5, "", URL); /* at the URL itself, for no package */
	learn_by("new", DIGEST_SHA512, "duff.0.5", "https://elsewhere.example/a/y.tbz");
	learn_by("new", DIGEST_SHA256, "bar.9", "https://last.example/bar.tbz");
	run_sql(store, "UPDATE origin SET last_at = 1"); /* so that the bytes decide */
	change("old", "new", "content", "", 1000);
	put(store, "new", INTAKE_STORED);
	assert_known_as(&want, "duff.0.5");
	correction = correct(&want);
	assert_string_equal(json_string_value(json_object_get(correction, "package")), "duff.0.5");
	digests = json_object_get(correction, "digests");
	assert_int_equal(json_object_size(digests), COUNT_OF(words));
	for (size_t i = 0; i < COUNT_OF(words); i++)
		assert_non_null(json_object_get(digests, words[i]));
	json_decref(correction);
}

/* As events tell it, by the digests that were noted. */
static void
known_though_it_was_not_kept(void **state)
{
	const struct want want = want_of("old");
	struct digest md5 = digest_of("new", DIGEST_MD5);
	struct digests digests = {0}, bytes = digests_of("new", 3);
	const struct drift drift = {.detail = ""};
	AUTO_FREE char *note = came_note(&drift, &bytes);
	json_t *correction;

	(void)state;
	digests_put(&digests, &md5);
	learn("old", "duff.0.5", URL, 0, 0);
	learn_digests(&digests, "duff.0.5", "https://elsewhere.example/a/y.tbz", 0, 0);
	change("old", "new", "content", note, 1000);
	run_sql(store, "UPDATE drift SET kept = 0");
	assert_known_as(&want, "duff.0.5");
	correction = correct(&want);
	assert_true(json_is_object(correction));
	json_decref(correction);
}

static void
corrected_for_a_lockfile_by_its_own_word_for_the_package(void **state)
{
	struct want want = want_of("old");

	(void)state;
	learn("old", "", URL, 0, 0);
	learn("new", "duff.0.5", "https://elsewhere.example/a/y.tbz", 0, 0);
	change("old", "new", "content", "", 1000);
	assert_not_corrected(&want);
	want.package = "duff.0.5";
	assert_corrected(&want, "duff.0.5", "new");
}

static void
corrected_by_the_url(void **state)
{
	const struct want want = want_of("old");

	(void)state;
	learn("new", "duff.0.5", URL, 0, 0);
	learn("old", "duff.0.5", URL, 1000, 2000);
	assert_corrected(&want, "duff.0.5", "new");
}

static void
assert_ground(const struct want *want, bool seen)
{
	json_t *correction = correct(want);

	assert_int_equal(json_is_true(json_object_get(correction, "seen")), seen);
	json_decref(correction);
}

/* Both are at their URL, as far as HEAD tells; the newer source is the one that is right. */
static void
a_newer_source_contradicts(void **state)
{
	const struct want want = want_of("old"), newer = want_of("new");

	(void)state;
	learn("old", "duff.0.5", URL, 0, 0);
	learn("new", "duff.0.5", URL, 0, 0);
	run_sql(store, "UPDATE origin SET state = 1, result = 5, last_at = id");
	assert_corrected(&want, "duff.0.5", "new");
	assert_ground(&want, false);
	assert_not_corrected(&newer);
	run_sql(store, "UPDATE origin SET last_at = 1"); /* neither is newer */
	assert_not_corrected(&want);
	change("old", "other", "content", "", 1000);
	run_sql(store, "UPDATE origin SET last_at = id");
	assert_corrected(&want, "duff.0.5", "new");
	assert_ground(&want, true);
}

static void
a_newer_source_contradicts_for_the_same_package_alone(void **state)
{
	static const struct {
		const char *package;
		bool fits;
	} cases[] = {{"duff.0.6", true}, {"duffer.0.5", false}, {"", true}};
	const struct want want = want_of("old");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		run_sql(store, "DELETE FROM package; DELETE FROM origin; DELETE FROM entry");
		learn("old", "duff.0.5", URL, 0, 0);
		learn("new", cases[i].package, URL, 0, 0);
		run_sql(store, "UPDATE origin SET state = 1, last_at = id");
		if (cases[i].fits)
			assert_corrected(&want, cases[i].package, "new");
		else
			assert_not_corrected(&want);
	}
}

static void
what_an_older_source_names_corrects_nothing(void **state)
{
	const struct want want = want_of("old"), newer = want_of("new");

	(void)state;
	learn("old", "duff.0.5", URL, 0, 0);
	change("old", "other", "content", "", 1000);
	learn("new", "duff.0.5", URL, 0, 0);
	change("new", "other", "content", "", 1000);
	run_sql(store, "UPDATE origin SET last_at = id");
	assert_corrected(&want, "duff.0.5", "new");
	assert_not_corrected(&newer);
}

static void
corrected_for_a_lockfile_that_the_catalog_does_not_know(void **state)
{
	char *urls[] = {URL};
	struct want want = want_of("old");

	(void)state;
	want.urls = urls;
	want.n_urls = 1;
	assert_not_corrected(&want);
	learn("new", "duff.0.5", URL, 0, 0);
	assert_corrected(&want, "duff.0.5", "new");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(what_came_is_told_the_newest_first, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(corrected_by_the_bytes_that_came, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(known_by_any_digest_of_what_was_kept, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(known_by_what_several_list_together, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(known_though_it_was_not_kept, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(another_package_is_no_correction, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                corrected_for_a_lockfile_by_its_own_word_for_the_package, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(corrected_by_the_url, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_newer_source_contradicts, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                a_newer_source_contradicts_for_the_same_package_alone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_an_older_source_names_corrects_nothing, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                corrected_for_a_lockfile_that_the_catalog_does_not_know, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
