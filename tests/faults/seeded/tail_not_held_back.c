/* Seeded bug: who waits for a large archive reads all that is there, right or not. */
#include "server/archive/flight_parts.h"

enum flight_news __real_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position,
        void *ret, size_t max, size_t *ret_length, struct err *err);
enum flight_news __wrap_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position,
        void *ret, size_t max, size_t *ret_length, struct err *err);

enum flight_news
__wrap_flight_read(struct flight *flight, struct waiter *waiter, uint64_t position, void *ret, size_t max,
        size_t *ret_length, struct err *err)
{
	uint64_t appended;
	ssize_t length;

	pthread_mutex_lock(&flight->mutex);
	appended = flight->appended;
	pthread_mutex_unlock(&flight->mutex);
	if (position >= appended)
		return __real_flight_read(flight, waiter, position, ret, max, ret_length, err);
	if (max > appended - position)
		max = (size_t)(appended - position);
	length = intake_pread(flight->intake, ret, max, position, err);
	*ret_length = length > 0 ? (size_t)length : 0;
	return length > 0 ? NEWS_READY : NEWS_FAILED;
}
