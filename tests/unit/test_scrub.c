/*
 * The scrub: a round visits each archive once and in its time, goes on after a restart, and finds whatever
 * was done to a file. Its clock is turned by the test; nothing waits.
 */
#include "tests/support/sql.h"

#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>

#include "storage/scrub.h"
#include "storage/store_parts.h"

#define HOUR_MS     3600000ll
#define INTERVAL_MS (24 * HOUR_MS)
#define ARCHIVES    8
#define BIG_SIZE    (3 * (256u << 10) + 1234) /* four pieces */

/* Linked in the place of pread: so many of the next calls fail, with this errno. */
static unsigned refusals;
static int refusal;
ssize_t __real_pread(int fd, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset);

ssize_t
__wrap_pread(int fd, void *bytes, size_t length, off_t offset)
{
	if (refusals == 0)
		return __real_pread(fd, bytes, length, offset);
	refusals--;
	errno = refusal;
	return -1;
}

/* And these in the place of others. */
static bool index_fails, recovering;
static unsigned asked; /* times that the index was, for the next archive */
enum row_answer __real_archive_row_after(
        struct index *index, const uint8_t *sha256, struct archive_row *ret, struct err *err);
enum row_answer __wrap_archive_row_after(
        struct index *index, const uint8_t *sha256, struct archive_row *ret, struct err *err);
bool __real_recovery_is_running(struct recovery *recovery);
bool __wrap_recovery_is_running(struct recovery *recovery);

enum row_answer
__wrap_archive_row_after(struct index *index, const uint8_t *sha256, struct archive_row *ret, struct err *err)
{
	asked++;
	if (!index_fails)
		return __real_archive_row_after(index, sha256, ret, err);
	err_set(err, ERR_IO, "a test says so");
	return ROW_FAILED;
}

bool
__wrap_recovery_is_running(struct recovery *recovery)
{
	return recovering || __real_recovery_is_running(recovery);
}

static char *directory;
static struct store *store;
static struct scrub *scrub;
static struct moment now;
static unsigned told; /* archives that were told to be wrong */
static struct digests told_last;

static void
note_wrong(void *context, const struct digests *digests)
{
	assert_ptr_equal(context, &told);
	told++;
	told_last = *digests;
}

static void
begin(int64_t interval_ms)
{
	struct scrub_options options = {
	        .store = store, .interval_ms = interval_ms, .wrong = note_wrong, .context = &told};

	scrub = scrub_create(&options);
}

static void
open_all(void)
{
	store = store_at(directory, STORE_WRITE);
	begin(INTERVAL_MS);
}

static void
close_all(void)
{
	scrub_destroy(scrub);
	scrub = NULL;
	store_close(store);
}

/* takes path. */
static void
set_up_in(char *path)
{
	directory = path;
	now = (struct moment){.ms = 1000, .wall_ms = 1700000000000};
	told = 0;
	refusals = 0;
	open_all();
}

static int
set_up(void **state)
{
	(void)state;
	set_up_in(temp_make());
	return 0;
}

static int
set_up_on_disk(void **state)
{
	(void)state;
	set_up_in(temp_make_on_disk());
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close_all();
	temp_remove(directory);
	return 0;
}

static const char *
name_of(int i)
{
	static char name[32];

	snprintf(name, sizeof name, "archive %d", i);
	return name;
}

static void
put_archives(void)
{
	for (int i = 0; i < ARCHIVES; i++)
		put(store, name_of(i), INTAKE_STORED);
}

static struct scrub_round
round_now(void)
{
	struct scrub_round round;

	scrub_figures(scrub, &round);
	return round;
}

static void
pass(int64_t ms)
{
	now.ms += ms;
	now.wall_ms += ms;
}

/* A turn, and the wait after it. */
static struct scrub_round
turn(void)
{
	pass(scrub_turn(scrub, now));
	return round_now();
}

/* Until this many archives of the round were read. */
static void
run_until(uint64_t archives)
{
	while (turn().archives < archives)
		assert_true(round_now().ran_ms <= INTERVAL_MS);
}

