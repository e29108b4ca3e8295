/*
 * What people decided outlives the index that it was written into: damage to archives costs none of it,
 * damage to its own pages costs what stood there, and a file that is no database costs all of it and nothing
 * else.
 */
#include "tests/support/rows.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>

#include "storage/index/archive_rows.h"
#include "storage/index/event_rows.h"
#include "storage/index/job_rows.h"
#include "storage/index/pin_rows.h"
#include "storage/index/token_rows.h"
#include "storage/index/tombstone_rows.h"

#define TOKENS    300
#define PAGE_SIZE 4096

static struct token_row
token_number(int number)
{
	struct token_row token = {.rights = 3, .created_at_ms = 1000};
	struct digest hash;

	snprintf(token.name, sizeof token.name, "token %04d", number);
	hash = digest_of(token.name, DIGEST_SHA256);
	memcpy(token.hash, hash.bytes, sizeof token.hash);
	return token;
}

static bool
has_token(int number)
{
	struct token_row token = token_number(number), found;
	struct err err = ERR_NONE;
	enum row_answer answer = token_row_find(index_at_hand, token.hash, &found, &err);

	assert_int_not_equal(answer, ROW_FAILED);
	return answer == ROW_FOUND && found.rights == 3 && strcmp(found.name, token.name) == 0;
}

static void
add_archive(const char *string)
{
	struct archive_row row = {.archive = {.digests = digests_of(string, strlen(string))}};
	struct archive_change change;
	struct err err = ERR_NONE;

	archive_change_init(&change, ARCHIVE_ADD, &row, NULL);
	assert_true(writer_run(index_writer(index_at_hand), &change.chore, &err));
}

static void
decide(void)
{
	struct pin pin = {.who = "uid 0", .at_ms = 11};
	struct tombstone tombstone = {
	        .digests = digests_of("removed", 7), .who = "token laptop", .at_ms = 12};
	struct job_row job = {
	        .kind = "fetch", .who = "uid 0", .asked = "{}", .body = "", .state = JOB_RUNNING};
	struct event_row event = {.kind = "upload", .subject = "sha256:…", .result = "201"};
	struct err err = ERR_NONE;
	int64_t id;

	assert_true(pin_row_add(index_at_hand, &pin, &err));
	assert_true(tombstone_row_lay(index_at_hand, &tombstone, &err));
	assert_true(job_row_add(index_at_hand, &job, &id, &err));
	assert_true(job_row_move(index_at_hand, id, JOB_CANCELLING, NULL, &err));
	assert_true(job_row_add(index_at_hand, &job, &id, &err));
	for (int i = 0; i < 5; i++)
		event_row_add(index_at_hand, &event);
	for (int i = 0; i < TOKENS; i++) {
		struct token_row token = token_number(i);

		assert_true(token_row_add(index_at_hand, &token, &err));
	}
	add_archive("one");
}

static void
count_event(void *context, const struct event_row *event)
{
	int *count = context;

	assert_string_equal(event->kind, "upload");
	assert_int_equal(event->id, ++*count);
}

static void
assert_decided(void)
{
	struct pin pin;
	struct tombstone tombstone;
	struct digest removed = digest_of("removed", DIGEST_SHA512);
	struct job_row job;
	struct err err = ERR_NONE;
	uint8_t sha256[32] = {0};
	int events = 0;

	assert_int_equal(pin_row_find(index_at_hand, sha256, &pin, &err), ROW_FOUND);
	assert_string_equal(pin.who, "uid 0");
	assert_int_equal(tombstone_row_find(index_at_hand, &removed, &tombstone, &err), ROW_FOUND);
	assert_string_equal(tombstone.who, "token laptop");
	assert_int_equal(digests_count(&tombstone.digests), DIGEST_ALGOS);
	assert_int_equal(job_row_find(index_at_hand, 1, &job, &err), ROW_FOUND);
	assert_int_equal(job.state, JOB_CANCELLING);
	job_row_finish(&job);
	assert_int_equal(job_row_find(index_at_hand, 2, &job, &err), ROW_FOUND);
	assert_int_equal(job.state, JOB_RUNNING);
	job_row_finish(&job);
	assert_true(event_rows_after(index_at_hand, 0, 100, count_event, &events, &err));
	assert_int_equal(events, 5);
}

static void
spoil_page(off_t number)
{
	AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
	char garbage[PAGE_SIZE];

	memset(garbage, 0xa5, sizeof garbage);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, (number - 1) * PAGE_SIZE), sizeof garbage);
}

