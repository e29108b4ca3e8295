/*
 * Removing and evicting: what goes, what is told to who asks again, what brings it back, and what a kill in
 * between leaves.
 */
#include "tests/support/sql.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "storage/catalog/catalog.h"
#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"
#include "storage/outcasts.h"

static char *directory;
static struct store *store;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	store = store_at(directory, STORE_WRITE);
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

static enum intake_result
bring_bytes(const void *bytes, size_t length, enum intake_source source, struct err *err)
{
	struct intake_plan plan = {.came_from = "a test", .source = source};
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, err);
	enum intake_result result;

	assert_non_null(intake);
	assert_true(intake_append(intake, bytes, length, err));
	intake_digests(intake);
	result = intake_commit_wait(intake, err);
	intake_close(intake);
	return result;
}

static enum err_code
bring(const char *string, enum intake_source source)
{
	struct err err = ERR_NONE;
	enum intake_result result = bring_bytes(string, strlen(string), source, &err);

	assert_int_equal(result == INTAKE_REFUSED, err.code != ERR_OK);
	return err.code;
}

static enum err_code
remove_by(const struct digest *digest, struct archive *ret)
{
	struct err err = ERR_NONE;

	return store_remove(store, digest, "uid 7", ret, &err) ? ERR_OK : err.code;
}

/* By its md5, the weakest of its names. */
static enum err_code
remove_string(const char *string)
{
	struct digest digest = digest_of(string, DIGEST_MD5);
	struct archive archive;

	return remove_by(&digest, &archive);
}

static enum row_answer
find_tombstone(const char *string, enum digest_algo algo, struct tombstone *ret)
{
	struct digest digest = digest_of(string, algo);
	struct err err = ERR_NONE;

	return tombstone_row_find(store_index(store), &digest, ret, &err);
}

static bool
has_file(const char *string)
{
	AUTO_FREE char *path = blob_path(directory, string);

	return access(path, F_OK) == 0;
}

static void
pin(const char *string)
{
	struct pin row = {.who = "a test", .at_ms = clock_wall_ms()};
	struct digest sha256 = digest_of(string, DIGEST_SHA256);
	struct err err = ERR_NONE;

	memcpy(row.sha256, sha256.bytes, sizeof row.sha256);
	assert_true(pin_row_add(store_index(store), &row, &err));
}

static bool
is_pinned(const char *string)
{
	struct digest sha256 = digest_of(string, DIGEST_SHA256);
	struct pin row;
	struct err err = ERR_NONE;

	return pin_row_find(store_index(store), sha256.bytes, &row, &err) == ROW_FOUND;
}

static void
removes_a_stored_archive(void **state)
{
	struct digest md5 = digest_of("one", DIGEST_MD5);
	struct digests digests = digests_of("one", 3);
	struct archive archive;
	struct tombstone tombstone;

	(void)state;
	put(store, "one", INTAKE_STORED);
	put(store, "other", INTAKE_STORED);
	pin("one");
	assert_int_equal(remove_by(&md5, &archive), ERR_OK);
	assert_int_equal(archive.size_bytes, 3);
	assert_true(digests_satisfy(&archive.digests, &digests));
	assert_missing(store, "one");
	assert_false(has_file("one"));
	assert_false(is_pinned("one"));
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		assert_int_equal(find_tombstone("one", (enum digest_algo)algo, &tombstone), ROW_FOUND);
	assert_string_equal(tombstone.who, "uid 7");
	assert_true(tombstone.at_ms > clock_wall_ms() - 60000);
	assert_int_equal(figures_of(store).archives, 1);
	assert_int_equal(figures_of(store).bytes, 5);
	assert_int_equal(figures_of(store).removed, 1);
	assert_int_equal(figures_of(store).evicted, 0);
	assert_stored(store, "other", BLOB_PROVEN);
}

static void
takes_it_back_only_when_given(void **state)
{
	struct tombstone tombstone;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_int_equal(remove_string("one"), ERR_OK);
	assert_int_equal(bring_bytes("one", 3, INTAKE_FETCHED, &err), INTAKE_REFUSED);
	assert_int_equal(err.code, ERR_REMOVED);
	assert_non_null(strstr(err.text, "removed by uid 7 on 20"));
	assert_missing(store, "one");
	assert_false(has_file("one"));
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_int_equal(bring("one", INTAKE_GIVEN), ERR_OK);
	assert_stored(store, "one", BLOB_PROVEN);
	assert_int_equal(find_tombstone("one", DIGEST_SHA512, &tombstone), ROW_NONE);
	assert_int_equal(bring("one", INTAKE_FETCHED), ERR_OK);
}

