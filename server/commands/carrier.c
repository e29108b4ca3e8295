/*
 * What all carriers do alike. Main thread.
 */
#include "server/commands/carrier.h"

#define DRAIN_TICK_MS 200 /* how long a signal may go unnoticed */

void
carrier_drain(struct carrier *carrier, size_t until, delivery_fn *take, void *context)
{
	struct delivery delivery;

	for (;;) {
		bool waiting = carrier->under_way > until;

		if (carrier->next(carrier, waiting ? DRAIN_TICK_MS : 0, &delivery)) {
			take(context, &delivery);
			gift_finish(&delivery.gift);
		} else if (!waiting) {
			return;
		}
		giving_is_stopped(carrier->giving);
		progress_tick(&carrier->giving->progress);
	}
}
