/*
 * The store: its layout, the four names of an archive, the lock, readers beside a writer, damage to blobs,
 * full disks, many at once.
 */
#include "tests/support/sql.h"
#include "tests/support/stores.h"

#include <pthread.h>
#include <sys/mount.h>

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

static unsigned
mode_of(const char *path)
{
	struct stat facts;

	if (stat(path, &facts) != 0)
		fail_msg("no %s", path);
	return facts.st_mode & 07777;
}

static void
keeps_the_layout(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	static const char *const directories[] = {
	        "tmp", "spool", "quarantine", "blobs", "blobs/sha256", "blobs/sha256/00", "blobs/sha256/ff"};
	AUTO_FREE char *blob = blob_path(directory, "an archive");

	(void)state;
	assert_int_equal(files_in(directory, "blobs/sha256", ""), 256);
	for (size_t i = 0; i < COUNT_OF(directories); i++) {
		AUTO_FREE char *path = path_below(directory, directories[i]);

		assert_int_equal(mode_of(path), 0700);
	}
	put(store, "an archive", INTAKE_STORED);
	assert_int_equal(mode_of(blob), 0400);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	store_close(store);
}

static void
finds_by_all_digests(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);

	(void)state;
	assert_missing(store, "one");
	put(store, "one", INTAKE_STORED);
	put(store, "two", INTAKE_STORED);
	put(store, "", INTAKE_STORED);
	assert_stored(store, "one", BLOB_PROVEN);
	assert_stored(store, "two", BLOB_PROVEN);
	assert_stored(store, "", BLOB_PROVEN);
	assert_missing(store, "three");
	assert_int_equal(figures_of(store).archives, 3);
	assert_int_equal(figures_of(store).bytes, 6);
	assert_int_equal(figures_of(store).health, STORE_FINE);
	store_close(store);
}

static void
looks_up_without_opening(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("one", DIGEST_MD5);
	struct digests both = digests_of("one", 3), wrong = both;
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "one", INTAKE_STORED);
	assert_int_equal(store_lookup(store, &digest, &archive, &err), STORE_HIT);
	assert_int_equal(archive.size_bytes, 3);
	assert_string_equal(archive.came_from, "a test");
	assert_true(archive.stored_at_ms > clock_wall_ms() - 60000);
	assert_int_equal(store_has(store, &both, &archive, &err), STORE_HIT);
	wrong.md5[0] ^= 1;
	assert_int_equal(store_has(store, &wrong, &archive, &err), STORE_MISS);
	wrong = (struct digests){0};
	assert_int_equal(store_has(store, &wrong, &archive, &err), STORE_MISS);
	store_close(store);
}

static void
survives_a_restart(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);

	(void)state;
	put(store, "kept", INTAKE_STORED);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	assert_false(figures_of(store).recovering);
	assert_stored(store, "kept", BLOB_PROVEN);
	put(store, "kept", INTAKE_KNOWN);
	assert_int_equal(figures_of(store).archives, 1);
	store_close(store);
}

static void
has_one_writer(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE), *second;
	struct store_options options = {.directory = directory, .mode = STORE_WRITE};
	struct err err = ERR_NONE;
	char wanted[300];

	(void)state;
	assert_null(store_open(&options, &err));
	assert_int_equal(err.code, ERR_LOCKED);
	snprintf(wanted, sizeof wanted,
	        "the store %s is in use by larder, process %d; stop it or use another store", directory,
	        (int)getpid());
	assert_string_equal(err.text, wanted);
	store_close(store);
	second = store_open(&options, &err);
	assert_non_null(second);
	store_close(second);
}

static void
reads_beside_a_writer(void **state)
{
	struct store *writer = store_at(directory, STORE_WRITE), *reader;
	struct err err = ERR_NONE;
	struct intake_plan plan = {0};

	(void)state;
	put(writer, "before", INTAKE_STORED);
	reader = store_at(directory, STORE_READ);
	assert_stored(reader, "before", BLOB_PROVEN);
	put(writer, "while", INTAKE_STORED);
	assert_stored(reader, "while", BLOB_PROVEN);
	assert_int_equal(figures_of(reader).archives, 2);
	assert_null(intake_open(reader, INTAKE_KEEP, &plan, &err));
	store_close(writer);
	assert_stored(reader, "while", BLOB_PROVEN);
	store_close(reader);
}

static void
reads_without_a_writer(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);

	(void)state;
	put(store, "kept", INTAKE_STORED);
	store_close(store);
	store = store_at(directory, STORE_READ);
	assert_stored(store, "kept", BLOB_PROVEN);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	assert_false(figures_of(store).recovering);
	assert_stored(store, "kept", BLOB_PROVEN);
	store_close(store);
}

