/*
 * The scrub: reads all stored archives again, slowly, and compares each with its name. Nobody asks for most of what a store holds, so that
 * damage would else be found on the day when it is needed, and nowhere else to be had. A thread of its own.
 *
 * A round goes through the archives by sha256, its bytes spread evenly over the interval. Time is how long larder has run, so that neither
 * a clock that is set nor a machine that was switched off makes it hurry; where the round is is kept in the index. What is wrong is
 * quarantined, and told.
 */
#ifndef STORAGE_SCRUB_H
#define STORAGE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/err.h"
#include "storage/digest.h"
#include "storage/index/scrub_rows.h"

#define SCRUB_INTERVAL_MIN_MS 1000   /* no round begins sooner after the one before began */
#define SCRUB_SAVE_MS         600000 /* how much of a round a kill may undo */
#define SCRUB_LOOK_MS         10000  /* it looks at least so often whether there is something to do */
#define SCRUB_GAP_MS          60000  /* more between two looks does not count as time that larder ran */
#define SCRUB_TROUBLE_MS      60000  /* pause when the index gives no answer, or the disk no bytes */
#define SCRUB_HURRY           16     /* how many times faster than evenly a round may go that is late */
#define SCRUB_OPEN_COST       16384  /* bytes: opening an archive counts as reading so many */

struct scrub;
struct store;

/* On the scrub's thread: this archive was stored, and is a miss now, since it was wrong or its file is gone. */
typedef void scrub_wrong_fn(void *context, const struct digests *digests);

struct scrub_options {
	struct store *store;   /* open to write */
	int64_t interval_ms;   /* of a round; 0: off */
	scrub_wrong_fn *wrong; /* NULL: nobody is told */
	void *context;
};

/* Borrows the store. Nothing happens before scrub_start or scrub_turn. NULL: it is off; each of the others takes that. */
struct scrub *scrub_create(const struct scrub_options *options);
bool scrub_start(struct scrub *scrub, struct err *err) MUST_CHECK;
/* Returns when the thread has ended, which reads no more than the piece it is at. Idempotent. */
void scrub_stop(struct scrub *scrub);
void scrub_destroy(struct scrub *scrub); /* stops first */

/*
 * What the thread does again and again: reads one piece, if its time has come. Returns after how many milliseconds
 * there is more to do. For tests as well, whose thread it is then.
 */
int64_t scrub_turn(struct scrub *scrub, struct moment now);

/* How far it is, to the piece. Any thread. All zero when it is off. */
void scrub_figures(struct scrub *scrub, struct scrub_round *ret);

#endif
