/*
 * Rows of text in columns as wide as they need to be, for people. Main thread.
 */
#ifndef SERVER_COMMANDS_TABLE_H
#define SERVER_COMMANDS_TABLE_H

#include <stddef.h>

#include "storage/base/text.h"

#define TABLE_COLUMNS_MAX 8

struct table {
	size_t n_columns, n_rows;
	char **cells; /* row after row */
};

/* The headings are the first row. */
void table_init(struct table *table, const char *const *headings, size_t n_columns);
/* Copies n_columns cells; control characters in them are escaped. */
void table_add(struct table *table, const char *const *cells);
/* Two spaces between columns, none at the end of a line. */
void table_render(const struct table *table, struct text *ret);
void table_finish(struct table *table);

#endif
