/*
 * The patrol: a slow walk over the origins of all that the catalog names. It asks each of them once in watch.interval whether
 * it still has its archive, more often those it suspects, and hands every answer to the catalog, which judges
 * (storage/catalog/verdict.h). Its schedule is in the index.
 */
#ifndef SERVER_WATCH_PATROL_H
#define SERVER_WATCH_PATROL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/upstream/probe.h"
#include "storage/base/clock.h"
#include "storage/base/err.h"
#include "storage/catalog/contact.h"
#include "storage/index/state_rows.h"

struct config;
struct metrics;
struct patrol;
struct store;

#define PATROL_BATCH       256 /* origins in memory */
#define PATROL_AT_ONCE     16  /* probes under way */
#define PATROL_PLANNED_MAX 512 /* origins planned in one transaction */

#define PATROL_WITNESSES  6              /* asked when something failed, each at a host of its own … */
#define PATROL_VOUCHED_MS (30 * 60000ll) /* … unless they were asked so lately */
#define PATROL_WITNESS_MS (60 * 60000ll) /* a witness was not asked for this long */
#define PATROL_COPIES     8 /* other places of an archive, asked soon when an origin is gone, … */
#define PATROL_SIBLINGS   8 /* … others of its site … */
#define PATROL_NEIGHBOURS 3 /* … and of other sites of its host, … */
#define PATROL_APART_MS   (6 * 3600000ll) /* … that were not asked for this long … */
#define PATROL_BEFORE_MS  (60 * 60000ll)  /* … or, of its site, this long: it may have vanished since … */
#define PATROL_SOON_MS    (10 * 60000ll)  /* … within this time */
#define PATROL_TROUBLE_MS (10 * 60000ll)  /* after the index failed, or a probe could not be made */
#define PATROL_UNASKED_MS                                                                                    \
	(24 * 3600000ll) /* before one that could not be asked for reasons of its own is tried again */
#define PATROL_GUESS_BYTES (1u << 20) /* of an archive whose length nobody tells, in the budget */
#define PATROL_CHECK_VISITS                                                                                  \
	12 /* of an origin that tells what it always told, one visit in so many takes all its bytes … */
#define PATROL_CHECK_ROUNDS 3 /* … unless they were right within so many intervals */
#define PATROL_SUSPICION_MS                                                                                  \
	(10 * 60000ll) /* the network is suspected for so long before that is worth a line in the log */
#define PATROL_COUNT_MS (10 * 60000ll) /* archives are counted no more often … */
#define PATROL_NEWS_MS  60000ll        /* … but this soon after something changed */
#define PATROL_LOOK_MS  1000           /* the wall clock may be set: how often it is looked at */

/* False: not taken, and done is not called. Else done is called once, on any thread, and hands its context on. */
typedef bool patrol_probe_fn(void *context, const struct probe_plan *plan, probe_done_fn *done,
        void *done_context, struct err *err);
struct patrol_ask {
	patrol_probe_fn *probe; /* NULL: nobody is asked */
	void *context;
};

/* An origin served other bytes. Takes the intake. On the patrol's thread. */
typedef void patrol_drifted_fn(void *context, const struct contact *contact, struct intake *intake);

struct patrol_options {
	const struct config *config; /* watch, mirrors and fetch.max_archive */
	struct store *store;
	struct metrics *metrics; /* NULL: nothing is counted */
	struct patrol_ask ask;
	patrol_drifted_fn *drifted; /* NULL: what came is dropped */
	void *drifted_context;
	uint64_t seed; /* of all chance */
};

/* Borrows what the options point to. Nothing happens before patrol_start or patrol_turn. */
struct patrol *patrol_create(const struct patrol_options *options);
bool patrol_start(struct patrol *patrol, struct err *err) MUST_CHECK;
/* Asks nobody any more; returns when the thread has ended. Idempotent; NULL is nothing. */
void patrol_stop(struct patrol *patrol);
/* Stops first. Waits for the answers of all probes under way: whoever makes them was told to end. NULL is nothing. */
void patrol_destroy(struct patrol *patrol);

/*
 * What the thread does again and again: takes the answers that came, plans, asks who is due. Returns after how many
 * milliseconds there may be more to do, if nothing comes before.
 */
int64_t patrol_turn(struct patrol *patrol, struct moment now);

/* Counts the archives, if it is time to; the thread does so after each turn. */
void patrol_count(struct patrol *patrol, struct moment now);

struct patrol_figures {
	bool counted; /* archives were counted since the start */
	struct archive_counts archives;
	uint64_t overdue; /* origins due for more than an hour, at that time */
	uint64_t resting_hosts;
};
/* As of the last count; any thread. */
void patrol_figures(struct patrol *patrol, struct patrol_figures *ret);

#endif
