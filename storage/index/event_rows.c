/*
 * The table of events. They are added on any thread and written by the index writer, in company; questions
 * run on the caller's thread.
 */
#include "storage/index/event_rows.h"

#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/db.h"

#define FORGET_EVERY 256 /* events between two looks at the oldest */

enum { KIND, SUBJECT, WHO, CAME_FROM, RESULT, DETAIL, TEXTS };

struct event_chore {
	struct chore chore;
	int64_t at_ms;
	char *texts[TEXTS];
};

/* At most EVENT_TEXT_MAX bytes, and no character cut in two. */
static char *
copy_text(const char *text)
{
	size_t length = text != NULL ? strnlen(text, EVENT_TEXT_MAX + 1) : 0;

	if (length > EVENT_TEXT_MAX) {
		length = EVENT_TEXT_MAX;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	return length > 0 ? xstrndup(text, length) : xstrdup("");
}

static bool
forget_oldest(struct writing *writing, int64_t newest, struct err *err)
{
	sqlite3_stmt *statement;

	if (newest % FORGET_EVERY != 0 || newest <= EVENT_ROWS_MAX)
		return true;
	statement = db_statement(writing->db, SQL_EVENTS_FORGET, err);
	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, newest - EVENT_ROWS_MAX);
	return db_finish(writing->db, statement, err);
}

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct event_chore *event = (struct event_chore *)chore;
	sqlite3_stmt *statement = db_statement(writing->db, SQL_EVENT_ADD, err);

	if (statement == NULL)
		return CHORE_FAILED;
	sqlite3_bind_int64(statement, 1, event->at_ms);
	for (int i = 0; i < TEXTS; i++)
		sqlite3_bind_text(statement, 2 + i, event->texts[i], -1, SQLITE_STATIC);
	if (!db_finish(writing->db, statement, err) || !forget_oldest(writing, db_last_id(writing->db), err))
		return CHORE_FAILED;
	return CHORE_WRITTEN;
}

static void
finish_event(struct chore *chore, const struct err *err)
{
	struct event_chore *event = (struct event_chore *)chore;

	if (err != NULL)
		log_warning("the event '%s' of %s by %s is not kept in the index: %s", event->texts[KIND],
		        event->texts[SUBJECT], event->texts[WHO], err->text);
	for (int i = 0; i < TEXTS; i++)
		free(event->texts[i]);
	free(event);
}

void
event_row_add(struct index *index, const struct event_row *event)
{
	const char *texts[TEXTS] = {
	        event->kind, event->subject, event->who, event->came_from, event->result, event->detail};
	struct writer *writer = index_writer(index);
	struct event_chore *chore;

	if (writer == NULL)
		return;
	chore = xmalloc(sizeof *chore);
	*chore = (struct event_chore){
	        .chore = {.kind = CHORE_LAZY, .run = run_add, .done = finish_event},
	        .at_ms = clock_wall_ms(),
	};
	for (int i = 0; i < TEXTS; i++)
		chore->texts[i] = copy_text(texts[i]);
	writer_post(writer, &chore->chore);
}

static void
visit_row(sqlite3_stmt *statement, event_row_visit_fn *visit, void *context)
{
	struct event_row event = {
	        .id = sqlite3_column_int64(statement, 0),
	        .at_ms = sqlite3_column_int64(statement, 1),
	        .kind = db_column_text(statement, 2),
	        .subject = db_column_text(statement, 3),
	        .who = db_column_text(statement, 4),
	        .came_from = db_column_text(statement, 5),
	        .result = db_column_text(statement, 6),
	        .detail = db_column_text(statement, 7),
	};

	visit(context, &event);
}

bool
event_rows_after(struct index *index, int64_t id, size_t max, event_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_EVENTS_AFTER, err) : NULL;
	enum db_step step;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, id);
	sqlite3_bind_int64(statement, 2, max < EVENT_ROWS_MAX ? (int64_t)max : EVENT_ROWS_MAX);
	while ((step = db_step(db, statement, err)) == DB_ROW)
		visit_row(statement, visit, context);
	return step == DB_DONE || index_failed(index, err);
}
