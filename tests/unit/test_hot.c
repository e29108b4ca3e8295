/*
 * Hot archives: what is kept ready and what is not, who goes for whom, and that nothing is handed out of
 * which the archive has left the store or whose file was touched.
 */
#include "tests/support/stores.h"

#include <sys/mman.h>

#include "server/admin/metrics.h"
#include "server/archive/hot.h"
#include "storage/index/archive_rows.h"
#include "storage/store_parts.h"

#define NOW     1000000
#define LARGE   (READY_MEMORY_MAX + 1u) /* bytes of an archive that is sent from its file */
#define OPEN_AT 64                      /* more files than a test has open */

static char *directory;
static struct store *store;
static struct metrics *metrics;
static struct hot *hot;

static void
open_hot(uint64_t memory_bytes, uint64_t files)
{
	struct hot_budget budget = {.memory_bytes = memory_bytes, .files = files};

	hot_destroy(hot);
	hot = hot_create(&budget, store, metrics);
}

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	store = store_at(directory, STORE_WRITE);
	metrics = metrics_create();
	open_hot(1u << 20, OPEN_AT);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	hot_destroy(hot);
	hot = NULL;
	metrics_destroy(metrics);
	store_close(store);
	temp_remove(directory);
	return 0;
}

static struct digest
name_of(const char *string)
{
	return digest_of(string, DIGEST_SHA256);
}

static struct blob
blob_named(const struct digest *name)
{
	struct blob blob = BLOB_NONE;
	struct err err = ERR_NONE;

	assert_int_equal(store_find(store, name, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_PROVEN);
	return blob;
}

/* Stored, and its answer is ready from now on. */
static void
keep_named(const struct digest *name)
{
	struct blob blob = blob_named(name);
	struct err err = ERR_NONE;

	if (hot_keep(hot, name, &blob, NOW, &err) == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(blob.fd, -1); /* taken */
}

static void
keep(const char *string)
{
	struct digest name = name_of(string);

	put(store, string, INTAKE_STORED);
	keep_named(&name);
}

/* Of an archive that is sent from its file. Valid until the next call. */
static const char *
large(char c)
{
	static char bytes[LARGE + 1];

	memset(bytes, c, LARGE);
	return bytes;
}

static bool
is_ready(const char *string)
{
	struct digest name = name_of(string);

	hot_hear_changes(hot); /* as the worker does before it answers */
	return hot_find(hot, &name, NOW) != NULL;
}

static struct hot_figures
figures(void)
{
	struct hot_figures sum = {0};

	hot_add_figures(hot, &sum);
	return sum;
}

static void
is_found_by_the_name_it_was_kept_by(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5);

	(void)state;
	assert_false(is_ready("a"));
	keep("a");
	assert_true(is_ready("a"));
	assert_null(hot_find(hot, &md5, NOW));
	keep_named(&md5);
	assert_non_null(hot_find(hot, &md5, NOW));
	assert_int_equal(figures().answers, 2);
	assert_int_equal(figures().memory_bytes, 2 * (READY_ITSELF + 1));
	assert_int_equal(metrics_get(metrics, METRIC_HOT_HITS), 2);
}

static void
only_what_is_asked_for_again_is_worth_it(void **state)
{
	struct digest a = name_of("a"), b = name_of("b");

	(void)state;
	assert_false(hot_admits(hot, &a, 1));
	assert_false(hot_admits(hot, &b, 1));
	assert_true(hot_admits(hot, &a, 1));
	assert_true(hot_admits(hot, &a, 1));
}

static void
who_reads_all_once_puts_nobody_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10 * HOT_SEEN; i++) {
		struct digest name = {.algo = DIGEST_SHA256};

		for (size_t n = 0; n < digest_size(name.algo); n++)
			name.bytes[n] = (uint8_t)((i + 1) * 2654435761u >> n % 4 * 8);
		assert_false(hot_admits(hot, &name, 1));
	}
}

/* --- what is not there any more --- */

/* Filesystems may tell times apart only some milliseconds from each other. */
static void
let_time_be_seen(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec);
}

static void
what_is_removed_is_gone_at_once(void **state)
{
	struct digest name = name_of("a");
	struct archive removed;
	struct err err = ERR_NONE;

	(void)state;
	keep("a");
	keep("b");
	assert_true(store_remove(store, &name, "a test", &removed, &err));
	assert_false(is_ready("a"));
	assert_true(is_ready("b"));
	assert_int_equal(metrics_get(metrics, METRIC_HOT_STALE), 1);
}

/* Nobody asks for it again, yet its space is free as soon as anybody asks for anything. */
static void
what_left_is_let_go_of(void **state)
{
	struct digest name = name_of("a");
	struct archive removed;
	struct err err = ERR_NONE;

	(void)state;
	keep("a");
	keep("b");
	assert_true(store_remove(store, &name, "a test", &removed, &err));
	assert_int_equal(figures().answers, 2);
	assert_null(hot_find(hot, &name, NOW));
	assert_int_equal(figures().answers, 1);
	keep(large('c'));
	assert_int_equal(figures().files, 1);
	name = name_of(large('c'));
	assert_true(store_evict(store, name.bytes, &err));
	name = name_of("b");
	assert_non_null(hot_find(hot, &name, NOW));
	assert_int_equal(figures().answers, 1);
	assert_int_equal(figures().files, 0);
}

