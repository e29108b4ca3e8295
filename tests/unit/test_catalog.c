/*
 * The catalog: what a harvest teaches, learning again, origins in order and their outcomes, what an archive
 * must satisfy, packages, what is wanted.
 */
#include "tests/support/cataloged.h"

enum {
	MD5 = 1 << DIGEST_MD5,
	SHA1 = 1 << DIGEST_SHA1,
	SHA256 = 1 << DIGEST_SHA256,
	SHA512 = 1 << DIGEST_SHA512
};

/* Some of the digests of a string. */
static struct digests
some(const char *string, unsigned which)
{
	struct digests all = digests_of(string, strlen(string)), chosen = {0};

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if ((which & 1u << algo) != 0 && digests_get(&all, (enum digest_algo)algo, &digest))
			digests_put(&chosen, &digest);
	}
	return chosen;
}

/* Of one string under another's md5: a second archive that claims the same name. */
static struct digests
with_md5_of(const char *string, unsigned which, const char *other)
{
	struct digests digests = some(string, which);
	struct digest md5 = digest_of(other, DIGEST_MD5);

	digests_put(&digests, &md5);
	return digests;
}

static struct harvest *harvest;

static void
begin_harvest(void)
{
	harvest = harvest_create();
}

static void
add(struct digests digests, const char *package, const char *url, const char *mirror)
{
	const char *const urls[] = {url, mirror};
	struct harvest_entry entry = {
	        .digests = digests,
	        .package = package,
	        .urls = urls,
	        .n_urls = (size_t)(url != NULL) + (mirror != NULL),
	};

	assert_true(harvest_add(harvest, &entry, "a test", 1));
}

static struct catalog_learned
learn(void)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(catalog, harvest, "a test", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
	return learned;
}