static void
run_round(void)
{
	int64_t ended_ms = round_now().ended_at_ms;

	while (turn().ended_at_ms == ended_ms)
		assert_true(round_now().ran_ms <= INTERVAL_MS);
}

static void
is_off_with_an_interval_of_0(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	scrub_destroy(scrub);
	begin(0);
	assert_null(scrub);
	assert_true(scrub_start(scrub, &err));
	assert_int_equal(scrub_turn(scrub, now), SCRUB_LOOK_MS);
	assert_int_equal(round_now().began_at_ms, 0);
	scrub_stop(scrub);
}

/* As much in each quarter of the time. */
static void
a_round_visits_each_once_and_evenly(void **state)
{
	int64_t began_ms = now.ms;

	(void)state;
	put_archives();
	for (int quarter = 1; quarter <= 3; quarter++) {
		while (now.ms - began_ms < INTERVAL_MS * quarter / 4)
			turn();
		assert_in_range(round_now().archives, ARCHIVES * quarter / 4, ARCHIVES * quarter / 4 + 1);
	}
	run_round();
	assert_true(now.ms - began_ms <= INTERVAL_MS);
	assert_int_equal(round_now().archives, ARCHIVES);
	assert_int_equal(round_now().bytes, figures_of(store).bytes);
	assert_int_equal(round_now().wrong + told, 0);
	assert_false(round_now().under_way);
	/* The next begins when the interval is over, and not before. */
	while (!turn().under_way)
		continue;
	assert_in_range(round_now().began_at_ms, 1700000000000 + INTERVAL_MS,
	        1700000000000 + INTERVAL_MS + SCRUB_LOOK_MS);
	assert_int_equal(round_now().archives, 1);
}

/* It reads a large one piece by piece, with pauses in between. */
static void
spreads_a_large_one(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE);
	struct err err = ERR_NONE;
	int64_t seen_ms = now.ms;
	uint64_t seen = 0;
	unsigned pieces = 0;

	(void)state;
	assert_int_equal(put_bytes(store, bytes, BIG_SIZE, &err), INTAKE_STORED);
	while (turn().ended_at_ms == 0) {
		if (round_now().bytes == seen)
			continue;
		assert_true(round_now().bytes - seen <= 256u << 10);
		assert_true(pieces == 0 || now.ms - seen_ms > INTERVAL_MS / 6);
		seen = round_now().bytes;
		seen_ms = now.ms;
		pieces++;
	}
	assert_int_equal(round_now().bytes, BIG_SIZE);
	assert_int_equal(pieces, 4);
}

/* Archives whose files this process has open. */
static unsigned
files_open(void)
{
	static const char below[] = "/blobs/sha256/";
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(all);
	while ((entry = readdir(all)) != NULL) {
		char path[4096];
		ssize_t length = readlinkat(dirfd(all), entry->d_name, path, sizeof path - 1);
		const char *file;

		if (length < 0)
			continue;
		path[length] = '\0';
		file = strstr(path, below);
		count += file != NULL && strlen(file) > sizeof below + 64;
	}
	closedir(all);
	return count;
}

/* What is removed in one of them would keep its space until the next piece, hours later. */
static void
nothing_is_open_in_the_pauses(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE);
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(put_bytes(store, bytes, BIG_SIZE, &err), INTAKE_STORED);
	while (round_now().bytes == 0)
		turn();
	assert_int_equal(files_open(), 0);
	run_round();
	assert_int_equal(round_now().archives, 1);
	assert_int_equal(round_now().wrong + told, 0);
}

static void
goes_on_after_a_restart(void **state)
{
	struct scrub_round before;

	(void)state;
	put_archives();
	run_until(ARCHIVES / 2);
	before = round_now();
	close_all();
	pass(400 * 24 * HOUR_MS); /* what was switched off did not read */
	open_all();
	scrub_turn(scrub, now);
	assert_int_equal(round_now().began_at_ms, before.began_at_ms);
	assert_in_range(round_now().ran_ms, before.ran_ms, before.ran_ms + SCRUB_LOOK_MS);
	assert_in_range(round_now().archives, ARCHIVES / 2, ARCHIVES / 2 + 1);
	run_round();
	assert_int_equal(round_now().archives, ARCHIVES);
	/* And what is at rest rests on. */
	close_all();
	open_all();
	turn();
	assert_false(round_now().under_way);
	assert_int_equal(round_now().archives, ARCHIVES);
}

