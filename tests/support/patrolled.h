/*
 * For the tests of the patrol: a store with a catalog, an internet that answers as the test says, and a clock
 * that runs as fast as it is looked at. Everything happens on one thread, so that a fortnight takes no longer
 * than its answers.
 */
#ifndef TESTS_SUPPORT_PATROLLED_H
#define TESTS_SUPPORT_PATROLLED_H

#include "tests/support/sql.h"

#include "server/config.h"
#include "server/watch/patrol.h"
#include "server/watch/patrol_parts.h"
#include "storage/base/table.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"

#define MINUTE 60000ll
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define T0     1700000000000ll

/*
 * Fills in what differs from "200, present, 7 bytes"; a bad status is doubtful where the fetcher would say
 * so.
 */
typedef void internet_fn(const char *url, enum probe_kind kind, struct probe_answer *ret);

struct asked {
	int64_t wall_ms;
	char *url;
	enum probe_kind kind;
};

struct asked_host {
	char *name;
	int64_t ms;
	UT_hash_handle hh;
};

static char *directory;
static struct store *store;
static struct config *config;
static struct patrol *patrol;
static struct patrol_options options;
static struct moment now;
static internet_fn *internet;
static struct asked *log_of_asked;
static size_t n_asked;
static struct asked_host *asked_hosts;
static unsigned too_soon; /* times a host was asked sooner than it likes */
static int64_t idle_step_ms = MINUTE;

/* As printf likes it. */
static inline long long
wall(void)
{
	return now.wall_ms;
}

static inline void
keep_spacing(const char *url)
{
	struct asked_host *host;
	struct site site;

	assert_true(site_of(url, &site));
	HASH_FIND_STR(asked_hosts, site.host, host);
	if (host == NULL) {
		host = xcalloc(1, sizeof *host);
		host->name = xstrdup(site.host);
		HASH_ADD_KEYPTR(hh, asked_hosts, host->name, strlen(host->name), host);
	} else if (now.ms - host->ms < config->watch.per_host_interval_ms) {
		too_soon++;
	}
	host->ms = now.ms;
}

static inline bool
is_doubtful_status(const struct contact *contact)
{
	bool bad = contact->result == ORIGIN_GONE || contact->result == ORIGIN_FAILED;

	return bad && contact->status != 0 && contact->status != 429 && contact->status != 503;
}

static inline bool
is_word_of_host(const char *url, const struct contact *contact)
{
	return strncmp(url, "https:", 6) == 0 && contact->result == ORIGIN_GONE && contact->status != 0;
}

/* The probe function: the internet answers at once. */
static inline bool
ask_internet(void *context, const struct probe_plan *plan, probe_done_fn *done, void *done_context,
        struct err *err)
{
	struct probe_answer answer = {.contact = {.result = ORIGIN_PRESENT,
	                                      .status = 200,
	                                      .detail = "",
	                                      .etag = "",
	                                      .modified = "",
	                                      .took_ms = 5,
	                                      .length = 7},
	        .retry_after_ms = -1,
	        .ended_at = ""};

	(void)context;
	(void)err;
	keep_spacing(plan->url);
	if ((n_asked & (n_asked - 1)) == 0)
		log_of_asked = xrealloc(log_of_asked, (2 * n_asked + 1) * sizeof *log_of_asked);
	log_of_asked[n_asked++] =
	        (struct asked){.wall_ms = now.wall_ms, .url = xstrdup(plan->url), .kind = plan->kind};
	if (internet != NULL)
		internet(plan->url, plan->kind, &answer);
	answer.contact.own_word = is_word_of_host(plan->url, &answer.contact);
	answer.doubtful = answer.doubtful || is_doubtful_status(&answer.contact);
	done(done_context, &answer);
	return true;
}

/* All of a body, as the fetcher would hand it on. */
static inline void
answer_bytes(struct probe_answer *ret, const void *bytes, size_t length)
{
	struct intake_plan plan = {.came_from = "the internet"};
	struct err err = ERR_NONE;

	ret->intake = intake_open(store, INTAKE_KEEP, &plan, &err);
	if (ret->intake == NULL || !intake_append(ret->intake, bytes, length, &err))
		fail_msg("%s", err.text);
	ret->digests = intake_digests(ret->intake);
	ret->contact.length = (int64_t)length;
	ret->contact.result = ORIGIN_SERVED;
}

static inline void
answer_whole(struct probe_answer *ret, const char *body)
{
	answer_bytes(ret, body, strlen(body));
}

static inline void
forget_asked(void)
{
	struct asked_host *host, *next;

	for (size_t i = 0; i < n_asked; i++)
		free(log_of_asked[i].url);
	free(log_of_asked);
	log_of_asked = NULL;
	n_asked = 0;
	HASH_ITER (hh, asked_hosts, host, next) {
		HASH_DEL(asked_hosts, host);
		free(host->name);
		free(host);
	}
}

static inline size_t
times_asked(const char *url)
{
	size_t times = 0;

	for (size_t i = 0; i < n_asked; i++)
		times += strcmp(log_of_asked[i].url, url) == 0;
	return times;
}

static inline size_t
times_asked_whole(void)
{
	size_t times = 0;

	for (size_t i = 0; i < n_asked; i++)
		times += log_of_asked[i].kind == PROBE_WHOLE;
	return times;
}

/* --- the parts --- */

static inline void
boot(void)
{
	store = store_at(directory, STORE_WRITE);
	options.config = config;
	options.store = store;
	options.ask.probe = ask_internet;
	patrol = patrol_create(&options);
}

