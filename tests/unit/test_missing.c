/*
 * What the catalog says about bytes and about the store: right or not, listed or not, and the pages of what
 * is missing.
 */
#include "tests/support/cataloged.h"

enum { MD5 = 1 << DIGEST_MD5, SHA256 = 1 << DIGEST_SHA256 };

/* Some of the digests of a string. */
static struct digests
some(const char *string, unsigned which)
{
	struct digests digests = digests_of(string, strlen(string));

	digests.known = which;
	return digests;
}

static void
add(struct harvest *harvest, struct digests digests, const char *package)
{
	const char *const urls[] = {"https://h/a"};
	struct harvest_entry entry = {
	        .digests = digests, .package = package, .urls = urls, .n_urls = COUNT_OF(urls)};

	assert_true(harvest_add(harvest, &entry, "list", 1));
}

/* Takes the harvest. */
static void
learn(struct harvest *harvest)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(catalog, harvest, "a test", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
}

static void
knows_right_from_wrong(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5);
	struct digests a = some("a", 15), b = some("b", 15);
	struct catalog_wanted nothing = {0}, one = {.count = 1, .sets = {some("a", MD5 | SHA256)}};
	struct catalog_wanted other = {.count = 1, .sets = {some("b", SHA256)}};

	(void)state;
	assert_true(catalog_is_right(&nothing, &md5, &a));
	assert_false(catalog_is_right(&nothing, &md5, &b));
	assert_true(catalog_is_right(&one, &md5, &a));
	assert_false(catalog_is_right(&other, &md5, &a)); /* the name is right, the proof is not */
	other.sets[other.count++] = some("a", MD5);
	assert_true(catalog_is_right(&other, &md5, &a));
}

static bool
is_listed(const char *string)
{
	struct digests digests = some(string, 15);
	struct err err = ERR_NONE;
	bool listed;

	assert_true(catalog_lists(catalog, &digests, &listed, &err));
	return listed;
}

static void
knows_what_is_listed(void **state)
{
	struct harvest *harvest = harvest_create();
	struct digests liar = some("liar", MD5 | SHA256), other = some("other", MD5);

	(void)state;
	memcpy(liar.md5, other.md5, sizeof liar.md5);
	add(harvest, some("a", MD5), "");
	add(harvest, some("b", SHA256), "");
	add(harvest, liar, "");
	learn(harvest);
	assert_true(is_listed("a"));
	assert_true(is_listed("b"));
	assert_false(is_listed("c"));
	assert_false(is_listed("liar"));
	assert_false(is_listed("other"));
}

struct seen {
	struct text text;
	unsigned stop_after;
};

static bool
see(void *context, const struct digests *digests, const char *package)
{
	struct seen *seen = context;

	text_addf(&seen->text, "%s:%d ", package, digests_count(digests));
	return --seen->stop_after != 0;
}

/* The page behind this id holds this; where to go on. */
static int64_t
assert_page(int64_t after, size_t max, const char *wanted)
{
	struct catalog_page page = {.after = after, .max = max};
	struct seen seen = {.text = TEXT_EMPTY};
	struct err err = ERR_NONE;
	int64_t last = -1;

	if (!catalog_missing(catalog, &page, see, &seen, &last, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&seen.text), wanted);
	text_finish(&seen.text);
	return last;
}

static void
pages_what_is_missing(void **state)
{
	struct harvest *harvest = harvest_create();
	int64_t last;

	(void)state;
	add(harvest, some("a", MD5), "a");
	add(harvest, some("b", MD5 | SHA256), "b");
	add(harvest, some("b", SHA256), "within");
	add(harvest, some("c", SHA256), "c");
	add(harvest, some("d", SHA256), "d");
	add(harvest, some("e", SHA256), "e");
	learn(harvest);
	put(store, "c", INTAKE_STORED);
	last = assert_page(0, 2, "a:1 b:2 ");
	assert_true(last > 0);
	last = assert_page(last, 1, "d:1 ");
	assert_true(last > 0);
	assert_int_equal(
	        assert_page(last, 1, "e:1 "), 0); /* the last one fills the page: there are no more */
	assert_int_equal(assert_page(0, 100, "a:1 b:2 d:1 e:1 "), 0);
	put(store, "a", INTAKE_STORED);
	assert_int_equal(assert_page(0, 100, "b:2 d:1 e:1 "), 0);
}

static void
pages_over_many(void **state)
{
	struct harvest *harvest = harvest_create();
	struct catalog_page page = {.after = 0, .max = 1000};
	struct seen seen = {.text = TEXT_EMPTY};
	struct err err = ERR_NONE;
	char name[16];
	int64_t last = 0;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "%d", i);
		add(harvest, some(name, SHA256), "p");
	}
	learn(harvest);
	assert_true(catalog_missing(catalog, &page, see, &seen, &last, &err));
	assert_int_equal(seen.text.length, 1000 * strlen("p:1 "));
	text_clear(&seen.text);
	page.after = last;
	assert_true(catalog_missing(catalog, &page, see, &seen, &last, &err));
	assert_int_equal(seen.text.length, 500 * strlen("p:1 "));
	assert_int_equal(last, 0);
	seen.stop_after = 3; /* the visitor has enough: it goes on behind the third */
	page.after = 0;
	text_clear(&seen.text);
	assert_true(catalog_missing(catalog, &page, see, &seen, &last, &err));
	assert_string_equal(text_string(&seen.text), "p:1 p:1 p:1 ");
	assert_true(last > 0);
	text_finish(&seen.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(knows_right_from_wrong, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(knows_what_is_listed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(pages_what_is_missing, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(pages_over_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
