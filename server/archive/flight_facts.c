/*
 * The facts of a flight: what it was asked for, how it stands, what came of it. Each on the threads that flight.h says; changes nothing.
 */
#include "server/archive/flight_parts.h"

const struct digest *
flight_asked(const struct flight *flight)
{
	return &flight->plan.asked;
}

const struct catalog_wanted *
flight_wanted(const struct flight *flight)
{
	return &flight->plan.wanted;
}

const struct err *
flight_failure(const struct flight *flight)
{
	return &flight->failure;
}

int64_t
flight_failed_until(const struct flight *flight)
{
	return flight->failed_until_ms;
}

bool
flight_is_over(struct flight *flight)
{
	bool over;

	pthread_mutex_lock(&flight->mutex);
	over = flight->state == FLIGHT_LANDED || flight->state == FLIGHT_FAILED;
	pthread_mutex_unlock(&flight->mutex);
	return over;
}

const struct digests *
flight_rejected(const struct flight *flight)
{
	return flight->rejected ? intake_found(flight->intake) : NULL;
}

const struct attempts *
flight_attempts(const struct flight *flight)
{
	return &flight->attempts;
}
