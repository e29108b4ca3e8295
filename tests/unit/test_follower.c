/*
 * Followers: what they hash is what was written, in whatever steps; a file that is cut is told; one that is
 * given up costs nobody anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/auto.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/follower.h"

#define SIZE (5 * FOLLOWER_STEP / 2 + 12345)

static struct followers *followers;
static char *bytes;
static int file;

static int
set_up(void **state)
{
	(void)state;
	followers = followers_create();
	file = memfd_create("followed", MFD_CLOEXEC);
	bytes = xmalloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	return file >= 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	followers_destroy(followers);
	close(file);
	free(bytes);
	return 0;
}

static struct follower *
follow(void)
{
	struct err err = ERR_NONE;
	struct follower *follower = follower_create(followers, file, &err);

	if (follower == NULL)
		fail_msg("%s", err.text);
	return follower;
}

static void
write_in_steps(struct follower *follower, size_t size, size_t step)
{
	struct err err = ERR_NONE;

	for (size_t at = 0; at < size; at += step) {
		size_t length = size - at < step ? size - at : step;

		assert_true(file_write(file, bytes + at, length, &err));
		follower_advance(follower, at + length);
	}
}

static void
assert_hashed(struct follower *follower, size_t size)
{
	struct hasher *hasher = hasher_create();
	struct digests found, right;
	struct err err = ERR_NONE;

	if (!follower_finish(follower, size, &found, &err))
		fail_msg("%s", err.text);
	hasher_add(hasher, bytes, size);
	hasher_digests(hasher, &right);
	hasher_destroy(hasher);
	assert_int_equal(digests_count(&found), DIGEST_ALGOS);
	assert_true(digests_satisfy(&found, &right));
}

static void
hashes_what_is_written_in_any_steps(void **state)
{
	static const size_t steps[] = {SIZE, FOLLOWER_STEP, 100000, 4096};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct follower *follower = follow();

		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		write_in_steps(follower, SIZE, steps[i]);
		assert_hashed(follower, SIZE);
		follower_destroy(follower);
	}
}

static void
hashes_little_and_nothing(void **state)
{
	struct follower *follower = follow();

	(void)state;
	assert_hashed(follower, 0);
	follower_destroy(follower);
	follower = follow();
	write_in_steps(follower, 1, 1);
	assert_hashed(follower, 1);
	follower_destroy(follower);
}

static void
tells_of_a_file_that_was_cut(void **state)
{
	struct follower *follower = follow();
	struct digests digests;
	struct err err = ERR_NONE;

	(void)state;
	write_in_steps(follower, 1000, 1000);
	assert_int_equal(ftruncate(file, 999), 0);
	assert_false(follower_finish(follower, 1000, &digests, &err));
	assert_int_equal(err.code, ERR_IO);
	follower_destroy(follower);
}

/* Some are given up while a thread is at work on them, some before, some after. */
static void
may_be_given_up_at_any_time(void **state)
{
	(void)state;
	follower_destroy(NULL);
	for (int i = 0; i < 100; i++) {
		struct follower *follower = follow();

		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		write_in_steps(follower, SIZE, SIZE);
		if (i % 3 == 1)
			usleep((useconds_t)i * 20);
		follower_destroy(follower);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(hashes_what_is_written_in_any_steps, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(hashes_little_and_nothing, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_of_a_file_that_was_cut, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(may_be_given_up_at_any_time, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