static void
assert_origins(struct digest digest, const char *const *urls, size_t count)
{
	struct catalog_origins origins;
	struct err err = ERR_NONE;

	assert_true(catalog_origins(catalog, &digest, &origins, &err));
	assert_int_equal(origins.count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(origins.items[i].url, urls[i]);
	catalog_origins_finish(&origins);
}

static struct catalog_figures
figures(void)
{
	struct catalog_figures got;
	struct err err = ERR_NONE;

	assert_true(catalog_figures(catalog, &got, &err));
	return got;
}

static uint64_t
wanted_count(void)
{
	uint64_t wanted;
	struct err err = ERR_NONE;

	assert_true(catalog_count_wanted(catalog, &wanted, &err));
	return wanted;
}

static void
knows_nothing_at_first(void **state)
{
	struct catalog_wanted wanted;
	struct digest digest = digest_of("a", DIGEST_MD5);
	struct err err = ERR_NONE;

	(void)state;
	assert_origins(digest, NULL, 0);
	assert_true(catalog_wanted(catalog, &digest, &wanted, &err));
	assert_int_equal(wanted.count, 0);
	assert_int_equal(figures().archives, 0);
	assert_int_equal(wanted_count(), 0);
	begin_harvest();
	assert_int_equal(learn().archives, 0);
}

static void
learn_three(struct catalog_learned *ret)
{
	begin_harvest();
	add(some("a", MD5 | SHA256), "a.1", "https://h/a", "https://m/a");
	add(some("b", SHA512), "b.1", "https://h/b", NULL);
	add(some("a", MD5 | SHA256), "a.1", "https://h/a", NULL); /* the same again */
	add(some("c", MD5), "", "https://h/c", NULL);
	*ret = learn();
}

static void
counts_what_is_new(void **state)
{
	struct catalog_learned learned;

	(void)state;
	for (int round = 0; round < 2; round++) {
		learn_three(&learned);
		assert_int_equal(learned.archives, 3);
		assert_int_equal(learned.digests, 4);
		assert_int_equal(learned.origins, 4);
		assert_int_equal(learned.packages, 2);
		assert_int_equal(learned.new_archives, round == 0 ? 3 : 0);
		assert_int_equal(learned.new_digests, round == 0 ? 4 : 0);
		assert_int_equal(learned.new_origins, round == 0 ? 4 : 0);
		assert_int_equal(learned.new_packages, round == 0 ? 2 : 0);
		assert_int_equal(figures().archives, 3);
		assert_int_equal(figures().digests, 4);
		assert_int_equal(figures().origins, 4);
		assert_int_equal(figures().packages, 2);
	}
}

static void
finds_origins_by_every_digest(void **state)
{
	static const char *const urls[] = {"https://h/a", "https://m/a"};
	struct catalog_learned learned;

	(void)state;
	learn_three(&learned);
	assert_origins(digest_of("a", DIGEST_MD5), urls, 2);
	assert_origins(digest_of("a", DIGEST_SHA256), urls, 2);
	assert_origins(digest_of("a", DIGEST_SHA512), NULL, 0);
}

static void
prefers_the_newest_source_and_forgets_none(void **state)
{
	static const char *const urls[] = {"https://new/a", "https://h/a", "https://m/a"};
	struct catalog_learned learned;

	(void)state;
	learn_three(&learned);
	begin_harvest();
	add(some("a", MD5 | SHA256), "a.1", "https://new/a", "https://h/a");
	learned = learn();
	assert_int_equal(learned.origins, 2);
	assert_int_equal(learned.new_origins, 1);
	assert_origins(digest_of("a", DIGEST_MD5), urls, 3);
}

/*
 * One source lists the md5, another md5 and sha256, a third the sha256 only: one archive, whose origins are
 * all of theirs.
 */
static void
joins_what_names_one_archive(void **state)
{
	static const char *const urls[] = {"https://three/a", "https://two/a", "https://one/a"};
	struct catalog_learned learned;

	(void)state;
	begin_harvest();
	add(some("a", MD5), "a.1", "https://one/a", NULL);
	assert_int_equal(learn().new_archives, 1);
	begin_harvest();
	add(some("a", MD5 | SHA256), "a.2", "https://two/a", NULL);
	learn();
	assert_int_equal(figures().archives, 1);
	begin_harvest();
	add(some("a", SHA256), "a.3", "https://three/a", NULL);
	learned = learn();
	assert_int_equal(learned.archives, 1);
	assert_int_equal(learned.new_archives, 0);
	assert_int_equal(figures().archives, 1);
	assert_int_equal(figures().digests, 2);
	assert_origins(digest_of("a", DIGEST_MD5), urls, 3);
	assert_origins(digest_of("a", DIGEST_SHA256), urls, 3);
}

static void
keeps_contradictions_apart(void **state)
{
	static const char *const both[] = {"https://h/a", "https://h/b"};
	static const char *const one[] = {"https://h/b"};
	struct digest md5 = digest_of("a", DIGEST_MD5);
	struct catalog_wanted wanted;
	struct err err = ERR_NONE;

	(void)state;
	begin_harvest();
	add(some("a", MD5 | SHA256), "a.1", "https://h/a", NULL);
	add(with_md5_of("b", SHA256, "a"), "b.1", "https://h/b", NULL);
	assert_int_equal(learn().archives, 2);
	assert_origins(md5, both, 2);
	assert_origins(digest_of("b", DIGEST_SHA256), one, 1);
	assert_true(catalog_wanted(catalog, &md5, &wanted, &err));
	assert_int_equal(wanted.count, 2);
	assert_false(digests_agree(&wanted.sets[0], &wanted.sets[1]));
}

static void
demands_proof_where_it_is_known(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5), sha256 = digest_of("a", DIGEST_SHA256);
	struct digests all = some("a", MD5 | SHA1 | SHA256 | SHA512),
	               fake = with_md5_of("x", SHA256 | SHA512, "a");
	struct catalog_wanted wanted;
	struct err err = ERR_NONE;

	(void)state;
	begin_harvest();
	add(some("a", MD5), "a.1", "https://h/a", NULL);
	add(some("a", MD5 | SHA1), "a.1", "https://h/a", NULL);
	learn();
	assert_true(catalog_wanted(catalog, &md5, &wanted, &err));
	assert_int_equal(wanted.count, 1); /* what demands most, as nothing proves */
	assert_int_equal(wanted.sets[0].known, MD5 | SHA1);
	begin_harvest();
	add(some("a", MD5 | SHA256), "a.1", "https://h/a", NULL);
	learn();
	assert_true(catalog_wanted(catalog, &md5, &wanted, &err));
	assert_int_equal(wanted.count, 1);
	assert_true(digests_satisfy(&all, &wanted.sets[0]));
	assert_false(digests_satisfy(&fake, &wanted.sets[0]));
	begin_harvest();
	add(some("a", SHA256), "a.1", "https://h/a", NULL);
	learn();
	assert_true(catalog_wanted(catalog, &sha256, &wanted, &err));
	assert_int_equal(wanted.count, 1); /* what demands least, as all of it proves */
	assert_int_equal(wanted.sets[0].known, SHA256);
}

