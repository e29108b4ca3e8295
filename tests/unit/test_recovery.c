/*
 * Recovery: an index that is lost, garbage, cut off or foreign; a process that died; blobs without rows, rows
 * without blobs, blobs that are not what their name says. Nothing that was stored is lost.
 */
#include "tests/support/stores.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

static char *directory;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temp_remove(directory);
	return 0;
}

static void
fill(void)
{
	struct store *store = store_at(directory, STORE_WRITE);

	put(store, "one", INTAKE_STORED);
	put(store, "two", INTAKE_STORED);
	put(store, "three", INTAKE_STORED);
	store_close(store);
}

/* All three are there again, and after a restart nothing has to be looked for. */
static void
assert_recovered(unsigned damaged)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct store_figures figures = figures_after_recovery(store);

	assert_int_equal(figures.adopted, 3);
	assert_int_equal(figures.archives, 3);
	assert_int_equal(figures.health, STORE_FINE);
	assert_stored(store, "one", BLOB_PROVEN);
	assert_stored(store, "two", BLOB_PROVEN);
	assert_stored(store, "three", BLOB_PROVEN);
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), damaged);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	assert_false(figures_of(store).recovering);
	assert_stored(store, "one", BLOB_PROVEN);
	put(store, "two", INTAKE_KNOWN);
	store_close(store);
}

static void
replace_index(const void *bytes, size_t length)
{
	AUTO_FREE char *path = path_below(directory, "index.db");

	write_file(path, bytes, length);
}

static void
rebuilds_a_lost_index(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");

	(void)state;
	fill();
	assert_int_equal(unlink(path), 0);
	assert_recovered(0);
}

/* Where it comes from stands in the archive itself. */
static void
knows_the_commit_again(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	AUTO_TEXT bytes = TEXT_EMPTY;
	struct digests digests;
	struct digest digest;
	struct archive found;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(file_read_path(PROJECT_DIR "/tests/fuzz/corpus/provenance/tar", 1 << 20, &bytes, &err));
	digests = digests_of(bytes.bytes, bytes.length);
	assert_true(digests_get(&digests, DIGEST_SHA256, &digest));
	for (int lost = 0; lost < 2; lost++) {
		struct store *store = store_at(directory, STORE_WRITE);

		if (lost == 0)
			assert_int_equal(put_bytes(store, bytes.bytes, bytes.length, &err), INTAKE_STORED);
		else
			assert_int_equal(figures_after_recovery(store).adopted, 1);
		assert_int_equal(store_lookup(store, &digest, &found, &err), STORE_HIT);
		assert_string_equal(found.git_commit, "0123456789abcdef0123456789abcdef01234567");
		store_close(store);
		assert_int_equal(unlink(path), 0);
	}
}

static void
rebuilds_an_empty_index(void **state)
{
	(void)state;
	fill();
	replace_index("", 0);
	assert_recovered(0);
}

static void
rebuilds_from_garbage(void **state)
{
	char garbage[20000];

	(void)state;
	fill();
	for (size_t i = 0; i < sizeof garbage; i++)
		garbage[i] = (char)(i * 37 + i / 251);
	replace_index(garbage, sizeof garbage);
	assert_recovered(1);
}

static void
rebuilds_from_a_few_bytes(void **state)
{
	(void)state;
	fill();
	replace_index("no database", 11);
	assert_recovered(1);
}

static void
rebuilds_from_zeros(void **state)
{
	static const char zeros[8192];

	(void)state;
	fill();
	replace_index(zeros, sizeof zeros);
	assert_recovered(1);
}

static void
rebuilds_from_a_cut_index(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	struct stat facts;

	(void)state;
	fill();
	assert_int_equal(stat(path, &facts), 0);
	assert_int_equal(truncate(path, facts.st_size / 2), 0);
	assert_recovered(1);
}

/* A database, but another program's: its number in the header is not larder's. */
static void
rebuilds_from_a_foreign_database(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	AUTO_FD fd = -1;

	(void)state;
	fill();
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "OTHR", 4, 68), 4);
	assert_recovered(1);
}

static void
leaves_a_newer_index_alone(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	static const uint8_t version[4] = {0, 0, 0, 99};
	AUTO_FD fd = -1;
	struct store_options options = {.directory = directory, .mode = STORE_WRITE};
	struct err err = ERR_NONE;

	(void)state;
	fill();
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, version, 4, 60), 4);
	assert_null(store_open(&options, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "newer larder"));
	assert_int_equal(files_in(directory, "", "index.db.damaged"), 0);
}

static void
tells_a_reader_of_damage(void **state)
{
	struct store_options options = {.directory = directory, .mode = STORE_READ};
	struct err err = ERR_NONE;

	(void)state;
	fill();
	replace_index("no database", 11);
	assert_null(store_open(&options, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(files_in(directory, "", "index.db.damaged"), 0);
}

/* While it runs: said at once, and made good by the next start. */
static void
notices_damage_while_it_runs(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	struct store *store;
	struct digest digest = digest_of("one", DIGEST_SHA256);
	struct err err = ERR_NONE;
	char garbage[4096];
	struct stat facts;
	AUTO_FD fd = -1;
	AUTO_BLOB blob = BLOB_NONE;

	(void)state;
	fill();
	store = store_at(directory, STORE_WRITE);
	memset(garbage, 0xa5, sizeof garbage);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &facts), 0);
	for (off_t at = sizeof garbage; at < facts.st_size; at += sizeof garbage)
		assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_FAILED);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(figures_of(store).health, STORE_BROKEN);
	assert_non_null(strstr(figures_of(store).health_text, "damaged"));
	store_close(store);
	assert_recovered(1);
}

