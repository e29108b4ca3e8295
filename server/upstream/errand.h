/*
 * An errand: one flight, one document or one probe on its way through its origins. A flight's errand asks up to two
 * origins at a time: one that has not sent its first byte for a while is overtaken by the next; where both are silent
 * for so long and there is a third, the older one makes room (RACING to ASKING, then OVERDUE).
 *
 *               errand_begin                   silent for fetch.overtake_after
 *   WAITING ────────────────────→ ASKING ←──────────────────────────────────→ OVERDUE
 *    ↑ ↑ ↑                         │ ↑ │         nobody to ask beside it        │ │ │
 *    │ │ └───── it had nothing ────┘ │ │                                        │ │ │ errand_begin
 *    │ │                             │ └───────────┐                            │ │ └──────────────→ RACING
 *    │ └─────── it had nothing ──────┼─────────────┼────────────────────────────┘ │                   │ │
 *    │                               └─────────────┼── one of two had nothing ────┼───────────────────┘ │
 *    │                                             │ first byte                   │ first byte          │ first byte of
 *    │                                             ↓                              │                     │ either: the other
 *    ├──────────── cut off ───────────────────── TAKING ←─────────────────────────┴─────────────────────┘ is broken off
 *    │                                             │ all bytes are in (flight)
 *    │                                             ↓         bytes are right           the store is done
 *    └───────────── wrong ────────────────────── PROVING ───────────────────→ SETTLING ────────────────→ OVER
 *
 * WAITING and OVERDUE stand in the fetcher's queue. Whoever has stood there for fetch.overtake_after because a host has
 * its share asks the next origin whose host has room; the one that was passed keeps its turn. Whoever was cut off is
 * asked for the rest (resume.h); whoever was broken off may be asked again: one that made room when nobody else is left.
 * From every state to OVER: done (documents and probes), failed for good, nobody left to ask, moot, or larder stops.
 *
 * The fetcher's thread, except where a comment says otherwise.
 */
#ifndef SERVER_UPSTREAM_ERRAND_H
#define SERVER_UPSTREAM_ERRAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/archive/flight.h"
#include "server/upstream/breaker.h"
#include "server/upstream/fetcher.h"
#include "server/upstream/origins.h"
#include "server/upstream/proofs.h"
#include "server/upstream/rests.h"
#include "server/upstream/resume.h"
#include "server/upstream/tally.h"
#include "server/upstream/visit.h"
#include "storage/base/mailbox.h"

/* What errands need of the world; the fetcher's. */
struct upstream {
	const struct config *config;
	struct policy *policy;
	struct breaker *breaker;
	struct rests *rests;
	struct store *store;
	struct catalog *catalog;
	struct metrics *metrics;
	CURLM *multi;
	fetcher_drifted_fn *drifted; /* may be NULL */
	void *drift_context;
	struct proofs proofs;

	TAILQ_HEAD(, visit) running; /* all visits under way */
	uint64_t n_running;
	bool raced; /* an errand's first byte came while others had to do with it: the fetcher tidies up */
};

enum errand_state {
	ERRAND_WAITING,
	ERRAND_ASKING,
	ERRAND_OVERDUE,
	ERRAND_RACING,
	ERRAND_TAKING,
	ERRAND_PROVING,
	ERRAND_SETTLING,
	ERRAND_OVER,
};

#define ERRAND_VISITS 2 /* origins that are asked for one errand at a time, at most */

struct document;
struct probe;

struct errand {
	struct letter letter;           /* first, for the mailbox */
	TAILQ_ENTRY(errand) link;       /* all that are not over: the fetcher's */
	TAILQ_ENTRY(errand) queued;     /* those that want a transfer: the fetcher's */
	bool is_queued;                 /* the fetcher's … */
	int64_t queued_at_ms;           /* … and since when */
	const struct errand_kind *kind; /* what differs between the three */
	struct upstream *upstream;
	enum errand_state state;
	struct origins origins;
	size_t next; /* the origin to ask next */
	struct tally tally;
	struct visit visits[ERRAND_VISITS];

	struct flight *flight;     /* a reference; or NULL, and then: */
	struct document *document; /* or NULL, and then: */
	struct probe *probe;
	struct digest name;   /* of a flight: the strongest digest known */
	struct resume resume; /* of a flight: what there is of it */
	struct proof *proof;  /* of a flight that is PROVING, else NULL */
	bool retried;         /* of a flight: the same origin was asked again because the disk was full */
};

/* Any thread. Takes the reference to the flight once it is handed to the fetcher. */
struct errand *errand_for_flight(struct flight *flight);
struct errand *errand_for_document(struct document *document);
struct errand *errand_for_probe(const struct probe_plan *plan, probe_done_fn *done, void *context);

/* Finds out where to ask. Reads the catalog. */
void errand_open(struct errand *errand, struct upstream *upstream);
/* WAITING or OVERDUE: errand_next, and errand_begin when there is a transfer for it. */
bool errand_wants_transfer(const struct errand *errand);
/* It gives way to those that somebody waits for. */
bool errand_yields(const struct errand *errand);
/*
 * The origin to ask next; what is at rest or not allowed is noted and passed over. NULL: there is none. Where
 * nobody is being asked the errand has failed then, or is moot, and is over.
 */
const struct origin *errand_next(struct errand *errand, int64_t now_ms);
/* The origin that errand_next found last. */
const struct origin *errand_origin(const struct errand *errand);
void errand_begin(struct errand *errand, int64_t now_ms);
/*
 * Of a flight that has waited for its host's share for fetch.overtake_after: the first other origin in turn whose host
 * has room. NULL: there is none, or it is too early. Who made room or is mistrusted does not come before a full host.
 */
const struct origin *errand_elsewhere(const struct errand *errand, int64_t now_ms);
/* As errand_begin, at what errand_elsewhere found at the same time. */
void errand_begin_elsewhere(struct errand *errand, int64_t now_ms);
/*
 * Whoever is being asked is silent for so long that another origin should be asked beside it: OVERDUE now. Of two that
 * both are the older is broken off before, if there is one to take its place. Call every 100 ms or so.
 */
bool errand_is_overtaken(struct errand *errand, int64_t now_ms);
/*
 * A visit ended; code as for transfer_finish. The errand waits for another origin, listens to the other visit,
 * settles, or is over.
 */
void errand_ended(struct visit *visit, CURLcode code, int64_t now_ms);
/* PROVING, and its letter came out of the proofs: it settles, waits for another origin, or is over. */
void errand_proved(struct errand *errand, int64_t now_ms);
/* Breaks off whoever was not quick enough. */
void errand_drop_lost(struct errand *errand, int64_t now_ms);
/* The archive is stored, by other means: its visits are to be broken off, with errand_ended. */
bool errand_is_moot(const struct errand *errand);
/* Wakes who waits for a flight; notices that it is over. */
void errand_tick(struct errand *errand, int64_t now_ms);
/* larder stops: breaks its visits off, fails what is not settled. Not PROVING; over afterwards. */
void errand_break(struct errand *errand);
/* Frees it and releases the flight. Over, or never opened. */
void errand_close(struct errand *errand);

#endif
