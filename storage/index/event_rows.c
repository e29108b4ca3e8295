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

static const char *const level_names[] = {
        [EVENT_AUDIT] = "audit",
        [EVENT_INFO] = "info",
        [EVENT_WARNING] = "warning",
        [EVENT_URGENT] = "urgent",
};

const char *
event_level_name(enum event_level level)
{
	return level_names[level];
}

bool
event_level_find(const char *name, enum event_level *ret)
{
	for (int level = 0; level < EVENT_LEVELS; level++) {
		if (strcmp(name, level_names[level]) != 0)
			continue;
		*ret = (enum event_level)level;
		return true;
	}
	return false;
}

struct event_chore {
	struct chore chore;
	struct event_row event; /* its texts are its own */
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

static char *
copy_data(const char *data)
{
	return data != NULL && strlen(data) <= EVENT_DATA_MAX ? xstrdup(data) : xstrdup("");
}

static struct event_row
copy_event(const struct event_row *event)
{
	return (struct event_row){.at_ms = event->at_ms,
	        .level = event->level,
	        .kind = copy_text(event->kind),
	        .subject = copy_text(event->subject),
	        .who = copy_text(event->who),
	        .came_from = copy_text(event->came_from),
	        .result = copy_text(event->result),
	        .detail = copy_text(event->detail),
	        .data = copy_data(event->data)};
}

static void
finish_copy(struct event_row *copy)
{
	free((char *)copy->kind);
	free((char *)copy->subject);
	free((char *)copy->who);
	free((char *)copy->came_from);
	free((char *)copy->result);
	free((char *)copy->detail);
	free((char *)copy->data);
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

static bool
insert(struct writing *writing, const struct event_row *copy, int64_t *ret_id, struct err *err)
{
	const char *texts[] = {copy->kind, copy->subject, copy->who, copy->came_from, copy->result,
	        copy->detail, level_names[copy->level], copy->data};
	sqlite3_stmt *statement = db_statement(writing->db, SQL_EVENT_ADD, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, copy->at_ms);
	for (int i = 0; i < (int)COUNT_OF(texts); i++)
		sqlite3_bind_text(statement, 2 + i, texts[i], -1, SQLITE_STATIC);
	if (!db_finish(writing->db, statement, err))
		return false;
	*ret_id = db_last_id(writing->db);
	return forget_oldest(writing, *ret_id, err);
}

bool
event_row_insert(struct writing *writing, const struct event_row *event, int64_t *ret_id, struct err *err)
{
	struct event_row copy = copy_event(event);
	bool inserted = insert(writing, &copy, ret_id, err);

	finish_copy(&copy);
	return inserted;
}

static bool
tell_more(struct writing *writing, const struct event_row *copy, struct err *err)
{
	sqlite3_stmt *statement = db_statement(writing->db, SQL_EVENT_TELL_MORE, err);

	if (statement == NULL)
		return false;
	sqlite3_bind_int64(statement, 1, copy->id);
	sqlite3_bind_text(statement, 2, copy->subject, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, copy->detail, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, copy->data, -1, SQLITE_STATIC);
	if (!db_finish(writing->db, statement, err))
		return false;
	return db_changes(writing->db) > 0 ||
	       err_set(err, ERR_UNKNOWN, "the event %lld is not there any more", (long long)copy->id);
}

bool
event_row_tell_more(struct writing *writing, const struct event_row *event, struct err *err)
{
	struct event_row copy = copy_event(event);
	bool told;

	copy.id = event->id;
	told = tell_more(writing, &copy, err);
	finish_copy(&copy);
	return told;
}

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	int64_t id;

	return insert(writing, &((struct event_chore *)chore)->event, &id, err) ? CHORE_WRITTEN
	                                                                        : CHORE_FAILED;
}

static void
finish_event(struct chore *chore, const struct err *err)
{
	struct event_chore *adding = (struct event_chore *)chore;

	if (err != NULL)
		log_warning("the event '%s' of %s by %s is not kept in the index: %s", adding->event.kind,
		        adding->event.subject, adding->event.who, err->text);
	finish_copy(&adding->event);
	free(adding);
}

void
event_row_add(struct index *index, const struct event_row *event)
{
	struct writer *writer = index_writer(index);
	struct event_chore *chore;

	if (writer == NULL)
		return;
	chore = xmalloc(sizeof *chore);
	*chore = (struct event_chore){
	        .chore = {.kind = CHORE_LAZY, .run = run_add, .done = finish_event},
	        .event = copy_event(event),
	};
	chore->event.at_ms = clock_wall_ms();
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
	        .data = db_column_text(statement, 9),
	};

	if (!event_level_find(db_column_text(statement, 8), &event.level))
		event.level = EVENT_AUDIT;
	visit(context, &event);
}

static bool
visit_rows(struct index *index, struct db *db, sqlite3_stmt *statement, event_row_visit_fn *visit,
        void *context, struct err *err)
{
	enum db_step step;

	while ((step = db_step(db, statement, err)) == DB_ROW)
		visit_row(statement, visit, context);
	return step == DB_DONE || index_failed(index, err);
}

static int64_t
limit_of(size_t max)
{
	return max < EVENT_ROWS_MAX ? (int64_t)max : EVENT_ROWS_MAX;
}

static sqlite3_stmt *
choose(struct db *db, const struct event_page *page, struct err *err)
{
	static const enum event_level gravest_first[] = {EVENT_URGENT, EVENT_WARNING, EVENT_INFO};
	sqlite3_stmt *statement;
	size_t levels = 0;

	switch (page->choice) {
	case EVENTS_ALL:
		return db_statement(db, SQL_EVENTS_AFTER, err);
	case EVENTS_AUDIT:
		return db_statement(db, SQL_EVENTS_DONE, err);
	case EVENTS_INFO:
		levels = 3;
		break;
	case EVENTS_WARNING:
		levels = 2;
		break;
	case EVENTS_URGENT:
		levels = 1;
		break;
	}
	statement = db_statement(db, SQL_EVENTS_NOTICED, err);
	for (size_t i = 0; statement != NULL && i < levels; i++)
		sqlite3_bind_text(statement, 3 + (int)i, level_names[gravest_first[i]], -1, SQLITE_STATIC);
	return statement;
}

bool
event_rows_page(struct index *index, const struct event_page *page, event_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? choose(db, page, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, page->after);
	sqlite3_bind_int64(statement, 2, limit_of(page->max));
	return visit_rows(index, db, statement, visit, context, err);
}

bool
event_rows_after(struct index *index, int64_t id, size_t max, event_row_visit_fn *visit, void *context,
        struct err *err)
{
	struct event_page page = {.after = id, .max = max, .choice = EVENTS_ALL};

	return event_rows_page(index, &page, visit, context, err);
}

bool
event_row_find(struct index *index, int64_t id, event_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_EVENT_FIND, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, id);
	return visit_rows(index, db, statement, visit, context, err);
}

bool
event_rows_newest(struct index *index, int64_t *ret, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && db_number(db, SQL_EVENT_NEWEST, ret, err)) || index_failed(index, err);
}

bool
event_rows_last(struct index *index, size_t max, event_row_visit_fn *visit, void *context, struct err *err)
{
	struct db *db = index_reader(index, err);
	sqlite3_stmt *statement = db != NULL ? db_statement(db, SQL_EVENTS_NOTICED_LAST, err) : NULL;

	if (statement == NULL)
		return index_failed(index, err);
	sqlite3_bind_int64(statement, 1, limit_of(max));
	return visit_rows(index, db, statement, visit, context, err);
}
