/*
 * The table of events. They are added on any thread and written by the index writer, in company; questions
 * run on the caller's thread.
 */
#include "storage/index/event_rows.h"

#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/rows.h"

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

/* At most so many bytes, and no character cut in two. */
static char *
copy_up_to(const char *text, size_t max)
{
	size_t length = text != NULL ? strnlen(text, max + 1) : 0;

	if (length > max) {
		length = max;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	return length > 0 ? xstrndup(text, length) : xstrdup("");
}

static char *
copy_text(const char *text)
{
	return copy_up_to(text, EVENT_TEXT_MAX);
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
	        .detail = copy_up_to(
	                event->detail, event->level == EVENT_AUDIT ? EVENT_TEXT_MAX : EVENT_DETAIL_MAX),
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
	const struct value values[] = {value_number(newest - EVENT_ROWS_MAX)};

	return newest % FORGET_EVERY != 0 || newest <= EVENT_ROWS_MAX ||
	       rows_write(writing, SQL_EVENTS_FORGET, values, COUNT_OF(values), err);
}

static bool
insert(struct writing *writing, const struct event_row *copy, int64_t *ret_id, struct err *err)
{
	const struct value values[] = {value_number(copy->at_ms), value_text(copy->kind),
	        value_text(copy->subject), value_text(copy->who), value_text(copy->came_from),
	        value_text(copy->result), value_text(copy->detail), value_text(level_names[copy->level]),
	        value_text(copy->data), value_number(copy->level != EVENT_AUDIT)};

	if (!rows_write(writing, SQL_EVENT_ADD, values, COUNT_OF(values), err))
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
	const struct value values[] = {value_number(copy->id), value_text(copy->subject),
	        value_text(copy->detail), value_text(copy->data), value_number(copy->at_ms)};

	if (!rows_write(writing, SQL_EVENT_TELL_MORE, values, COUNT_OF(values), err))
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

bool
event_rows_behind(struct index *index, const struct event_telling *telling, bool *ret, struct err *err)
{
	const struct value values[] = {
	        value_number(telling->now_ms), value_number(telling->every_ms), value_number(1)};
	struct rows rows = rows_ask(index, SQL_EVENTS_BEHIND, values, COUNT_OF(values), err);
	enum row_answer answer;

	*ret = rows_next(&rows, err);
	answer = rows_end(&rows);
	return answer != ROW_FAILED;
}

bool
event_rows_tell(struct writing *writing, const struct event_telling *telling, struct err *err)
{
	const struct value values[] = {value_number(telling->now_ms), value_number(telling->every_ms),
	        value_number(EVENT_ROWS_TELL_MAX)};
	struct rows rows = rows_ask_in(writing, SQL_EVENTS_BEHIND, values, COUNT_OF(values), err);
	struct value ids[EVENT_ROWS_TELL_MAX];
	size_t count = 0;

	while (rows_next(&rows, err))
		ids[count++] = value_number(sqlite3_column_int64(rows.row, 0));
	if (rows_end(&rows) == ROW_FAILED)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!rows_write(writing, SQL_EVENT_TELL, &ids[i], 1, err))
			return false;
	return true;
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
	        .changed_at_ms = sqlite3_column_int64(statement, 10),
	        .revision = sqlite3_column_int64(statement, 11),
	        .telling = sqlite3_column_int64(statement, 12),
	};

	if (!event_level_find(db_column_text(statement, 8), &event.level))
		event.level = EVENT_AUDIT;
	visit(context, &event);
}

static bool
visit_all(struct rows *rows, event_row_visit_fn *visit, void *context, struct err *err)
{
	while (rows_next(rows, err))
		visit_row(rows->row, visit, context);
	return rows_end(rows) != ROW_FAILED;
}

static int64_t
limit_of(size_t max)
{
	return max < EVENT_ROWS_MAX ? (int64_t)max : EVENT_ROWS_MAX;
}

bool
event_rows_page(struct index *index, const struct event_page *page, event_row_visit_fn *visit, void *context,
        struct err *err)
{
	/* The graver ones come first; a level that is not asked for is no value. */
	static const struct {
		enum statement statement;
		size_t levels;
	} choices[] = {
	        [EVENTS_ALL] = {SQL_EVENTS_AFTER, 0},
	        [EVENTS_AUDIT] = {SQL_EVENTS_DONE, 0},
	        [EVENTS_INFO] = {SQL_EVENTS_NOTICED, 3},
	        [EVENTS_WARNING] = {SQL_EVENTS_NOTICED, 2},
	        [EVENTS_URGENT] = {SQL_EVENTS_NOTICED, 1},
	};
	const struct value values[] = {value_number(page->after), value_number(limit_of(page->max)),
	        value_text(level_names[EVENT_URGENT]), value_text(level_names[EVENT_WARNING]),
	        value_text(level_names[EVENT_INFO])};
	struct rows rows = rows_ask(
	        index, choices[page->choice].statement, values, 2 + choices[page->choice].levels, err);

	return visit_all(&rows, visit, context, err);
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
	const struct value values[] = {value_number(id)};
	struct rows rows = rows_ask(index, SQL_EVENT_FIND, values, COUNT_OF(values), err);

	return visit_all(&rows, visit, context, err);
}

bool
event_rows_revision(struct index *index, int64_t *ret, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && db_number(db, SQL_EVENT_NEWEST, ret, err)) || index_failed(index, err);
}

bool
event_rows_told(struct index *index, int64_t *ret, struct err *err)
{
	struct db *db = index_reader(index, err);

	return (db != NULL && db_number(db, SQL_EVENT_TOLD_NEWEST, ret, err)) || index_failed(index, err);
}

/* A level that is not asked for is no value. */
bool
event_row_to_tell(struct index *index, int64_t telling, enum event_level level, event_row_visit_fn *visit,
        void *context, struct err *err)
{
	const struct value values[] = {value_number(telling), value_text(level_names[EVENT_URGENT]),
	        value_text(level_names[EVENT_WARNING]), value_text(level_names[EVENT_INFO])};
	size_t levels = (size_t)(EVENT_LEVELS - level);
	struct rows rows = rows_ask(index, SQL_EVENT_TO_TELL, values, 1 + levels, err);

	return visit_all(&rows, visit, context, err);
}

bool
event_rows_last(struct index *index, size_t max, event_row_visit_fn *visit, void *context, struct err *err)
{
	const struct value values[] = {value_number(limit_of(max))};
	struct rows rows = rows_ask(index, SQL_EVENTS_NOTICED_LAST, values, COUNT_OF(values), err);

	return visit_all(&rows, visit, context, err);
}
