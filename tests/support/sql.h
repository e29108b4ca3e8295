/*
 * For tests that need rows as they would be after a long time: runs SQL on the index of an open store, in a
 * chore of its writer.
 */
#ifndef TESTS_SUPPORT_SQL_H
#define TESTS_SUPPORT_SQL_H

#include "storage/index/db.h"
#include "storage/index/index.h"
#include "tests/support/stores.h"

struct sql_chore {
	struct chore chore;
	const char *sql;
};

static inline enum chore_result
run_sql_chore(struct chore *chore, struct writing *writing, struct err *err)
{
	writing->n_changed = WRITER_CHANGED_MAX + 1; /* any row may be another then */
	return db_script(writing->db, ((struct sql_chore *)chore)->sql, err) ? CHORE_WRITTEN : CHORE_FAILED;
}

static inline void run_sql(struct store *store, const char *format, ...) PRINTF_LIKE(2, 3);

static inline void
run_sql(struct store *store, const char *format, ...)
{
	char sql[2048];
	struct sql_chore chore = {.chore = {.kind = CHORE_PROMPT, .run = run_sql_chore}, .sql = sql};
	struct err err = ERR_NONE;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sql, sizeof sql, format, arguments);
	va_end(arguments);
	if (!index_write(store_index(store), &chore.chore, &err))
		fail_msg("%s: %s", sql, err.text);
}

#endif
