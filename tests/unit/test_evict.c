/*
 * Eviction: who goes, in which order, who never goes, and what a store does that is full of those.
 */
#include "tests/support/sql.h"

#include "storage/catalog/catalog.h"
#include "storage/index/pin_rows.h"
#include "storage/store_parts.h"

#define DAY_MS   86400000ll
#define ONE_SIZE 1000 /* bytes of each archive */

static char *directory;
static struct store *store;

static struct store *
open_store(uint64_t max_bytes)
{
	struct store_options options = {.directory = directory, .mode = STORE_WRITE, .max_bytes = max_bytes};
	struct err err = ERR_NONE;
	struct store *opened = store_open(&options, &err);

	if (opened == NULL)
		fail_msg("%s", err.text);
	return opened;
}

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	store = open_store(0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(store);
	temp_remove(directory);
	return 0;
}

/* The archive of this name: the name, and zeros. */
static void
bytes_of(const char *name, char ret[ONE_SIZE])
{
	memset(ret, 0, ONE_SIZE);
	strcpy(ret, name);
}

static struct digests
digests_of_one(const char *name)
{
	char bytes[ONE_SIZE];

	bytes_of(name, bytes);
	return digests_of(bytes, sizeof bytes);
}

static enum err_code
try_to_keep(const char *name, const char *came_from)
{
	struct intake_plan plan = {.expected_size = ONE_SIZE, .came_from = came_from};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, &err);
	char bytes[ONE_SIZE];

	if (intake == NULL)
		return err.code;
	bytes_of(name, bytes);
	assert_true(intake_append(intake, bytes, sizeof bytes, &err));
	intake_digests(intake);
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	intake_close(intake);
	return ERR_OK;
}

/* As SQL names the archive. */
static const char *
sha256_of(const char *name)
{
	static char hex[65];
	struct digests digests = digests_of_one(name);

	text_hex(digests.sha256, sizeof digests.sha256, hex);
	return hex;
}

/* An archive that was stored and last used so many days ago. */
static void
keep(const char *name, const char *came_from, int days)
{
	int64_t at_ms = clock_wall_ms() - days * DAY_MS;

	assert_int_equal(try_to_keep(name, came_from), ERR_OK);
	run_sql(store, "UPDATE archive SET stored_at = %lld, used_at = %lld WHERE sha256 = x'%s'",
	        (long long)at_ms, (long long)at_ms, sha256_of(name));
}

/* The catalog lists it at this place, which answered so many days ago: by some of its digests. */
static void
list_by(struct digests digests, const char *url, enum origin_result result, int days)
{
	struct harvest_entry entry = {.digests = digests, .package = "", .urls = &url, .n_urls = 1};
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	struct err err = ERR_NONE;
	int64_t at_ms = clock_wall_ms() - days * DAY_MS;

	assert_true(harvest_add(harvest, &entry, "list", 1));
	assert_true(catalog_learn(store_catalog(store), harvest, "a test", &learned, &err));
	harvest_destroy(harvest);
	run_sql(store,
	        "UPDATE origin SET result = %d, tried_at = %lld, served_at = %lld WHERE url = '%s'"
	        " AND tried_at = 0",
	        (int)result, (long long)at_ms, (long long)(result == ORIGIN_SERVED ? at_ms : 0), url);
}

static void
list(const char *name, const char *url, enum origin_result result, int days)
{
	struct digests digests = digests_of_one(name);

	digests.known = 1u << DIGEST_SHA256;
	list_by(digests, url, result, days);
}

/* The place answered yesterday, but the watch has found what became of it. */
static void
list_as(const char *name, const char *url, enum origin_state state)
{
	list(name, url, ORIGIN_SERVED, 1);
	run_sql(store, "UPDATE origin SET state = %d WHERE url = '%s'", (int)state, url);
}

static bool
is_kept(const char *name)
{
	struct digests digests = digests_of_one(name);
	struct digest sha256;
	struct archive archive;
	struct err err = ERR_NONE;

	digests_get(&digests, DIGEST_SHA256, &sha256);
	return store_lookup(store, &sha256, &archive, &err) == STORE_HIT;
}

/* Opens the store again with this limit, and waits for a round. */
static void
limit_to(uint64_t max_bytes)
{
	store_close(store);
	store = open_store(max_bytes);
	evictor_round(store->evictor);
}

static void
keeps_everything_without_a_limit(void **state)
{
	(void)state;
	keep("a", "https://h/a", 1);
	list("a", "https://h/a", ORIGIN_SERVED, 1);
	assert_null(store->evictor);
	assert_true(is_kept("a"));
}

