/*
 * Who gets the next transfer. The fetcher's thread; must never wait.
 */
#include "server/upstream/queue.h"

#include "server/upstream/errand.h"

void
queue_init(struct queue *queue)
{
	TAILQ_INIT(&queue->waited_for);
	TAILQ_INIT(&queue->yielding);
	queue->n_waited_for = 0;
}

void
queue_leave(struct queue *queue, struct errand *errand)
{
	if (!errand->is_queued)
		return;
	errand->is_queued = false;
	if (errand_yields(errand)) {
		TAILQ_REMOVE(&queue->yielding, errand, queued);
		return;
	}
	TAILQ_REMOVE(&queue->waited_for, errand, queued);
	queue->n_waited_for--;
}

void
queue_enter(struct queue *queue, struct errand *errand, enum queue_end where)
{
	struct errands *errands = errand_yields(errand) ? &queue->yielding : &queue->waited_for;

	if (errand->is_queued)
		return;
	errand->is_queued = true;
	if (where == QUEUE_FRONT)
		TAILQ_INSERT_HEAD(errands, errand, queued);
	else
		TAILQ_INSERT_TAIL(errands, errand, queued);
	queue->n_waited_for += !errand_yields(errand);
}

static int64_t
running(const struct errand *errand, struct breaker *breaker)
{
	return breaker_running(breaker, errand_origin(errand)->place.host);
}

bool
queue_must_wait(const struct errand *errand, struct breaker *breaker, int64_t share)
{
	return running(errand, breaker) >= share;
}

struct errand *
queue_fairest(const struct errands *errands, struct breaker *breaker, int64_t share)
{
	int64_t fewest = share;
	struct errand *errand, *found = NULL;

	TAILQ_FOREACH (errand, errands, queued) {
		int64_t busy = running(errand, breaker);

		if (busy >= fewest)
			continue;
		found = errand;
		fewest = busy;
		if (fewest == 0)
			break;
	}
	return found;
}
