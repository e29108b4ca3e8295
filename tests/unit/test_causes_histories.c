/*
 * A thousand random histories of origins, each on a host of its own: whatever happens in whatever order,
 * every change is told in exactly one event, none is lost, and none is told again too soon. What is told is
 * worked out here a second time, from the news alone.
 */
#include "tests/support/watched.h"

#include <jansson.h>

#define HISTORIES 1000
#define PLACES    4 /* of each, on two sites */
#define ALL       (HISTORIES * PLACES)
#define T0        1694500000000ll

/* One place and its archive. */
struct actor {
	enum origin_state is, told; /* told: as people know it */
	bool pending;               /* there is news of it */
	uint32_t random;
	unsigned changes; /* that were told of it */
};

static struct actor actors[ALL];
static int64_t now_ms = T0;

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* As one history: host, site and place follow from its number. */
static void
learn_all(void)
{
	struct harvest *harvest = harvest_create();
	char url[64], package[32];

	for (int i = 0; i < ALL; i++) {
		struct digests digests;

		snprintf(url, sizeof url, "https://h%d.org/s%d/r/%d.tgz", i / PLACES, i % 2, i);
		snprintf(package, sizeof package, "p%d.1", i);
		digests = listed(package);
		harvest_place(harvest, url, package, &digests);
		actors[i] = (struct actor){
		        .is = ORIGIN_IS_SERVING, .told = ORIGIN_IS_SERVING, .random = (uint32_t)i * 7919 + 1};
	}
	learn(harvest);
	harvest_destroy(harvest);
	/* The numbers of the origins are those of the actors; every third archive is stored. */
	run_sql(store, "UPDATE origin SET state = 1, served_at = 1;"
	               "INSERT INTO archive (sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, "
	               "came_from, used_at,"
	               " git_commit) SELECT sha256, md5, substr(sha256, 1, 20), CAST (sha256 || sha256 AS "
	               "BLOB), 1, 1, 1, 1, '', 1, ''"
	               " FROM entry WHERE id %% 3 = 0");
	assert_int_equal(
	        count_rows("SELECT count(*) FROM origin WHERE url LIKE '%/' || (id - 1) || '.tgz'"), ALL);
}

static const char *const drift_kinds[] = {"recompressed", "metadata", "content", "no archive", "unknown"};

/* Where it may go from there, as the verdict allows. */
static enum origin_state
choose_state(enum origin_state from, uint32_t random)
{
	static const enum origin_state moves[ORIGIN_STATES][4] = {
	        [ORIGIN_IS_SERVING] = {ORIGIN_IS_FAILING, ORIGIN_IS_VANISHED, ORIGIN_IS_CHANGED,
	                ORIGIN_IS_VANISHED},
	        [ORIGIN_IS_FAILING] = {ORIGIN_IS_SERVING, ORIGIN_IS_VANISHED, ORIGIN_IS_CHANGED,
	                ORIGIN_IS_SERVING},
	        [ORIGIN_IS_VANISHED] = {ORIGIN_IS_SERVING, ORIGIN_IS_CHANGED, ORIGIN_IS_SERVING,
	                ORIGIN_IS_SERVING},
	        [ORIGIN_IS_CHANGED] = {ORIGIN_IS_SERVING, ORIGIN_IS_VANISHED, ORIGIN_IS_SERVING,
	                ORIGIN_IS_SERVING},
	};

	return moves[from][random % 4];
}

/* Some actors move: all that this makes of the tables as one script, since a thousand would take long. */
static void
move_some(unsigned one_in)
{
	AUTO_TEXT script = TEXT_EMPTY;
	struct sql_chore chore = {.chore = {.kind = CHORE_PROMPT, .run = run_sql_chore}};
	struct err err = ERR_NONE;

	text_add(&script, "SELECT 1;");
	for (int i = 0; i < ALL; i++) {
		struct actor *actor = &actors[i];
		enum origin_state to;

		if (next_random(&actor->random) % one_in != 0)
			continue;
		to = choose_state(actor->is, next_random(&actor->random));
		text_addf(&script,
		        "INSERT INTO news (origin, was, is_now, at) VALUES (%d, %d, %d, %lld);"
		        "UPDATE origin SET state = %d, served_at = %lld, gone_since = %lld, failing_since = "
		        "%lld WHERE id = %d;",
		        i + 1, actor->is, to, (long long)now_ms, to,
		        (long long)(to == ORIGIN_IS_SERVING ? now_ms : 1), (long long)(now_ms - DAY),
		        (long long)(now_ms - DAY), i + 1);
		if (to == ORIGIN_IS_CHANGED && next_random(&actor->random) % 4 != 0)
			text_addf(&script,
			        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
			        " VALUES (%d, randomblob(32), 7, 1, 1, '%s', '{}', %lld);",
			        i + 1, drift_kinds[next_random(&actor->random) % 5], (long long)now_ms);
		actor->is = to;
		actor->pending = true;
	}
	chore.sql = text_string(&script);
	if (!index_write(store_index(store), &chore.chore, &err))
		fail_msg("%s", err.text);
}

