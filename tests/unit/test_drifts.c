/*
 * Drift: other bytes are compared, kept within bounds where they are an archive, noted once, and compared
 * later where the archive was not there. What compares is a stand-in that looks at the first letters.
 */
#include "tests/support/watched.h"

#include "server/watch/came.h"
#include "server/watch/drifts.h"

#define URL "https://erratique.ch/software/duff/duff-0.5.tbz"

static struct drifts *all;
static struct metrics *metrics;
static unsigned compared, woken;

/* "<" begins a page of HTML; a digit in front of the archive's own bytes is another compression. */
static void
compare(const struct compare_file *promised, const struct compare_file *came,
        const struct compare_limits *limits, const struct compare_stop *stop, struct drift *ret)
{
	char old[64] = "", new[64] = "";

	(void)limits;
	compared++;
	assert_false(stop->is_stopped(stop->context));
	assert_true(pread(came->fd, new, sizeof new - 1, 0) ==
	            (ssize_t)(came->size_bytes < sizeof new ? came->size_bytes : sizeof new - 1));
	assert_int_equal(pread(promised->fd, old, sizeof old - 1, 0), promised->size_bytes);
	*ret = (struct drift){.kind = DRIFT_UNKNOWN};
	if (new[0] == '<') {
		ret->kind = DRIFT_NO_ARCHIVE;
		snprintf(ret->detail, sizeof ret->detail, "it is a page of HTML");
	} else if (strcmp(new + 1, old) == 0) {
		ret->kind = DRIFT_RECOMPRESSED;
	} else {
		ret->kind = DRIFT_CONTENT;
		snprintf(ret->detail, sizeof ret->detail, "1 file differs: pkg/META");
		ret->files[ret->n_named].change = DRIFT_CHANGED;
		snprintf(ret->files[ret->n_named++].path, DRIFT_PATH_MAX, "pkg/META");
	}
}

static void
wake(void *context)
{
	assert_ptr_equal(context, &woken);
	woken++;
}

static void
create_drift(uint64_t max_bytes)
{
	struct drifts_options options = {.store = store,
	        .metrics = metrics,
	        .max_bytes = max_bytes,
	        .compare = compare,
	        .wake = wake,
	        .context = &woken};

	drifts_destroy(all);
	all = drifts_create(&options);
}

static int
set_up_drift(void **state)
{
	set_up(state);
	metrics = metrics_create();
	compared = woken = 0;
	create_drift(1000);
	return 0;
}

static int
tear_down_drift(void **state)
{
	drifts_destroy(all);
	all = NULL;
	metrics_destroy(metrics);
	return tear_down(state);
}

/* Waits until all that was noted is written. */
static void
settle(void)
{
	run_sql(store, "SELECT 1");
}

static int64_t
origin_id(const char *url)
{
	AUTO_TEXT question = TEXT_EMPTY;

	text_addf(&question, "SELECT ifnull(max(id), 0) FROM origin WHERE url = '%s'", url);
	return count_rows(text_string(&question));
}

/* These bytes came from there instead of the archive of that name; the watch has not had its turn yet. */
static void
hand_over(int64_t origin, const char *url, const char *archive, const char *bytes)
{
	struct contact contact = {
	        .origin_id = origin, .asked = digest_of(archive, DIGEST_SHA256), .url = url, .length = -1};
	struct intake_plan plan = {.came_from = url};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, &err);

	assert_non_null(intake);
	assert_true(intake_append(intake, bytes, strlen(bytes), &err));
	intake_digests(intake);
	drifts_take(all, &contact, intake);
}

static void
comes(const char *archive, const char *bytes)
{
	hand_over(origin_id(URL), URL, archive, bytes);
	drifts_turn(all);
	settle();
}

static void
assert_row(const char *wanted)
{
	AUTO_FREE char *row = ask("SELECT kind || '|' || kept || '|' || compared || '|' || size || '|' ||"
	                          " json_remove(detail, '$.digests') FROM drift ORDER BY id DESC LIMIT 1");

	assert_string_equal(row, wanted);
}

static void
other_bytes_are_kept_and_noted(void **state)
{
	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	comes("duff.0.5", "1duff.0.5");
	assert_row("recompressed|1|1|9|{\"detail\":\"\",\"names\":[]}");
	assert_stored(store, "1duff.0.5", BLOB_PROVEN);
	assert_int_equal(count_rows("SELECT came_from = '" URL "' FROM archive ORDER BY id DESC LIMIT 1"), 1);
	comes("duff.0.5", "other");
	assert_row(
	        "content|1|1|5|{\"detail\":\"1 file differs: pkg/META\",\"names\":[\"changed pkg/META\"]}");
	assert_int_equal(woken, 2);
}