static void
bounds_alternatives_and_origins(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5);
	struct catalog_wanted wanted;
	struct catalog_origins origins;
	struct err err = ERR_NONE;
	char name[64];

	(void)state;
	begin_harvest();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "https://h/%d", i);
		add(with_md5_of(name, SHA256, "a"), "a.1", name, NULL);
	}
	learn();
	assert_true(catalog_wanted(catalog, &md5, &wanted, &err));
	assert_int_equal(wanted.count, CATALOG_ALTERNATIVES_MAX);
	assert_true(catalog_origins(catalog, &md5, &origins, &err));
	assert_int_equal(origins.count, CATALOG_ORIGINS_MAX);
	catalog_origins_finish(&origins);
}

static struct catalog_origin
only_origin(struct catalog_origins *ret)
{
	struct digest digest = digest_of("b", DIGEST_SHA512);
	struct err err = ERR_NONE;

	assert_true(catalog_origins(catalog, &digest, ret, &err));
	assert_int_equal(ret->count, 1);
	return ret->items[0];
}

/* Outcomes wait for company; learning afterwards makes sure that they are written. */
static void
report(enum origin_result result, const char *detail)
{
	struct catalog_origins origins;
	struct catalog_learned learned;
	struct contact contact = {.origin_id = only_origin(&origins).id,
	        .result = result,
	        .status = 404,
	        .detail = detail,
	        .took_ms = 7,
	        .etag = "\"one\"",
	        .modified = "Tue, 15 Nov 1994 12:45:26 GMT",
	        .length = 5};

	catalog_origins_finish(&origins);
	catalog_contact(catalog, &contact);
	learn_three(&learned);
}

static void
remembers_outcomes(void **state)
{
	struct catalog_origins origins;
	struct catalog_learned learned;
	struct catalog_origin origin;
	char long_detail[1000];

	(void)state;
	learn_three(&learned);
	origin = only_origin(&origins);
	assert_int_equal(origin.result, ORIGIN_UNTRIED);
	assert_int_equal(origin.tried_at_ms, 0);
	catalog_origins_finish(&origins);
	report(ORIGIN_GONE, "404");
	report(ORIGIN_FAILED, "connection refused");
	origin = only_origin(&origins);
	assert_int_equal(origin.result, ORIGIN_FAILED);
	assert_string_equal(origin.detail, "connection refused");
	assert_int_equal(origin.memory.failures, 2);
	assert_true(origin.tried_at_ms > clock_wall_ms() - 60000);
	assert_int_equal(origin.memory.served_at_ms, 0);
	catalog_origins_finish(&origins);
	report(ORIGIN_SERVED, "");
	memset(long_detail, 'd', sizeof long_detail - 1);
	long_detail[sizeof long_detail - 1] = '\0';
	report(ORIGIN_CHANGED, long_detail);
	origin = only_origin(&origins);
	assert_int_equal(origin.memory.failures, 1);
	assert_true(origin.memory.served_at_ms > 0);
	assert_int_equal(strlen(origin.detail), ORIGIN_DETAIL_MAX - 1);
	assert_string_equal(origin_result_name(origin.result), "changed");
	assert_int_equal(origin.took_ms, 7);
	assert_int_equal(origin.length, 5); /* as of the last good contact */
	assert_string_equal(origin.etag, "\"one\"");
	assert_string_equal(origin.modified, "Tue, 15 Nov 1994 12:45:26 GMT");
	assert_true(origin.first_at_ms > 0 && origin.first_at_ms <= origin.last_at_ms);
	catalog_origins_finish(&origins);
}

