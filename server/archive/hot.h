/*
 * The hot archives of one worker: answers kept ready under the names they are asked by, within a budget. Belongs to the worker's thread;
 * only its figures are read by others.
 */
#ifndef SERVER_ARCHIVE_HOT_H
#define SERVER_ARCHIVE_HOT_H

#include <stdint.h>

#include "server/http/ready.h"
#include "storage/digest.h"

struct hot;
struct metrics;
struct store;

struct hot_budget {
	uint64_t memory_bytes;
	uint64_t files;
};

/* Borrows store and metrics. NULL: the budget has no room for anything. */
struct hot *hot_create(const struct hot_budget *budget, struct store *store, struct metrics *metrics);
/* hot may be NULL, here and below: nothing is kept. */
void hot_destroy(struct hot *hot);

/* Can be read when files of answers were changed by somebody else; -1: nobody tells of that, and each is looked at when it is asked for. */
int hot_changes_fd(const struct hot *hot);
/* Lets go of those answers. */
void hot_hear_changes(struct hot *hot);

/*
 * The answer that is ready for this name; NULL: there is none. Of what was removed, quarantined or evicted there is none any more, nor of
 * what somebody else touched, as soon as that was heard. Valid until the next call, unless ready_use says that it is needed longer. After ARCHIVE_TOUCH_MS an answer goes, so that the index is asked anew and hears that the archive is in use.
 */
struct ready *hot_find(struct hot *hot, const struct digest *name, int64_t now_ms);
/*
 * Worth to be kept ready: it was asked for before, not long ago, and there is room; or it was asked for twice as often as another, which goes
 * then. Notes that it is asked for now. size_bytes: of the archive.
 */
bool hot_admits(struct hot *hot, const struct digest *name, uint64_t size_bytes);
/*
 * Keeps an answer of this blob ready, and takes its descriptor then; others go if they have to, less used ones first. NULL: as ready_create,
 * and the blob is as it was.
 */
struct ready *hot_keep(struct hot *hot, const struct digest *name, struct blob *blob, int64_t now_ms,
        struct err *err) MUST_CHECK;

/* HOT_OTHER: it is stored, but not proven, or something is wrong with it: archive_get knows how to deal with that. */
enum hot_found { HOT_ANSWER, HOT_MISS, HOT_OTHER };
/* All of that: the answer to a plain request for this name, ready or made for it; the caller uses it. */
enum hot_found hot_answer(
        struct hot *hot, struct store *store, const struct digest *name, int64_t now_ms, struct ready **ret);

/* Any thread. */
struct hot_figures {
	int64_t answers, memory_bytes;
	int64_t files; /* that are open: not those of answers in memory of whose files changes are told */
};
void hot_add_figures(const struct hot *hot, struct hot_figures *sum);

#define HOT_SEEN   8192 /* names that are not ready, of which it is remembered how often they were asked for */
#define HOT_PERIOD 65536 /* questions, after which what came before counts half */

#endif