static void
knows_what_is_gone_already(void **state)
{
	(void)state;
	assert_int_equal(remove_string("nothing"), ERR_UNKNOWN);
	put(store, "one", INTAKE_STORED);
	assert_int_equal(remove_string("one"), ERR_OK);
	assert_int_equal(remove_string("one"), ERR_REMOVED);
	assert_int_equal(figures_of(store).removed, 1);
}

/* Teaches the catalog one entry. */
static void
list(struct digests digests)
{
	const char *const urls[] = {"https://h/a"};
	struct harvest_entry entry = {
	        .digests = digests, .package = "", .urls = urls, .n_urls = COUNT_OF(urls)};
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	assert_true(harvest_add(harvest, &entry, "list", 1));
	assert_true(catalog_learn(store_catalog(store), harvest, "a test", &learned, &err));
	harvest_destroy(harvest);
}

static uint64_t
wanted_count(void)
{
	struct err err = ERR_NONE;
	uint64_t count;

	assert_true(catalog_count_wanted(store_catalog(store), &count, &err));
	return count;
}

static void
removes_what_is_only_listed(void **state)
{
	struct digests listed = digests_of("listed", 6);
	struct tombstone tombstone;
	struct archive archive;
	struct digest md5 = digest_of("listed", DIGEST_MD5);

	(void)state;
	listed.known = 1u << DIGEST_MD5 | 1u << DIGEST_SHA512;
	list(listed);
	assert_int_equal(wanted_count(), 1);
	assert_int_equal(remove_by(&md5, &archive), ERR_OK);
	assert_int_equal(archive.size_bytes, 0);
	assert_int_equal(archive.digests.known, listed.known);
	assert_int_equal(find_tombstone("listed", DIGEST_SHA512, &tombstone), ROW_FOUND);
	assert_int_equal(wanted_count(), 0);
	assert_int_equal(bring("listed", INTAKE_FETCHED), ERR_REMOVED);
	assert_int_equal(remove_by(&md5, &archive), ERR_OK); /* again: the newer one stands */
}

/* The catalog lists a stored archive's sha256 with a sha512 that is another's. */
static void
spares_what_is_stored(void **state)
{
	struct digests liar = digests_of("one", 3), other = digests_of("other", 5);
	struct digest sha512 = digest_of("other", DIGEST_SHA512);
	struct archive archive;
	struct tombstone tombstone;

	(void)state;
	memcpy(liar.sha512, other.sha512, sizeof liar.sha512);
	list(liar);
	put(store, "one", INTAKE_STORED);
	assert_int_equal(remove_by(&sha512, &archive), ERR_OK);
	assert_int_equal(archive.digests.known, 1u << DIGEST_SHA512);
	assert_int_equal(find_tombstone("one", DIGEST_SHA256, &tombstone), ROW_NONE);
	assert_stored(store, "one", BLOB_PROVEN);
}

static void
lets_readers_read_on(void **state)
{
	struct digest sha256 = digest_of("one", DIGEST_SHA256);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	char bytes[8];

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_int_equal(store_find(store, &sha256, &blob, &err), STORE_HIT);
	assert_int_equal(remove_string("one"), ERR_OK);
	assert_int_equal(file_pread(blob.fd, bytes, sizeof bytes, 0, &err), 3);
}

static void
keeps_the_pin_of_a_damaged_archive(void **state)
{
	struct digests digests = digests_of("one", 3);

	(void)state;
	put(store, "one", INTAKE_STORED);
	pin("one");
	store_quarantine(store, &digests, "a test says so");
	assert_missing(store, "one");
	assert_true(is_pinned("one"));
	put(store, "one", INTAKE_STORED);
	assert_true(is_pinned("one"));
}

static enum err_code
evict(const char *string)
{
	struct digest sha256 = digest_of(string, DIGEST_SHA256);
	struct err err = ERR_NONE;

	return store_evict(store, sha256.bytes, &err) ? ERR_OK : err.code;
}

static void
evicts_without_a_tombstone(void **state)
{
	struct tombstone tombstone;

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_int_equal(evict("one"), ERR_OK);
	assert_missing(store, "one");
	assert_false(has_file("one"));
	assert_int_equal(find_tombstone("one", DIGEST_SHA256, &tombstone), ROW_NONE);
	assert_int_equal(figures_of(store).evicted, 1);
	assert_int_equal(figures_of(store).bytes, 0);
	assert_int_equal(evict("one"), ERR_UNKNOWN);
	put(store, "one", INTAKE_STORED);
	pin("one");
	assert_int_equal(evict("one"), ERR_TAKEN);
	assert_stored(store, "one", BLOB_PROVEN);
	assert_int_equal(figures_of(store).evicted, 1);
}

