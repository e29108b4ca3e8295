/*
 * For the tests of the index's tables: an index in a directory of its own, opened and closed around each test.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include "tests/support/stores.h"

#include "storage/index/index.h"

static char *directory, *path;
static struct index *index_at_hand;

static inline struct index_opening
open_index(enum index_mode mode)
{
	struct index_opening opening;
	struct err err = ERR_NONE;

	index_at_hand = index_open(path, mode, &opening, &err);
	if (index_at_hand == NULL)
		fail_msg("%s", err.text);
	return opening;
}

/* All that was posted is written then. */
static inline void
open_again(void)
{
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	assert_int_equal(open_index(INDEX_WRITE).found, INDEX_CLEAN);
}

static inline int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	path = path_below(directory, "index.db");
	open_index(INDEX_WRITE);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	free(path);
	temp_remove(directory);
	return 0;
}

#endif
