/*
 * The rows the patrol works with: who is due, who vouches, who shares a fate, which hosts rest, and how
 * archives are counted.
 */
#include "tests/support/rows.h"

#include "storage/index/patrol_rows.h"
#include "storage/index/state_rows.h"

/* An entry, and an origin of it; md5 stands for the digests. */
#define ENTRY(id, within)                                                                                    \
	"INSERT INTO entry (id, md5, within) VALUES (" #id ", x'0000000000000000000000000000000" #id         \
	"', " #within ");"
#define ORIGIN(id, entry, url, site, state, tried, check)                                                    \
	"INSERT INTO origin (id, entry, url, site, rank, first_named, last_named, first_at, last_at, past, " \
	"state, tried_at,"                                                                                   \
	" check_at) VALUES (" #id ", " #entry ", '" url "', '" site "', 0, 1, 1, 0, 0, 0, " #state           \
	", " #tried ", " #check ");"
#define IMPORT "INSERT INTO import VALUES (1, 'a test', 1);"

static void
fill(const char *script)
{
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	run_sql(script);
	open_index(INDEX_WRITE);
}

static struct text told;

static void
tell_row(void *context, const struct patrol_row *row)
{
	(void)context;
	text_addf(&told, "%lld%s%s ", (long long)row->origin.id, row->rank == ROW_LESSER ? "-" : "",
	        digests_count(&row->digests) == 1 ? "" : "?");
}

static void
tell_id(void *context, int64_t id)
{
	(void)context;
	text_addf(&told, "%lld ", (long long)id);
}

static void
tell_origin(void *context, const struct origin_row *row)
{
	tell_id(context, row->id);
}

static void
tell_host(void *context, const char *name, int64_t until_ms)
{
	(void)context;
	text_addf(&told, "%s:%lld ", name, (long long)until_ms);
}

static void
assert_told(const char *wanted)
{
	assert_string_equal(text_string(&told), wanted);
	text_finish(&told);
}

static void
the_longest_due_come_first(void **state)
{
	struct due_page page = {.now_ms = 100, .max = 10};
	struct err err = ERR_NONE;
	uint64_t overdue;
	bool unplanned;

	(void)state;
	fill(IMPORT ENTRY(1, NULL) ENTRY(2, 1) ENTRY(3, 2) ENTRY(4, NULL)
	                ORIGIN(1, 1, "https://h/a", "h/a", 0, 0, 90) ORIGIN(2, 2, "https://h/b", "h/b", 0, 0,
	                        80)                          /* the entry around it does not name it */
	        ORIGIN(3, 3, "https://h/a", "h/a", 0, 0, 70) /* the one around the one around it does */
	        ORIGIN(4, 4, "https://h/a", "h/a", 0, 0, 100) ORIGIN(5, 4, "https://h/c", "h/c", 0, 0, 101)
	                ORIGIN(6, 4, "https://h/d", "h/d", 0, 0, 0));
	assert_true(patrol_rows_due(index_at_hand, &page, tell_row, NULL, &err));
	assert_told("3- 2 1 4 ");
	page.max = 2;
	assert_true(patrol_rows_due(index_at_hand, &page, tell_row, NULL, &err));
	assert_told("3- 2 ");
	assert_true(patrol_rows_overdue(index_at_hand, 90, &overdue, &err));
	assert_int_equal(overdue, 2);
	assert_true(patrol_rows_unplanned(index_at_hand, 1000, &unplanned, &err));
	assert_true(unplanned);
}

/* --- in a chore --- */

struct run_chore {
	struct chore chore;
	bool (*run)(struct writing *writing, struct err *err);
};