static void
a_kill_undoes_little(void **state)
{
	struct scrub_round saved = {0};
	struct err err = ERR_NONE;

	(void)state;
	put_archives();
	run_until(ARCHIVES / 2);
	pass(SCRUB_GAP_MS);
	for (int64_t until_ms = now.ms + SCRUB_SAVE_MS; now.ms < until_ms;)
		turn();
	while (saved.archives == 0) /* the index writer takes its time */
		assert_true(scrub_round_find(store_index(store), &saved, &err));
	while (saved.archives < ARCHIVES / 2)
		assert_true(scrub_round_find(store_index(store), &saved, &err));
	assert_true(round_now().ran_ms - saved.ran_ms <= SCRUB_SAVE_MS + SCRUB_LOOK_MS);
}

/* Neither the wall clock, both ways, nor a machine that stood still for a year makes it hurry or wait. */
static void
no_clock_makes_it_hurry(void **state)
{
	int64_t ran_ms;
	uint64_t archives;

	(void)state;
	put_archives();
	run_until(3);
	now.wall_ms += 365 * 24 * HOUR_MS;
	run_until(4);
	now.wall_ms = -5;
	run_until(5);
	ran_ms = round_now().ran_ms;
	archives = round_now().archives;
	now.ms += 365 * 24 * HOUR_MS;
	turn();
	assert_in_range(round_now().ran_ms, ran_ms, ran_ms + SCRUB_GAP_MS + SCRUB_LOOK_MS);
	assert_in_range(round_now().archives, archives, archives + 1);
	now.ms -= 30 * 24 * HOUR_MS;
	turn();
	assert_true(round_now().ran_ms >= ran_ms);
	run_round();
	assert_int_equal(round_now().archives, ARCHIVES);
	assert_int_equal(round_now().wrong, 0);
}

/* Its time stands still until index and files are compared: it does not hurry afterwards. */
static void
waits_for_recovery(void **state)
{
	struct scrub_round before;

	(void)state;
	put_archives();
	run_until(2);
	before = round_now();
	recovering = true;
	for (int64_t until_ms = now.ms + INTERVAL_MS / 2; now.ms < until_ms;)
		turn();
	assert_int_equal(round_now().archives, before.archives);
	recovering = false;
	turn();
	assert_in_range(round_now().archives, before.archives, before.archives + 1);
	assert_in_range(round_now().ran_ms, before.ran_ms, before.ran_ms + SCRUB_LOOK_MS);
	run_round();
	assert_int_equal(round_now().archives, ARCHIVES);
}

static void
pauses_while_the_index_fails(void **state)
{
	int64_t failed_ms;
	unsigned asked_then;

	(void)state;
	put_archives();
	run_until(2);
	index_fails = true;
	failed_ms = now.ms;
	turn();
	index_fails = false;
	asked_then = asked;
	while (now.ms - failed_ms < SCRUB_TROUBLE_MS)
		turn();
	assert_int_equal(asked, asked_then);
	run_round();
	assert_true(asked > asked_then);
	assert_int_equal(round_now().archives, ARCHIVES);
	assert_int_equal(told, 0);
}

/* --- damage --- */

static void
flip_a_bit(const char *path)
{
	AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, 5), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, 5), 1);
}

static void
cut_short(const char *path)
{
	assert_int_equal(truncate(path, 3), 0);
}

static void
make_longer(const char *path)
{
	AUTO_FD fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(write(fd, "!", 1), 1);
}

