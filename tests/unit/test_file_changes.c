/*
 * Changes of files: whatever is done to one is told once, reading it is not, and none is forgotten when the kernel loses some.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/base/file.h"
#include "storage/base/file_changes.h"
#include "tests/support/temp.h"

#define FILES 3

static char *directory, *paths[FILES];
static int fds[FILES];
static struct file_changes *changes;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	for (int i = 0; i < FILES; i++) {
		assert_true(asprintf(&paths[i], "%s/%d", directory, i) > 0);
		fds[i] = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(write(fds[i], "bytes", 5), 5);
	}
	changes = file_changes_create();
	assert_non_null(changes);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	file_changes_destroy(changes);
	for (int i = 0; i < FILES; i++) {
		close(fds[i]);
		free(paths[i]);
	}
	temp_remove(directory);
	return 0;
}

/* The owner of a file is its descriptor's place. */
static int
watch(int file)
{
	return file_changes_watch(changes, fds[file], &fds[file]);
}

static void
is_told(int file)
{
	assert_ptr_equal(file_changes_next(changes), &fds[file]);
}

static void
nothing_is_told(void)
{
	assert_null(file_changes_next(changes));
}

static void
write_at(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | flags);

	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void
whatever_is_done_to_a_file_is_told_once(void **state)
{
	AUTO_FREE char *other = NULL;

	(void)state;
	assert_true(asprintf(&other, "%s/other", directory) > 0);
	for (int what = 0; what < 7; what++) {
		assert_true(watch(0) >= 0);
		assert_true(watch(1) >= 0);
		nothing_is_told();
		switch (what) {
		case 0:
			write_at(paths[0], 0);
			break;
		case 1:
			write_at(paths[0], O_APPEND);
			break;
		case 2:
			assert_int_equal(truncate(paths[0], 2), 0);
			break;
		case 3:
			assert_int_equal(chmod(paths[0], 0400), 0);
			break;
		case 4:
			assert_int_equal(utimensat(AT_FDCWD, paths[0], NULL, 0), 0);
			break;
		case 5:
			assert_int_equal(rename(paths[0], other), 0);
			break;
		case 6:
			assert_int_equal(unlink(other), 0); /* it is open still */
			break;
		}
		is_told(0);
		nothing_is_told();
		assert_int_equal(futimens(fds[0], NULL), 0);
		nothing_is_told();
		assert_int_equal(futimens(fds[1], NULL), 0);
		is_told(1);
	}
}

static void
reading_is_not_told(void **state)
{
	char byte;
	int fd;

	(void)state;
	assert_true(watch(0) >= 0);
	fd = open(paths[0], O_RDONLY);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	nothing_is_told();
}

static void
many_changes_of_one_file_are_told_once(void **state)
{
	(void)state;
	for (int i = 0; i < FILES; i++)
		assert_true(watch(i) >= 0);
	for (int i = 0; i < 100; i++) {
		write_at(paths[0], O_APPEND);
		assert_int_equal(chmod(paths[2], i % 2 == 0 ? 0600 : 0400), 0);
	}
	is_told(0);
	is_told(2);
	nothing_is_told();
}

static void
a_file_has_one_owner(void **state)
{
	int another = 0, first;

	(void)state;
	first = watch(0);
	assert_int_equal(file_changes_watch(changes, fds[0], &another), FILE_UNWATCHED);
	write_at(paths[0], 0);
	is_told(0);
	nothing_is_told();
	first = watch(0);
	file_changes_unwatch(changes, first);
	file_changes_unwatch(changes, FILE_UNWATCHED);
	write_at(paths[0], 0);
	nothing_is_told();
	assert_true(file_changes_watch(changes, fds[0], &another) >= 0);
	write_at(paths[0], 0);
	assert_ptr_equal(file_changes_next(changes), &another);
}

/* As many as the kernel keeps, of a file that is of no interest any more, and one more, which it loses. */
static void
when_the_kernel_loses_some_all_have_changed(void **state)
{
	AUTO_TEXT limit = TEXT_EMPTY;
	struct err err = ERR_NONE;
	long most;

	(void)state;
	assert_true(file_read_path("/proc/sys/fs/inotify/max_queued_events", 100, &limit, &err));
	most = strtol(limit.bytes, NULL, 10);
	assert_true(watch(0) >= 0);
	assert_true(watch(1) >= 0);
	for (long i = 0; i < most; i++) /* the same twice would count once */
		assert_int_equal(i % 2 == 0 ? fchmod(fds[0], 0600) : ftruncate(fds[0], i % 3), 0);
	assert_int_equal(futimens(fds[1], NULL), 0);
	is_told(0);
	is_told(1);
	nothing_is_told();
	assert_true(watch(2) >= 0);
	nothing_is_told();
	write_at(paths[2], 0);
	is_told(2);
}

static void
without_any_nothing_is_watched(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_null(file_changes_create());
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(file_changes_fd(NULL), -1);
	assert_int_equal(file_changes_watch(NULL, fds[0], &fds[0]), FILE_UNWATCHED);
	assert_null(file_changes_next(NULL));
	file_changes_unwatch(NULL, FILE_UNWATCHED);
	file_changes_destroy(NULL);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_FILES(whatever_is_done_to_a_file_is_told_once),
	        WITH_FILES(reading_is_not_told),
	        WITH_FILES(many_changes_of_one_file_are_told_once),
	        WITH_FILES(a_file_has_one_owner),
	        WITH_FILES(when_the_kernel_loses_some_all_have_changed),
	        WITH_FILES(without_any_nothing_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
