/*
 * The harvest and its arena: copies, limits, problems, archives counted once; and what one section makes of
 * its lines.
 */
#include "tests/support/readers.h"

#include "storage/catalog/arena.h"
#include "storage/catalog/distinct.h"
#include "storage/catalog/section.h"

static struct harvest *harvest;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(harvest);
	return 0;
}

static struct digests
digests_of(const char *text)
{
	struct digests set = {0};
	struct err err = ERR_NONE;
	struct digest digest;

	assert_true(digest_parse_text(text, &digest, &err));
	digests_put(&set, &digest);
	return set;
}

static void
gives_memory_and_takes_it_back(void **state)
{
	struct arena arena = ARENA_EMPTY;
	char *small = arena_copy(&arena, "small", 5);
	char *large = arena_take(&arena, 3 * ARENA_CHUNK);

	(void)state;
	memset(large, 'x', 3 * ARENA_CHUNK);
	assert_string_equal(small, "small");
	assert_int_equal((uintptr_t)arena_take(&arena, 1) % _Alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)arena_take(&arena, 1) % _Alignof(max_align_t), 0);
	arena_clear(&arena);
	for (int i = 0; i < 1000; i++)
		memset(arena_take(&arena, 1000), i, 1000);
	arena_clear(&arena);
	assert_string_equal(arena_copy(&arena, "again", 5), "again");
	arena_finish(&arena);
	arena_clear(&arena);
	assert_null(arena.chunks);
}

/* What is said again is one entry of the whole time; what differs in anything is one of its own. */
static void
tells_distinct_entries(void **state)
{
	const char *urls[] = {"https://a/", "https://b/"};
	struct harvest_entry entry = {.digests = digests_of("md5=" MD5_A),
	        .package = "a.1",
	        .urls = urls,
	        .n_urls = 1,
	        .first_ms = 5,
	        .last_ms = 6,
	        .past = true};
	struct distinct distinct;
	char package[16];

	(void)state;
	assert_true(harvest_add(harvest, &entry, "f", 1)); /* was there before */
	distinct_init(&distinct, harvest);
	distinct_add(&distinct, &entry, "f", 1);
	entry.first_ms = 3;
	entry.last_ms = 4;
	distinct_add(&distinct, &entry, "f", 1);
	entry.first_ms = 7;
	entry.last_ms = 8;
	entry.past = false;
	distinct_add(&distinct, &entry, "f", 1);
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(harvest->entries[0].first_ms, 5);
	assert_true(harvest->entries[0].past);
	assert_int_equal(harvest->entries[1].first_ms, 3);
	assert_int_equal(harvest->entries[1].last_ms, 8);
	assert_false(harvest->entries[1].past);
	entry.n_urls = 2;
	distinct_add(&distinct, &entry, "f", 1);
	urls[1] = "https://c/";
	distinct_add(&distinct, &entry, "f", 1);
	entry.digests = digests_of("sha256=" SHA256_A);
	distinct_add(&distinct, &entry, "f", 1);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			snprintf(package, sizeof package, "p.%d", i);
			entry.package = package;
			distinct_add(&distinct, &entry, "f", 1);
		}
	assert_int_equal(harvest->n_entries, 5005);
	/* One over a limit is a problem each time. */
	entry.package = "a b";
	distinct_add(&distinct, &entry, "f", 1);
	distinct_add(&distinct, &entry, "f", 1);
	assert_int_equal(harvest->n_entries, 5005);
	assert_int_equal(harvest->problems_in_all, 2);
	distinct_finish(&distinct);
}