static void
reads_no_store_where_there_is_none(void **state)
{
	AUTO_FREE char *missing = path_below(directory, "missing");
	struct store_options options = {.directory = directory, .mode = STORE_READ};
	struct err err = ERR_NONE;

	(void)state;
	assert_null(store_open(&options, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	options.directory = missing;
	assert_null(store_open(&options, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_not_equal(access(missing, F_OK), 0);
}

static void
flip_a_byte(const char *path)
{
	AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	if (fd < 0) { /* not root: a blob is read-only */
		assert_int_equal(chmod(path, 0600), 0);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
}

/* The change time moves in steps of the kernel's clock tick; until it differs nobody could tell. */
static void
alter(const char *path)
{
	struct stat before, after;

	assert_int_equal(stat(path, &before), 0);
	do {
		flip_a_byte(path);
		flip_a_byte(path);
		assert_int_equal(stat(path, &after), 0);
	} while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	         after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	flip_a_byte(path);
}

static void
quarantines_an_altered_blob(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("an archive", DIGEST_MD5);
	AUTO_FREE char *path = blob_path(directory, "an archive");
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "an archive", INTAKE_STORED);
	alter(path);
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_UNPROVEN);
	assert_false(store_prove(store, &blob, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_missing(store, "an archive");
	assert_int_equal(files_in(directory, "quarantine", ""), 1);
	assert_int_equal(figures_of(store).quarantined, 1);
	assert_int_equal(figures_of(store).archives, 0);
	put(store, "an archive", INTAKE_STORED);
	assert_stored(store, "an archive", BLOB_PROVEN);
	store_close(store);
}

static void
proves_a_touched_blob(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("an archive", DIGEST_SHA512);
	AUTO_FREE char *path = blob_path(directory, "an archive");
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "an archive", INTAKE_STORED);
	alter(path);
	flip_a_byte(path);
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_UNPROVEN);
	assert_true(store_prove(store, &blob, &err));
	assert_int_equal(blob.trust, BLOB_PROVEN);
	store_close(store); /* which writes what waits */
	store = store_at(directory, STORE_WRITE);
	assert_stored(store, "an archive", BLOB_PROVEN);
	store_close(store);
}

static void
replaces_an_altered_blob(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("an archive", DIGEST_SHA1);
	AUTO_FREE char *path = blob_path(directory, "an archive");
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "an archive", INTAKE_STORED);
	alter(path);
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	put(store, "an archive", INTAKE_STORED);
	assert_stored(store, "an archive", BLOB_PROVEN);
	assert_int_equal(figures_of(store).archives, 1);
	/* He who still reads the old file finds it wrong: the new one stays. */
	assert_false(store_prove(store, &blob, &err));
	assert_stored(store, "an archive", BLOB_PROVEN);
	store_close(store);
}

static void
misses_a_truncated_or_lost_blob(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("cut", DIGEST_SHA256);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	AUTO_FREE char *cut = blob_path(directory, "cut"), *lost = blob_path(directory, "lost");

	(void)state;
	put(store, "cut", INTAKE_STORED);
	put(store, "lost", INTAKE_STORED);
	put(store, "there", INTAKE_STORED);
	assert_int_equal(truncate(cut, 1), 0);
	assert_int_equal(unlink(lost), 0);
	assert_missing(store, "lost");
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_UNPROVEN);
	assert_false(store_prove(store, &blob, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_missing(store, "cut");
	assert_int_equal(files_in(directory, "quarantine", ""), 1);
	store_close(store);
	free(lost);
	lost = blob_path(directory, "lost");
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_of(store).archives, 1);
	put(store, "cut", INTAKE_STORED);
	put(store, "lost", INTAKE_STORED);
	assert_stored(store, "cut", BLOB_PROVEN);
	assert_stored(store, "lost", BLOB_PROVEN);
	store_close(store);
}

/* The file is as it was, so that nothing but its size tells; its bytes then say that the row was wrong. */
static void
proves_what_its_row_gives_another_size(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("an archive", DIGEST_SHA256);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "an archive", INTAKE_STORED);
	run_sql(store, "UPDATE archive SET size = size + 1");
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_UNPROVEN);
	assert_int_equal(blob.size_bytes, strlen("an archive"));
	assert_true(store_prove(store, &blob, &err));
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	assert_stored(store, "an archive", BLOB_PROVEN);
	store_close(store);
}

/* Whoever looks for it has other things to do than to read all of that. */
static void
reads_nothing_of_a_file_of_the_wrong_size(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digest digest = digest_of("grown", DIGEST_SHA256);
	AUTO_FREE char *path = blob_path(directory, "grown");
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	(void)state;
	put(store, "grown", INTAKE_STORED);
	assert_int_equal(truncate(path, INT64_C(1) << 34), 0);
	assert_int_equal(store_find(store, &digest, &blob, &err), STORE_HIT);
	assert_int_equal(blob.trust, BLOB_UNPROVEN);
	assert_int_equal(blob.size_bytes, INT64_C(1) << 34);
	store_close(store);
}

static void
quarantines_on_demand(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct digests digests = digests_of("bad", 3);

	(void)state;
	put(store, "bad", INTAKE_STORED);
	put(store, "good", INTAKE_STORED);
	store_quarantine(store, &digests, "a test says so");
	assert_missing(store, "bad");
	assert_stored(store, "good", BLOB_PROVEN);
	store_quarantine(store, &digests, "a test says so again");
	assert_int_equal(figures_of(store).quarantined, 1);
	assert_int_equal(figures_of(store).archives, 1);
	store_close(store);
}

