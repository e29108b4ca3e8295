/*
 * The watch: larder notices what becomes of archives elsewhere, and tells. Its parts, started and stopped together. Main thread.
 *
 *   patrol ── contacts ──→ catalog ── news ──→ causes ── events ──→ feed, webhooks, the page, the log
 *      └───── other bytes ──→ drifts ── compared ──↑
 *
 *   patrol      asks origins: schedule (when), hosts (how often); patrol_plan, _batch, _answer, _weigh are its steps
 *   notifier    the thread of drifts and causes
 *   drifts      what came instead of an archive: compared, kept, noted
 *   causes      which changes (changes) have one cause, and so are one event (events: its data, its text)
 *   feed, webhook    give events to whoever asks, and to whoever wants to be told
 */
#ifndef SERVER_WATCH_WATCH_H
#define SERVER_WATCH_WATCH_H

#include "server/larder.h"
#include "storage/base/err.h"

struct feed;
struct notifier;
struct patrol;
struct webhooks;

struct watch {
	struct patrol *patrol;     /* asks origins */
	struct notifier *notifier; /* finds out what is to be told: drifts, causes */
	struct feed *feed;         /* tells those who ask */
	struct webhooks *webhooks; /* tells those who want to be told */
};

/* Borrows larder, whose store and fetcher are there. */
struct watch *watch_start(struct larder *larder, struct err *err) MUST_CHECK;
/* Begins nothing new; before the fetcher stops. Requests may still ask the feed. Idempotent, NULL is nothing. */
void watch_stop(struct watch *watch);
/* When nobody asks or brings anything any more: after the listener and the fetcher. Stops first; NULL is nothing. */
void watch_destroy(struct watch *watch);

#endif