static void
spoil_root_of(const char *table)
{
	AUTO_TEXT question = TEXT_EMPTY;
	AUTO_FREE char *page = NULL;

	text_addf(&question, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	page = ask_sql(path, text_string(&question));
	spoil_page(strtol(page, NULL, 10));
}

/* Every page in which these bytes stand. */
static int
spoil_pages_with(const char *bytes)
{
	AUTO_TEXT file = TEXT_EMPTY;
	struct err err = ERR_NONE;
	int spoilt = 0;

	assert_true(file_read_path(path, 1 << 26, &file, &err));
	for (size_t at = 0; at < file.length; at += PAGE_SIZE) {
		if (memmem(file.bytes + at, PAGE_SIZE, bytes, strlen(bytes)) == NULL)
			continue;
		spoil_page((off_t)(at / PAGE_SIZE) + 1);
		spoilt++;
	}
	return spoilt;
}

static struct salvage
open_damaged(void)
{
	struct index_opening opening = open_index(INDEX_WRITE);

	assert_int_equal(opening.found, INDEX_DAMAGED);
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), 1);
	assert_int_equal(files_in(directory, "", "index.db.new"), 0);
	return opening.saved;
}

static void
loses_no_decision_with_the_archives(void **state)
{
	struct salvage saved;
	struct archive_row found;
	struct digest digest = digest_of("one", DIGEST_MD5);
	struct err err = ERR_NONE;
	char text[SALVAGE_TEXT_MAX];

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	spoil_root_of("archive");
	saved = open_damaged();
	assert_int_equal(saved.rows[SAVED_PINS], 1);
	assert_int_equal(saved.rows[SAVED_TOMBSTONES], 1);
	assert_int_equal(saved.rows[SAVED_TOKENS], TOKENS);
	assert_int_equal(saved.rows[SAVED_EVENTS], 5);
	assert_int_equal(saved.rows[SAVED_JOBS], 2);
	assert_int_equal(saved.unread, 0);
	assert_int_equal(saved.senseless, 0);
	salvage_text(&saved, text);
	assert_string_equal(text, "1 pins, 1 tombstones, 300 tokens, 5 events, 2 jobs");
	assert_decided();
	for (int i = 0; i < TOKENS; i++)
		assert_true(has_token(i));
	assert_int_equal(archive_row_find(index_at_hand, &digest, &found, &err), ROW_NONE);
	add_archive("one");
	assert_int_equal(archive_row_find(index_at_hand, &digest, &found, &err), ROW_FOUND);
}

/* A page in the middle of the tokens: those before and behind it are saved. */
static void
saves_what_can_be_read(void **state)
{
	struct salvage saved;
	uint64_t found = 0;

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	assert_in_range(spoil_pages_with("token 0150"), 1, 3);
	saved = open_damaged();
	assert_decided();
	assert_int_equal(saved.unread, 1);
	assert_in_range(saved.rows[SAVED_TOKENS], TOKENS / 2, TOKENS - 1);
	assert_true(has_token(0));
	assert_false(has_token(150));
	assert_true(has_token(TOKENS - 1));
	for (int i = 0; i < TOKENS; i++)
		found += has_token(i) ? 1 : 0;
	assert_int_equal(found, saved.rows[SAVED_TOKENS]);
}

/* Four bytes say whose database it is, and they may be those that are damaged. */
static void
saves_all_when_only_its_name_is_damaged(void **state)
{
	struct salvage saved;

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	run_sql("PRAGMA application_id = 7");
	saved = open_damaged();
	assert_int_equal(saved.unread, 0);
	assert_int_equal(saved.rows[SAVED_TOKENS], TOKENS);
	assert_decided();
}

static bool disk_is_full;

static bool
is_new_index(int fd)
{
	char link[64], name[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, name, sizeof name - 1);
	if (length < 0)
		return false;
	name[length] = '\0';
	return text_ends_with(name, "/index.db.new");
}

/* SQLite's calls come here first: its log still fits on the disk, and of the file itself what it begins with. */
ssize_t
pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
	ssize_t (*really)(int, const void *, size_t, off64_t) =
	        (ssize_t(*)(int, const void *, size_t, off64_t))(uintptr_t)dlsym(RTLD_NEXT, "pwrite64");

	if (disk_is_full && offset >= (off64_t)2 * PAGE_SIZE && is_new_index(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return really(fd, bytes, count, offset);
}

/* Else the next start would find half a new index, and nothing to save. */
static void
leaves_the_damaged_one_on_a_full_disk(void **state)
{
	struct index_opening opening;
	struct err err = ERR_NONE;

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	spoil_root_of("archive");
	disk_is_full = true;
	index_at_hand = index_open(path, INDEX_WRITE, &opening, &err);
	disk_is_full = false;
	assert_null(index_at_hand);
	assert_non_null(strstr(err.text, "making a new index"));
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), 0);
	assert_int_equal(open_damaged().rows[SAVED_TOKENS], TOKENS);
	assert_decided();
}