static void
keep_safe(const char *name, int days)
{
	char url[64], mirror[64];

	snprintf(url, sizeof url, "https://h/%s", name);
	snprintf(mirror, sizeof mirror, "https://m/%s", name);
	keep(name, url, days);
	list(name, url, ORIGIN_SERVED, 1);
	list(name, mirror, ORIGIN_UNTRIED, 0);
}

static void
the_least_recently_used_go_first(void **state)
{
	(void)state;
	keep_safe("newest", 10);
	keep_safe("oldest", 40);
	keep_safe("middle", 20);
	limit_to(3 * ONE_SIZE);
	assert_int_equal(figures_of(store).evicted, 0);
	limit_to(2 * ONE_SIZE + ONE_SIZE / 2);
	assert_int_equal(figures_of(store).evicted, 1);
	assert_false(is_kept("oldest"));
	assert_true(is_kept("middle"));
	limit_to(ONE_SIZE + ONE_SIZE / 2);
	assert_false(is_kept("middle"));
	assert_true(is_kept("newest"));
	assert_int_equal(figures_of(store).health, STORE_FINE);
}

static void
goes_down_to_the_low_mark(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d", i);
		keep_safe(name, 1);
	}
	limit_to(99 * ONE_SIZE + 500);
	assert_int_equal(figures_of(store).bytes, 94 * ONE_SIZE);
	assert_int_equal(figures_of(store).evicted, 6);
}

/* One host with two URLs is one place: those known at two go first, whenever they were used. */
static void
those_known_at_one_place_go_last(void **state)
{
	(void)state;
	keep("single", "https://h/single", 40);
	list("single", "https://h/single", ORIGIN_SERVED, 1);
	list("single", "https://H:443/other", ORIGIN_SERVED, 1);
	list("single", "https://m/single", ORIGIN_GONE, 1);
	keep_safe("safe", 1);
	limit_to(ONE_SIZE + ONE_SIZE / 2);
	assert_true(is_kept("single"));
	assert_false(is_kept("safe"));
	limit_to(ONE_SIZE / 2);
	assert_false(is_kept("single"));
}

/* They are lost together: two hosts of one forge, and two of one domain. */
static void
hosts_of_one_provider_are_one_place(void **state)
{
	(void)state;
	keep("forge", "https://github.com/a/b", 40);
	list("forge", "https://github.com/a/b", ORIGIN_SERVED, 1);
	list("forge", "https://codeload.github.com/a/b", ORIGIN_SERVED, 1);
	keep("mirrored", "https://eu.mirror.example/c", 30); /* in no catalog, but seen there */
	run_sql(store, "UPDATE archive SET stored_at = %lld WHERE sha256 = x'%s'",
	        (long long)(clock_wall_ms() - DAY_MS), sha256_of("mirrored"));
	list("mirrored", "https://us.mirror.example/c", ORIGIN_SERVED, 1);
	keep_safe("safe", 1);
	limit_to(2 * ONE_SIZE + ONE_SIZE / 2);
	assert_true(is_kept("forge"));
	assert_true(is_kept("mirrored"));
	assert_false(is_kept("safe"));
	limit_to(ONE_SIZE + ONE_SIZE / 2);
	assert_false(is_kept("forge"));
	assert_true(is_kept("mirrored"));
}

static void
pin(const char *name)
{
	struct digests digests = digests_of_one(name);
	struct pin row = {.who = "a test", .at_ms = 1};
	struct err err = ERR_NONE;

	memcpy(row.sha256, digests.sha256, sizeof row.sha256);
	assert_true(pin_row_add(store_index(store), &row, &err));
}

