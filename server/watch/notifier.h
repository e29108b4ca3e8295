/*
 * The notifier: a thread for what the watch does behind the patrol. It has what origins served instead of archives compared (drifts.h),
 * makes events of what changed (causes.h), and says so to whoever passes them on.
 */
#ifndef SERVER_WATCH_NOTIFIER_H
#define SERVER_WATCH_NOTIFIER_H

#include "server/larder.h"
#include "storage/base/err.h"

struct drifts;
struct notifier;

#define NOTIFIER_TURN_MS 60000 /* between two turns, by the wall clock */
#define NOTIFIER_LOOK_MS 1000  /* how often the wall clock is looked at: it may be turned */

/* Called when there are new events, on the notifier's thread; must not block. */
typedef void notifier_told_fn(void *context);

/* Starts the thread. Borrows larder, whose config, metrics and store are there. */
struct notifier *notifier_start(
        struct larder *larder, notifier_told_fn *told, void *context, struct err *err) MUST_CHECK;
/* Takes nothing more, and what is under way ends soon. NULL is nothing. */
void notifier_quiet(struct notifier *notifier);
/* After whoever hands anything to its drifts; before the store closes. NULL is nothing. */
void notifier_stop(struct notifier *notifier);

/* Takes what origins served instead of archives; a turn follows at once. Any thread. */
struct drifts *notifier_drifts(struct notifier *notifier);

#endif