static void
absorbs_another(void **state)
{
	struct harvest *other = harvest_create();

	(void)state;
	harvest->files = 1;
	harvest_problem(harvest, "f", 1, 1, "one; skipped");
	for (int round = 0; round < 2; round++) {
		other->files = 2;
		other->sections = 3;
		other->not_archives = 4;
		for (int i = 0; i < HARVEST_UNKEPT_MAX - 10; i++)
			harvest_add_unkept(
			        other, &(struct harvest_unkept){
			                       .lack = HARVEST_NO_DIGEST, .package = "p", .url = "u"});
		other->without_digest = 5;
		for (int i = 0; i < HARVEST_PROBLEMS_MAX + 10; i++)
			harvest_problem(other, "\\", 2, 3, "a \x1b; skipped");
		harvest_absorb(harvest, other);
		assert_int_equal(other->problems_in_all, 0);
		assert_int_equal(other->n_entries, 0);
		assert_int_equal(other->files, 0);
		assert_int_equal(other->n_unkept, 0);
	}
	assert_int_equal(harvest->n_unkept, HARVEST_UNKEPT_MAX);
	assert_string_equal(harvest->unkept[HARVEST_UNKEPT_MAX - 1].url, "u");
	assert_int_equal(harvest->files, 5);
	assert_int_equal(harvest->sections, 6);
	assert_int_equal(harvest->not_archives, 8);
	assert_int_equal(harvest->without_digest, 10);
	assert_int_equal(harvest->problems_in_all, 2 * (HARVEST_PROBLEMS_MAX + 10) + 1);
	assert_int_equal(harvest->n_problems, HARVEST_PROBLEMS_MAX);
	assert_string_equal(harvest->problems[1].text, "a \\x1b; skipped");
	assert_string_equal(harvest->problems[1].file, "\\x5c");
	harvest_destroy(other);
}

static void
copies_entries(void **state)
{
	char url[] = "https://a/", package[] = "a.1";
	const char *urls[] = {url};
	struct harvest_entry entry = {
	        .digests = digests_of("md5=" MD5_A), .package = package, .urls = urls, .n_urls = 1};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(harvest_add(harvest, &entry, "f", 1));
	memset(url, 'x', sizeof url - 1);
	memset(package, 'x', sizeof package - 1);
	assert_int_equal(harvest->n_entries, 1000);
	assert_string_equal(harvest->entries[999].urls[0], "https://a/");
	assert_string_equal(harvest->entries[999].package, "a.1");
	assert_digests(&harvest->entries[999], MD5_A, NULL);
}

static void
refuses_what_is_over_a_limit(void **state)
{
	AUTO_FREE char *long_url = repeated("x", HARVEST_URL_MAX, "x");
	AUTO_FREE char *long_package = repeated("x", HARVEST_PACKAGE_MAX, "x");
	const char *urls[HARVEST_URLS_MAX + 1];
	struct harvest_entry entry = {.digests = digests_of(MD5_A), .package = "", .urls = urls, .n_urls = 1};

	(void)state;
	urls[0] = long_url;
	assert_false(harvest_add(harvest, &entry, "f", 7));
	assert_problem(harvest, 0, "f", 7, 0, "longer than 4096");
	for (size_t i = 0; i < COUNT_OF(urls); i++)
		urls[i] = "https://a/";
	entry.n_urls = COUNT_OF(urls);
	assert_false(harvest_add(harvest, &entry, "f", 8));
	assert_problem(harvest, 1, "f", 8, 0, "more than 64 URLs");
	entry.n_urls = 1;
	entry.package = long_package;
	assert_false(harvest_add(harvest, &entry, "f", 9));
	assert_problem(harvest, 2, "f", 9, 0, "longer than 256");
	entry.package = "a\x1b[2J.1";
	assert_false(harvest_add(harvest, &entry, "f", 9));
	assert_problem(harvest, 3, "f", 9, 0, "'a\\x1b[2J.1' has a blank or a control character");
	harvest->n_entries = HARVEST_ENTRIES_MAX;
	entry.package = "";
	assert_false(harvest_add(harvest, &entry, "f", 10));
	assert_problem(harvest, 4, "f", 10, 0, "more than the 4000000 archives");
	harvest->n_entries = 0;
}

