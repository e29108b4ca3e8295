/*
 * A table of ready answers by name, in the order of their use; and a memory of names that were asked for once, so that who reads every
 * archive once puts nobody out (the doorkeeper of TinyLFU: Einziger, Friedman, Manes, 2017). The worker's thread. Must never hand out an
 * answer without having looked at its file.
 */
#include "server/archive/hot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Digests are as good as any hash of them; the table's own compares all bytes. */
#define HASH_FUNCTION(key, length, value) ((value) = name_hash(key))
#include "storage/base/table.h"

#include "server/admin/metrics.h"
#include "storage/base/text.h"
#include "storage/index/archive_rows.h"
#include "storage/store.h"

struct answer {
	struct digest name;
	struct ready *ready;
	int64_t kept_at_ms; /* clock_ms */
	TAILQ_ENTRY(answer) link;
	UT_hash_handle hh; /* by name */
};

TAILQ_HEAD(answers, answer);

struct hot {
	struct hot_budget budget;
	struct store *store;
	struct metrics *metrics;
	struct answer *table;
	struct answers by_use; /* the last used first */
	uint64_t departed;     /* archives that had left the store when all answers were last looked at */
	_Atomic int64_t answers, memory_bytes;
	uint64_t seen[HOT_SEEN];
};

static inline unsigned
name_hash(const void *key)
{
	const struct digest *name = key;
	unsigned hash;

	memcpy(&hash, name->bytes, sizeof hash);
	return hash;
}

static uint64_t
fingerprint(const struct digest *name)
{
	uint64_t bytes;

	memcpy(&bytes, name->bytes + sizeof bytes, sizeof bytes);
	return bytes | 1; /* 0: nobody was seen there */
}

struct hot *
hot_create(const struct hot_budget *budget, struct store *store, struct metrics *metrics)
{
	struct hot *hot;

	if (budget->memory_bytes < READY_TAKES_MAX || budget->files == 0)
		return NULL;
	hot = xcalloc(1, sizeof *hot);
	hot->budget = *budget;
	hot->store = store;
	hot->metrics = metrics;
	hot->departed = store_departed(store);
	TAILQ_INIT(&hot->by_use);
	return hot;
}

static void
drop(struct hot *hot, struct answer *answer)
{
	atomic_fetch_sub_explicit(&hot->answers, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(
	        &hot->memory_bytes, (int64_t)ready_memory(answer->ready), memory_order_relaxed);
	HASH_DEL(hot->table, answer);
	TAILQ_REMOVE(&hot->by_use, answer, link);
	ready_let_go(answer->ready);
	free(answer);
}

void
hot_destroy(struct hot *hot)
{
	if (hot == NULL)
		return;
	while (!TAILQ_EMPTY(&hot->by_use))
		drop(hot, TAILQ_FIRST(&hot->by_use));
	free(hot);
}

/* --- finding --- */

static void
drop_stale(struct hot *hot, struct answer *answer)
{
	metrics_add(hot->metrics, METRIC_HOT_STALE, 1);
	drop(hot, answer);
}

/* What left the store keeps its space for as long as its file is open here. */
static void
let_go_of_departed(struct hot *hot)
{
	uint64_t departed = store_departed(hot->store);
	struct answer *answer, *next;

	if (departed == hot->departed)
		return;
	hot->departed = departed;
	for (answer = TAILQ_FIRST(&hot->by_use); answer != NULL; answer = next) {
		next = TAILQ_NEXT(answer, link);
		if (!ready_holds(answer->ready))
			drop_stale(hot, answer);
	}
}

static void
note_used(struct hot *hot, struct answer *answer)
{
	if (TAILQ_FIRST(&hot->by_use) == answer)
		return;
	TAILQ_REMOVE(&hot->by_use, answer, link);
	TAILQ_INSERT_HEAD(&hot->by_use, answer, link);
}

struct ready *
hot_find(struct hot *hot, const struct digest *name, int64_t now_ms)
{
	struct answer *answer;

	if (hot == NULL)
		return NULL;
	let_go_of_departed(hot);
	HASH_FIND(hh, hot->table, name, sizeof *name, answer);
	if (answer == NULL)
		return NULL;
	if (!ready_holds(answer->ready)) {
		drop_stale(hot, answer);
		return NULL;
	}
	if (now_ms - answer->kept_at_ms >= ARCHIVE_TOUCH_MS) {
		drop(hot, answer);
		(void)hot_admits(hot, name);
		return NULL;
	}
	note_used(hot, answer);
	metrics_add(hot->metrics, METRIC_HOT_HITS, 1);
	return answer->ready;
}

/* --- keeping --- */

bool
hot_admits(struct hot *hot, const struct digest *name)
{
	uint64_t *seen;
	bool before;

	if (hot == NULL)
		return false;
	seen = &hot->seen[name_hash(name) % HOT_SEEN];
	before = *seen == fingerprint(name);
	*seen = fingerprint(name);
	return before;
}

static void
make_room(struct hot *hot, const struct ready *ready)
{
	while (!TAILQ_EMPTY(&hot->by_use) &&
	        ((uint64_t)hot->answers >= hot->budget.files ||
	                (uint64_t)hot->memory_bytes + ready_memory(ready) > hot->budget.memory_bytes)) {
		metrics_add(hot->metrics, METRIC_LIMIT_HOT, 1);
		drop(hot, TAILQ_LAST(&hot->by_use, answers));
	}
}

struct ready *
hot_keep(struct hot *hot, const struct digest *name, struct blob *blob, int64_t now_ms, struct err *err)
{
	struct ready *ready = ready_create(blob, err);
	struct answer *answer;

	if (ready == NULL)
		return NULL;
	make_room(hot, ready);
	answer = xcalloc(1, sizeof *answer);
	answer->name = *name;
	answer->ready = ready;
	answer->kept_at_ms = now_ms;
	HASH_ADD(hh, hot->table, name, sizeof answer->name, answer);
	TAILQ_INSERT_HEAD(&hot->by_use, answer, link);
	atomic_fetch_add_explicit(&hot->answers, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&hot->memory_bytes, (int64_t)ready_memory(ready), memory_order_relaxed);
	return ready;
}

enum hot_found
hot_answer(
        struct hot *hot, struct store *store, const struct digest *name, int64_t now_ms, struct ready **ret)
{
	struct ready *ready = hot_find(hot, name, now_ms);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	enum store_answer answer;

	if (ready == NULL) {
		answer = store_find(store, name, &blob, &err);
		if (answer == STORE_MISS)
			return HOT_MISS;
		if (answer != STORE_HIT || blob.trust != BLOB_PROVEN)
			return HOT_OTHER;
		if (!hot_admits(hot, name)) {
			*ret = ready_of_file(&blob, CACHE_HIT);
			return HOT_ANSWER;
		}
		ready = hot_keep(hot, name, &blob, now_ms, &err);
	}
	if (ready == NULL)
		return HOT_OTHER;
	*ret = ready_use(ready);
	return HOT_ANSWER;
}

void
hot_add_figures(const struct hot *hot, struct hot_figures *sum)
{
	if (hot == NULL)
		return;
	sum->answers += atomic_load_explicit(&hot->answers, memory_order_relaxed);
	sum->memory_bytes += atomic_load_explicit(&hot->memory_bytes, memory_order_relaxed);
}
