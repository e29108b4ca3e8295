/*
 * Misses. The worker's thread of who asks; nothing here waits.
 */
#include "server/archive/miss.h"

#include "server/admin/metrics.h"
#include "server/archive/flights.h"
#include "server/config.h"
#include "server/larder.h"
#include "storage/base/clock.h"
#include "storage/store.h"

bool
miss_begin(struct miss *miss, struct larder *larder, const struct digest *digest, enum waiter_wish wish,
        struct err *err)
{
	metrics_add(larder->metrics, METRIC_MISSES, 1);
	miss->flight = flights_join(larder->flights, digest, err);
	if (miss->flight == NULL)
		return false;
	miss->waiter->wish = wish;
	miss->waiter->asked = *digest;
	miss->waiter->give_up_at_ms = clock_ms() + larder->config->fetch.miss_deadline_ms;
	return true;
}

enum flight_news
miss_follow(struct miss *miss, struct larder *larder, struct err *err)
{
	enum flight_news news = flight_head(miss->flight, miss->waiter, &miss->size_bytes, err);

	if (news == NEWS_READY)
		metrics_add(larder->metrics, METRIC_MISSES_SERVED, 1);
	if (news == NEWS_FAILED && err->code == ERR_TIMEOUT)
		metrics_add(larder->metrics, METRIC_LIMIT_MISS_DEADLINE, 1);
	return news;
}

void
miss_digests(const struct miss *miss, struct digests *ret)
{
	*ret = (struct digests){0};
	digests_put(ret, flight_asked(miss->flight));
	digests_put(ret, &miss->waiter->asked);
}

const char *
miss_reason(const struct err *err)
{
	return err_reason(err->code)[0] != '\0' ? err_reason(err->code) : "broken";
}

bool
miss_open(struct larder *larder, const struct digest *digest, struct blob *ret, struct err *err)
{
	switch (store_find(larder->store, digest, ret, err)) {
	case STORE_HIT:
		metrics_add(larder->metrics, METRIC_MISSES_SERVED, 1);
		return true;
	case STORE_MISS:
		return err_set(err, ERR_CHANGED,
		        "the catalog lists this digest with those of another archive, which was stored");
	case STORE_FAILED:
		break;
	}
	return false;
}

bool
miss_end(struct miss *miss)
{
	bool was_parked = miss->flight != NULL && flight_leave(miss->flight, miss->waiter);

	miss->flight = NULL;
	return was_parked;
}