static enum chore_result
run_chore(struct chore *chore, struct writing *writing, struct err *err)
{
	return ((struct run_chore *)chore)->run(writing, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

static void
write_with(bool (*run)(struct writing *writing, struct err *err))
{
	struct run_chore chore = {.chore = {.kind = CHORE_PROMPT, .run = run_chore}, .run = run};
	struct err err = ERR_NONE;

	if (!index_write(index_at_hand, &chore.chore, &err))
		fail_msg("%s", err.text);
}

static bool
plan_all(struct writing *writing, struct err *err)
{
	struct unplanned_page page = {.horizon_ms = 1000, .max = 10};

	return patrol_rows_to_plan(writing, &page, tell_origin, NULL, err) &&
	       patrol_row_plan(writing, 1, 500, err) && patrol_row_plan(writing, 3, 1000, err) &&
	       patrol_row_plan(writing, 99, 1, err);
}

static void
plans_what_is_not_planned(void **state)
{
	struct err err = ERR_NONE;
	bool unplanned;

	(void)state;
	fill(IMPORT ENTRY(1, NULL) ORIGIN(1, 1, "https://h/a", "h/a", 0, 0, 0) ORIGIN(2, 1, "https://h/b",
	        "h/b", 0, 0, 1000) ORIGIN(3, 1, "https://h/c", "h/c", 0, 0, 1001)); /* too far away */
	write_with(plan_all);
	assert_told("1 3 ");
	assert_true(patrol_rows_unplanned(index_at_hand, 1000, &unplanned, &err));
	assert_false(unplanned);
	assert_true(patrol_rows_unplanned(index_at_hand, 999, &unplanned, &err));
	assert_true(unplanned);
}

static void
who_serves_vouches(void **state)
{
	struct witness_wish wish = {.after_site = "", .tried_before_ms = 50};
	struct err err = ERR_NONE;

	(void)state;
	fill(IMPORT ENTRY(1, NULL) ORIGIN(1, 1, "https://a/a", "a/a", 2, 10, 100) ORIGIN(
	        2, 1, "https://b/a", "b/a", 1, 60, 100) ORIGIN(3, 1, "https://c/a", "c/a", 1, 40, 100)
	                ORIGIN(4, 1, "https://d/a", "d/a", 1, 40, 100) ORIGIN(5, 1, "https://e/a", "e/a", 1,
	                        40, 100) "UPDATE origin SET failures = 1 WHERE id = 4; UPDATE origin SET "
	                                 "last_named = NULL WHERE id = 5");
	assert_int_equal(patrol_row_witness(index_at_hand, &wish, tell_row, NULL, &err), ROW_FOUND);
	assert_told("3 ");
	wish.after_site = "c0";
	assert_int_equal(patrol_row_witness(index_at_hand, &wish, tell_row, NULL, &err), ROW_NONE);
}

static const struct origin_row gone = {.id = 1, .site = "h/u", .url = "https://h/u/1"};

static bool
find_siblings(struct writing *writing, struct err *err)
{
	struct sibling_wish wish = {.tried_before_ms = 50, .due_after_ms = 200, .max = 2};

	return patrol_rows_of_site(writing, &gone, &wish, tell_id, NULL, err);
}

static bool
find_neighbours(struct writing *writing, struct err *err)
{
	struct sibling_wish wish = {.tried_before_ms = 50, .due_after_ms = 200, .max = 2};

	return patrol_rows_of_host(writing, &gone, &wish, tell_id, NULL, err);
}

static void
siblings_are_of_the_same_site_and_host(void **state)
{
	(void)state;
	fill(IMPORT ENTRY(1, NULL) ENTRY(2, NULL) ORIGIN(1, 1, "https://h/u/1", "h/u", 1, 0, 900)
	                ORIGIN(2, 2, "https://h/u/1", "h/u", 1, 0, 900) /* the same URL */
	        ORIGIN(3, 1, "https://h/u/3", "h/u", 1, 60, 900)        /* asked lately */
	        ORIGIN(4, 1, "https://h/u/4", "h/u", 1, 0, 200)         /* due soon */
	        ORIGIN(5, 1, "https://h/u/5", "h/u", 0, 0, 900) ORIGIN(6, 1, "https://h/u/6", "h/u", 1, 9,
	                900) ORIGIN(7, 1, "https://h/u/7", "h/u", 1, 8, 900) ORIGIN(8, 1, "https://h/v/8",
	                "h/v", 1, 0, 900) ORIGIN(9, 1, "https://h/v/9", "h/v", 1, 0, 900) ORIGIN(10, 1,
	                "https://h/w/10", "h/w", 0, 0, 900) ORIGIN(11, 1, "https://h/x/11", "h/x", 1, 0, 900)
	                ORIGIN(12, 1, "https://h/y/12", "h/y", 1, 0, 900)
	                        ORIGIN(13, 1, "https://h2/u/13", "h2/u", 1, 0, 900));
	write_with(find_siblings);
	assert_told("7 6 "); /* those that serve, asked longest ago */
	write_with(find_neighbours);
	assert_told("8 11 ");
}

static bool
find_copies(struct writing *writing, struct err *err)
{
	static const struct origin_row origin = {.id = 1, .entry = 2, .url = "https://h/u/1"};
	struct sibling_wish wish = {.tried_before_ms = 50, .due_after_ms = 200, .max = 4};

	return patrol_rows_of_archive(writing, &origin, &wish, tell_id, NULL, err);
}

static void
copies_are_of_the_same_archive(void **state)
{
	(void)state;
	/* 2 and 3 are within 1, 4 is another archive. */
	fill(IMPORT ENTRY(1, NULL) ENTRY(2, 1) ENTRY(3, 1) ENTRY(4, NULL) ORIGIN(1, 2, "https://h/u/1", "h/u",
	        1, 0, 900) ORIGIN(2, 1, "https://h/u/1", "h/u", 1, 0, 900) /* the same URL */
	        ORIGIN(3, 1, "https://a/3", "a/3", 2, 0, 900) ORIGIN(4, 3, "https://b/4", "b/4", 1, 9, 900)
	                ORIGIN(5, 2, "https://c/5", "c/5", 1, 8, 900) ORIGIN(6, 4, "https://d/6", "d/6", 1, 0,
	                        900) ORIGIN(7, 1, "https://e/7", "e/7", 1, 60, 900) /* asked lately */
	        ORIGIN(8, 1, "https://f/8", "f/8", 1, 0, 200)                       /* due soon */
	        ORIGIN(9, 1, "https://m/9", "m/9", 1, 7, 900) ORIGIN(10, 1, "https://m/10", "m/10", 0, 0,
	                900) "UPDATE origin SET last_named = NULL WHERE id >= 9;"
	                     "UPDATE origin SET served_at = 1 WHERE id = 9"); /* a mirror that had it */
	write_with(find_copies);
	assert_told("9 5 4 3 ");
}

static bool
rest_hosts(struct writing *writing, struct err *err)
{
	return host_row_rest(writing, "a", 100, 50, err) && host_row_rest(writing, "b", 200, 50, err) &&
	       host_row_rest(writing, "b", 300, 50, err);
}

static bool
rest_another(struct writing *writing, struct err *err)
{
	return host_row_rest(writing, "c", 400, 100, err);
}

static void
rests_are_kept_until_they_are_over(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	write_with(rest_hosts);
	open_again();
	assert_true(host_rows_walk(index_at_hand, tell_host, NULL, &err));
	assert_told("a:100 b:300 ");
	write_with(rest_another);
	assert_true(host_rows_walk(index_at_hand, tell_host, NULL, &err));
	assert_told("b:300 c:400 ");
}

static void
archives_are_counted_by_state_and_copies(void **state)
{
	static const char *const names[ARCHIVE_STATES] = {
	        "reachable", "untried", "failing", "vanished", "changed", "unknown", "removed", "stored"};
	struct archive_counts counts;
	struct err err = ERR_NONE;

	(void)state;
	fill(IMPORT
	                /* stored, and two others have it; one of them twice */
	                ENTRY(1, NULL) "INSERT INTO archive SELECT 1, zeroblob(32), md5, zeroblob(20), "
	                               "zeroblob(64), 1, 1, 1, 1, '', 1, ''"
	                               " FROM entry WHERE id = 1;" ORIGIN(1, 1, "https://a/x/1", "a/x", 1, 1,
	                                       1) ORIGIN(2, 1, "https://b/x/1", "b/x", 1, 1, 1)
	                                       ORIGIN(3, 1, "https://b/y/1", "b/y", 1, 1, 1)
	        /* removed */
	        ENTRY(2, NULL) "INSERT INTO tombstone SELECT 1, md5, NULL, NULL, NULL, '', 1 FROM entry "
	                       "WHERE id = 2;"
	        /* reachable: one of a lesser entry's lesser entry serves */
	        ENTRY(3, NULL) ENTRY(4, 3) ENTRY(5, 4) ORIGIN(4, 3, "https://a/x/3", "a/x", 3, 1, 1)
	                ORIGIN(5, 5, "https://b/x/3", "b/x", 1, 1, 1)
	        /* failing and vanished; changed and vanished; vanished; untried; one that cannot be asked */
	        ENTRY(6, NULL) ORIGIN(6, 6, "https://a/x/6", "a/x", 3, 1, 1) ORIGIN(7, 6, "https://b/x/6",
	                "b/x", 2, 1, 1) ENTRY(7, NULL) ORIGIN(8, 7, "https://a/x/7", "a/x", 3, 1, 1)
	                ORIGIN(9, 7, "https://b/x/7", "b/x", 4, 1, 1) ENTRY(8, NULL)
	                        ORIGIN(10, 8, "https://a/x/8", "a/x", 3, 1, 1) ENTRY(9, NULL) ORIGIN(
	                                11, 9, "https://a/x/9", "a/x", 0, 0, 1) ORIGIN(12, 9, "https://b/x/9",
	                                "b/x", 2, 1, 1) "INSERT INTO entry (id, md5) VALUES (10, "
	                                                "x'11111111111111111111111111111111');" ORIGIN(
	                                                        13, 10, "ftp://a/x/10", "", 0, 0, 1));
	assert_true(archive_counts(index_at_hand, &counts, &err));
	for (int i = 0; i < ARCHIVE_STATES; i++) {
		assert_string_equal(archive_state_name((enum archive_state)i), names[i]);
		assert_int_equal(counts.by_state[i], 1);
	}
	assert_int_equal(counts.by_copies[0], 6);
	assert_int_equal(counts.by_copies[1], 1);
	assert_int_equal(counts.by_copies[2], 1);
}

/* As catalog_copies does: of one provider once, and who failed since not at all. */
static void
independent_copies_are_counted(void **state)
{
	struct archive_counts counts;
	struct err err = ERR_NONE;

	(void)state;
	fill(IMPORT ENTRY(1, NULL) ORIGIN(1, 1, "https://github.com/x/1", "github.com/x", 1, 1, 1) ORIGIN(
	        2, 1, "https://codeload.github.com/x/1", "codeload.github.com/x", 1, 1, 1) ORIGIN(3, 1,
	        "https://b/x/1", "b/x", 1, 1, 1) "UPDATE origin SET failures = 3 WHERE id = 3;");
	assert_true(archive_counts(index_at_hand, &counts, &err));
	assert_int_equal(counts.by_copies[1], 1);
	assert_int_equal(counts.by_state[ARCHIVE_IS_REACHABLE], 1);
}

#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_INDEX(the_longest_due_come_first),
	        WITH_INDEX(plans_what_is_not_planned),
	        WITH_INDEX(who_serves_vouches),
	        WITH_INDEX(siblings_are_of_the_same_site_and_host),
	        WITH_INDEX(copies_are_of_the_same_archive),
	        WITH_INDEX(rests_are_kept_until_they_are_over),
	        WITH_INDEX(archives_are_counted_by_state_and_copies),
	        WITH_INDEX(independent_copies_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
