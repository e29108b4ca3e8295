/*
 * The table of flights: at most one for an archive, by whichever of its digests it is asked; and the memory
 * of what was lately found nowhere.
 */
#ifndef SERVER_ARCHIVE_FLIGHTS_H
#define SERVER_ARCHIVE_FLIGHTS_H

#include <stdint.h>

#include "server/archive/flight.h"
#include "storage/base/err.h"
#include "storage/digest.h"

struct flights;
struct metrics;

struct flights_options {
	struct store *store;
	struct metrics *metrics;
	int64_t max_flights; /* more at once: ERR_OVERLOADED */
	int64_t negative_ttl_ms;
	uint64_t verify_before_send, max_archive; /* bytes */
};

/* Hands a new flight to who fetches it (the reference goes along). False: refused, err says why. */
typedef bool flights_submit_fn(void *context, struct flight *flight, struct err *err);

#define FLIGHTS_NOWHERE_MAX 65536 /* archives remembered as found nowhere; the oldest make room */

struct flights *flights_create(
        const struct flights_options *options, flights_submit_fn *submit, void *context);
void flights_destroy(struct flights *flights); /* every flight is over */

/*
 * The flight that fetches this archive: the one under way or a new one. The caller holds a reference
 * (flight_leave or flight_release drops it). NULL: ERR_OVERLOADED at the limit, ERR_STOPPING, or what was
 * found lately, by this digest or by another of the same archive (ERR_UNKNOWN, ERR_ABSENT …), ERR_REMOVED where somebody removed it. Any thread.
 */
struct flight *flights_join(struct flights *flights, const struct digest *digest, struct err *err) MUST_CHECK;

/*
 * An archive with these digests was stored by other means (an upload): whoever waits for it in a flight that
 * has promised nothing yet gets it from the store now, and its download ends. Forgets that it was nowhere.
 * Any thread.
 */
void flights_stored(struct flights *flights, const struct digests *digests);

/* Forgets what was found nowhere: the catalog learned new origins. Any thread. */
void flights_forget_nowhere(struct flights *flights);

/* No new flights from here on: ERR_STOPPING. */
void flights_refuse(struct flights *flights);

/*
 * Blocks until the table is empty. After flights_refuse and fetcher_stop: what is left is being stored, and
 * those who wait are woken with it.
 */
void flights_wait_over(struct flights *flights);

/* How many are under way. */
int64_t flights_count(struct flights *flights);

#endif
