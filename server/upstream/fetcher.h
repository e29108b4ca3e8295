/*
 * The fetcher: the one thread that goes out. It takes flights, asks their origins in order and brings the
 * bytes in.
 */
#ifndef SERVER_UPSTREAM_FETCHER_H
#define SERVER_UPSTREAM_FETCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "server/archive/flight.h"
#include "server/upstream/probe.h"
#include "storage/base/err.h"

struct config;
struct fetcher;
struct metrics;
struct store;

/* Starts the thread. Borrows all three. */
struct fetcher *fetcher_create(const struct config *config, struct store *store, struct metrics *metrics,
        struct err *err) MUST_CHECK;
/*
 * Whoever wants to look at other bytes that an origin served instead of an archive: what they are, and where from.
 * Before the first flight is submitted. Called on the fetcher's thread or where the last of those leaves who read
 * them; must not block; takes the intake, which is complete, and may be kept. Without it they are dropped.
 */
typedef void fetcher_drifted_fn(void *context, const struct contact *contact, struct intake *intake);
void fetcher_on_drift(struct fetcher *fetcher, fetcher_drifted_fn *drifted, void *context);

/* Takes the reference to the flight. Any thread. False: ERR_STOPPING (the reference stays the caller's). */
bool fetcher_submit(struct fetcher *fetcher, struct flight *flight, struct err *err) MUST_CHECK;

/*
 * Downloads one document (a catalog source) into an open file: same policy, limits and rewrites as archives.
 * Blocks until done.
 */
struct fetch_document {
	const char *url;
	int fd; /* written from its start */
	uint64_t max_bytes;
};
bool fetcher_document(
        struct fetcher *fetcher, const struct fetch_document *document, struct err *err) MUST_CHECK;

/*
 * Looks at one URL when no flight wants the transfer. Copies the plan; any thread; returns at once. done is called
 * once, when larder stops too. False: ERR_STOPPING, and it is not called.
 */
bool fetcher_probe(struct fetcher *fetcher, const struct probe_plan *plan, probe_done_fn *done, void *context,
        struct err *err) MUST_CHECK;

#define FETCHER_SHORT_REST_MS 120000 /* what somebody who downloads a lot waits for */

struct fetcher_figures {
	uint64_t transfers; /* running */
	uint64_t queued;    /* flights and documents that wait for a free transfer or host */
	uint64_t resting_hosts;
	int64_t rests_over_at_ms; /* clock_ms when the last short rest ends (FETCHER_SHORT_REST_MS at most from now); 0: none */
	int64_t last_turn_ms; /* clock_ms of the loop's last turn: a dead thread shows here */
};
void fetcher_figures(struct fetcher *fetcher, struct fetcher_figures *ret);

/*
 * Takes nothing new, breaks what is running, fails every flight with ERR_STOPPING and so wakes all.
 * Idempotent.
 */
void fetcher_stop(struct fetcher *fetcher);
void fetcher_destroy(struct fetcher *fetcher); /* stops first; NULL is nothing */

#endif
