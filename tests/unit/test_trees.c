/*
 * Trees: files once each, by name; and that nothing stays behind wherever a walk is given up (the leak sanitizer tells).
 */
#include "tests/support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/commands/trees.h"
#include "storage/base/text.h"

#define FILES 3

static char *directory;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	for (int i = 0; i < FILES; i++) {
		AUTO_TEXT path = TEXT_EMPTY;
		FILE *file;

		text_addf(&path, "%s/%d", directory, i);
		file = fopen(text_string(&path), "w");
		assert_non_null(file);
		fclose(file);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	temp_remove(directory);
	return 0;
}

static struct trees *
opened(void)
{
	char *paths[] = {directory};
	struct err err = ERR_NONE;
	struct trees *trees = trees_open(paths, COUNT_OF(paths), &err);

	if (trees == NULL)
		fail_msg("%s", err.text);
	return trees;
}

static void
gives_each_file_by_name(void **state)
{
	struct trees *trees = opened();
	const char *path;
	struct err err = ERR_NONE;

	(void)state;
	for (int i = 0; i < FILES; i++) {
		assert_int_equal(trees_next(trees, &path, &err), TREES_FILE);
		assert_int_equal(path[strlen(path) - 1], '0' + i);
	}
	assert_int_equal(trees_next(trees, &path, &err), TREES_END);
	trees_close(trees);
}

static void
can_be_given_up(void **state)
{
	(void)state;
	for (int read = 0; read <= FILES; read++) {
		struct trees *trees = opened();
		const char *path;
		struct err err = ERR_NONE;

		for (int i = 0; i < read; i++)
			assert_int_equal(trees_next(trees, &path, &err), TREES_FILE);
		trees_close(trees);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(gives_each_file_by_name, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(can_be_given_up, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