static void
changes_nothing_when_only_reading(void **state)
{
	struct store *reader;
	struct digest sha256 = digest_of("one", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "one", INTAKE_STORED);
	reader = store_at(directory, STORE_READ);
	assert_false(store_remove(reader, &sha256, "uid 7", &archive, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_false(store_evict(reader, sha256.bytes, &err));
	store_close(reader);
	assert_stored(store, "one", BLOB_PROVEN);
}

/* What a kill between the row and the file leaves: the file of a removed archive. */
static void
remove_half(struct store *dying)
{
	struct digest sha256 = digest_of("half", DIGEST_SHA256);
	AUTO_FREE char *path = blob_path(directory, "half");
	AUTO_FREE char *aside = path_below(directory, "aside");
	struct archive archive;
	struct err err = ERR_NONE;

	put(dying, "half", INTAKE_STORED);
	put(dying, "whole", INTAKE_STORED);
	if (link(path, aside) != 0 || !store_remove(dying, &sha256, "uid 7", &archive, &err) ||
	        rename(aside, path) != 0)
		_exit(2);
}

static void
finishes_what_a_kill_cut_short(void **state)
{
	(void)state;
	store_close(store);
	die_after(directory, remove_half);
	assert_true(has_file("half"));
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_after_recovery(store).adopted, 0);
	assert_false(has_file("half"));
	assert_missing(store, "half");
	assert_stored(store, "whole", BLOB_PROVEN);
	assert_int_equal(files_in(directory, "quarantine", ""), 0);
}

static void
unhex_twin(const char *hex, uint8_t ret[128])
{
	assert_true(text_unhex(hex, ret, 128));
}

static void
lose_the_row_of_a_twin(struct store *dying)
{
	uint8_t a[128], b[128];
	struct digests digests;
	struct digest sha256;
	struct archive archive;
	struct err err = ERR_NONE;

	unhex_twin(MD5_TWIN_A, a);
	unhex_twin(MD5_TWIN_B, b);
	digests = digests_of(a, sizeof a);
	digests_get(&digests, DIGEST_SHA256, &sha256);
	if (put_bytes(dying, a, sizeof a, &err) != INTAKE_STORED ||
	        !store_remove(dying, &sha256, "uid 7", &archive, &err))
		_exit(2);
	store = dying;
	if (bring_bytes(b, sizeof b, INTAKE_GIVEN, &err) != INTAKE_STORED)
		_exit(3);
	/* As a rebuilt index would have it: the tombstone is known, the row is not. */
	run_sql(dying, "INSERT INTO tombstone (md5, who, at) SELECT md5, 'uid 7', 1 FROM archive;"
	               "DELETE FROM archive; UPDATE figure SET archives = 0, bytes = 0");
}

/* An md5 alone is no proof: another archive's tombstone must not cost one that was acknowledged. */
static void
adopts_the_twin_of_a_removed_archive(void **state)
{
	(void)state;
	store_close(store);
	die_after(directory, lose_the_row_of_a_twin);
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_after_recovery(store).adopted, 1);
}

static void
lose_the_row_of_what_was_given_again(struct store *dying)
{
	struct digest sha256 = digest_of("again", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;

	put(dying, "again", INTAKE_STORED);
	if (!store_remove(dying, &sha256, "uid 7", &archive, &err))
		_exit(2);
	store = dying;
	if (bring_bytes("again", 5, INTAKE_GIVEN, &err) != INTAKE_STORED)
		_exit(3);
	/* As an index from a backup has it: that it was removed, long before the file was written. */
	run_sql(dying,
	        "INSERT INTO tombstone (md5, sha1, sha256, sha512, who, at) SELECT md5, sha1, sha256, "
	        "sha512, "
	        "'uid 7', 1 FROM archive; DELETE FROM archive; UPDATE figure SET archives = 0, bytes = 0");
}

/* An index that is older than the files must not cost the only copy of one. */
static void
adopts_what_was_given_after_it_was_removed(void **state)
{
	struct tombstone tombstone;

	(void)state;
	store_close(store);
	die_after(directory, lose_the_row_of_what_was_given_again);
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_after_recovery(store).adopted, 1);
	assert_stored(store, "again", BLOB_PROVEN);
	assert_int_equal(find_tombstone("again", DIGEST_SHA256, &tombstone), ROW_NONE);
}

static void *
give_often(void *argument)
{
	struct err err = ERR_NONE;

	(void)argument;
	for (int i = 0; i < 50; i++)
		bring_bytes("contended", 9, INTAKE_GIVEN, &err);
	return NULL;
}

