/*
 * An index that an older larder made is brought up to date: nothing in it is lost, and in the end it is no other than a new one.
 */
#include "tests/support/rows.h"

#include "storage/index/archive_rows.h"
#include "storage/index/pin_rows.h"

#define ALL_OF_THE_SCHEMA "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

/* As the first version of larder made it, with two archives and an entry of the catalog; clean as after an orderly stop. */
static void
make_first_schema(void)
{
	AUTO_TEXT schema = TEXT_EMPTY, rows = TEXT_EMPTY;
	static const char *const strings[] = {"one", "two"};
	struct err err = ERR_NONE;

	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(unlink(path), 0);
	assert_true(file_read_path(PROJECT_DIR "/tests/support/schema_1.sql", 1 << 20, &schema, &err));
	run_sql(text_string(&schema));
	for (size_t i = 0; i < COUNT_OF(strings); i++) {
		struct digests digests = digests_of(strings[i], 3);
		char md5[33], sha1[41], sha256[65], sha512[129];

		text_hex(digests.md5, sizeof digests.md5, md5);
		text_hex(digests.sha1, sizeof digests.sha1, sha1);
		text_hex(digests.sha256, sizeof digests.sha256, sha256);
		text_hex(digests.sha512, sizeof digests.sha512, sha512);
		text_addf(&rows,
		        "INSERT INTO archive (sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, "
		        "came_from)"
		        " VALUES (x'%s', x'%s', x'%s', x'%s', 3, %d, 7, 8, 'the past');",
		        sha256, md5, sha1, sha512, 1000 + (int)i);
		text_addf(&rows, "INSERT INTO entry (sha256) VALUES (x'%s');", sha256);
	}
	text_add(&rows, "UPDATE figure SET archives = 2, bytes = 6, entries = 2, digests = 2, clean = 1;");
	run_sql(text_string(&rows));
}

static void
assert_archive(const char *string, int64_t stored_at_ms)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest = digest_of(string, (enum digest_algo)algo);
		struct archive_row found;
		struct err err = ERR_NONE;

		if (archive_row_find(index_at_hand, &digest, &found, &err) != ROW_FOUND)
			fail_msg("'%s' is not found by its %s: %s", string, digest_algo_name(digest.algo),
			        err.text);
		assert_int_equal(found.archive.size_bytes, 3);
		assert_int_equal(found.archive.stored_at_ms, stored_at_ms);
		assert_string_equal(found.archive.came_from, "the past");
		assert_int_equal(found.stamp.inode, 7);
	}
}

static void
brings_the_first_schema_up_to_date(void **state)
{
	struct index_opening opening;
	struct index_state now;
	struct pin pin = {.who = "a test", .at_ms = 5}, found;
	struct err err = ERR_NONE;

	(void)state;
	make_first_schema();
	opening = open_index(INDEX_WRITE);
	assert_int_equal(opening.found, INDEX_CLEAN);
	assert_int_equal(opening.migrated_from, 1);
	assert_archive("one", 1000);
	assert_archive("two", 1001);
	assert_true(index_state(index_at_hand, &now, &err));
	assert_int_equal(now.figures.archives, 2);
	assert_int_equal(now.figures.bytes, 6);
	assert_int_equal(now.figures.entries, 2);
	assert_true(pin_row_add(index_at_hand, &pin, &err));
	assert_int_equal(pin_row_find(index_at_hand, pin.sha256, &found, &err), ROW_FOUND);
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	opening = open_index(INDEX_WRITE);
	assert_int_equal(opening.found, INDEX_CLEAN);
	assert_int_equal(opening.migrated_from, 0);
	assert_archive("one", 1000);
}

static void
is_no_other_than_a_new_one(void **state)
{
	AUTO_FREE char *fresh_path = path_below(directory, "fresh.db");
	AUTO_FREE char *fresh = NULL, *old = NULL, *used = NULL;
	struct index_opening opening;
	struct err err = ERR_NONE;
	struct index *index = index_open(fresh_path, INDEX_WRITE, &opening, &err);

	(void)state;
	assert_non_null(index);
	index_close(index, WRITER_ENDS_CLEAN);
	make_first_schema();
	assert_int_equal(open_index(INDEX_WRITE).migrated_from, 1);
	fresh = ask_sql(fresh_path, ALL_OF_THE_SCHEMA);
	old = ask_sql(path, ALL_OF_THE_SCHEMA);
	assert_string_equal(old, fresh);
	assert_non_null(strstr(old, "tombstone_by_md5"));
	used = ask_sql(path, "SELECT used_at FROM archive ORDER BY id");
	assert_string_equal(used, "1000\n1001\n");
}

static void
tells_a_reader_what_to_do(void **state)
{
	struct index_opening opening;
	struct err err = ERR_NONE;

	(void)state;
	make_first_schema();
	assert_null(index_open(path, INDEX_READ_ALONE, &opening, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "'larder serve'"));
	open_index(INDEX_WRITE);
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	open_index(INDEX_READ_ALONE);
	assert_archive("two", 1001);
}

/* Whatever cannot be brought up to date is damaged: it is set aside, and nobody is told that all is well. */
static void
sets_an_impossible_one_aside(void **state)
{
	struct index_opening opening;

	(void)state;
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	run_sql("PRAGMA user_version = 0");
	opening = open_index(INDEX_WRITE);
	assert_int_equal(opening.found, INDEX_DAMAGED);
	assert_int_equal(opening.migrated_from, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(brings_the_first_schema_up_to_date, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(is_no_other_than_a_new_one, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_a_reader_what_to_do, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(sets_an_impossible_one_aside, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
