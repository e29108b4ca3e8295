/*
 * A carrier: how gifts get to a store. One puts them into the store of this process, the other carries them
 * over HTTP to the daemon or to another larder; several are under way at once. Main thread.
 */
#ifndef SERVER_COMMANDS_CARRIER_H
#define SERVER_COMMANDS_CARRIER_H

#include "server/commands/giving.h"
#include "server/upstream/client.h"

struct carrier;
struct larder;

/* A gift that came to its end; err says why it was refused. gift_finish it. */
struct delivery {
	struct gift gift;
	enum gift_end end;
	struct err err;
};

struct carrier {
	struct giving *giving;
	size_t window; /* how many it likes to have under way */
	size_t under_way;
	/*
	 * Sends an open file off: takes fd, and the gift, whose digests may still be unknown: then they are found
	 * out here. It comes back from next.
	 */
	void (*send)(struct carrier *carrier, struct gift *gift, int fd);
	/* False: none came to its end within timeout_ms. */
	bool (*next)(struct carrier *carrier, int64_t timeout_ms, struct delivery *ret);
	void (*close)(struct carrier *carrier); /* none is under way */
};

/* Borrows both. */
struct carrier *carrier_to_store(struct giving *giving, struct larder *larder);
/*
 * By PUT, under the gift's sha256. What the server cannot take for now is tried again a few times; the last
 * error is ERR_OVERLOADED or ERR_TOO_MANY then. The daemon is told where a file came from, another larder is not.
 */
struct carrier *carrier_to_daemon(struct giving *giving, struct client *client);
struct carrier *carrier_to_larder(struct giving *giving, struct client *client);

/* Takes what has come to its end until at most this many are still under way, and hands each to take. */
typedef void delivery_fn(void *context, const struct delivery *delivery);
void carrier_drain(struct carrier *carrier, size_t until, delivery_fn *take, void *context);

#endif