static void
agrees_with_itself_when_contended(void **state)
{
	pthread_t threads[3];
	struct tombstone tombstone;
	struct digest sha256 = digest_of("contended", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;
	bool stored;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, give_often, NULL), 0);
	for (int i = 0; i < 50; i++)
		(void)!remove_by(&sha256, &archive);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	stored = store_lookup(store, &sha256, &archive, &err) == STORE_HIT;
	assert_int_equal(has_file("contended"), stored);
	assert_int_equal(
	        find_tombstone("contended", DIGEST_SHA256, &tombstone), stored ? ROW_NONE : ROW_FOUND);
	assert_int_equal(figures_of(store).archives, stored);
}

static bool nothing_goes;

/* The store's calls come here first. */
int
unlinkat(int dir_fd, const char *name, int flags)
{
	int (*really)(int, const char *, int) =
	        (int (*)(int, const char *, int))(uintptr_t)dlsym(RTLD_NEXT, "unlinkat");

	if (!nothing_goes)
		return really(dir_fd, name, flags);
	errno = EPERM;
	return -1;
}

/* Whoever has its answer ready has to hear of it, and its file must not stand for what is given again. */
static void
casts_out_what_cannot_be_deleted(void **state)
{
	struct digest sha256 = digest_of("one", DIGEST_SHA256);
	struct blob was, is;
	struct err err = ERR_NONE;
	uint64_t departed;

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_int_equal(store_find(store, &sha256, &was, &err), STORE_HIT);
	departed = store_departed(store);
	nothing_goes = true;
	assert_int_equal(remove_string("one"), ERR_IO);
	nothing_goes = false;
	assert_true(has_file("one"));
	assert_missing(store, "one");
	assert_true(store_departed(store) > departed);
	assert_true(store_has_cast_out(store, &was.stamp));
	assert_int_equal(bring("one", INTAKE_GIVEN), ERR_OK);
	assert_int_equal(store_find(store, &sha256, &is, &err), STORE_HIT);
	assert_false(store_has_cast_out(store, &is.stamp));
	blob_close(&was);
	blob_close(&is);
}

static void
remembers_so_many_outcasts(void **state)
{
	struct outcasts *outcasts = xcalloc(1, sizeof *outcasts);
	struct stamp stamp = {.inode = 1}, touched = {.inode = 2, .change_ns = 7};

	(void)state;
	outcasts_init(outcasts);
	assert_false(outcasts_have(outcasts, &stamp));
	for (stamp.inode = 1; stamp.inode <= OUTCASTS_MAX + 1; stamp.inode++)
		outcasts_add(outcasts, &stamp);
	for (stamp.inode = 2; stamp.inode <= OUTCASTS_MAX + 1; stamp.inode++)
		assert_true(outcasts_have(outcasts, &stamp));
	assert_false(outcasts_have(outcasts, &touched));
	stamp.inode = 1;
	assert_false(outcasts_have(outcasts, &stamp)); /* it has made room */
	outcasts_finish(outcasts);
	free(outcasts);
}

static int64_t
used_at(const char *string)
{
	struct digest sha256 = digest_of(string, DIGEST_SHA256);
	struct archive_row row;
	struct err err = ERR_NONE;

	assert_int_equal(archive_row_find(store_index(store), &sha256, &row, &err), ROW_FOUND);
	return row.used_at_ms;
}

static void
notes_a_use_once_an_hour(void **state)
{
	int64_t fresh_ms = clock_wall_ms() - ARCHIVE_TOUCH_MS / 2, begin_ms = clock_wall_ms();

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_true(used_at("one") >= begin_ms);
	run_sql(store, "UPDATE archive SET used_at = %lld", (long long)fresh_ms);
	assert_stored(store, "one", BLOB_PROVEN);
	run_sql(store, "DELETE FROM pin"); /* behind what was posted before */
	assert_int_equal(used_at("one"), fresh_ms);
	run_sql(store, "UPDATE archive SET used_at = stored_at - %d", ARCHIVE_TOUCH_MS);
	assert_stored(store, "one", BLOB_PROVEN);
	while (used_at("one") < begin_ms)
		usleep(1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(removes_a_stored_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(takes_it_back_only_when_given, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(knows_what_is_gone_already, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(removes_what_is_only_listed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(spares_what_is_stored, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(lets_readers_read_on, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_the_pin_of_a_damaged_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(evicts_without_a_tombstone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(changes_nothing_when_only_reading, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(finishes_what_a_kill_cut_short, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(adopts_the_twin_of_a_removed_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                adopts_what_was_given_after_it_was_removed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(agrees_with_itself_when_contended, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(casts_out_what_cannot_be_deleted, set_up, tear_down),
	        cmocka_unit_test(remembers_so_many_outcasts),
	        cmocka_unit_test_setup_teardown(notes_a_use_once_an_hour, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
