/*
 * Causes: news of origins that have one cause become one event. News wait until their cause has been quiet and nothing else of it is
 * suspected; then they are grouped by what happened and by site, by the whole host where all of it went the same way, or told of the
 * single archive that it was. What comes under a cause later joins its event where that makes it no graver: the page and the feed say so
 * at once, receivers are told again once a day.
 *
 *   news ──quiet──→ new event, cause open ──more news──→ the event grows
 *     │                                └── graver ──→ new event of the newcomers
 *     └── back before it was told: nothing
 *
 * Each is told exactly once: an event, its cause and the news it tells are written in one transaction.
 */
#ifndef SERVER_WATCH_CAUSES_H
#define SERVER_WATCH_CAUSES_H

#include <stddef.h>
#include <stdint.h>

#include "server/admin/metrics.h"
#include "storage/store.h"

/* After its newest news a cause is told, and at the latest so long after its first; so long changes wait to be compared. */
#define CAUSES_QUIET_MS 3600000ll
#define CAUSES_WAIT_MS  (24 * 3600000ll)
/* After what came under it last; as long as a round of the patrol, so that what else the cause did has come under it by then. */
#define CAUSES_OPEN_MS (30 * 86400000ll)
/*
 * An archive of which people were told that it went is told to have gone again, or come back again, after a week at the earliest, unless
 * that is graver than the time before. An origin that answers now so, now so, such as two caches behind one name, would else be told of
 * every day. If it is still so after the week it is told then, so that the last word on it is right.
 */
#define CAUSES_AGAIN_MS (7 * 86400000ll)
/* So many sites of one host that went the same way at once are told one by one; more are one event. */
#define CAUSES_SITES_MAX 5
/* A host is judged as a whole where at least one in so many of its places was asked. */
#define CAUSES_ASKED_MIN 2

struct config;

struct causes_options {
	struct store *store;
	const struct config *config; /* NULL: there is no mirror */
	struct metrics *metrics;     /* NULL: nothing is counted */
};

/*
 * Tells what is to be told now, by the wall clock: writes events, logs and counts them. ret_told: how many are new; receivers find those
 * that grew by themselves. On the caller's
 * thread, one at a time; blocks on the index. False: nothing was told, and all of it is the next time.
 */
bool causes_turn(
        const struct causes_options *options, int64_t now_ms, size_t *ret_told, struct err *err) MUST_CHECK;

#endif
