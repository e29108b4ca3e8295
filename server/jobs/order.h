/*
 * An order: one archive that somebody wants fetched. Joins a flight, waits for it in a mailbox, remembers
 * how it ended. The thread that works, but for the wake, which comes from the fetcher's or the store's.
 */
#ifndef SERVER_WORK_ORDER_H
#define SERVER_WORK_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/archive/flight.h"
#include "server/jobs/wants.h"
#include "server/larder.h"
#include "storage/base/mailbox.h"

/* WAITING → UNDER_WAY → STORED or FAILED; from FAILED it can be sent again. */
enum order_state { ORDER_WAITING, ORDER_UNDER_WAY, ORDER_STORED, ORDER_FAILED };
enum order_try { TRY_FIRST, TRY_AGAIN, TRY_LAST };

/* Where orders come back to. */
struct orders {
	struct larder *larder;
	struct mailbox home;
	size_t under_way;
};

struct order {
	struct letter letter;
	struct waiter waiter;
	struct orders *office;
	const struct want *want;
	struct flight *flight;
	enum order_state state;
	struct archive archive;   /* of ORDER_STORED */
	struct err err;           /* of ORDER_FAILED */
	struct attempts attempts; /* of ORDER_FAILED: what each origin said */
};

void orders_init(struct orders *orders, struct larder *larder); /* borrows */
void orders_finish(struct orders *orders);                      /* none is under way */
size_t orders_under_way(const struct orders *orders);
/* The next that has come to an end; NULL: none within timeout_ms. */
struct order *orders_next(struct orders *orders, int64_t timeout_ms);

/*
 * Gives up waiting for those of these orders that are still under way: their flights go on, and what they
 * bring is kept. They are FAILED with ERR_STOPPING.
 */
void orders_abandon(struct orders *orders, struct order *items, size_t count);

/* Must not move in memory afterwards. Borrows both. */
void order_init(struct order *order, struct orders *office, const struct want *want);
/* It comes back from orders_next, whatever happens. */
void order_send(struct order *order);
/* FAILED, but not for good: an origin did not answer as it should, or larder had too much to do. */
bool order_is_transient(const struct order *order);
void order_finish(struct order *order);

#endif
