/* Seeded bug: who waits for a large archive gets all that is there, right or not. */
#include "server/archive/flight_parts.h"

enum flight_news __real_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position,
        void *ret, size_t max, size_t *ret_length, struct err *err);
enum flight_news __wrap_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position,
        void *ret, size_t max, size_t *ret_length, struct err *err);
enum flight_news __real_flight_view(struct flight *flight, struct waiter *waiter, uint64_t position,
        struct flight_view *ret, struct err *err);
enum flight_news __wrap_flight_view(struct flight *flight, struct waiter *waiter, uint64_t position,
        struct flight_view *ret, struct err *err);

static uint64_t
appended(struct flight *flight)
{
	uint64_t bytes;

	pthread_mutex_lock(&flight->mutex);
	bytes = flight->appended;
	pthread_mutex_unlock(&flight->mutex);
	return bytes;
}

enum flight_news
__wrap_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position, void *ret, size_t max,
        size_t *ret_length, struct err *err)
{
	uint64_t end = appended(flight);
	ssize_t length;

	if (position >= end)
		return __real_flight_read(flight, waiter, position, ret, max, ret_length, err);
	if (max > end - position)
		max = (size_t)(end - position);
	length = intake_pread(flight->intake, ret, max, position, err);
	*ret_length = length > 0 ? (size_t)length : 0;
	return length > 0 ? NEWS_READY : NEWS_FAILED;
}

enum flight_news
__wrap_flight_view(struct flight *flight, struct waiter *waiter, uint64_t position, struct flight_view *ret,
        struct err *err)
{
	uint64_t end = appended(flight);
	struct intake_view view;

	if (position >= end)
		return __real_flight_view(flight, waiter, position, ret, err);
	view = intake_view(flight->intake, position);
	*ret = (struct flight_view){.bytes = view.bytes, .fd = view.fd, .length = end - position};
	return NEWS_READY;
}
