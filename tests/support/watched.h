/*
 * For the tests of the watch: a store whose catalog has places of archives, what became of them, and the
 * events that tells.
 */
#ifndef TESTS_SUPPORT_WATCHED_H
#define TESTS_SUPPORT_WATCHED_H

#include "tests/support/sql.h"

#include "server/larder.h"
#include "server/watch/causes.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/harvest.h"

#define MINUTE 60000ll
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static char *root;
static struct store *store;

static inline void
open_store(void)
{
	store = store_at(root, STORE_WRITE);
}

static inline void
close_store(void)
{
	store_close(store);
	store = NULL;
}

static inline void
open_store_again(void)
{
	close_store();
	open_store();
}

static inline int
set_up(void **state)
{
	(void)state;
	root = temp_make();
	open_store();
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	close_store();
	temp_remove(root);
	return 0;
}

/* --- the catalog --- */

static inline void
learn(const struct harvest *entries)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(store_catalog(store), entries, "list", &learned, &err))
		fail_msg("%s", err.text);
}

static inline void
harvest_place(struct harvest *harvest, const char *url, const char *package, const struct digests *digests)
{
	struct harvest_entry entry = {.digests = *digests, .package = package, .urls = &url, .n_urls = 1};

	assert_true(harvest_add(harvest, &entry, "list", 1));
}

/* What an archive of this name is listed by: its bytes are its name. */
static inline struct digests
listed(const char *name)
{
	struct digests digests = digests_of(name, strlen(name));

	digests.known = 1u << DIGEST_MD5 | 1u << DIGEST_SHA256;
	return digests;
}

static inline void serves(const char *url, int64_t at_ms);

enum storing { MISSING, STORED };

/* A place of the archive that has the package's name for its bytes, which so many other hosts have too. */
static inline void
place(const char *url, const char *package, enum storing storing, unsigned copies)
{
	struct harvest *harvest = harvest_create();
	struct digests digests = listed(package);
	char mirror[128];

	harvest_place(harvest, url, package, &digests);
	for (unsigned i = 0; i < copies; i++) {
		snprintf(mirror, sizeof mirror, "https://copy%u.example/%s", i, package);
		harvest_place(harvest, mirror, package, &digests);
	}
	learn(harvest);
	harvest_destroy(harvest);
	for (unsigned i = 0; i < copies; i++) {
		snprintf(mirror, sizeof mirror, "https://copy%u.example/%s", i, package);
		serves(mirror, 1);
	}
	if (storing == STORED)
		put(store, package, INTAKE_STORED);
}

/* Another package names the same archive, by its md5 alone. */
static inline void
place_lesser(const char *url, const char *name, const char *package)
{
	struct harvest *harvest = harvest_create();
	struct digests digests = listed(name);

	digests.known = 1u << DIGEST_MD5;
	harvest_place(harvest, url, package, &digests);
	learn(harvest);
	harvest_destroy(harvest);
}

/* --- what becomes of it --- */

static inline void
serves(const char *url, int64_t at_ms)
{
	run_sql(store, "UPDATE origin SET state = %d, served_at = %lld WHERE url = '%s'", ORIGIN_IS_SERVING,
	        (long long)at_ms, url);
}

/* It was what it is in the index, and is that now. */
static inline void
goes(const char *url, enum origin_state is, int64_t at_ms)
{
	int64_t since_ms = at_ms - 2 * DAY;

	run_sql(store,
	        "INSERT INTO news (origin, was, is_now, at) SELECT id, state, %d, %lld FROM origin WHERE url "
	        "= '%s'",
	        is, (long long)at_ms, url);
	run_sql(store,
	        "UPDATE origin SET state = %d, served_at = %lld, gone_since = %lld, failing_since = %lld "
	        "WHERE url = '%s'",
	        is, (long long)(is == ORIGIN_IS_SERVING ? at_ms : 1),
	        (long long)(is == ORIGIN_IS_VANISHED ? since_ms : 0),
	        (long long)(is == ORIGIN_IS_SERVING ? 0 : since_ms), url);
}

static inline void
drifts(const char *url, const char *kind, const char *detail)
{
	run_sql(store,
	        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
	        " SELECT id, zeroblob(32), 7, 1, 1, '%s', '%s', 1 FROM origin WHERE url = '%s'",
	        kind, detail, url);
}

/* So many archives of one host, each of a site of its own, and all stored as far as the index knows. */
static inline void
many_changed(const char *host, unsigned count, int64_t at_ms)
{
	struct harvest *harvest = harvest_create();
	char url[64], package[32];

	for (unsigned i = 0; i < count; i++) {
		struct digests digests;

		snprintf(url, sizeof url, "%s/u%u/r/x.tgz", host, i);
		snprintf(package, sizeof package, "p%u.1", i);
		digests = listed(package);
		harvest_place(harvest, url, package, &digests);
	}
	learn(harvest);
	harvest_destroy(harvest);
	run_sql(store,
	        "INSERT INTO archive (sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, "
	        "came_from, used_at,"
	        " git_commit) SELECT sha256, md5, substr(sha256, 1, 20), CAST (sha256 || sha256 AS BLOB), 1, "
	        "1, 1, 1, '', "
	        "1, '' FROM entry;"
	        "INSERT INTO news (origin, was, is_now, at) SELECT id, 1, 4, %lld FROM origin;"
	        "UPDATE origin SET state = 4",
	        (long long)at_ms);
}

static inline void
all_drift(const char *kind)
{
	run_sql(store,
	        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
	        " SELECT id, zeroblob(32), 7, 1, 1, '%s', '{}', 1 FROM origin",
	        kind);
}

/* --- what is told --- */

static inline size_t
turn_at(int64_t now_ms)
{
	struct causes_options options = {.store = store};
	struct err err = ERR_NONE;
	size_t told = 0;

	if (!causes_turn(&options, now_ms, &told, &err))
		fail_msg("%s", err.text);
	return told;
}

static inline void
assert_told(int64_t now_ms, size_t wanted)
{
	assert_int_equal(turn_at(now_ms), wanted);
}

static inline void
add_event(void *context, const struct event_row *event)
{
	text_addf(context, "%s %s %s: %s\n", event_level_name(event->level), event->kind, event->subject,
	        event->detail);
}

static inline char *
events(void)
{
	struct text text = TEXT_EMPTY;
	struct err err = ERR_NONE;

	assert_true(event_rows_after(store_index(store), 0, SIZE_MAX, add_event, &text, &err));
	return text_take(&text);
}

/* All of them, a line each. */
static inline void
assert_events(const char *wanted)
{
	AUTO_FREE char *told = events();

	assert_string_equal(told, wanted);
}

static inline void
assert_event_like(const char *part)
{
	AUTO_FREE char *told = events();

	if (strstr(told, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, told);
}

/* The first column of the first row, as text. */
static inline char *
ask(const char *question)
{
	AUTO_FREE char *path = path_below(root, "index.db");
	sqlite3 *handle;
	sqlite3_stmt *statement;
	char *answer;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, question, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	answer = xstrdup(db_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return answer;
}

static inline long
count_rows(const char *question)
{
	AUTO_FREE char *answer = ask(question);

	return strtol(answer, NULL, 10);
}

/* Of the newest event. */
static inline void
assert_data(const char *path, const char *wanted)
{
	AUTO_TEXT question = TEXT_EMPTY;
	AUTO_FREE char *answer = NULL;

	text_addf(&question, "SELECT json_extract(data, '%s') FROM event ORDER BY id DESC LIMIT 1", path);
	answer = ask(text_string(&question));
	assert_string_equal(answer, wanted);
}

#endif
