/*
 * Tables. Main thread; small enough to be held whole.
 */
#include "server/commands/table.h"

#include <assert.h>
#include <string.h>

void
table_init(struct table *table, const char *const *headings, size_t n_columns)
{
	assert(n_columns > 0 && n_columns <= TABLE_COLUMNS_MAX);
	*table = (struct table){.n_columns = n_columns};
	table_add(table, headings);
}

void
table_add(struct table *table, const char *const *cells)
{
	size_t count = table->n_rows * table->n_columns;

	table->cells = xrealloc(table->cells, (count + table->n_columns) * sizeof table->cells[0]);
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t size = 4 * strlen(cells[i]) + 1; /* each byte may become \xNN */
		char *cell = xmalloc(size);

		text_escape(cells[i], cell, size);
		table->cells[count + i] = cell;
	}
	table->n_rows++;
}

/* Characters, not bytes: those that continue a UTF-8 sequence take no room. */
static size_t
columns_of(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

static void
render_row(const struct table *table, size_t row, const size_t *widths, struct text *ret)
{
	char *const *cells = &table->cells[row * table->n_columns];
	size_t last = table->n_columns;

	while (last > 1 && cells[last - 1][0] == '\0')
		last--;
	for (size_t i = 0; i < last; i++) {
		text_add(ret, cells[i]);
		if (i + 1 < last)
			text_addf(ret, "%*s", (int)(widths[i] - columns_of(cells[i]) + 2), "");
	}
	text_add(ret, "\n");
}

void
table_render(const struct table *table, struct text *ret)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
		size_t columns = columns_of(table->cells[i]);

		if (columns > widths[i % table->n_columns])
			widths[i % table->n_columns] = columns;
	}
	for (size_t row = 0; row < table->n_rows; row++)
		render_row(table, row, widths, ret);
}

void
table_finish(struct table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}