static inline void
shut_down(void)
{
	patrol_destroy(patrol);
	store_close(store);
}

/* A stop for this long. */
static inline void
restart_after(int64_t ms)
{
	shut_down();
	now.wall_ms += ms;
	now.ms += ms;
	options.seed++;
	boot();
}

static inline void
configure(const char *text)
{
	struct err err = ERR_NONE;

	config = config_parse(text[0] != '\0' ? "conf" : NULL, text, NULL, 0, &err);
	if (config == NULL)
		fail_msg("%s", err.text);
}

static inline void
begin_patrol(const char *configuration)
{
	directory = temp_make();
	now = (struct moment){.wall_ms = T0, .ms = 1000000};
	options = (struct patrol_options){.seed = 1};
	internet = NULL;
	too_soon = 0;
	idle_step_ms = MINUTE;
	configure(configuration);
	boot();
}

static inline void
end_patrol(void)
{
	shut_down();
	config_destroy(config);
	forget_asked();
	temp_remove(directory);
}

/* --- the catalog --- */

static inline struct digests
all_digests(const char *string)
{
	return digests_of(string, strlen(string));
}

static inline void
add_entry(struct harvest *harvest, const struct digests *digests, const char *url)
{
	struct harvest_entry entry = {.digests = *digests, .package = "a.1", .urls = &url, .n_urls = 1};

	assert_true(harvest_add(harvest, &entry, "a test", 1));
}

static inline void
learn_harvest(struct harvest *harvest)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(store_catalog(store), harvest, "a test", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(harvest);
}

/* The archive with these bytes is at this URL. */
static inline void
learn_at(const char *bytes, const char *url)
{
	struct harvest *harvest = harvest_create();
	struct digests digests = all_digests(bytes);

	add_entry(harvest, &digests, url);
	learn_harvest(harvest);
}

/* Hosts that serve, so that somebody can vouch for the network: as many as there are patience for. */
static inline void
learn_witnesses(int hosts)
{
	struct harvest *harvest = harvest_create();

	for (int i = 0; i < hosts; i++) {
		for (int j = 0; j < 3; j++) {
			struct digests digests;
			char url[128];

			snprintf(url, sizeof url, "https://w%d.witness.example/x/%d.tgz", i, j);
			digests = all_digests(url);
			add_entry(harvest, &digests, url);
		}
	}
	learn_harvest(harvest);
	run_sql(store,
	        "UPDATE origin SET state = 1, result = 5, served_at = %lld, tried_at = %lld,"
	        " check_at = %lld WHERE site LIKE '%%witness%%'",
	        wall() - 2 * DAY, wall() - 2 * DAY, wall() + 20 * DAY);
}

/* --- time --- */

/* Behind all that was posted to the index. */
static inline void
flush(void)
{
	run_sql(store, "SELECT 1");
}

/* What it waits for is there, or it would wait for ever. */
static inline void
assert_counts(void)
{
	size_t count = 0, under_way = 0, whole = 0, witnesses = 0, outstanding = 0;
	const struct asking *asking;

	TAILQ_FOREACH (asking, &patrol->batch, link) {
		count++;
		under_way += asking->state == ASKING_UNDER_WAY;
		whole += asking->state == ASKING_UNDER_WAY && asking->kind == PROBE_WHOLE;
		witnesses += asking->reason == ASKED_AS_WITNESS;
		outstanding += asking->state != ASKING_WAITS;
	}
	assert_int_equal(patrol->count, count);
	assert_int_equal(patrol->under_way, under_way);
	assert_true(patrol->whole >= whole); /* a test may say that another one comes */
	assert_int_equal(patrol->witnesses, witnesses);
	assert_int_equal(patrol->outstanding, outstanding);
}

static inline void
run_for(int64_t ms)
{
	int64_t until_ms = now.ms + ms;

	for (;;) {
		int64_t wait_ms = patrol_turn(patrol, now), step_ms;

		assert_counts();
		if (patrol->outstanding > 0) {
			if (patrol->under_way == 0)
				flush(); /* for what is to be written; answers are there already */
			continue;
		}
		if (wait_ms == 0)
			continue;
		if (now.ms >= until_ms)
			return;
		step_ms = wait_ms < PATROL_LOOK_MS || patrol->count > 0 ? wait_ms : idle_step_ms;
		if (step_ms > until_ms - now.ms)
			step_ms = until_ms - now.ms;
		now.ms += step_ms;
		now.wall_ms += step_ms;
	}
}

/* What the index answers, a line a row. Until the next question. */
static inline const char *ask_index(const char *format, ...) PRINTF_LIKE(1, 2);

static inline const char *
ask_index(const char *format, ...)
{
	static char answer[65536];
	AUTO_FREE char *path = path_below(directory, "index.db");
	AUTO_TEXT text = TEXT_EMPTY;
	sqlite3_stmt *statement;
	sqlite3 *handle;
	char question[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(question, sizeof question, format, arguments);
	va_end(arguments);
	flush();
	assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, question, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			text_addf(&text, "%s%s", i > 0 ? "|" : "", db_column_text(statement, i));
		text_add(&text, "\n");
	}
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	snprintf(answer, sizeof answer, "%s", text_string(&text));
	return answer;
}

static inline long long
number_in_index(const char *question)
{
	return strtoll(ask_index("%s", question), NULL, 10);
}

#endif
