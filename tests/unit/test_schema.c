/*
 * An index that an older larder made is brought up to date: nothing in it is lost, and in the end it is no
 * other than a new one.
 */
#include "tests/support/rows.h"

#include "storage/index/archive_rows.h"
#include "storage/index/pin_rows.h"
#include "storage/index/scrub_rows.h"

#define ALL_OF_THE_SCHEMA "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

/*
 * As the first version of larder made it, with two archives and an entry of the catalog; clean as after an
 * orderly stop.
 */
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

/* As the second version made it, with what it knew of origins and events. */
static void
make_second_schema(void)
{
	AUTO_TEXT schema = TEXT_EMPTY;
	struct err err = ERR_NONE;

	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(unlink(path), 0);
	assert_true(file_read_path(PROJECT_DIR "/tests/support/schema_2.sql", 1 << 20, &schema, &err));
	run_sql(text_string(&schema));
	run_sql("INSERT INTO import VALUES (1, 'old', 100), (2, 'new', 200);"
	        "INSERT INTO entry (md5) VALUES (x'00112233445566778899aabbccddeeff');"
	        "INSERT INTO origin (entry, url, rank, first_named, last_named, result, failures, tried_at, "
	        "served_at, detail)"
	        " VALUES (1, 'https://GitHub.com/Kodwx/rosa/x?y', 0, 1, 2, 1, 0, 50, 50, ''),"
	        " (1, 'http://h', 1, 1, 1, 2, 3, 60, 40, '404'), (1, 'ftp://f/a/b', 2, 2, 2, 0, 0, 0, 0, ''),"
	        " (1, 'https://c/a', 3, 2, 2, 3, 1, 70, 0, 'other');"
	        "INSERT INTO event VALUES (5, 9, 'upload', 's', 'w', 'f', 'r', 'd'), (6, 9, 'remove', '', "
	        "'', '', '', '');"
	        "DELETE FROM event WHERE id = 6;");
}

static void
keeps_what_the_second_knew(void **state)
{
	AUTO_FREE char *origins = NULL, *events = NULL, *schema = NULL;

	(void)state;
	make_second_schema();
	assert_int_equal(open_index(INDEX_WRITE).migrated_from, 2);
	origins = ask_sql(path, "SELECT url, site, first_at, last_at, past, result, detail, failures, "
	                        "failing_since, tried_at,"
	                        " served_at, proved_at, state, length FROM origin ORDER BY rank");
	assert_string_equal(origins,
	        "https://GitHub.com/Kodwx/rosa/x?y|github.com/Kodwx|100|200|0|1||0|0|50|50|50|1|-1\n"
	        "http://h|h/|100|100|0|2|404|3|60|60|40|40|0|-1\n"
	        "ftp://f/a/b|f/a|200|200|0|0||0|0|0|0|0|0|-1\n"
	        "https://c/a|c/a|200|200|0|3|other|1|70|70|0|0|4|-1\n");
	events = ask_sql(path, "SELECT id, kind, detail, level, data FROM event");
	assert_string_equal(events, "5|upload|d|audit|\n");
	/* Nobody who asks for what came after number 6 misses anything. */
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	run_sql("INSERT INTO event (at, kind, subject, who, came_from, result, detail, level, data)"
	        " VALUES (1, '', '', '', '', '', '', 'audit', '')");
	open_index(INDEX_WRITE);
	schema = ask_sql(path, "SELECT max(id) FROM event");
	assert_string_equal(schema, "7\n");
}

/*
 * As the third version made it: what was noticed has its place in the order of changes, and receivers go on
 * where they were.
 */
static void
keeps_what_the_third_knew(void **state)
{
	AUTO_TEXT schema = TEXT_EMPTY;
	AUTO_FREE char *events = NULL, *receivers = NULL;
	struct err err = ERR_NONE;

	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(unlink(path), 0);
	assert_true(file_read_path(PROJECT_DIR "/tests/support/schema_3.sql", 1 << 20, &schema, &err));
	run_sql(text_string(&schema));
	run_sql("INSERT INTO event VALUES (5, 9, 'upload', 's', 'w', 'f', 'r', 'd', 'audit', ''),"
	        " (6, 10, 'vanished', 's', 'w', '', 'r', 'd', 'info', '{}');"
	        "INSERT INTO receiver VALUES ('team', 6);");
	assert_int_equal(open_index(INDEX_WRITE).migrated_from, 3);
	events = ask_sql(path, "SELECT id, detail, changed_at, revision, telling, told_at FROM event");
	assert_string_equal(events, "5|d|0|0|0|0\n6|d|10|6|6|10\n");
	receivers = ask_sql(path, "SELECT * FROM receiver");
	assert_string_equal(receivers, "team|6|0\n");
}

/* As the fourth version made it: no round of the scrub has begun yet. */
static void
keeps_what_the_fourth_knew(void **state)
{
	AUTO_TEXT schema = TEXT_EMPTY;
	struct scrub_round round;
	struct err err = ERR_NONE;

	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(unlink(path), 0);
	assert_true(file_read_path(PROJECT_DIR "/tests/support/schema_4.sql", 1 << 20, &schema, &err));
	run_sql(text_string(&schema));
	run_sql("INSERT INTO receiver VALUES ('team', 6, 7);");
	assert_int_equal(open_index(INDEX_WRITE).migrated_from, 4);
	AUTO_FREE char *receivers = ask_sql(path, "SELECT * FROM receiver");
	assert_string_equal(receivers, "team|6|7\n");
	assert_true(scrub_round_find(index_at_hand, &round, &err));
	assert_false(round.under_way);
	assert_false(round.has_reached);
	assert_int_equal(round.began_at_ms, 0);
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
	        cmocka_unit_test_setup_teardown(keeps_what_the_second_knew, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_what_the_third_knew, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_what_the_fourth_knew, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_a_reader_what_to_do, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(sets_an_impossible_one_aside, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
