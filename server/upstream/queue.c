/*
 * Who gets the next transfer. The fetcher's thread; must never wait.
 */
#include "server/upstream/queue.h"

#include "server/upstream/errand.h"

void
queue_init(struct queue *queue, struct breaker *breaker, int64_t share)
{
	queue->breaker = breaker;
	queue->share = share;
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
queue_enter(struct queue *queue, struct errand *errand, enum queue_end where, int64_t now_ms)
{
	struct errands *errands = errand_yields(errand) ? &queue->yielding : &queue->waited_for;

	if (errand->is_queued)
		return;
	errand->is_queued = true;
	errand->queued_at_ms = now_ms;
	if (where == QUEUE_FRONT)
		TAILQ_INSERT_HEAD(errands, errand, queued);
	else
		TAILQ_INSERT_TAIL(errands, errand, queued);
	queue->n_waited_for += !errand_yields(errand);
}

/* At the origin's host. */
static int64_t
running(const struct queue *queue, const struct origin *origin)
{
	return breaker_running(queue->breaker, origin->place.host);
}

bool
queue_must_wait(const struct queue *queue, const struct errand *errand)
{
	return running(queue, errand_origin(errand)) >= queue->share;
}

static const struct origin *
origin_for(const struct errand *errand, enum queue_way way, int64_t now_ms)
{
	switch (way) {
	case QUEUE_IN_ORDER:
		return errand_origin(errand);
	case QUEUE_ELSEWHERE:
		return errand_elsewhere(errand, now_ms);
	}
	__builtin_unreachable();
}

struct errand *
queue_fairest(const struct queue *queue, const struct errands *errands, enum queue_way way, int64_t now_ms)
{
	int64_t fewest = queue->share;
	struct errand *errand, *found = NULL;

	TAILQ_FOREACH (errand, errands, queued) {
		const struct origin *origin = origin_for(errand, way, now_ms);

		if (origin == NULL || running(queue, origin) >= fewest)
			continue;
		found = errand;
		fewest = running(queue, origin);
		if (fewest == 0)
			break;
	}
	return found;
}