static void
keeps_the_first_problems_and_counts_all(void **state)
{
	(void)state;
	for (int i = 0; i < HARVEST_PROBLEMS_MAX + 5; i++)
		harvest_problem(harvest, "f\n", 1, 2, "number %d\x1b[31m; skipped", i);
	assert_int_equal(harvest->n_problems, HARVEST_PROBLEMS_MAX);
	assert_int_equal(harvest->problems_in_all, HARVEST_PROBLEMS_MAX + 5);
	assert_problem(harvest, 3, "f\\x0a", 1, 2, "number 3\\x1b[31m; skipped");
}

static void
counts_an_archive_once(void **state)
{
	const char *urls[] = {"https://a/"};
	struct harvest_entry entry = {.urls = urls, .n_urls = 1};
	const struct harvest_entry **archives;
	size_t count;

	(void)state;
	free(harvest_archives(harvest, &count));
	assert_int_equal(count, 0);
	entry.package = "b.1";
	entry.digests = digests_of("sha256=" SHA256_B);
	assert_true(harvest_add(harvest, &entry, "f", 1));
	entry.package = "a.1";
	entry.digests = digests_of("sha256=" SHA256_A);
	assert_true(harvest_add(harvest, &entry, "f", 2));
	entry.package = "b.2";
	entry.digests = digests_of("sha256=" SHA256_B);
	assert_true(harvest_add(harvest, &entry, "f", 3));
	archives = harvest_archives(harvest, &count);
	assert_int_equal(count, 2);
	assert_string_equal(archives[0]->package, "b.1");
	assert_string_equal(archives[1]->package, "a.1");
	free(archives);
}

/* A section of these URLs and checksums, each list ended by NULL. */
static void
read_section(const char *const *urls, const char *const *checksums)
{
	const char *const packages[] = {"p.1", "p.2"};
	struct place place = {.line = 3, .column = 4};
	char *copies[HARVEST_URLS_MAX + 8];
	struct section section;
	size_t count = 0;

	section_start(&section, harvest, "f", place);
	for (; urls[count] != NULL; count++) {
		copies[count] = xstrdup(urls[count]);
		section_url(&section, copies[count], strlen(copies[count]), place);
	}
	for (; *checksums != NULL; checksums++)
		section_checksum(&section, *checksums, strlen(*checksums), place);
	section_end(&section, packages, COUNT_OF(packages));
	while (count > 0)
		free(copies[--count]);
}

static void
makes_an_entry_for_each_package(void **state)
{
	(void)state;
	read_section((const char *[]){"https://a/x#y", "HTTP://b/", "ftp://c/", "git+https://d/", NULL},
	        (const char *[]){MD5_A, "sha256=" SHA256_A, "md5=" MD5_A, NULL});
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(harvest->sections, 1);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_string_equal(harvest->entries[1].package, "p.2");
	assert_int_equal(harvest->entries[0].n_urls, 3);
	assert_string_equal(harvest->entries[0].urls[0], "https://a/x");
	assert_string_equal(harvest->entries[0].urls[1], "HTTP://b/");
	assert_digests(&harvest->entries[0], MD5_A, "sha256=" SHA256_A);
}

static void
tells_sources_that_are_no_archives(void **state)
{
	static const char *const sources[] = {"git+https://a/b", "git://a/b", "ssh://git@a/b", "hg+http://a",
	        "darcs+https://a", "rsync://a/b", "file:///a", "/a/b", "git@github.com:a/b",
	        "https://a/b.git", "https://a/b.git#main"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		read_section((const char *[]){sources[i], NULL}, (const char *[]){MD5_A, NULL});
	assert_int_equal(harvest->not_archives, COUNT_OF(sources));
	assert_int_equal(harvest->n_unkept, COUNT_OF(sources));
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		assert_int_equal(harvest->unkept[i].lack, HARVEST_NO_ARCHIVE);
		assert_string_equal(harvest->unkept[i].package, "p.1");
	}
	assert_string_equal(harvest->unkept[COUNT_OF(sources) - 1].url, "https://a/b.git");
	assert_int_equal(harvest->problems_in_all, 0);
	assert_int_equal(harvest->n_entries, 0);
}

