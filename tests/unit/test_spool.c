/*
 * The spool: names that lead nowhere else, what stays over a restart, the reserve of free space.
 */
#include "tests/support/stores.h"

#include "storage/spool.h"

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
write_body(struct store *store, const char *body, char ret_name[SPOOL_NAME_MAX])
{
	struct err err = ERR_NONE;
	AUTO_FD fd = spool_create(store, ret_name, &err);

	assert_true(fd >= 0);
	assert_true(spool_write(store, fd, body, strlen(body), &err));
	assert_true(spool_sync(store, fd, &err));
}

static void
assert_body(struct store *store, const char *name, const char *body)
{
	struct err err = ERR_NONE;
	AUTO_FD fd = spool_open(store, name, &err);
	AUTO_TEXT text = TEXT_EMPTY;

	if (fd < 0)
		fail_msg("%s", err.text);
	assert_true(file_read(fd, 1000, &text, &err));
	assert_string_equal(text_string(&text), body);
}

static bool
keep_this(void *context, const char *name)
{
	return strcmp(name, context) == 0;
}

static void
keeps_bodies_over_a_restart(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	char first[SPOOL_NAME_MAX], second[SPOOL_NAME_MAX];
	struct err err = ERR_NONE;

	(void)state;
	write_body(store, "one", first);
	write_body(store, "two", second);
	assert_string_not_equal(first, second);
	store_close(store);
	store = store_at(directory, STORE_WRITE);
	assert_body(store, first, "one");
	assert_body(store, second, "two");
	spool_clean(store, keep_this, second);
	assert_int_equal(spool_open(store, first, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_body(store, second, "two");
	spool_remove(store, second);
	assert_int_equal(files_in(directory, "spool", ""), 0);
	store_close(store);
}

static void
stays_inside(void **state)
{
	static const char *const names[] = {"", ".", "..", "../index.db", "/etc/passwd", "a",
	        "00112233445566778899aab/", "00112233445566778899aabbcc", "../spool/0011223344556677"};
	struct store *store = store_at(directory, STORE_WRITE);
	AUTO_FREE char *foreign = path_below(directory, "spool/notes");
	AUTO_FREE char *link = path_below(directory, "spool/00112233445566778899aabb");
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(spool_open(store, names[i], &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		spool_remove(store, names[i]);
	}
	write_file(foreign, "mine", 4);
	assert_int_equal(symlink("../index.db", link), 0);
	assert_int_equal(spool_open(store, "00112233445566778899aabb", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	spool_clean(store, keep_this, "nothing");
	assert_int_equal(files_in(directory, "spool", ""), 1);
	assert_int_equal(files_in(directory, "", "index.db$"), 1);
	store_close(store);
}

static void
respects_the_reserve(void **state)
{
	struct store_options options = {
	        .directory = directory, .mode = STORE_WRITE, .min_free_bytes = UINT64_MAX / 4};
	struct err err = ERR_NONE;
	struct store *store = store_open(&options, &err);
	char name[SPOOL_NAME_MAX];

	(void)state;
	assert_non_null(store);
	assert_int_equal(spool_create(store, name, &err), -1);
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(files_in(directory, "spool", ""), 0);
	store_close(store);
}

/* There is room to begin, but not for all of it. */
static void
stops_at_the_reserve(void **state)
{
	struct store *store = store_at(directory, STORE_WRITE);
	struct err err = ERR_NONE;
	char name[SPOOL_NAME_MAX];
	AUTO_FD fd = spool_create(store, name, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_false(spool_write(store, fd, "", (size_t)1 << 50, &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_true(spool_write(store, fd, "one", 3, &err));
	assert_body(store, name, "one");
	store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_bodies_over_a_restart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(stays_inside, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(respects_the_reserve, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(stops_at_the_reserve, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
