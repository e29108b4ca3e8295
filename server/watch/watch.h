/*
 * The watch: larder notices what becomes of archives elsewhere, and tells. Its parts, started and stopped together. Main thread.
 */
#ifndef SERVER_WATCH_WATCH_H
#define SERVER_WATCH_WATCH_H

#include "server/larder.h"
#include "storage/base/err.h"

struct feed;
struct webhooks;

struct watch {
	struct feed *feed;
	struct webhooks *webhooks;
};

/* Borrows larder, whose store and fetcher are there. */
struct watch *watch_start(struct larder *larder, struct err *err) MUST_CHECK;
/* Ends its threads; requests may still ask the feed. Idempotent, NULL is nothing. */
void watch_stop(struct watch *watch);
void watch_destroy(struct watch *watch); /* stops first; NULL is nothing */

#endif