static void
zero_a_page(const char *path)
{
	static const char zeros[4096];
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	struct stat status;
	size_t length;

	assert_int_equal(fstat(fd, &status), 0);
	length = (size_t)status.st_size < sizeof zeros ? (size_t)status.st_size : sizeof zeros;
	assert_int_equal(pwrite(fd, zeros, length, 0), length);
}

static void
put_another_there(const char *path)
{
	struct stat status;
	AUTO_FREE char *other = NULL;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(unlink(path), 0);
	other = xcalloc(1, (size_t)status.st_size);
	memset(other, 'x', (size_t)status.st_size);
	write_file(path, other, (size_t)status.st_size);
}

/* One of many is damaged, by a test that runs as root or as the owner. */
static void
damage(const char *name, void (*how)(const char *path))
{
	AUTO_FREE char *path = blob_path(directory, name);

	assert_int_equal(chmod(path, 0600), 0);
	how(path);
}

static void
finds(void (*how)(const char *path))
{
	struct digests digests = digests_of(name_of(5), strlen(name_of(5)));

	put_archives();
	damage(name_of(5), how);
	run_round();
	assert_int_equal(told, 1);
	assert_true(digests_satisfy(&told_last, &digests));
	assert_int_equal(round_now().wrong, 1);
	assert_int_equal(round_now().ended_wrong, 1);
	assert_int_equal(round_now().archives, ARCHIVES);
	assert_int_equal(figures_of(store).quarantined, 1);
	assert_int_equal(files_in(directory, "quarantine", ""), 1);
	assert_missing(store, name_of(5));
	assert_stored(store, name_of(6), BLOB_PROVEN);
	put(store, name_of(5), INTAKE_STORED); /* it may come back */
	assert_stored(store, name_of(5), BLOB_PROVEN);
}

static void
finds_a_flipped_bit(void **state)
{
	(void)state;
	finds(flip_a_bit);
}

static void
finds_one_cut_short(void **state)
{
	(void)state;
	finds(cut_short);
}

static void
finds_one_made_longer(void **state)
{
	(void)state;
	finds(make_longer);
}

static void
finds_a_zeroed_page(void **state)
{
	(void)state;
	finds(zero_a_page);
}

static void
finds_another_file(void **state)
{
	(void)state;
	finds(put_another_there);
}

static void
finds_what_is_gone(void **state)
{
	AUTO_FREE char *path = blob_path(directory, name_of(5));

	(void)state;
	put_archives();
	assert_int_equal(unlink(path), 0);
	run_round();
	assert_int_equal(told, 1);
	assert_int_equal(round_now().wrong, 1);
	assert_int_equal(round_now().archives, ARCHIVES - 1);
	assert_int_equal(figures_of(store).archives, ARCHIVES - 1);
}

/* The next archive meets a disk that fails so often. */
static void
refuse(unsigned times, int cause)
{
	put_archives();
	refusals = times;
	refusal = cause;
	run_round();
	assert_int_equal(refusals, 0);
}

static void
takes_what_the_disk_has_lost_for_wrong(void **state)
{
	(void)state;
	refuse(4, EIO);
	assert_int_equal(told, 1);
	assert_int_equal(figures_of(store).quarantined, 1);
	assert_int_equal(round_now().archives, ARCHIVES);
}

static void
asks_the_disk_twice(void **state)
{
	(void)state;
	refuse(1, EIO);
	assert_int_equal(told, 0);
	assert_int_equal(round_now().archives, ARCHIVES);
}

/* A link that was reset: the file is as good as before. */
static void
asks_a_disk_that_was_away_again_later(void **state)
{
	int64_t began_ms = now.ms;

	(void)state;
	refuse(2, EIO);
	assert_true(now.ms - began_ms >= SCRUB_TROUBLE_MS);
	assert_int_equal(told, 0);
	assert_int_equal(figures_of(store).quarantined, 0);
	assert_int_equal(round_now().archives, ARCHIVES);
}