static void
counts_a_section_without_digest(void **state)
{
	(void)state;
	read_section((const char *[]){"https://a/", NULL}, (const char *[]){NULL});
	assert_int_equal(harvest->without_digest, 1);
	assert_int_equal(harvest->n_unkept, 1);
	assert_int_equal(harvest->unkept[0].lack, HARVEST_NO_DIGEST);
	assert_string_equal(harvest->unkept[0].url, "https://a/");
	assert_int_equal(harvest->problems_in_all, 0);
	read_section((const char *[]){"https://a/", NULL}, (const char *[]){"sha384=00", NULL});
	assert_int_equal(harvest->without_digest, 2);
	assert_problem(harvest, 0, "f", 3, 4, "sha384");
	assert_int_equal(harvest->n_entries, 0);
}

static void
keeps_the_right_checksums_beside_wrong_ones(void **state)
{
	(void)state;
	read_section((const char *[]){"https://a/", NULL},
	        (const char *[]){"sha256=12", MD5_A, "md5=" MD5_B, "nonsense", "sha256=" SHA256_A, "", NULL});
	assert_int_equal(harvest->problems_in_all, 4);
	assert_problem(harvest, 0, "f", 3, 4, "64 hexadecimal digits");
	assert_problem(harvest, 1, "f", 3, 4, "second checksum of the same algorithm");
	assert_problem(harvest, 2, "f", 3, 4, "is no digest");
	assert_digests(&harvest->entries[0], MD5_A, "sha256=" SHA256_A);
}

static void
refuses_what_cannot_be_a_url(void **state)
{
	AUTO_FREE char *long_url = repeated("x", HARVEST_URL_MAX, "x");

	(void)state;
	read_section((const char *[]){"", "https://a b/", "https://a/\r\nHost: b", long_url, "https://good/",
	                     NULL},
	        (const char *[]){MD5_A, NULL});
	assert_int_equal(harvest->problems_in_all, 4);
	assert_problem(harvest, 0, "f", 3, 4, "empty URL");
	assert_problem(harvest, 1, "f", 3, 4, "blank or a control character");
	assert_problem(harvest, 3, "f", 3, 4, "4096 bytes");
	assert_int_equal(harvest->entries[0].n_urls, 1);
	read_section((const char *[]){NULL}, (const char *[]){MD5_A, NULL});
	assert_problem(harvest, 4, "f", 3, 4, "without a URL");
	assert_int_equal(harvest->n_entries, 2);
}

static void
bounds_the_urls_of_a_section(void **state)
{
	const char *urls[HARVEST_URLS_MAX + 3] = {NULL};

	(void)state;
	for (size_t i = 0; i + 1 < COUNT_OF(urls); i++)
		urls[i] = "https://a/";
	read_section(urls, (const char *[]){MD5_A, NULL});
	assert_int_equal(harvest->problems_in_all, 2);
	assert_problem(harvest, 0, "f", 3, 4, "more than the 64 URLs");
	assert_int_equal(harvest->entries[0].n_urls, HARVEST_URLS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(gives_memory_and_takes_it_back),
	        cmocka_unit_test_setup_teardown(copies_entries, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_what_is_over_a_limit, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_the_first_problems_and_counts_all, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_an_archive_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(makes_an_entry_for_each_package, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_sources_that_are_no_archives, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_a_section_without_digest, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                keeps_the_right_checksums_beside_wrong_ones, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_distinct_entries, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(absorbs_another, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_what_cannot_be_a_url, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_the_urls_of_a_section, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