static void
what_is_quarantined_is_gone_at_once(void **state)
{
	struct digests digests = digests_of("a", 1);

	(void)state;
	keep("a");
	let_time_be_seen();
	store_quarantine(store, &digests, "a test says so");
	assert_false(is_ready("a"));
}

static void
what_somebody_touched_is_gone_at_once(void **state)
{
	AUTO_FREE char *path = NULL;

	(void)state;
	keep("a");
	path = blob_path(directory, "a");
	let_time_be_seen();
	assert_int_equal(chmod(path, 0600), 0); /* and his next step would be to write */
	assert_false(is_ready("a"));
	keep("b");
	free(path);
	path = blob_path(directory, "b");
	assert_int_equal(unlink(path), 0);
	assert_false(is_ready("b"));
	assert_int_equal(figures().answers, 0);
	assert_int_equal(figures().memory_bytes, 0);
}

/* Kept under two names, in memory, and a large one, whose file is sent. */
static void
of_what_is_in_memory_changes_are_heard(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5);
	AUTO_FREE char *path = NULL;

	(void)state;
	keep("a");
	keep_named(&md5);
	keep(large('x'));
	assert_int_equal(figures().answers, 3);
	assert_int_equal(figures().files, 2); /* that are looked at each time */
	assert_true(is_ready("a"));
	assert_true(is_ready(large('x')));
	path = blob_path(directory, "a");
	let_time_be_seen();
	assert_int_equal(chmod(path, 0600), 0);
	assert_false(is_ready("a"));
	assert_null(hot_find(hot, &md5, NOW));
	assert_int_equal(figures().answers, 1);
	assert_int_equal(figures().files, 1);
	assert_int_equal(metrics_get(metrics, METRIC_HOT_STALE), 2);
}

/* Of that nobody tells: what is sent from the file is looked at. */
static void
what_was_written_through_a_mapping_is_not_sent(void **state)
{
	struct digest name = name_of(large('x'));
	AUTO_FREE char *path = NULL;
	struct err err = ERR_NONE;
	AUTO_BLOB blob = BLOB_NONE;
	char *bytes;
	int fd;

	(void)state;
	put(store, large('x'), INTAKE_STORED);
	path = blob_path(directory, large('x'));
	assert_int_equal(chmod(path, 0600), 0);
	fd = open(path, O_RDWR);
	bytes = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	assert_int_equal(store_find(store, &name, &blob, &err), STORE_HIT);
	assert_non_null(hot_keep(hot, &name, &blob, NOW, &err));
	assert_true(is_ready(large('x')));
	let_time_be_seen();
	bytes[LARGE / 2] = 'X';
	munmap(bytes, LARGE);
	close(fd);
	assert_false(is_ready(large('x')));
}

static void
after_an_hour_the_index_is_asked_anew(void **state)
{
	struct digest name = name_of("a");

	(void)state;
	keep("a");
	assert_non_null(hot_find(hot, &name, NOW + ARCHIVE_TOUCH_MS - 1));
	assert_null(hot_find(hot, &name, NOW + ARCHIVE_TOUCH_MS));
	assert_true(hot_admits(hot, &name, 1));
}

static void
other_bytes_are_never_kept(void **state)
{
	struct digest name = name_of("a");
	struct err err = ERR_NONE;
	AUTO_BLOB blob = BLOB_NONE;

	(void)state;
	put(store, "a", INTAKE_STORED);
	blob = blob_named(&name);
	blob.digests = digests_of("b", 1); /* as if the disk had given others */
	assert_null(hot_keep(hot, &name, &blob, NOW, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_true(blob.fd >= 0);
	assert_int_equal(figures().answers, 0);
}

/* --- the budget --- */

/* Asked for so often. */
static bool
admit(const char *string, int times)
{
	struct digest name = name_of(string);
	bool admitted = false;

	for (int i = 0; i < times; i++)
		admitted = hot_admits(hot, &name, strlen(string));
	return admitted;
}

static void
who_is_asked_for_twice_as_often_takes_the_place_of_the_least_used(void **state)
{
	(void)state;
	open_hot(1u << 20, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(admit(large((char)('a' + i)), 2));
		keep(large((char)('a' + i)));
	}
	assert_true(is_ready(large('a')));
	assert_true(is_ready(large('c')));
	assert_false(admit(large('d'), 3)); /* b: 2 */
	assert_true(is_ready(large('a')));
	assert_true(is_ready(large('c')));
	assert_true(admit(large('d'), 1));
	keep(large('d'));
	assert_false(is_ready(large('b')));
	assert_true(is_ready(large('a')));
	assert_true(is_ready(large('c')));
	assert_true(is_ready(large('d')));
	assert_int_equal(figures().answers, 3);
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_HOT), 3); /* refused twice, and one went */
}