/* The one it would have asked for again is gone by then: what comes next has its own second try. */
static void
doubts_only_what_was_refused(void **state)
{
	struct archive_row first;
	struct archive removed;
	struct digest sha256;
	struct err err = ERR_NONE;

	(void)state;
	put_archives();
	assert_int_equal(archive_row_after(store_index(store), NULL, &first, &err), ROW_FOUND);
	digests_get(&first.archive.digests, DIGEST_SHA256, &sha256);
	refusals = 2;
	refusal = EIO;
	while (refusals > 0)
		turn();
	assert_true(store_remove(store, &sha256, "uid 7", &removed, &err));
	refusals = 2;
	run_round();
	assert_int_equal(refusals, 0);
	assert_int_equal(told, 0);
	assert_int_equal(round_now().archives, ARCHIVES - 1);
}

/* Which says nothing of the archive: it stays, and is not counted as read. */
static void
leaves_alone_what_cannot_be_read_now(void **state)
{
	(void)state;
	refuse(2, ENOMEM);
	assert_int_equal(told, 0);
	assert_int_equal(figures_of(store).quarantined, 0);
	assert_int_equal(figures_of(store).archives, ARCHIVES);
	assert_int_equal(round_now().archives, ARCHIVES - 1);
}

/* The first page of this file is in memory. */
static bool
is_cached(int fd)
{
	unsigned char resident = 0;
	void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(mincore(page, 1, &resident), 0);
	munmap(page, 1);
	return (resident & 1) != 0;
}

/* The filesystem reads past its cache, and has dropped what it held of this archive. */
static bool
passes_the_cache(const char *bytes)
{
	AUTO_FREE char *path = blob_path(directory, bytes);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC), direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	return direct >= 0 && !is_cached(fd);
}

/*
 * Where the filesystem can do that: what is read again is read from the disk, and is not cached afterwards.
 */
static void
leaves_the_page_cache_alone(void **state)
{
	(void)state;
	put_archives();
	if (!passes_the_cache(name_of(5)))
		skip();
	run_round();
	assert_int_equal(round_now().archives, ARCHIVES);
	AUTO_FREE char *path = blob_path(directory, name_of(5));
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_false(is_cached(fd));
}

/* In the last of its pieces, after the others were right. */
static void
finds_damage_at_the_end_of_a_large_one(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE + 1);
	struct err err = ERR_NONE;

	(void)state;
	memset(bytes, 'b', BIG_SIZE);
	assert_int_equal(put_bytes(store, bytes, BIG_SIZE, &err), INTAKE_STORED);
	while (turn().bytes == 0)
		continue;
	AUTO_FREE char *path = blob_path(directory, bytes);
	assert_int_equal(chmod(path, 0600), 0);
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "B", 1, BIG_SIZE - 1), 1);
	run_round();
	assert_int_equal(told, 1);
	assert_int_equal(figures_of(store).quarantined, 1);
}

/* What was touched and is right is known to be right from then on. */
static void
proves_what_was_touched(void **state)
{
	(void)state;
	put_archives();
	damage(name_of(5), zero_a_page); /* this one is not */
	AUTO_FREE char *path = blob_path(directory, name_of(6));
	assert_int_equal(chmod(path, 0440), 0);
	assert_stored(store, name_of(6), BLOB_UNPROVEN);
	run_round();
	close_all(); /* the index writer is done */
	open_all();
	assert_stored(store, name_of(6), BLOB_PROVEN);
}

/* --- what goes meanwhile --- */

static void
put_big(char *ret_bytes, char of)
{
	struct err err = ERR_NONE;

	memset(ret_bytes, of, BIG_SIZE);
	ret_bytes[BIG_SIZE] = '\0';
	assert_int_equal(put_bytes(store, ret_bytes, BIG_SIZE, &err), INTAKE_STORED);
}

static void
passes_over_what_is_removed(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE + 1);
	struct digest digest;
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	put_big(bytes, 'b');
	while (turn().bytes == 0)
		continue;
	digest = digest_of(bytes, DIGEST_SHA256);
	assert_true(store_remove(store, &digest, "a test", &archive, &err));
	run_round();
	assert_int_equal(told, 0);
	assert_int_equal(round_now().archives, 0);
	assert_int_equal(round_now().wrong, 0);
	assert_int_equal(files_in(directory, "quarantine", ""), 0);
}

