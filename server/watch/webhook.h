/*
 * Webhooks: each receiver of the configuration is told what larder notices, one event after the other, in a thread of their own.
 *
 *   POST, Content-Type: application/json, Larder-Event: <id>, Larder-Signature: sha256=<hex>
 *   {"larder": "<version>", "event": {"id", "at", "changed", "revision", "level", "kind", …, "about"}}
 *
 * An event that grows is posted again, whole and with "more": true beside "larder", once in EVENTS_MORE_MS (server/watch/events.h).
 *
 * An answer of 200 to 299 is a delivery, which is remembered durably before the next event goes out. Anything else is tried again,
 * WEBHOOK_PAUSE_MS later and then less and less often, for WEBHOOK_PATIENCE_MS; then the event is given up and the next one has its
 * turn. After a kill in just the wrong moment an event comes twice: with the same id.
 */
#ifndef SERVER_WATCH_WEBHOOK_H
#define SERVER_WATCH_WEBHOOK_H

#include "server/larder.h"
#include "storage/base/err.h"

#define WEBHOOK_PAUSE_MS     1000      /* before the second try; doubled each time … */
#define WEBHOOK_PAUSE_MAX_MS 3600000ll /* … up to this */
#define WEBHOOK_PATIENCE_MS  (24 * 3600000ll)
#define WEBHOOK_SECRET_MAX   4096 /* bytes of a secret's file */

struct webhooks;

/*
 * What is wrong with one of the configuration, as far as it can be told without asking anybody: a secret that cannot be read, a URL that
 * would never be asked. ERR_CONFIG, with file and line.
 */
bool webhooks_check(const struct config *config, struct err *err) MUST_CHECK;
/*
 * Starts the thread, after that check. Borrows larder, whose config and store are there. Where none is configured there is no thread.
 * Those that are not configured any more are forgotten.
 */
struct webhooks *webhooks_start(struct larder *larder, struct err *err) MUST_CHECK;
/* Ends what is under way. NULL is nothing. */
void webhooks_stop(struct webhooks *webhooks);
/* There is something new to tell. Any thread, returns at once. NULL is nothing. */
void webhooks_wake(struct webhooks *webhooks);

#endif
