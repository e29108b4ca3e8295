/*
 * A table of ready answers by name, and how often each is asked for; and a memory of how often other names were. Who reads every archive
 * once puts nobody out, nor do many that are asked for alike when not all have room (TinyLFU: Einziger, Friedman, Manes, 2017). The
 * worker's thread. Must never send the bytes of a file without having looked at it.
 */
#include "server/archive/hot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Digests are as good as any hash of them; the table's own compares all bytes. */
#define HASH_FUNCTION(key, length, value) ((value) = name_hash(key))
#include "storage/base/table.h"
/* Each answer that is passed on the way to another one is as far away as memory is, and costs more than a bucket does. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 2u

#include "server/admin/metrics.h"
#include "storage/base/file_changes.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/archive_rows.h"
#include "storage/store.h"

#define LOOKED_AT 8 /* answers, to find one that may go */

/* How often something was asked for: what came a period ago counts half, and so on. */
struct uses {
	uint32_t count, period; /* the count's */
};

/* What is looked at first comes first. */
struct answer {
	UT_hash_handle hh; /* by name */
	struct ready *ready;
	struct uses uses;
	int64_t kept_at_ms; /* clock_ms */
	int watch;          /* of its file; FILE_UNWATCHED: the file is open, and looked at each time */
	struct digest name;
	TAILQ_ENTRY(answer) link;
};

TAILQ_HEAD(answers, answer);

struct hot {
	struct hot_budget budget;
	struct store *store;
	struct metrics *metrics;
	struct file_changes *changes; /* of the answers' files; NULL: the system tells of none */
	struct answer *table;
	struct answers all;
	struct answer *hand;        /* of a clock: whom to look at next for who may go; NULL: the first */
	uint32_t period, questions; /* and how many of them there were in this one */
	uint64_t departed; /* archives that had left the store when all answers were last looked at */
	_Atomic int64_t answers, files, memory_bytes;
	struct seen {
		uint64_t fingerprint; /* 0: nobody */
		struct uses uses;
	} seen[HOT_SEEN];
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
	return bytes | 1;
}

static uint32_t
uses_now(const struct hot *hot, const struct uses *uses)
{
	uint32_t periods = hot->period - uses->period;

	return periods < 32 ? uses->count >> periods : 0;
}

static void
note_use(struct hot *hot, struct uses *uses)
{
	*uses = (struct uses){uses_now(hot, uses) + 1, hot->period};
	if (++hot->questions < HOT_PERIOD)
		return;
	hot->questions = 0;
	hot->period++;
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
	hot->changes = file_changes_create();
	if (hot->changes == NULL)
		log_warning("changes of files are not told of (%m): those of hot answers are looked at each "
		            "time");
	TAILQ_INIT(&hot->all);
	return hot;
}

static void
add(_Atomic int64_t *figure, int64_t count)
{
	atomic_fetch_add_explicit(figure, count, memory_order_relaxed);
}

static void
unwatch(struct hot *hot, struct answer *answer)
{
	if (answer->watch == FILE_UNWATCHED)
		return;
	file_changes_unwatch(hot->changes, answer->watch);
	answer->watch = FILE_UNWATCHED;
}

/*
 * What is in memory was found to be right, and stays so: to hear of changes is enough, and the file need not be open. The bytes of a file must
 * not be sent unseen, since nobody tells of what is written through a mapping.
 */
static void
watch(struct hot *hot, struct answer *answer)
{
	answer->watch = FILE_UNWATCHED;
	if (ready_bytes(answer->ready) == NULL)
		return;
	answer->watch = file_changes_watch(hot->changes, ready_file(answer->ready), answer);
	if (answer->watch == FILE_UNWATCHED)
		return;
	if (ready_holds(answer->ready))
		ready_close_file(answer->ready);
	else /* any more, since it was found */
		unwatch(hot, answer);
}

static bool
has_file(const struct answer *answer)
{
	return ready_file(answer->ready) >= 0;
}

static void
drop(struct hot *hot, struct answer *answer)
{
	unwatch(hot, answer);
	add(&hot->answers, -1);
	add(&hot->files, -(int64_t)has_file(answer));
	add(&hot->memory_bytes, -(int64_t)ready_memory(answer->ready));
	HASH_DEL(hot->table, answer);
	if (hot->hand == answer)
		hot->hand = TAILQ_NEXT(answer, link);
	TAILQ_REMOVE(&hot->all, answer, link);
	ready_let_go(answer->ready);
	free(answer);
}

void
hot_destroy(struct hot *hot)
{
	if (hot == NULL)
		return;
	while (!TAILQ_EMPTY(&hot->all))
		drop(hot, TAILQ_FIRST(&hot->all));
	file_changes_destroy(hot->changes);
	free(hot);
}

/* --- finding --- */

static bool
holds(const struct answer *answer)
{
	return answer->watch != FILE_UNWATCHED || ready_holds(answer->ready);
}

static void
drop_stale(struct hot *hot, struct answer *answer)
{
	metrics_add(hot->metrics, METRIC_HOT_STALE, 1);
	drop(hot, answer);
}

int
hot_changes_fd(const struct hot *hot)
{
	return hot != NULL ? file_changes_fd(hot->changes) : -1;
}

