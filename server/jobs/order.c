/*
 * Orders. The thread that works; only wake runs elsewhere, under the flight's lock, and does nothing but post
 * a letter.
 */
#include "server/jobs/order.h"

#include <assert.h>

#include "server/archive/flights.h"
#include "server/archive/mending.h"
#include "storage/base/text.h"
#include "storage/store.h"

void
orders_init(struct orders *orders, struct larder *larder)
{
	*orders = (struct orders){.larder = larder};
	mailbox_init(&orders->home);
}

void
orders_finish(struct orders *orders)
{
	assert(orders->under_way == 0);
	mailbox_finish(&orders->home);
}

size_t
orders_under_way(const struct orders *orders)
{
	return orders->under_way;
}

static void
park(struct waiter *waiter)
{
	(void)waiter; /* an order waits in its mailbox anyway */
}

static struct order *
order_of(struct waiter *waiter)
{
	return (struct order *)(void *)((char *)waiter - offsetof(struct order, waiter));
}

static void
wake(struct waiter *waiter)
{
	struct order *order = order_of(waiter);

	mailbox_post(&order->office->home, &order->letter);
}

void
order_init(struct order *order, struct orders *office, const struct want *want)
{
	*order = (struct order){.office = office, .want = want};
	order->waiter = (struct waiter){
	        .park = park, .wake = wake, .asked = mending_digest(office->larder->store, &want->digests)};
}

void
order_send(struct order *order)
{
	struct orders *office = order->office;

	order->err = ERR_NONE;
	order->state = ORDER_UNDER_WAY;
	office->under_way++;
	order->flight = flights_join(office->larder->flights, &order->waiter.asked, &order->err);
	wake(&order->waiter); /* orders_next looks how far it is */
}

static bool
anybody_was_asked(const struct attempts *attempts)
{
	for (size_t i = 0; i < attempts->count; i++)
		if (attempts->items[i].result != ORIGIN_UNTRIED)
			return true;
	return false;
}

/* Those of the last try; but where all hosts rested then, what they said before tells more. */
static void
keep_attempts(struct order *order)
{
	const struct attempts *from = flight_attempts(order->flight);

	if (order->attempts.count > 0 && !anybody_was_asked(from))
		return;
	attempts_finish(&order->attempts);
	for (size_t i = 0; i < from->count; i++)
		attempts_add(
		        &order->attempts, from->items[i].url, from->items[i].result, from->items[i].detail);
}

/* The flight is over and the bytes were right: are they kept? They are not when the disk is full or takes no writes. */
static void
look_into_store(struct order *order)
{
	switch (store_has(
	        order->office->larder->store, &order->want->digests, &order->archive, &order->err)) {
	case STORE_HIT:
		order->state = ORDER_STORED;
		return;
	case STORE_MISS:
		err_set(&order->err, ERR_NO_SPACE,
		        "the bytes came and were not kept: the store has no room, cannot be written or holds "
		        "another archive under this name");
		order->state = ORDER_FAILED;
		return;
	case STORE_FAILED:
		order->state = ORDER_FAILED;
		return;
	}
}

/*
 * Asks the flight for what lies behind its last byte: the answer is the end or a failure. Bytes are not asked
 * for, so that the fetcher may go to the next origin until the very end.
 */
static void
look_at_flight(struct order *order)
{
	char nothing;
	size_t length;

	switch (flight_read(order->flight, &order->waiter, UINT64_MAX, &nothing, 0, &length, &order->err)) {
	case NEWS_PARKED:
		return;
	case NEWS_READY:
	case NEWS_STORED:
	case NEWS_END:
		look_into_store(order);
		break;
	case NEWS_FAILED:
		order->state = ORDER_FAILED;
		keep_attempts(order);
		break;
	}
	flight_leave(order->flight, &order->waiter);
	order->flight = NULL;
}

struct order *
orders_next(struct orders *orders, int64_t timeout_ms)
{
	for (;;) {
		struct letter *letter = mailbox_take(&orders->home, timeout_ms);
		struct order *order = (struct order *)(void *)letter;

		if (letter == NULL)
			return NULL;
		if (order->flight != NULL)
			look_at_flight(order);
		else
			order->state = ORDER_FAILED;
		if (order->state == ORDER_UNDER_WAY)
			continue;
		orders->under_way--;
		return order;
	}
}

void
orders_abandon(struct orders *orders, struct order *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct order *order = &items[i];

		if (order->state != ORDER_UNDER_WAY)
			continue;
		if (order->flight != NULL)
			flight_leave(order->flight, &order->waiter);
		order->flight = NULL;
		order->state = ORDER_FAILED;
		err_set(&order->err, ERR_STOPPING, "nobody waits for it any more");
		orders->under_way--;
	}
	/* Nobody wakes any of them now; the letters that came before are of no use. */
	while (mailbox_take(&orders->home, 0) != NULL)
		continue;
	assert(orders->under_way == 0);
}

bool
order_is_transient(const struct order *order)
{
	return order->state == ORDER_FAILED &&
	       (order->err.code == ERR_FAILING || order->err.code == ERR_TIMEOUT ||
	               order->err.code == ERR_OVERLOADED);
}

void
order_finish(struct order *order)
{
	attempts_finish(&order->attempts);
}