static void
of_many_that_are_used_alike_those_who_are_there_stay(void **state)
{
	int kept = 0;

	(void)state;
	open_hot(1u << 20, 10);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 40; i++) {
			const char *string = large((char)('A' + i));

			if (is_ready(string) || !admit(string, 1))
				continue;
			keep(string);
			kept++;
		}
	}
	assert_int_equal(kept, 10);
}

/* What was used much, long ago, does not hold its place. */
static void
uses_fade(void **state)
{
	(void)state;
	open_hot(1u << 20, 1);
	assert_true(admit(large('a'), 2));
	keep(large('a'));
	for (int i = 0; i < 60; i++)
		assert_true(is_ready(large('a')));
	assert_false(admit(large('b'), 4));
	for (int i = 0; i < 4 * HOT_PERIOD; i++)
		(void)admit("nobody", 1);
	assert_false(admit(large('b'), 1)); /* its own have faded too */
	assert_true(admit(large('b'), 6));
	keep(large('b'));
	assert_false(is_ready(large('a')));
}

static void
memory_has_a_limit(void **state)
{
	char string[2] = "a";

	(void)state;
	open_hot(READY_TAKES_MAX, OPEN_AT);
	for (int i = 0; i < 60; i++) {
		string[0] = (char)('A' + i);
		keep(string); /* admitted or not */
		assert_true(figures().memory_bytes <= READY_TAKES_MAX);
		assert_true(is_ready(string));
	}
	assert_int_equal(figures().answers, READY_TAKES_MAX / (READY_ITSELF + 1));
	assert_false(is_ready("A"));
}

static void
files_have_a_limit(void **state)
{
	(void)state;
	open_hot(1u << 20, 2);
	for (char c = 'A'; c < 'P'; c++) {
		const char small[2] = {c};

		keep(small);
		keep(large(c)); /* admitted or not */
		assert_true(figures().files <= 2);
		assert_true(is_ready(large(c)));
	}
	assert_int_equal(figures().files, 2);
	/* Those in memory had no file to give. */
	for (char c = 'A'; c < 'P'; c++) {
		const char small[2] = {c};

		assert_true(is_ready(small));
	}
}

/* As where it is kept by two names: then its file is open. */
static void
one_in_memory_that_is_not_watched_takes_a_file(void **state)
{
	struct digest md5 = digest_of("a", DIGEST_MD5), sha1 = digest_of("a", DIGEST_SHA1);

	(void)state;
	open_hot(1u << 20, 1);
	keep("a");
	assert_int_equal(figures().files, 0);
	keep_named(&md5);
	assert_int_equal(figures().files, 1);
	keep_named(&sha1);
	assert_int_equal(figures().files, 1);
	assert_null(hot_find(hot, &md5, NOW));
	assert_non_null(hot_find(hot, &sha1, NOW));
	assert_true(is_ready("a"));
}

/* Its bytes stay in the file. */
static void
a_large_one_takes_no_memory(void **state)
{
	(void)state;
	keep(large('x'));
	assert_int_equal(figures().memory_bytes, READY_ITSELF);
	assert_true(is_ready(large('x')));
}

static void
without_a_budget_nothing_is_kept(void **state)
{
	struct digest name = name_of("a");

	(void)state;
	assert_int_equal(READY_TAKES_MAX, 34 << 10); /* as larder.conf.5 tells people */
	open_hot(READY_TAKES_MAX - 1, OPEN_AT);
	assert_null(hot);
	open_hot(1u << 20, 0);
	assert_null(hot);
	assert_null(hot_find(hot, &name, NOW));
	assert_false(hot_admits(hot, &name, 1));
	assert_false(hot_admits(hot, &name, 1));
	assert_int_equal(figures().answers, 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_STORE(is_found_by_the_name_it_was_kept_by),
	        WITH_STORE(only_what_is_asked_for_again_is_worth_it),
	        WITH_STORE(who_reads_all_once_puts_nobody_out),
	        WITH_STORE(what_is_removed_is_gone_at_once),
	        WITH_STORE(what_left_is_let_go_of),
	        WITH_STORE(what_is_quarantined_is_gone_at_once),
	        WITH_STORE(what_somebody_touched_is_gone_at_once),
	        WITH_STORE(of_what_is_in_memory_changes_are_heard),
	        WITH_STORE(what_was_written_through_a_mapping_is_not_sent),
	        WITH_STORE(after_an_hour_the_index_is_asked_anew),
	        WITH_STORE(other_bytes_are_never_kept),
	        WITH_STORE(who_is_asked_for_twice_as_often_takes_the_place_of_the_least_used),
	        WITH_STORE(of_many_that_are_used_alike_those_who_are_there_stay),
	        WITH_STORE(uses_fade),
	        WITH_STORE(memory_has_a_limit),
	        WITH_STORE(files_have_a_limit),
	        WITH_STORE(one_in_memory_that_is_not_watched_takes_a_file),
	        WITH_STORE(a_large_one_takes_no_memory),
	        WITH_STORE(without_a_budget_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
