/*
 * A doorbell: any thread rings, and one hears that waits in an epoll set. However often it is rung before it is heard, it costs one system
 * call; and what was done before it was rung is seen by who hears it.
 */
#ifndef SERVER_HTTP_DOORBELL_H
#define SERVER_HTTP_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>

struct doorbell {
	int fd;            /* readable while it rings; -1: it does not exist */
	_Atomic bool rung; /* and not heard yet */
};

/* False: errno. */
bool doorbell_init(struct doorbell *bell);
void doorbell_finish(struct doorbell *bell);

/* Any thread. Nothing where there is none. */
void doorbell_ring(struct doorbell *bell);
/* The hearer's thread, before it looks at what it may have been rung for. */
void doorbell_hear(struct doorbell *bell);

#endif