static void
leaves_out_what_makes_no_sense(void **state)
{
	struct salvage saved;

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	run_sql("INSERT INTO token VALUES (1000, 'short', x'0102', 1, 1, 0, 0);"
	        "INSERT INTO token VALUES (1001, '', zeroblob(32), 1, 1, 0, 0);"
	        "INSERT INTO pin VALUES (x'00', 'nobody', 0);"
	        "INSERT INTO tombstone (who, at) VALUES ('of nothing', 0);"
	        "INSERT INTO tombstone (md5, who, at) VALUES (zeroblob(17), 'of too much', 0);"
	        "INSERT INTO job VALUES (900, 'fetch', '{}', '', 'uid 0', 77, 0, 0, '');"
	        "INSERT INTO event VALUES (900, -1, 'upload', '', '', '', '', '', 'audit', '', 0, 0, 0, 0);");
	spoil_root_of("archive");
	saved = open_damaged();
	assert_int_equal(saved.senseless, 6);
	assert_int_equal(saved.rows[SAVED_PINS], 1);
	assert_int_equal(saved.rows[SAVED_TOMBSTONES], 1);
	assert_int_equal(saved.rows[SAVED_TOKENS], TOKENS);
	assert_int_equal(saved.rows[SAVED_EVENTS], 5);
	assert_int_equal(saved.rows[SAVED_JOBS], 2);
	assert_decided();
}

static void
starts_anew_from_no_database(void **state)
{
	AUTO_FREE char *leftover = path_below(directory, "index.db.new");
	char garbage[3 * PAGE_SIZE], text[SALVAGE_TEXT_MAX];
	struct salvage saved;

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	memset(garbage, 0x5a, sizeof garbage);
	write_file(path, garbage, sizeof garbage);
	write_file(leftover, garbage, sizeof garbage); /* of a try that was killed */
	saved = open_damaged();
	assert_int_equal(saved.unread, SALVAGE_KINDS);
	for (int kind = 0; kind < SALVAGE_KINDS; kind++)
		assert_int_equal(saved.rows[kind], 0);
	salvage_text(&saved, text);
	assert_non_null(strstr(text, "5 of these 5 tables could not be read"));
	assert_false(has_token(0));
	decide();
	assert_decided();
	assert_true(has_token(0));
}

/* A kill came when the new one was whole and the damaged one about to go. */
static void
puts_a_ready_one_in_its_place(void **state)
{
	AUTO_FREE char *ready = path_below(directory, "index.db.ready"),
	               *log = path_below(directory, "index.db-wal");
	char garbage[3 * PAGE_SIZE];

	(void)state;
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	assert_int_equal(rename(path, ready), 0);
	memset(garbage, 0x5a, sizeof garbage);
	write_file(path, garbage, sizeof garbage);
	write_file(log, garbage, sizeof garbage);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_UNCLEAN);
	assert_decided();
	assert_true(has_token(0));
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), 1);
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z-wal$"), 1);
	assert_int_equal(files_in(directory, "", "index.db.ready"), 0);
}

/* The daemon closes such an index and opens it again. */
static void
saves_when_damage_is_noticed_late(void **state)
{
	struct err damage = ERR_NONE;

	(void)state;
	decide();
	err_set(&damage, ERR_CORRUPT, "as a reader may find");
	index_failed(index_at_hand, &damage);
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), 1);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_UNCLEAN);
	assert_decided();
	assert_true(has_token(7));
}

/* One that was killed while it was larger than what is checked before anything else. */
static void
make_large(void)
{
	decide();
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	run_sql("WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000)"
	        " INSERT INTO import SELECT n, printf('%.*c', 1000, 'x'), 0 FROM number");
}

/* So many times it goes on. */
static bool
is_stopped(void *context)
{
	int *left = context;

	return --*left < 0;
}

static bool
check_goes(enum index_thoroughness how, int patience, struct err *err)
{
	*err = ERR_NONE;
	return index_check(index_at_hand, how, is_stopped, &patience, err);
}

static void
large_one_is_checked_meanwhile(void **state)
{
	struct index_opening opening;
	struct index_state now;
	struct err err = ERR_NONE;

	(void)state;
	make_large();
	opening = open_index(INDEX_WRITE);
	assert_int_equal(opening.found, INDEX_UNCLEAN);
	assert_true(opening.unchecked);
	for (int thoroughness = INDEX_CHECK_QUICK; thoroughness <= INDEX_CHECK_FULL; thoroughness++) {
		assert_false(check_goes(thoroughness, 0, &err));
		assert_int_equal(err.code, ERR_CANCELLED);
		assert_false(check_goes(thoroughness, 1, &err));
		assert_int_equal(err.code, ERR_CANCELLED);
		assert_true(check_goes(thoroughness, INT_MAX, &err));
	}

	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	spoil_root_of("archive");
	opening = open_index(INDEX_WRITE);
	assert_true(opening.unchecked);
	assert_false(check_goes(INDEX_CHECK_QUICK, INT_MAX, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(index_state(index_at_hand, &now, &err));
	assert_int_equal(now.trouble.code, ERR_CORRUPT);
	index_close(index_at_hand, WRITER_ENDS_UNCLEAN);
	assert_int_equal(files_in(directory, "", "index.db.damaged-.*Z$"), 1);
	open_index(INDEX_WRITE);
	assert_decided();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(loses_no_decision_with_the_archives, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(saves_what_can_be_read, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(saves_all_when_only_its_name_is_damaged, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(leaves_the_damaged_one_on_a_full_disk, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(leaves_out_what_makes_no_sense, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(starts_anew_from_no_database, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(puts_a_ready_one_in_its_place, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(saves_when_damage_is_noticed_late, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(large_one_is_checked_meanwhile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