static void
some_never_go(void **state)
{
	static const char *const names[] = {"pinned", "nowhere", "long ago", "gone", "failed", "liar",
	        "uploaded", "ftp", "vanished", "changed", "changing"};
	struct digests liar = digests_of_one("liar");

	(void)state;
	keep_safe("pinned", 90);
	pin("pinned");
	keep("nowhere", "https://mirror/a", 31);
	keep("long ago", "https://h/b", 90);
	list("long ago", "https://h/b", ORIGIN_SERVED, 31);
	list("long ago", "https://m/b", ORIGIN_UNTRIED, 0);
	keep("gone", "https://h/c", 1); /* the catalog knows better than where it came from */
	list("gone", "https://h/c", ORIGIN_GONE, 0);
	list("gone", "https://m/c", ORIGIN_UNTRIED, 0);
	keep("failed", "https://h/d", 90);
	list("failed", "https://h/d", ORIGIN_FAILED, 1);
	keep("liar", "", 90);
	liar.md5[0] ^= 1;
	list_by(liar, "https://h/e", ORIGIN_SERVED, 1); /* another archive: its md5 is not this one's */
	keep("uploaded", "token laptop, 192.0.2.1", 1);
	keep("ftp", "ftp://h/f", 1);
	list("ftp", "ftp://h/f", ORIGIN_UNTRIED, 0);
	keep("vanished", "", 90);
	list_as("vanished", "https://h/g", ORIGIN_IS_VANISHED);
	keep("changed", "", 90);
	list_as("changed", "https://h/i", ORIGIN_IS_CHANGED);
	keep("changing", "https://h/j", 1); /* the last answer was other bytes, which are not proof yet */
	list("changing", "https://h/j", ORIGIN_CHANGED, 0);
	limit_to(ONE_SIZE);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!is_kept(names[i]))
			fail_msg("'%s' is evicted", names[i]);
	assert_int_equal(figures_of(store).evicted, 0);
}

static void
a_mirror_counts_for_a_month(void **state)
{
	(void)state;
	keep("old", "https://mirror/a", 31);
	keep("new", "https://mirror/b", 29);
	limit_to(ONE_SIZE);
	assert_true(is_kept("old"));
	assert_false(is_kept("new"));
}

/* Its entry lists only an md5; the sha256 is the store's own knowledge. */
static void
finds_origins_by_every_digest(void **state)
{
	struct digests digests = digests_of_one("a");

	(void)state;
	keep("a", "", 90);
	digests.known = 1u << DIGEST_MD5;
	list_by(digests, "https://h/a", ORIGIN_SERVED, 1);
	limit_to(ONE_SIZE / 2);
	assert_false(is_kept("a"));
}

static void
is_full_and_heals(void **state)
{
	struct digests digests = digests_of_one("b");
	struct digest sha256;
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	keep("a", "", 1);
	keep("b", "", 1);
	limit_to(ONE_SIZE + ONE_SIZE / 2);
	assert_true(evictor_is_full(store->evictor));
	assert_int_equal(figures_of(store).health, STORE_FULL);
	assert_string_equal(figures_of(store).health_text,
	        "the archives take 2.0 KiB, space.max_size is 1.5 KiB, and none of them may go");
	assert_int_equal(try_to_keep("c", "https://h/c"), ERR_NO_SPACE);
	assert_int_equal(figures_of(store).refused_no_space, 1);
	assert_true(is_kept("a")); /* hits go on */
	digests_get(&digests, DIGEST_SHA256, &sha256);
	assert_true(store_remove(store, &sha256, "uid 7", &archive, &err));
	while (evictor_is_full(store->evictor))
		usleep(1000);
	assert_int_equal(figures_of(store).health, STORE_FINE);
	assert_int_equal(try_to_keep("c", "https://h/c"), ERR_OK);
}

static void
refuses_what_is_larger_than_all(void **state)
{
	(void)state;
	keep_safe("a", 1);
	limit_to(2 * ONE_SIZE);
	struct intake_plan plan = {.expected_size = 2 * ONE_SIZE + 1}, silent = {0};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, &err);
	char bytes[2 * ONE_SIZE + 1] = {0};

	assert_null(intake);
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_non_null(strstr(err.text, "space.max_size"));
	intake = intake_open(store, INTAKE_KEEP, &silent, &err);
	assert_non_null(intake);
	assert_false(intake_append(intake, bytes, sizeof bytes, &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	intake_close(intake);
	assert_true(is_kept("a"));
}

/* Without being asked: whoever stores something wakes it. */
static void
makes_room_by_itself(void **state)
{
	(void)state;
	keep_safe("a", 3);
	keep_safe("b", 2);
	limit_to(2 * ONE_SIZE);
	assert_int_equal(try_to_keep("c", ""), ERR_OK);
	while (figures_of(store).evicted == 0)
		usleep(1000);
	assert_false(is_kept("a"));
	assert_true(is_kept("c"));
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_STORE(keeps_everything_without_a_limit),
	        IN_STORE(the_least_recently_used_go_first),
	        IN_STORE(goes_down_to_the_low_mark),
	        IN_STORE(those_known_at_one_place_go_last),
	        IN_STORE(hosts_of_one_provider_are_one_place),
	        IN_STORE(some_never_go),
	        IN_STORE(a_mirror_counts_for_a_month),
	        IN_STORE(finds_origins_by_every_digest),
	        IN_STORE(is_full_and_heals),
	        IN_STORE(refuses_what_is_larger_than_all),
	        IN_STORE(makes_room_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
