/*
 * An errand: one flight or one document on its way through its origins, and what was learned at each.
 *
 *            errand_begin            bytes are right (flight)         the store is done
 *   WAITING ──────────────→ RUNNING ─────────────────────→ SETTLING ──────────────────→ OVER
 *      ↑ │                   │    └───── done (document), failed for good, or moot ──────↑
 *      │ │                   │                                                           │
 *      └─┼───────────────────┘ another origin                                            │
 *        └───────────────────── no origin left to ask, or moot ──────────────────────────┘
 *
 * The fetcher's thread, except where a comment says otherwise.
 */
#ifndef SERVER_UPSTREAM_ERRAND_H
#define SERVER_UPSTREAM_ERRAND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/archive/flight.h"
#include "server/upstream/breaker.h"
#include "server/upstream/fetcher.h"
#include "server/upstream/origins.h"
#include "server/upstream/rests.h"
#include "server/upstream/tally.h"
#include "server/upstream/transfer.h"
#include "storage/base/mailbox.h"

/* What errands need of the world; the fetcher's. */
struct upstream {
	const struct config *config;
	struct policy *policy;
	struct breaker *breaker;
	struct rests *rests;
	struct catalog *catalog;
	struct metrics *metrics;
};

/* Who waits for a document: on the stack of the caller of fetcher_document. */
struct document {
	const struct fetch_document *wanted;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t ended;
	bool over;
	bool fetched;
	struct err err;
};

enum errand_state { ERRAND_WAITING, ERRAND_RUNNING, ERRAND_SETTLING, ERRAND_OVER };

struct errand {
	struct letter letter;       /* first, for the mailbox */
	TAILQ_ENTRY(errand) link;   /* all that are not over: the fetcher's */
	TAILQ_ENTRY(errand) queued; /* WAITING ones: the fetcher's */
	TAILQ_ENTRY(errand) run;    /* RUNNING ones: the fetcher's */
	struct upstream *upstream;
	enum errand_state state;
	struct flight *flight; /* a reference; or NULL, and then: */
	struct document *document;
	struct digest name; /* of a flight: the strongest digest known */
	struct origins origins;
	size_t next; /* the origin asked now or next */
	struct tally tally;
	bool retried;              /* the same origin was asked again because the disk was full */
	struct transfer *transfer; /* RUNNING */
};

/* Any thread. Takes the reference to the flight once it is handed to the fetcher. */
struct errand *errand_for_flight(struct flight *flight);
struct errand *errand_for_document(struct document *document);

/* Finds out where to ask. Reads the catalog. */
void errand_open(struct errand *errand, struct upstream *upstream);
/*
 * The origin to ask next; what is at rest or not allowed is noted and passed over. NULL: there is none left and
 * the errand has failed, or it is moot; it is over.
 */
const struct origin *errand_next(struct errand *errand, int64_t now_ms);
/* The origin that errand_next found, or that is asked now. */
const struct origin *errand_origin(const struct errand *errand);
void errand_begin(struct errand *errand, CURLM *multi, int64_t now_ms);
/*
 * The transfer ended; code as for transfer_finish. The errand waits for another origin, settles, or is over.
 */
void errand_ended(struct errand *errand, CURLM *multi, CURLcode code, int64_t now_ms);
/* The archive is stored, by other means: a running transfer is to be broken off, with errand_ended. */
bool errand_is_moot(const struct errand *errand);
/* Wakes who waits for a flight; notices that it is over. Not while RUNNING: see errand_is_moot. */
void errand_tick(struct errand *errand, int64_t now_ms);
/* larder stops: breaks the transfer off, fails what is not settled. Over afterwards. */
void errand_break(struct errand *errand, CURLM *multi);
/* Frees it and releases the flight. Over, or never opened. */
void errand_close(struct errand *errand);

#endif
