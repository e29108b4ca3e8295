/*
 * larder: the parts of one running instance, started and stopped in order. `serve` starts all of them,
 * `fetch` all but the listener, the other commands just the store.
 */
#ifndef SERVER_LARDER_H
#define SERVER_LARDER_H

#include <stdbool.h>

#include "storage/base/err.h"
#include "storage/store.h"

struct config;
struct fetcher;
struct flights;
struct listener;
struct metrics;
struct catalogs;
struct desk;
struct scrub;
struct auth;
struct jobs;
struct uploads;
struct sockets;
struct watch;

/* Set before the threads start and constant while they run; NULL: this part is not there. */
struct larder {
	const struct config *config;
	struct metrics *metrics;
	struct store *store;
	struct flights *flights;
	struct fetcher *fetcher;
	struct catalogs *catalogs; /* refreshes the configured sources */
	struct auth *auth;         /* tokens and who tries them */
	struct uploads *uploads;   /* those under way, and donations */
	struct jobs *jobs;         /* long work that somebody asked for */
	struct desk *desk;         /* answers what may block */
	struct watch *watch;       /* notices what becomes of archives elsewhere, and tells */
	struct scrub *scrub;       /* reads what is stored again; NULL as well: it is off */
	struct listener *listener;
	int64_t started_at_ms; /* wall clock */
};

enum larder_parts { LARDER_STORE_READ, LARDER_STORE_WRITE, LARDER_FETCHING };

/* Borrows config. What was started is stopped again on an error. */
bool larder_start(struct larder *larder, const struct config *config, enum larder_parts parts,
        struct err *err) MUST_CHECK;
/* As larder_start: all parts, answering on these sockets (listener.h), which stay open when this larder stops. */
bool larder_serve(struct larder *larder, const struct config *config, struct sockets *sockets,
        struct err *err) MUST_CHECK;
/*
 * Stops in order: the listener takes nothing new and finishes what it is sending (at most grace_ms), the
 * fetcher fails and wakes all who wait, the listener stops, the store finishes its commits and closes.
 */
void larder_stop(struct larder *larder, int64_t grace_ms);

#endif
