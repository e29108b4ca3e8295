/*
 * The queue: errands that want a transfer, and who gets the next one. Those that somebody waits for come before those that yield.
 *
 * The fetcher's thread.
 */
#ifndef SERVER_UPSTREAM_QUEUE_H
#define SERVER_UPSTREAM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct breaker;
struct errand;

TAILQ_HEAD(errands, errand);

struct queue {
	struct errands waited_for;
	struct errands yielding; /* probes, which get what the others leave */
	uint64_t n_waited_for;
};

void queue_init(struct queue *queue);
/* Front: it had its turn and has to ask elsewhere, before those who have not begun. */
enum queue_end { QUEUE_FRONT, QUEUE_BACK };
/* Nothing where it stands in it already. */
void queue_enter(struct queue *queue, struct errand *errand, enum queue_end where);
/* Nothing where it does not. */
void queue_leave(struct queue *queue, struct errand *errand);
/*
 * Of these, the one whose host has the fewest transfers, the first of several: many slow hosts together do not hold up a
 * quick one either. NULL: every host has its share.
 */
struct errand *queue_fairest(const struct errands *errands, struct breaker *breaker, int64_t share);
/* Its host has as many transfers as one may have. */
bool queue_must_wait(const struct errand *errand, struct breaker *breaker, int64_t share);

#endif
