/*
 * Hosts at rest, in a table by name. The fetcher's thread. Must never sleep, log or ask the clock: a test moves time by hand.
 *
 *            5 failures in a row                    rest over
 *   ANSWERS ───────────────────→ RESTS, 30 s ──────────────────→ may be asked
 *      ↑                             ↑ one more failure: twice as long │
 *      │                             └─────────────────────────────────┤
 *      └──────────────────────────── an answer ────────────────────────┘
 */
#include "server/upstream/breaker.h"

#include <assert.h>
#include <string.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

struct host {
	char *name; /* the key */
	int64_t running;
	unsigned failures;       /* in a row */
	int64_t rest_ms;         /* of the last rest for failures; 0: none since the last answer */
	int64_t failed_until_ms; /* rests for its failures */
	int64_t asked_until_ms;  /* rests because it asked */
	UT_hash_handle hh;
};

struct breaker {
	struct host *hosts; /* in the order in which they were first asked */
};

struct breaker *
breaker_create(void)
{
	return xcalloc(1, sizeof(struct breaker));
}

static void
forget(struct breaker *breaker, struct host *host)
{
	HASH_DEL(breaker->hosts, host);
	free(host->name);
	free(host);
}

void
breaker_destroy(struct breaker *breaker)
{
	if (breaker == NULL)
		return;
	while (breaker->hosts != NULL)
		forget(breaker, breaker->hosts);
	free(breaker);
}

static struct host *
find(struct breaker *breaker, const char *name)
{
	struct host *host;

	HASH_FIND_STR(breaker->hosts, name, host);
	return host;
}

static int64_t
rests_until(const struct host *host, int64_t now_ms)
{
	int64_t until = host->failed_until_ms;

	if (host->asked_until_ms > until)
		until = host->asked_until_ms;
	return until > now_ms ? until : 0;
}

/* The oldest host of which nothing is lost but its count of failures and how long its last rest was. */
static void
forget_one(struct breaker *breaker, int64_t now_ms)
{
	struct host *host, *next;

	HASH_ITER (hh, breaker->hosts, host, next) {
		if (host->running == 0 && rests_until(host, now_ms) == 0) {
			forget(breaker, host);
			return;
		}
	}
}

static struct host *
find_or_add(struct breaker *breaker, const char *name, int64_t now_ms)
{
	struct host *host = find(breaker, name);

	if (host != NULL)
		return host;
	if (HASH_COUNT(breaker->hosts) >= BREAKER_HOSTS_MAX)
		forget_one(breaker, now_ms);
	host = xcalloc(1, sizeof *host);
	host->name = xstrdup(name);
	HASH_ADD_KEYPTR(hh, breaker->hosts, host->name, strlen(host->name), host);
	return host;
}

int64_t
breaker_rests_until(struct breaker *breaker, const char *name, int64_t now_ms)
{
	struct host *host = find(breaker, name);

	return host == NULL ? 0 : rests_until(host, now_ms);
}

int64_t
breaker_asked_until(struct breaker *breaker, const char *name, int64_t now_ms)
{
	struct host *host = find(breaker, name);

	if (host == NULL || host->asked_until_ms <= now_ms || host->asked_until_ms < host->failed_until_ms)
		return 0;
	return host->asked_until_ms;
}

enum breaker_news
breaker_failed(struct breaker *breaker, const char *name, int64_t now_ms, struct breaker_rest *ret)
{
	struct host *host = find_or_add(breaker, name, now_ms);

	if (rests_until(host, now_ms) != 0)
		return BREAKER_AS_BEFORE;
	host->failures++;
	if (host->failures < BREAKER_FAILURES)
		return BREAKER_AS_BEFORE;
	host->rest_ms = host->rest_ms == 0 ? BREAKER_REST_MS : 2 * host->rest_ms;
	if (host->rest_ms > BREAKER_REST_MAX_MS)
		host->rest_ms = BREAKER_REST_MAX_MS;
	host->failed_until_ms = now_ms + host->rest_ms;
	*ret = (struct breaker_rest){.for_ms = host->rest_ms, .failures = host->failures};
	return BREAKER_RESTS;
}

enum breaker_news
breaker_answered(struct breaker *breaker, const char *name)
{
	struct host *host = find(breaker, name);
	enum breaker_news news;

	if (host == NULL)
		return BREAKER_AS_BEFORE;
	news = host->rest_ms == 0 ? BREAKER_AS_BEFORE : BREAKER_ANSWERS_AGAIN;
	host->failures = 0;
	host->rest_ms = 0;
	host->failed_until_ms = 0;
	return news;
}

enum breaker_news
breaker_asked_rest(
        struct breaker *breaker, const char *name, int64_t for_ms, int64_t now_ms, struct breaker_rest *ret)
{
	struct host *host = find_or_add(breaker, name, now_ms);
	int64_t before = rests_until(host, now_ms);

	if (for_ms > BREAKER_ASKED_MAX_MS)
		for_ms = BREAKER_ASKED_MAX_MS;
	if (now_ms + for_ms > host->asked_until_ms)
		host->asked_until_ms = now_ms + for_ms;
	if (before != 0 || for_ms == 0)
		return BREAKER_AS_BEFORE;
	*ret = (struct breaker_rest){.for_ms = for_ms};
	return BREAKER_RESTS;
}

int64_t
breaker_running(struct breaker *breaker, const char *name)
{
	struct host *host = find(breaker, name);

	return host == NULL ? 0 : host->running;
}

void
breaker_begin(struct breaker *breaker, const char *name, int64_t now_ms)
{
	find_or_add(breaker, name, now_ms)->running++;
}

void
breaker_end(struct breaker *breaker, const char *name)
{
	struct host *host = find(breaker, name);

	assert(host != NULL && host->running > 0);
	host->running--;
}

struct breaker_resting
breaker_resting(struct breaker *breaker, int64_t now_ms, int64_t horizon_ms)
{
	struct breaker_resting resting = {0};
	struct host *host, *next;

	HASH_ITER (hh, breaker->hosts, host, next) {
		int64_t until_ms = rests_until(host, now_ms);

		resting.hosts += until_ms != 0;
		if (until_ms - now_ms <= horizon_ms && until_ms > resting.soon_over_at_ms)
			resting.soon_over_at_ms = until_ms;
	}
	return resting;
}