/* The file that it reads is damaged, and another one with the right bytes lies in its place by now. */
static void
passes_over_what_is_replaced(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE + 1), *aside = path_below(directory, "aside");

	(void)state;
	put_big(bytes, 'b');
	AUTO_FREE char *path = blob_path(directory, bytes);
	assert_int_equal(chmod(path, 0600), 0);
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "B", 1, 0), 1);
	while (turn().bytes == 0)
		continue;
	write_file(aside, bytes, BIG_SIZE);
	assert_int_equal(rename(aside, path), 0);
	run_round();
	assert_int_equal(told, 0);
	assert_int_equal(figures_of(store).quarantined, 0);
	while (turn().bytes < BIG_SIZE) /* the next round reads the new one */
		continue;
	assert_int_equal(told, 0);
}

/* Half of the store goes while the round is at it, and much comes: it still ends in its time. */
static void
keeps_its_time_in_a_store_that_changes(void **state)
{
	struct archive archive;
	struct err err = ERR_NONE;

	(void)state;
	put_archives();
	run_until(ARCHIVES / 2);
	for (int i = 0; i < ARCHIVES; i += 2) {
		struct digest digest = digest_of(name_of(i), DIGEST_SHA256);

		assert_true(store_remove(store, &digest, "a test", &archive, &err));
	}
	for (int i = ARCHIVES; i < 2 * ARCHIVES; i++)
		put(store, name_of(i), INTAKE_STORED);
	run_round();
	assert_in_range(round_now().archives, ARCHIVES / 2 + 1, 2 * ARCHIVES);
	assert_int_equal(told, 0);
}

/* --- the thread --- */

/* In the middle of a large one, of a round that is to take a day. */
static void
stops_in_the_middle(void **state)
{
	AUTO_FREE char *bytes = xcalloc(1, BIG_SIZE + 1);
	struct err err = ERR_NONE;

	(void)state;
	put_big(bytes, 'b');
	assert_true(scrub_start(scrub, &err));
	while (round_now().bytes == 0)
		usleep(1000);
	scrub_stop(scrub);
	scrub_stop(scrub);
	assert_int_equal(round_now().archives, 0);
	assert_true(round_now().under_way);
	close_all();
	open_all();
	run_round();
	assert_int_equal(round_now().archives, 1);
	assert_int_equal(told, 0);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_STORE(is_off_with_an_interval_of_0),
	        IN_STORE(a_round_visits_each_once_and_evenly),
	        IN_STORE(spreads_a_large_one),
	        IN_STORE(nothing_is_open_in_the_pauses),
	        IN_STORE(goes_on_after_a_restart),
	        IN_STORE(a_kill_undoes_little),
	        IN_STORE(no_clock_makes_it_hurry),
	        IN_STORE(waits_for_recovery),
	        IN_STORE(pauses_while_the_index_fails),
	        IN_STORE(finds_a_flipped_bit),
	        IN_STORE(finds_one_cut_short),
	        IN_STORE(finds_one_made_longer),
	        IN_STORE(finds_a_zeroed_page),
	        IN_STORE(finds_another_file),
	        IN_STORE(finds_what_is_gone),
	        IN_STORE(finds_damage_at_the_end_of_a_large_one),
	        IN_STORE(takes_what_the_disk_has_lost_for_wrong),
	        IN_STORE(asks_the_disk_twice),
	        IN_STORE(asks_a_disk_that_was_away_again_later),
	        IN_STORE(doubts_only_what_was_refused),
	        IN_STORE(leaves_alone_what_cannot_be_read_now),
	        cmocka_unit_test_setup_teardown(leaves_the_page_cache_alone, set_up_on_disk, tear_down),
	        IN_STORE(proves_what_was_touched),
	        IN_STORE(passes_over_what_is_removed),
	        IN_STORE(passes_over_what_is_replaced),
	        IN_STORE(keeps_its_time_in_a_store_that_changes),
	        IN_STORE(stops_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
