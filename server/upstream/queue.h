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
	struct breaker *breaker; /* who knows how many transfers a host has */
	int64_t share;           /* that one host may have */
	struct errands waited_for;
	struct errands yielding; /* probes, which get what the others leave */
	uint64_t n_waited_for;
};

/* Borrows the breaker. */
void queue_init(struct queue *queue, struct breaker *breaker, int64_t share);
/* Front: it had its turn and has to ask elsewhere, before those who have not begun. */
enum queue_end { QUEUE_FRONT, QUEUE_BACK };
/* Nothing where it stands in it already. */
void queue_enter(struct queue *queue, struct errand *errand, enum queue_end where, int64_t now_ms);
/* Nothing where it does not. */
void queue_leave(struct queue *queue, struct errand *errand);
/* Elsewhere: whoever has waited for long, at the first of its other origins that has room (errand_elsewhere). */
enum queue_way { QUEUE_IN_ORDER, QUEUE_ELSEWHERE };
/*
 * Of these, the one whose host has the fewest transfers, the first of several: many slow hosts together do not hold up a
 * quick one either. NULL: every host has its share. Who may go elsewhere is to be looked for only then, since a host is
 * first for those who are there in order.
 */
struct errand *queue_fairest(
        const struct queue *queue, const struct errands *errands, enum queue_way way, int64_t now_ms);
/* Its host has as many transfers as one may have. */
bool queue_must_wait(const struct queue *queue, const struct errand *errand);

#endif