static void
the_same_bytes_once_more_are_no_news(void **state)
{
	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	for (int i = 0; i < 3; i++)
		comes("duff.0.5", "1duff.0.5");
	assert_int_equal(compared, 1);
	assert_int_equal(count_rows("SELECT count(*) FROM drift"), 1);
	comes("duff.0.5", "<html>");
	comes("duff.0.5", "<html>");
	assert_int_equal(compared, 2);
}

/* A page may say something else each time: one of them is enough. */
static void
a_small_page_is_kept(void **state)
{
	char large[DRIFT_PAGE_MAX + 2];

	(void)state;
	create_drift(1u << 20);
	place(URL, "duff.0.5", STORED, 0);
	memset(large, '<', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	comes("duff.0.5", large);
	assert_row("no archive|0|1|65537|{\"detail\":\"it is a page of HTML\",\"names\":[]}");
	comes("duff.0.5", "<html>");
	assert_row("no archive|1|1|6|{\"detail\":\"it is a page of HTML\",\"names\":[]}");
	assert_stored(store, "<html>", BLOB_PROVEN);
	comes("duff.0.5", "<p>it is 9 now</p>");
	assert_row("no archive|0|1|18|{\"detail\":\"it is a page of HTML\",\"names\":[]}");
	assert_missing(store, "<p>it is 9 now</p>");
	comes("duff.0.5", "1duff.0.5"); /* an archive still is */
	assert_stored(store, "1duff.0.5", BLOB_PROVEN);
	place("https://h.org/x", "lost.1", MISSING, 0);
	hand_over(origin_id("https://h.org/x"), "https://h.org/x", "lost.1", "<p>");
	drifts_turn(all);
	settle();
	assert_row("no archive|1|1|3|{\"detail\":\"it is a page of HTML\",\"names\":[]}");
	assert_int_equal(files_in(root, "tmp", ""), 0);
}

/* 9 and 9 bytes fit into 20, 9 more do not; when some were removed they do again. */
static void
no_more_is_kept_than_allowed(void **state)
{
	struct digest removed = digest_of("1duff.0.5", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	create_drift(20);
	comes("duff.0.5", "1duff.0.5");
	comes("duff.0.5", "2duff.0.5");
	comes("duff.0.5", "3duff.0.5");
	assert_row("recompressed|0|1|9|{\"detail\":\"\",\"names\":[]}");
	assert_missing(store, "3duff.0.5");
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_DRIFT_BYTES), 1);
	create_drift(20); /* counted over what was kept before, too */
	comes("duff.0.5", "4duff.0.5");
	assert_missing(store, "4duff.0.5");
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_DRIFT_BYTES), 2);
	assert_true(store_remove(store, &removed, "a test", &archive, &err));
	comes("duff.0.5", "5duff.0.5");
	assert_stored(store, "5duff.0.5", BLOB_PROVEN);
	create_drift(0);
	comes("duff.0.5", "6duff.0.5");
	assert_row("recompressed|0|1|9|{\"detail\":\"\",\"names\":[]}");
}

