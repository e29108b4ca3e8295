/*
 * What is known of an archive: its state from what its origins do, each with each; whose it is; which mirrors
 * are left to ask.
 */
#include "tests/support/sql.h"

#include "server/admin/known.h"
#include "server/config.h"
#include "storage/catalog/site.h"
#include "storage/index/state_rows.h"

/* Origins by letter: what each does. */
static struct catalog_origin
origin_of(char letter)
{
	struct catalog_origin origin = {.url = "https://host.example/a/x"};

	switch (letter) {
	case 'u': /* untried */
		break;
	case 'a': /* asked once, in vain: no verdict */
		origin.result = ORIGIN_GONE;
		break;
	case 's':
		origin.memory.state = ORIGIN_IS_SERVING;
		origin.result = ORIGIN_FAILED; /* one failure is no news */
		break;
	case 'f':
		origin.memory.state = ORIGIN_IS_FAILING;
		break;
	case 'v':
		origin.memory.state = ORIGIN_IS_VANISHED;
		break;
	case 'c':
		origin.memory.state = ORIGIN_IS_CHANGED;
		break;
	case 'm': /* a mirror that never had it */
		origin.kind = ORIGIN_OF_MIRROR;
		origin.memory.state = ORIGIN_IS_VANISHED;
		break;
	case 'M': /* a mirror that had it */
		origin.kind = ORIGIN_OF_MIRROR;
		origin.memory.state = ORIGIN_IS_FAILING;
		origin.memory.served_at_ms = 1;
		break;
	case 'S':
		origin.kind = ORIGIN_OF_MIRROR;
		origin.memory.state = ORIGIN_IS_SERVING;
		break;
	default:
		fail_msg("what does %c do?", letter);
	}
	return origin;
}

static const struct {
	const char *origins;
	enum archive_state state;
} cases[] = {
        {"", ARCHIVE_IS_UNKNOWN},
        {"u", ARCHIVE_IS_UNTRIED},
        {"a", ARCHIVE_IS_FAILING},
        {"s", ARCHIVE_IS_REACHABLE},
        {"f", ARCHIVE_IS_FAILING},
        {"v", ARCHIVE_IS_VANISHED},
        {"c", ARCHIVE_IS_CHANGED},
        {"m", ARCHIVE_IS_UNKNOWN},
        {"M", ARCHIVE_IS_FAILING},
        {"S", ARCHIVE_IS_REACHABLE},
        {"vcfaus", ARCHIVE_IS_REACHABLE},
        {"vcfau", ARCHIVE_IS_CHANGED},
        {"vfau", ARCHIVE_IS_UNTRIED},
        {"vvf", ARCHIVE_IS_FAILING},
        {"va", ARCHIVE_IS_FAILING},
        {"vvv", ARCHIVE_IS_VANISHED},
        {"vvm", ARCHIVE_IS_VANISHED},
        {"vvS", ARCHIVE_IS_REACHABLE},
        {"um", ARCHIVE_IS_UNTRIED},
};

static void
the_state_is_what_the_origins_amount_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct catalog_origin items[8];
		struct catalog_origins origins = {.items = items, .count = strlen(cases[i].origins)};
		const struct want want = {.package = ""};
		enum archive_state judged;

		for (size_t n = 0; n < origins.count; n++)
			items[n] = origin_of(cases[i].origins[n]);
		judged = known_judge(&want, &origins);
		if (judged != cases[i].state)
			fail_msg("'%s' is %s, not %s", cases[i].origins, archive_state_name(judged),
			        archive_state_name(cases[i].state));
		/* So that whoever is told on a miss that it has vanished hears the same from check. */
		assert_int_equal(catalog_has_vanished(&origins), judged == ARCHIVE_IS_VANISHED);
	}
}

/* An archive whose places are these, at hosts of their own. */
static void
add_to_index(struct store *store, size_t number, const char *letters)
{
	run_sql(store, "INSERT INTO entry (id, md5) VALUES (%zu, CAST (printf('%%016d', %zu) AS BLOB))",
	        number + 1, number);
	for (size_t n = 0; n < strlen(letters); n++) {
		struct catalog_origin origin = origin_of(letters[n]);

		run_sql(store,
		        "INSERT INTO origin (entry, url, site, rank, first_named, last_named, first_at, "
		        "last_at, past,"
		        " state, result, served_at) VALUES (%zu, 'https://h%zu.example/x', 'h%zu.example/x', "
		        "0, %s, %s,"
		        " 1, 1, 0, %d, %d, %lld)",
		        number + 1, n, n, origin.kind == ORIGIN_OF_MIRROR ? "NULL" : "1",
		        origin.kind == ORIGIN_OF_MIRROR ? "NULL" : "1", origin.memory.state, origin.result,
		        (long long)origin.memory.served_at_ms);
	}
}

static void
the_gauges_say_the_same(void **state)
{
	char *directory = temp_make();
	struct store *store = store_at(directory, STORE_WRITE);
	uint64_t wanted[ARCHIVE_STATES] = {0};
	struct archive_counts counts;
	struct err err = ERR_NONE;

	(void)state;
	run_sql(store, "INSERT INTO import (id, source, at) VALUES (1, 'a test', 1)");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		add_to_index(store, i, cases[i].origins);
		wanted[cases[i].state]++;
		assert_true(archive_counts(store_index(store), &counts, &err));
		if (memcmp(counts.by_state, wanted, sizeof wanted) != 0)
			fail_msg("'%s' is not counted as %s", cases[i].origins,
			        archive_state_name(cases[i].state));
	}
	store_close(store);
	temp_remove(directory);
}

