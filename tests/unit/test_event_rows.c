/*
 * The table of events: in order, cut to size between characters, read in steps, and never longer than it may
 * be.
 */
#include "tests/support/rows.h"

#include "storage/index/event_rows.h"

static void
add(const char *subject)
{
	struct event_row event = {
	        .kind = "upload",
	        .subject = subject,
	        .who = "token laptop",
	        .came_from = "192.0.2.7",
	        .result = "201",
	        .detail = "4.1 KiB",
	};

	event_row_add(index_at_hand, &event);
}

/* The subjects seen, each with a space behind it, and what else the last one said. */
struct seen {
	struct text subjects;
	int64_t id, at_ms;
	char others[200];
};

static void
see(void *context, const struct event_row *event)
{
	struct seen *seen = context;

	assert_true(event->id > seen->id);
	assert_true(event->at_ms >= seen->at_ms);
	seen->id = event->id;
	seen->at_ms = event->at_ms;
	text_addf(&seen->subjects, "%s ", event->subject);
	snprintf(seen->others, sizeof seen->others, "%s|%s|%s|%s|%s", event->kind, event->who,
	        event->came_from, event->result, event->detail);
}

static struct seen
events_after(int64_t id, size_t max)
{
	struct seen seen = {0};
	struct err err = ERR_NONE;

	assert_true(event_rows_after(index_at_hand, id, max, see, &seen, &err));
	return seen;
}

static void
assert_subjects(int64_t id, size_t max, const char *wanted)
{
	struct seen seen = events_after(id, max);

	assert_string_equal(text_string(&seen.subjects), wanted);
	text_finish(&seen.subjects);
}

static void
keeps_all_of_an_event(void **state)
{
	int64_t before_ms = clock_wall_ms();
	struct seen seen;

	(void)state;
	add("one");
	open_again();
	seen = events_after(0, 10);
	assert_string_equal(text_string(&seen.subjects), "one ");
	assert_string_equal(seen.others, "upload|token laptop|192.0.2.7|201|4.1 KiB");
	assert_in_range(seen.at_ms, before_ms, clock_wall_ms());
	text_finish(&seen.subjects);
}

static void
reads_in_steps(void **state)
{
	static const char *const subjects[] = {"a", "b", "c", "d", "e"};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(subjects); i++)
		add(subjects[i]);
	open_again();
	assert_subjects(0, SIZE_MAX, "a b c d e ");
	seen = events_after(0, 2);
	assert_string_equal(text_string(&seen.subjects), "a b ");
	assert_subjects(seen.id, 2, "c d ");
	assert_subjects(seen.id, 0, "");
	assert_subjects(INT64_MAX, 10, "");
	text_finish(&seen.subjects);
}

/* The euro sign has three bytes; 512 is no multiple of three. */
static void
cuts_between_characters(void **state)
{
	AUTO_TEXT euros = TEXT_EMPTY, cut = TEXT_EMPTY, exact = TEXT_EMPTY;

	(void)state;
	for (int i = 0; i < 300; i++)
		text_add(&euros, "€");
	text_add_bytes(&cut, euros.bytes, 510);
	text_add(&cut, " ");
	add(text_string(&euros));
	open_again();
	assert_subjects(0, 1, text_string(&cut));
	for (int i = 0; i < EVENT_TEXT_MAX; i++)
		text_add(&exact, "x");
	add(text_string(&exact));
	open_again();
	text_add(&exact, " ");
	assert_subjects(1, 1, text_string(&exact));
}

static void
takes_what_is_missing_as_empty(void **state)
{
	struct event_row event = {.kind = "stop"};
	struct seen seen;

	(void)state;
	event_row_add(index_at_hand, &event);
	open_again();
	seen = events_after(0, 10);
	assert_string_equal(text_string(&seen.subjects), " ");
	assert_string_equal(seen.others, "stop||||");
	text_finish(&seen.subjects);
}

static void
forgets_the_oldest(void **state)
{
	AUTO_TEXT script = TEXT_EMPTY, question = TEXT_EMPTY;
	AUTO_FREE char *answer = NULL;

	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	text_addf(&script,
	        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	        " INSERT INTO event SELECT i, 0, 'old', '', '', '', '', '', 'audit', '', 0, 0, 0, 0 FROM n",
	        EVENT_ROWS_MAX);
	run_sql(text_string(&script));
	open_index(INDEX_WRITE);
	for (int i = 0; i < 300; i++)
		add("new");
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	text_addf(&question, "SELECT count(*) < %d + 300, min(id) > 1, max(id) - %d FROM event",
	        EVENT_ROWS_MAX, EVENT_ROWS_MAX);
	answer = ask_sql(path, text_string(&question));
	assert_string_equal(answer, "1|1|300\n");
	open_index(INDEX_WRITE);
}

static void
add_of_level(enum event_level level)
{
	struct event_row event = {.kind = "vanished", .subject = event_level_name(level), .level = level};

	event_row_add(index_at_hand, &event);
}

static void
assert_page(enum event_choice choice, int64_t after, size_t max, const char *wanted)
{
	struct event_page page = {.after = after, .max = max, .choice = choice};
	struct seen seen = {0};
	struct err err = ERR_NONE;

	assert_true(event_rows_page(index_at_hand, &page, see, &seen, &err));
	assert_string_equal(text_string(&seen.subjects), wanted);
	text_finish(&seen.subjects);
}