static void
what_was_removed_is_not_kept(void **state)
{
	struct digest digest = digest_of("1duff.0.5", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	put(store, "1duff.0.5", INTAKE_STORED);
	assert_true(store_remove(store, &digest, "a test", &archive, &err));
	comes("duff.0.5", "1duff.0.5");
	assert_row("recompressed|0|1|9|{\"detail\":\"\",\"names\":[]}");
	assert_missing(store, "1duff.0.5");
}

static void
without_the_archive_it_is_compared_later(void **state)
{
	(void)state;
	place(URL, "duff.0.5", MISSING, 0);
	comes("duff.0.5", "1duff.0.5");
	assert_row("unknown|1|0|9|{\"detail\":\"the archive itself is not stored, so nothing can be "
	           "compared\",\"names\":[]}");
	comes("duff.0.5", "1duff.0.5");
	drifts_turn(all);
	assert_int_equal(compared, 1);
	put(store, "duff.0.5", INTAKE_STORED);
	drifts_turn(all);
	settle();
	assert_row("recompressed|1|1|9|{\"detail\":\"\",\"names\":[]}");
	drifts_turn(all);
	assert_int_equal(compared, 2);
}

/* Of what is not kept nothing else tells them. */
static void
what_came_is_noted_by_all_its_digests(void **state)
{
	struct digests bytes = digests_of("nothing's", 9), noted;
	AUTO_FREE char *hex = NULL, *detail = NULL;
	struct drift_row row = {0};

	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	create_drift(0);
	comes("duff.0.5", "nothing's");
	assert_int_equal(count_rows("SELECT kept FROM drift"), 0);
	hex = ask("SELECT lower(hex(sha256)) FROM drift");
	detail = ask("SELECT detail FROM drift");
	assert_true(text_unhex(hex, row.sha256, sizeof row.sha256));
	came_noted(&row, detail, &noted);
	assert_int_equal(digests_count(&noted), DIGEST_ALGOS);
	assert_true(digests_agree(&noted, &bytes));
	row.sha256[0] ^= 1; /* the note is of other bytes */
	came_noted(&row, detail, &noted);
	assert_int_equal(digests_count(&noted), 1);
}

/* Nobody names a mirror's URL: its row is made where the catalog lists the archive, and there only. */
static void
a_mirror_is_noted_too(void **state)
{
	const char *url = "https://mirror.example/cache/duff";

	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	hand_over(0, url, "duff.0.5", "1duff.0.5");
	hand_over(0, url, "nobody lists this", "1nobody");
	drifts_turn(all);
	settle();
	assert_int_equal(count_rows("SELECT count(*) FROM drift"), 1);
	assert_int_equal(
	        count_rows("SELECT count(*) FROM drift d JOIN origin o ON o.id = d.origin WHERE o.url ="
	                   " 'https://mirror.example/cache/duff' AND o.last_named IS NULL"),
	        1);
	assert_missing(store, "1nobody");
	hand_over(0, url, "duff.0.5", "1duff.0.5");
	drifts_turn(all);
	assert_int_equal(compared, 1);
}

static void
too_many_are_noted_without_a_look(void **state)
{
	char bytes[32];

	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	for (int i = 0; i <= DRIFT_WAITING_MAX; i++) {
		snprintf(bytes, sizeof bytes, "<page %d>",
		        i); /* are not kept but for one, which takes less time */
		hand_over(origin_id(URL), URL, "duff.0.5", bytes);
	}
	settle();
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_DRIFTS), 1);
	assert_row("unknown|0|0|9|{\"detail\":\"too many others were being compared\",\"names\":[]}");
	drifts_turn(all);
	settle();
	assert_int_equal(
	        count_rows("SELECT count(*) FROM drift WHERE kind = 'no archive'"), DRIFT_WAITING_MAX);
	comes("duff.0.5", bytes); /* there is room again */
	assert_int_equal(
	        count_rows("SELECT count(*) FROM drift WHERE kind = 'no archive'"), DRIFT_WAITING_MAX + 1);
}

static void
what_waits_at_the_end_is_dropped(void **state)
{
	(void)state;
	place(URL, "duff.0.5", STORED, 0);
	hand_over(origin_id(URL), URL, "duff.0.5", "1duff.0.5");
	drifts_stop(all);
	drifts_turn(all);
	hand_over(origin_id(URL), URL, "duff.0.5", "2duff.0.5");
	drifts_turn(all);
	assert_int_equal(compared, 0);
	assert_int_equal(files_in(root, "tmp", ""), 0);
}

/* From the other bytes to the event. */
static void
people_are_told_what_differs(void **state)
{
	int64_t now_ms = clock_wall_ms();

	(void)state;
	place(URL, "duff.0.5", STORED, 2);
	goes(URL, ORIGIN_IS_CHANGED, now_ms);
	comes("duff.0.5", "1duff.0.5");
	assert_told(now_ms + HOUR, 1);
	assert_events(
	        "info changed duff.0.5: erratique.ch recompressed duff.0.5: the files in it are the same; "
	        "it is stored, and two others have it: copy0.example, copy1.example\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                other_bytes_are_kept_and_noted, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(
	                the_same_bytes_once_more_are_no_news, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(a_small_page_is_kept, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(no_more_is_kept_than_allowed, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(what_was_removed_is_not_kept, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(
	                without_the_archive_it_is_compared_later, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(
	                what_came_is_noted_by_all_its_digests, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(a_mirror_is_noted_too, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(
	                too_many_are_noted_without_a_look, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(
	                what_waits_at_the_end_is_dropped, set_up_drift, tear_down_drift),
	        cmocka_unit_test_setup_teardown(people_are_told_what_differs, set_up_drift, tear_down_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