static void
a_url_that_the_catalog_does_not_know_is_untried(void **state)
{
	char *urls[] = {"https://host.example/a/x", "https://other.example/x"};
	const struct want known = {.package = "", .urls = urls, .n_urls = 1};
	const struct want fresh = {.package = "", .urls = urls, .n_urls = 2};
	struct catalog_origin vanished = origin_of('v');
	const struct catalog_origins origins = {.items = &vanished, .count = 1};

	(void)state;
	assert_int_equal(known_judge(&known, &origins), ARCHIVE_IS_VANISHED);
	assert_int_equal(known_judge(&fresh, &origins), ARCHIVE_IS_UNTRIED);
}

/* At how many independent hosts it is now. */
static void
copies_are_independent(void **state)
{
	static const struct {
		const char *urls[4];
		uint32_t failures;
		size_t copies;
	} rows[] = {
	        {{"https://github.com/a/x", "https://codeload.github.com/a/x", "https://a.github.io/x"}, 0,
	                1},
	        {{"https://github.com/a/x", "https://gitlab.com/a/x", "https://gitlab.example.org/a/x"}, 0,
	                3},
	        {{"https://a.example/x", "https://b.example/x", "https://a.example:8443/y"}, 0, 2},
	        {{"https://a.example/x", "https://b.example/x"}, 1,
	                0}, /* both failed when they were last asked */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct catalog_origin items[4];
		struct catalog_origins origins = {.items = items};

		for (; rows[i].urls[origins.count] != NULL; origins.count++) {
			items[origins.count] = origin_of('s');
			items[origins.count].url = (char *)rows[i].urls[origins.count];
			items[origins.count].memory.failures = rows[i].failures;
		}
		if (catalog_copies(&origins) != rows[i].copies)
			fail_msg("case %zu: %zu copies", i, catalog_copies(&origins));
	}
}

static void
stored_and_nowhere_else(void **state)
{
	struct known known = {.state = ARCHIVE_IS_STORED, .elsewhere = ARCHIVE_IS_VANISHED};

	(void)state;
	assert_true(known_only_here(&known));
	known.elsewhere = ARCHIVE_IS_FAILING;
	assert_true(known_only_here(&known));
	known.elsewhere = ARCHIVE_IS_UNTRIED; /* nobody was asked: who knows */
	assert_false(known_only_here(&known));
	known = (struct known){.state = ARCHIVE_IS_STORED, .elsewhere = ARCHIVE_IS_REACHABLE, .copies = 1};
	assert_false(known_only_here(&known));
	known.copies = 0; /* its only origin failed once */
	assert_false(known_only_here(&known));
	known = (struct known){.state = ARCHIVE_IS_VANISHED, .elsewhere = ARCHIVE_IS_VANISHED};
	assert_false(known_only_here(&known));
}

static void
whose_it_is(void **state)
{
	char *urls[] = {"https://locked.example/b/x"};
	struct want want = {.package = "", .urls = urls, .n_urls = 1};
	struct catalog_origin items[] = {origin_of('v'), origin_of('s')};
	struct known known = {.want = &want, .origins = {.items = items, .count = 2}};
	struct site site;

	(void)state;
	items[1].url = "https://good.example/c/x";
	assert_true(known_site(&known, &site));
	assert_string_equal(site.text, "good.example/c");
	known.origins.count = 1;
	assert_true(known_site(&known, &site));
	assert_string_equal(site.text, "locked.example/b");
	want.n_urls = 0;
	assert_true(known_site(&known, &site));
	assert_string_equal(site.text, "host.example/a");
	known.origins.count = 0;
	assert_false(known_site(&known, &site));
}

static void
which_mirrors_are_left(void **state)
{
	static const struct config_mirror mirror = {.name = "cache",
	        .url = "https://cache.example/{algo}/{hash}",
	        .digests = {DIGEST_SHA256},
	        .n_digests = 1};
	struct digest sha256 = digest_of("x", DIGEST_SHA256), md5 = digest_of("x", DIGEST_MD5);
	struct want want = {.package = ""};
	struct catalog_origin items[] = {origin_of('v'), origin_of('m')};
	struct known known = {.want = &want, .origins = {.items = items, .count = 1}};

	(void)state;
	digests_put(&want.digests, &md5);
	assert_false(known_mirror_untried(&known, &mirror)); /* it serves by no digest that is known */
	digests_put(&items[0].digests, &sha256);
	assert_true(known_mirror_untried(&known, &mirror));
	known.origins.count = 2;
	assert_true(known_mirror_untried(&known, &mirror)); /* another one was asked */
	items[1].url = "https://cache.example/sha256/00";
	assert_false(known_mirror_untried(&known, &mirror));
	items[1].kind = ORIGIN_NAMED; /* a source happens to name it */
	assert_true(known_mirror_untried(&known, &mirror));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_state_is_what_the_origins_amount_to),
	        cmocka_unit_test(the_gauges_say_the_same),
	        cmocka_unit_test(a_url_that_the_catalog_does_not_know_is_untried),
	        cmocka_unit_test(copies_are_independent),
	        cmocka_unit_test(stored_and_nowhere_else),
	        cmocka_unit_test(whose_it_is),
	        cmocka_unit_test(which_mirrors_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
