/*
 * For the tests of the catalog: an empty store and its catalog for each test, open for writing in a directory
 * of their own.
 */
#ifndef TESTS_SUPPORT_CATALOGED_H
#define TESTS_SUPPORT_CATALOGED_H

#include "tests/support/stores.h"

#include "storage/catalog/catalog.h"

static char *directory;
static struct store *store;
static struct catalog *catalog;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	store = store_at(directory, STORE_WRITE);
	catalog = store_catalog(store);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(store);
	temp_remove(directory);
	return 0;
}

#endif