/* It waits for company still when the store closes. */
static void
remembers_the_last_contact_before_the_end(void **state)
{
	struct catalog_origins origins;
	struct catalog_learned learned;
	struct contact contact = {.result = ORIGIN_GONE, .status = 404, .detail = "404", .length = -1};

	(void)state;
	learn_three(&learned);
	contact.origin_id = only_origin(&origins).id;
	catalog_origins_finish(&origins);
	for (int i = 0; i < 100; i++)
		catalog_contact(catalog, &contact);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	catalog = store_catalog(store);
	assert_int_equal(only_origin(&origins).memory.failures, 100);
	catalog_origins_finish(&origins);
}

struct seen {
	struct text text;
	unsigned count, stop_after;
};

static bool
see_package(void *context, const char *package)
{
	struct seen *seen = context;

	text_addf(&seen->text, "%s ", package);
	return ++seen->count != seen->stop_after;
}

static bool
see_entry(void *context, const struct digests *digests, const char *package)
{
	struct seen *seen = context;

	text_addf(&seen->text, "%s:%d ", package, digests_count(digests));
	return ++seen->count != seen->stop_after;
}

static void
names_packages(void **state)
{
	struct seen seen = {0};
	struct digest digest = digest_of("a", DIGEST_SHA256);
	struct err err = ERR_NONE;

	(void)state;
	begin_harvest();
	add(some("a", SHA256), "rosa.0.2.0", "https://h/a", NULL);
	add(some("a", SHA256), "also.1", "https://h/a", NULL);
	add(some("b", MD5), "rosa.0.1.0", "https://h/b", NULL);
	add(some("c", MD5), "rosa-more.1", "https://h/c", NULL);
	add(some("d", MD5), "rosa.0.2.0", "https://h/d", NULL);
	learn();
	assert_true(catalog_packages(catalog, &digest, see_package, &seen, &err));
	assert_string_equal(text_string(&seen.text), "also.1 rosa.0.2.0 ");
	text_clear(&seen.text);
	assert_true(catalog_package_entries(catalog, "rosa", see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "rosa.0.1.0:1 rosa.0.2.0:1 rosa.0.2.0:1 ");
	text_clear(&seen.text);
	assert_true(catalog_package_entries(catalog, "rosa.0.2.0", see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "rosa.0.2.0:1 rosa.0.2.0:1 ");
	text_clear(&seen.text);
	assert_true(catalog_package_entries(catalog, "rosa.0.2", see_entry, &seen, &err));
	assert_true(catalog_package_entries(catalog, "nobody", see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "");
	text_finish(&seen.text);
}

/* As an opam file does whose checksums grew: at first by its md5 alone. */
static void
add_in(int64_t first_ms, int64_t last_ms, struct digests digests, bool past)
{
	const char *const url = "https://h/a";
	struct harvest_entry entry = {.digests = digests,
	        .package = "rosa.0.2.0",
	        .urls = &url,
	        .n_urls = 1,
	        .first_ms = first_ms,
	        .last_ms = last_ms,
	        .past = past};

	assert_true(harvest_add(harvest, &entry, "a history", 1));
}

static void
an_archive_whose_checksums_grew_is_one(void **state)
{
	struct digest digest = digest_of("a", DIGEST_MD5);
	struct catalog_origins origins;
	struct catalog_origin origin;
	struct seen seen = {0};
	struct err err = ERR_NONE;

	(void)state;
	begin_harvest();
	add_in(1000, 2000, some("a", MD5), true);
	add_in(2000, 3000, some("a", MD5 | SHA256), true);
	add_in(3000, 4000, some("a", MD5 | SHA256 | SHA512), false);
	learn();
	assert_true(catalog_origins(catalog, &digest, &origins, &err));
	assert_int_equal(origins.count, 1);
	origin = origins.items[0];
	assert_int_equal(origin.first_at_ms, 1000);
	assert_int_equal(origin.last_at_ms, 4000);
	assert_int_equal(origin.age, ORIGIN_CURRENT);
	catalog_origins_finish(&origins);
	assert_true(catalog_package_entries(catalog, "rosa", see_entry, &seen, &err));
	assert_true(catalog_package_entries(catalog, "rosa.0.2.0", see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "rosa.0.2.0:3 rosa.0.2.0:3 ");
	text_finish(&seen.text);
}

static void
visits_each_archive_once(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_NONE;

	(void)state;
	begin_harvest();
	add(some("a", MD5), "z.1", "https://h/a", NULL);
	add(some("a", MD5 | SHA256), "a.1", "https://h/a", NULL);
	add(some("b", SHA512), "", "https://h/b", NULL);
	learn();
	assert_true(catalog_entries(catalog, see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "a.1:2 :1 ");
	text_clear(&seen.text);
	seen = (struct seen){.text = seen.text, .stop_after = 1};
	assert_true(catalog_entries(catalog, see_entry, &seen, &err));
	assert_string_equal(text_string(&seen.text), "a.1:2 ");
	text_finish(&seen.text);
}

static void
counts_what_is_wanted(void **state)
{
	(void)state;
	begin_harvest();
	add(some("md5", MD5), "", "https://h/1", NULL);
	add(some("sha1", SHA1), "", "https://h/2", NULL);
	add(some("sha256", SHA256 | MD5), "", "https://h/3", NULL);
	add(some("sha512", SHA512), "", "https://h/4", NULL);
	add(with_md5_of("liar", SHA256, "other"), "", "https://h/5", NULL);
	add(some("sha256", MD5), "", "https://h/6", NULL); /* within the third */
	learn();
	assert_int_equal(wanted_count(), 5);
	put(store, "sha256", INTAKE_STORED);
	assert_int_equal(wanted_count(), 4);
	put(store, "md5", INTAKE_STORED);
	put(store, "sha1", INTAKE_STORED);
	put(store, "sha512", INTAKE_STORED);
	assert_int_equal(wanted_count(), 1);
	put(store, "liar", INTAKE_STORED); /* its md5 is another: not what was asked for */
	assert_int_equal(wanted_count(), 1);
}

static void
is_kept_over_a_restart_and_read_beside(void **state)
{
	static const char *const urls[] = {"https://h/a", "https://m/a"};
	struct catalog_learned learned;
	struct store *reader;
	struct catalog_figures beside;
	struct err err = ERR_NONE;

	(void)state;
	learn_three(&learned);
	reader = store_at(directory, STORE_READ);
	assert_true(catalog_figures(store_catalog(reader), &beside, &err));
	assert_int_equal(beside.origins, 4);
	begin_harvest();
	assert_false(catalog_learn(store_catalog(reader), harvest, "a test", &learned, &err));
	harvest_destroy(harvest);
	store_close(reader);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	catalog = store_catalog(store);
	assert_int_equal(figures().archives, 3);
	assert_origins(digest_of("a", DIGEST_MD5), urls, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(knows_nothing_at_first, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_what_is_new, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(finds_origins_by_every_digest, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                prefers_the_newest_source_and_forgets_none, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(joins_what_names_one_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_contradictions_apart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(demands_proof_where_it_is_known, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_alternatives_and_origins, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(remembers_outcomes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(remembers_the_last_contact_before_the_end, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(names_packages, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(an_archive_whose_checksums_grew_is_one, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(visits_each_archive_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_what_is_wanted, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(is_kept_over_a_restart_and_read_beside, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