static void
chooses_by_level(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++)
		for (int level = EVENT_URGENT; level >= EVENT_AUDIT; level--)
			add_of_level((enum event_level)level);
	open_again();
	assert_page(EVENTS_ALL, 0, 10, "urgent warning info audit urgent warning info audit ");
	assert_page(EVENTS_AUDIT, 0, 10, "audit audit ");
	assert_page(EVENTS_INFO, 0, 10, "urgent warning info urgent warning info ");
	assert_page(EVENTS_WARNING, 0, 10, "urgent warning urgent warning ");
	assert_page(EVENTS_URGENT, 0, 10, "urgent urgent ");
	assert_page(EVENTS_INFO, 2, 2, "info urgent ");
	assert_page(EVENTS_URGENT, 5, 10, "");
}

struct growing {
	struct chore chore;
	struct event_row event;
};

static enum chore_result
grow(struct chore *chore, struct writing *writing, struct err *err)
{
	return event_row_tell_more(writing, &((struct growing *)chore)->event, err) ? CHORE_WRITTEN
	                                                                            : CHORE_FAILED;
}

static void
an_event_may_grow(void **state)
{
	struct growing growing = {.chore = {.kind = CHORE_PROMPT, .run = grow},
	        .event = {.id = 1, .subject = "site", .detail = "more", .data = "{}"}};
	struct seen seen = {0};
	struct err err = ERR_NONE;

	(void)state;
	add("one");
	open_again();
	assert_true(index_write(index_at_hand, &growing.chore, &err));
	assert_true(event_row_find(index_at_hand, 1, see, &seen, &err));
	assert_string_equal(text_string(&seen.subjects), "site ");
	assert_string_equal(seen.others, "upload|token laptop|192.0.2.7|201|more");
	text_finish(&seen.subjects);
	seen = (struct seen){0};
	assert_true(event_row_find(index_at_hand, 2, see, &seen, &err));
	assert_int_equal(seen.id, 0);
	growing.event.id = 2;
	assert_false(index_write(index_at_hand, &growing.chore, &err));
	assert_int_equal(err.code, ERR_UNKNOWN);
}

struct passing_on {
	struct chore chore;
	struct event_telling telling;
};

static enum chore_result
pass_on(struct chore *chore, struct writing *writing, struct err *err)
{
	return event_rows_tell(writing, &((struct passing_on *)chore)->telling, err) ? CHORE_WRITTEN
	                                                                             : CHORE_FAILED;
}

/* "more of urgent", the telling of it; 0: nothing is to be told behind that. */
static int64_t
assert_told_next(int64_t behind, const char *wanted)
{
	struct seen seen = {0};
	struct err err = ERR_NONE;
	int64_t told;

	assert_true(event_row_to_tell(index_at_hand, behind, EVENT_WARNING, see, &seen, &err));
	assert_string_equal(text_string(&seen.subjects), wanted);
	text_finish(&seen.subjects);
	assert_true(event_rows_told(index_at_hand, &told, &err));
	return told;
}

static int64_t
revision(void)
{
	struct err err = ERR_NONE;
	int64_t revision;

	assert_true(event_rows_revision(index_at_hand, &revision, &err));
	return revision;
}

/* One that grows is a change at once, and told again behind all others, but not before its day is over. */
static void
what_grows_is_told_again(void **state)
{
	struct growing growing = {.chore = {.kind = CHORE_PROMPT, .run = grow},
	        .event = {.id = 1, .subject = "more", .detail = "", .data = "{}"}};
	struct passing_on passing = {
	        .chore = {.kind = CHORE_PROMPT, .run = pass_on}, .telling = {.every_ms = 1000}};
	struct err err = ERR_NONE;
	int64_t at_ms, before;
	struct seen first;
	bool behind;

	(void)state;
	add_of_level(EVENT_URGENT);
	add_of_level(EVENT_AUDIT);
	add_of_level(EVENT_INFO);
	add_of_level(EVENT_WARNING);
	open_again();
	first = events_after(0, 1);
	at_ms = first.at_ms;
	text_finish(&first.subjects);
	before = revision();
	assert_int_equal(assert_told_next(0, "urgent "), 3);
	assert_told_next(1, "warning ");
	assert_told_next(3, "");
	growing.event.at_ms = at_ms - 5000; /* the clock was set back */
	assert_true(index_write(index_at_hand, &growing.chore, &err));
	assert_true(revision() > before);
	assert_told_next(3, "");
	passing.telling.now_ms = at_ms + 999;
	assert_true(event_rows_behind(index_at_hand, &passing.telling, &behind, &err));
	assert_false(behind);
	passing.telling.now_ms = at_ms + 1000;
	assert_true(event_rows_behind(index_at_hand, &passing.telling, &behind, &err));
	assert_true(behind);
	assert_true(index_write(index_at_hand, &passing.chore, &err));
	assert_int_equal(assert_told_next(3, "more "), 4);
	assert_true(event_rows_behind(index_at_hand, &passing.telling, &behind, &err));
	assert_false(behind);
}

static void
adds_nothing_when_it_only_reads(void **state)
{
	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	open_index(INDEX_READ_ALONE);
	add("one");
	assert_subjects(0, 10, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_all_of_an_event, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_in_steps, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(cuts_between_characters, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(takes_what_is_missing_as_empty, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(forgets_the_oldest, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(chooses_by_level, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(an_event_may_grow, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_grows_is_told_again, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(adds_nothing_when_it_only_reads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