/* Which of them have news still; what has none any more was told, or came to nothing. */
static void
see_what_was_told(void)
{
	AUTO_FREE char *path = path_below(root, "index.db");
	static bool pending[ALL];
	sqlite3 *handle;
	sqlite3_stmt *statement;

	memset(pending, 0, sizeof pending);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(
	        sqlite3_prepare_v2(handle, "SELECT DISTINCT origin - 1 FROM news", -1, &statement, NULL),
	        SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW)
		pending[sqlite3_column_int(statement, 0)] = true;
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	for (int i = 0; i < ALL; i++) {
		struct actor *actor = &actors[i];

		if (actor->pending && !pending[i] && actor->told != actor->is) {
			actor->told = actor->is;
			actor->changes++;
		}
		actor->pending = pending[i];
	}
}

/* --- the events --- */

/* Which archives events list. */
struct reading {
	unsigned listings[ALL];
	size_t events;
};

/*
 * When people heard of a change of each last: at its event's beginning, since what it grows by is not said
 * aloud.
 */
static struct {
	int64_t at_ms;
	const char *drift;
} heard[ALL][CAUSE_KINDS];
static int64_t newest;

static int
kind_number(const char *kind)
{
	for (int i = 0; i < CAUSE_KINDS; i++)
		if (strcmp(kind, cause_kind_name((enum cause_kind)i)) == 0)
			return i;
	fail_msg("no kind: %s", kind);
	return 0;
}

static const char *
drift_of(const json_t *data)
{
	const char *cause = json_string_value(json_object_get(data, "cause"));

	for (size_t i = 0; i < COUNT_OF(drift_kinds); i++)
		if (text_ends_with(cause, drift_kinds[i]))
			return drift_kinds[i];
	return "";
}

static int
actor_of(const json_t *archive)
{
	return (int)strtol(strrchr(json_string_value(json_object_get(archive, "url")), '/') + 1, NULL, 10);
}

static void
hear_event(void *context, const struct event_row *event)
{
	json_t *data = json_loads(event->data, 0, NULL), *archives = json_object_get(data, "archives");
	const char *drift = drift_of(data);
	int kind = kind_number(event->kind);

	(void)context;
	assert_int_equal(event->at_ms, now_ms);
	for (size_t i = 0; i < json_array_size(archives); i++) {
		int actor = actor_of(json_array_get(archives, i));

		/* How grave it is for each stays what it is, so no time is graver than the one before. */
		if (heard[actor][kind].at_ms != 0 && strcmp(heard[actor][kind].drift, drift) == 0)
			assert_true(now_ms - heard[actor][kind].at_ms >= CAUSES_AGAIN_MS);
		heard[actor][kind].at_ms = now_ms;
		heard[actor][kind].drift = drift;
	}
	newest = event->id;
	json_decref(data);
}

static void
read_event(void *context, const struct event_row *event)
{
	struct reading *reading = context;
	json_t *data = json_loads(event->data, 0, NULL), *archives = json_object_get(data, "archives");

	reading->events++;
	assert_true(json_array_size(archives) > 0);
	assert_int_equal(
	        json_array_size(archives), (size_t)json_integer_value(json_object_get(data, "count")));
	for (size_t i = 0; i < json_array_size(archives); i++)
		reading->listings[actor_of(json_array_get(archives, i))]++;
	json_decref(data);
}

static void
take_turn(void)
{
	struct err err = ERR_NONE;

	turn_at(now_ms);
	see_what_was_told();
	assert_true(event_rows_after(store_index(store), newest, SIZE_MAX, hear_event, NULL, &err));
}

static void
every_change_is_told_exactly_once(void **state)
{
	static const int64_t steps_ms[] = {20 * MINUTE, HOUR, 6 * HOUR, DAY, 10 * MINUTE, 2 * HOUR, 3 * DAY};
	struct reading *reading = xcalloc(1, sizeof *reading);
	struct err err = ERR_NONE;
	uint32_t random = 20230912;
	unsigned told = 0;

	(void)state;
	learn_all();
	for (int step = 0; step < 60; step++) {
		now_ms += steps_ms[next_random(&random) % COUNT_OF(steps_ms)];
		move_some(step % 10 == 0 ? 4 : 40);
		now_ms += next_random(&random) % HOUR;
		take_turn();
		if (step % 20 == 0)
			open_store_again();
	}
	for (int day = 0; day < 9; day++) {
		now_ms += DAY;
		take_turn();
	}
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 0);
	assert_true(event_rows_after(store_index(store), 0, SIZE_MAX, read_event, reading, &err));
	for (int i = 0; i < ALL; i++) {
		assert_int_equal(actors[i].told, actors[i].is);
		if (reading->listings[i] != actors[i].changes)
			fail_msg("%d was told %u times, and changed %u times", i, reading->listings[i],
			        actors[i].changes);
		told += actors[i].changes;
	}
	assert_in_range(told, ALL, 100 * ALL);
	assert_in_range(reading->events, HISTORIES, told - HISTORIES);
	free(reading);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_change_is_told_exactly_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