void
hot_hear_changes(struct hot *hot)
{
	struct answer *answer;

	while (hot != NULL && (answer = file_changes_next(hot->changes)) != NULL) {
		answer->watch = FILE_UNWATCHED;
		drop_stale(hot, answer);
	}
}

/* What left the store keeps its space for as long as its file is open here. Of the others the kernel has told by now. */
static void
let_go_of_departed(struct hot *hot)
{
	uint64_t departed = store_departed(hot->store);
	struct answer *answer, *next;

	if (departed == hot->departed)
		return;
	hot->departed = departed;
	hot_hear_changes(hot);
	for (answer = TAILQ_FIRST(&hot->all); answer != NULL; answer = next) {
		next = TAILQ_NEXT(answer, link);
		if (!holds(answer) || store_has_cast_out(hot->store, ready_stamp(answer->ready)))
			drop_stale(hot, answer);
	}
}

static struct seen *
seen_of(struct hot *hot, const struct digest *name)
{
	struct seen *seen = &hot->seen[name_hash(name) % HOT_SEEN];

	if (seen->fingerprint != fingerprint(name))
		*seen = (struct seen){.fingerprint = fingerprint(name)};
	return seen;
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
	if (!holds(answer)) {
		drop_stale(hot, answer);
		return NULL;
	}
	if (now_ms - answer->kept_at_ms >= ARCHIVE_TOUCH_MS) {
		seen_of(hot, name)->uses = answer->uses;
		drop(hot, answer);
		return NULL;
	}
	note_use(hot, &answer->uses);
	metrics_add(hot->metrics, METRIC_HOT_HITS, 1);
	return answer->ready;
}

/* --- keeping --- */

/* An answer that takes none of what is short need not go. */
enum shortage { SHORT_OF_MEMORY, SHORT_OF_FILES };

/* The least used of the next few. NULL: there is no answer. */
static struct answer *
find_least_used(struct hot *hot, enum shortage shortage)
{
	struct answer *least = NULL;
	int64_t left = hot->answers;

	for (int looked_at = 0; looked_at < LOOKED_AT && left > 0; left--) {
		struct answer *answer = hot->hand != NULL ? hot->hand : TAILQ_FIRST(&hot->all);

		hot->hand = TAILQ_NEXT(answer, link);
		if (shortage == SHORT_OF_FILES && !has_file(answer))
			continue;
		looked_at++;
		if (least == NULL || uses_now(hot, &answer->uses) < uses_now(hot, &least->uses))
			least = answer;
	}
	return least;
}

/*
 * For so many bytes of memory, and a file if it takes one. False: those who would have to go are used too much for that: to make an answer
 * costs more than to look one archive up, and of many that are used alike each would only put out another one.
 */
static bool
make_room(struct hot *hot, uint64_t memory, bool takes_file, uint32_t uses)
{
	for (;;) {
		bool lacks_file = takes_file && (uint64_t)hot->files >= hot->budget.files;
		bool lacks_memory = (uint64_t)hot->memory_bytes + memory > hot->budget.memory_bytes;
		struct answer *least;

		if (!lacks_file && !lacks_memory)
			return true;
		least = find_least_used(hot, lacks_file ? SHORT_OF_FILES : SHORT_OF_MEMORY);
		metrics_add(hot->metrics, METRIC_LIMIT_HOT, 1);
		if (least == NULL || uses / 2 < uses_now(hot, &least->uses))
			return false;
		drop(hot, least);
	}
}

bool
hot_admits(struct hot *hot, const struct digest *name, uint64_t size_bytes)
{
	struct seen *seen;
	bool takes_file;

	if (hot == NULL)
		return false;
	takes_file = size_bytes > READY_MEMORY_MAX || hot->changes == NULL;
	seen = seen_of(hot, name);
	note_use(hot, &seen->uses);
	return seen->uses.count > 1 && make_room(hot, ready_takes(size_bytes), takes_file, seen->uses.count);
}

struct ready *
hot_keep(struct hot *hot, const struct digest *name, struct blob *blob, int64_t now_ms, struct err *err)
{
	struct ready *ready = ready_create(blob, err);
	struct answer *answer;

	if (ready == NULL)
		return NULL;
	answer = xcalloc(1, sizeof *answer);
	answer->name = *name;
	answer->ready = ready;
	watch(hot, answer);
	(void)make_room(hot, ready_memory(ready), has_file(answer), UINT32_MAX);
	answer->uses = seen_of(hot, name)->uses;
	answer->kept_at_ms = now_ms;
	HASH_ADD(hh, hot->table, name, sizeof answer->name, answer);
	TAILQ_INSERT_TAIL(&hot->all, answer, link);
	add(&hot->answers, 1);
	add(&hot->files, has_file(answer));
	add(&hot->memory_bytes, (int64_t)ready_memory(ready));
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
		if (!hot_admits(hot, name, blob.size_bytes)) {
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
	sum->files += atomic_load_explicit(&hot->files, memory_order_relaxed);
	sum->memory_bytes += atomic_load_explicit(&hot->memory_bytes, memory_order_relaxed);
}