static void
follows_no_link(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	AUTO_FREE char *blob = blob_path(directory, "linked"),
	               *elsewhere = path_below(directory, "elsewhere");

	(void)state;
	put(store, "linked", INTAKE_STORED);
	assert_int_equal(rename(blob, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, blob), 0);
	assert_missing(store, "linked");
	store_close(store);
}

struct tally {
	unsigned count;
	uint8_t last[32];
};

static bool
tally_archive(void *context, const struct archive *archive)
{
	struct tally *tally = context;

	assert_true(tally->count == 0 || memcmp(tally->last, archive->digests.sha256, 32) < 0);
	memcpy(tally->last, archive->digests.sha256, 32);
	tally->count++;
	return true;
}

#define MANY_THREADS     8
#define MANY_EACH        125
#define MANY_SHARED_EACH 5 /* of these, the same for all threads */

struct crowd_member {
	struct store *store;
	unsigned number, stored, known;
};

static void *
put_many(void *argument)
{
	struct crowd_member *member = argument;

	for (unsigned i = 0; i < MANY_EACH; i++) {
		char bytes[64];
		struct err err = ERR_NONE;
		bool shared = i < MANY_SHARED_EACH;

		snprintf(bytes, sizeof bytes, "archive %u of %u", i, shared ? 0 : member->number);
		switch (put_bytes(member->store, bytes, strlen(bytes), &err)) {
		case INTAKE_STORED:
			member->stored++;
			break;
		case INTAKE_KNOWN:
			member->known++;
			break;
		case INTAKE_REFUSED:
			break;
		}
	}
	return NULL;
}

static void
takes_many_at_once(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct crowd_member members[MANY_THREADS];
	pthread_t threads[MANY_THREADS];
	unsigned stored = 0, known = 0,
	         wanted = MANY_THREADS * (MANY_EACH - MANY_SHARED_EACH) + MANY_SHARED_EACH;
	struct tally tally = {0};
	struct err err = ERR_NONE;

	(void)state;
	for (unsigned i = 0; i < MANY_THREADS; i++) {
		members[i] = (struct crowd_member){.store = store, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &members[i]), 0);
	}
	for (unsigned i = 0; i < MANY_THREADS; i++) {
		pthread_join(threads[i], NULL);
		stored += members[i].stored;
		known += members[i].known;
	}
	assert_int_equal(stored, wanted);
	assert_int_equal(stored + known, MANY_THREADS * MANY_EACH);
	assert_int_equal(figures_of(store).archives, wanted);
	assert_int_equal(figures_of(store).commits, wanted);
	assert_true(store_walk(store, tally_archive, &tally, &err));
	assert_int_equal(tally.count, wanted);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	store_close(store);
}

static void
is_clear_about_a_full_disk(void **state)
{
	static char bytes[2 << 20];
	struct store *store;
	struct err err = ERR_NONE;

	(void)state;
	if (mount("larder-test", directory, "tmpfs", 0, "size=1m") != 0)
		skip();
	store = store_at(directory, STORE_WRITE);
	put(store, "small", INTAKE_STORED);
	assert_int_equal(put_bytes(store, bytes, sizeof bytes, &err), INTAKE_REFUSED);
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_non_null(strstr(err.text, directory));
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_stored(store, "small", BLOB_PROVEN);
	put(store, "small too", INTAKE_STORED);
	assert_int_equal(figures_of(store).refused_no_space, 1);
	store_close(store);
	assert_int_equal(mount("larder-test", directory, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	store = store_at(directory, STORE_READ);
	assert_stored(store, "small", BLOB_PROVEN);
	assert_int_equal(figures_of(store).health, STORE_READ_ONLY);
	store_close(store);
	assert_null(store_open(&(struct store_options){.directory = directory, .mode = STORE_WRITE}, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, "Read-only"));
	assert_int_equal(umount(directory), 0);
}

static void
keeps_the_reserve(void **state)
{
	struct store_options options = {
	        .directory = directory, .mode = STORE_WRITE, .min_free_bytes = 1ull << 60};
	struct err err = ERR_NONE;
	struct store *store = store_open(&options, &err);

	(void)state;
	assert_non_null(store);
	assert_int_equal(put_bytes(store, "x", 1, &err), INTAKE_REFUSED);
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(figures_of(store).health, STORE_FULL);
	assert_true(figures_of(store).health_text[0] != '\0');
	store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_the_layout, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(finds_by_all_digests, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(looks_up_without_opening, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(survives_a_restart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(has_one_writer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_beside_a_writer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_without_a_writer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_no_store_where_there_is_none, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(quarantines_an_altered_blob, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(proves_a_touched_blob, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(replaces_an_altered_blob, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(misses_a_truncated_or_lost_blob, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_nothing_of_a_file_of_the_wrong_size, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(proves_what_its_row_gives_another_size, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(quarantines_on_demand, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(follows_no_link, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(takes_many_at_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(is_clear_about_a_full_disk, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_the_reserve, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