static void
store_two_and_leave_litter(struct store *store)
{
	struct intake_plan plan = {0};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, &err);

	put(store, "acknowledged", INTAKE_STORED);
	put(store, "acknowledged too", INTAKE_STORED);
	if (intake == NULL || !intake_append(intake, "half", 4, &err))
		_exit(2);
}

static void
loses_nothing_when_killed(void **state)
{
	struct store *store;
	struct store_figures figures;

	(void)state;
	die_after(directory, store_two_and_leave_litter);
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	store = store_at(directory, STORE_WRITE);
	figures = figures_after_recovery(store);
	assert_int_equal(figures.archives, 2);
	assert_int_equal(figures.adopted, 0);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_stored(store, "acknowledged", BLOB_PROVEN);
	assert_stored(store, "acknowledged too", BLOB_PROVEN);
	assert_missing(store, "half");
	store_close(store);
}

static void
put_blob(const char *name, const char *bytes)
{
	AUTO_FREE char *path = blob_path(directory, name);

	write_file(path, bytes, strlen(bytes));
}

/* What a kill between rename and row leaves, what rot leaves, and a file somebody removed. */
static void
disturb(void)
{
	AUTO_FREE char *lost = blob_path(directory, "lost");

	put_blob("orphan", "orphan");
	put_blob("impostor", "something else");
	assert_int_equal(unlink(lost), 0);
}

static void
store_one_to_lose(struct store *store)
{
	put(store, "lost", INTAKE_STORED);
	put(store, "kept", INTAKE_STORED);
}

static void
brings_files_and_rows_together(void **state)
{
	struct store *store;
	struct store_figures figures;

	(void)state;
	die_after(directory, store_one_to_lose);
	disturb();
	store = store_at(directory, STORE_WRITE);
	figures = figures_after_recovery(store);
	assert_int_equal(figures.adopted, 1);
	assert_int_equal(figures.quarantined, 1);
	assert_int_equal(figures.archives, 2);
	assert_stored(store, "orphan", BLOB_PROVEN);
	assert_stored(store, "kept", BLOB_PROVEN);
	assert_missing(store, "lost");
	assert_missing(store, "impostor");
	assert_int_equal(files_in(directory, "quarantine", ""), 1);
	put(store, "impostor", INTAKE_STORED);
	store_close(store);
}

static void
audits_on_demand(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE), *reader;
	struct store_audit audit;
	struct err err = ERR_NONE;

	(void)state;
	store_one_to_lose(store);
	disturb();
	reader = store_at(directory, STORE_READ);
	assert_true(store_reconcile(reader, &audit, &err));
	assert_int_equal(audit.adopted, 1);
	assert_int_equal(audit.quarantined, 1);
	assert_int_equal(audit.rows_dropped, 1);
	assert_int_equal(figures_of(reader).archives, 2);
	store_close(reader);
	assert_true(store_reconcile(store, &audit, &err));
	assert_int_equal(audit.adopted, 1);
	assert_int_equal(audit.quarantined, 1);
	assert_int_equal(audit.rows_dropped, 1);
	assert_true(store_reconcile(store, &audit, &err));
	assert_int_equal(audit.adopted + audit.quarantined + audit.rows_dropped, 0);
	assert_stored(store, "orphan", BLOB_PROVEN);
	store_close(store);
}

static atomic_bool disk_fails;

/* The store's calls come here first. */
struct dirent *
readdir(DIR *dir)
{
	struct dirent *(*really)(DIR *) = (struct dirent * (*)(DIR *))(uintptr_t)dlsym(RTLD_NEXT, "readdir");

	if (!atomic_load(&disk_fails))
		return really(dir);
	errno = EIO;
	return NULL;
}

/* What was not looked at is no less there: the next start looks again. */
static void
goes_on_after_a_directory_that_cannot_be_read(void **state)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	struct store *store;
	struct store_audit audit;
	struct err err = ERR_NONE;

	(void)state;
	fill();
	assert_int_equal(unlink(path), 0);
	atomic_store(&disk_fails, true);
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_after_recovery(store).adopted, 0);
	assert_false(store_reconcile(store, &audit, &err));
	assert_non_null(strstr(err.text, "blobs/sha256/00"));
	store_close(store);
	atomic_store(&disk_fails, false);
	assert_recovered(0);
}

/* Intakes of the very archives that are being adopted: each ends stored once. */
static void
works_beside_intakes(void **state)
{
	enum { COUNT = 200 };
	AUTO_FREE char *path = path_below(directory, "index.db");
	struct store *store = store_at(directory, STORE_WRITE);
	char name[32];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "archive %d", i);
		put(store, name, INTAKE_STORED);
	}
	store_close(store);
	assert_int_equal(unlink(path), 0);
	store = store_at(directory, STORE_WRITE);
	for (int i = COUNT - 1; i >= 0; i--) {
		struct err err = ERR_NONE;

		snprintf(name, sizeof name, "archive %d", i);
		assert_int_not_equal(put_bytes(store, name, strlen(name), &err), INTAKE_REFUSED);
	}
	assert_int_equal(figures_after_recovery(store).archives, COUNT);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "archive %d", i);
		assert_stored(store, name, BLOB_PROVEN);
	}
	store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(rebuilds_a_lost_index, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(knows_the_commit_again, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_an_empty_index, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_from_garbage, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_from_a_few_bytes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_from_zeros, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_from_a_cut_index, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(rebuilds_from_a_foreign_database, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(leaves_a_newer_index_alone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_a_reader_of_damage, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(notices_damage_while_it_runs, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(loses_nothing_when_killed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(brings_files_and_rows_together, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(audits_on_demand, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                goes_on_after_a_directory_that_cannot_be_read, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(works_beside_intakes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
