/*
 * The bell. One sleeper, any number of ringers; nobody holds its mutex while doing anything else.
 */
#include "storage/base/bell.h"

#include <time.h>

#include "storage/base/clock.h"

void
bell_init(struct bell *bell)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&bell->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&bell->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	bell->rung = bell->stopped = false;
}

void
bell_finish(struct bell *bell)
{
	pthread_cond_destroy(&bell->changed);
	pthread_mutex_destroy(&bell->mutex);
}

static void
set(struct bell *bell, bool *flag)
{
	pthread_mutex_lock(&bell->mutex);
	*flag = true;
	pthread_cond_signal(&bell->changed);
	pthread_mutex_unlock(&bell->mutex);
}

void
bell_ring(struct bell *bell)
{
	set(bell, &bell->rung);
}

void
bell_stop(struct bell *bell)
{
	set(bell, &bell->stopped);
}

bool
bell_is_stopped(struct bell *bell)
{
	bool stopped;

	pthread_mutex_lock(&bell->mutex);
	stopped = bell->stopped;
	pthread_mutex_unlock(&bell->mutex);
	return stopped;
}

enum bell_answer
bell_wait(struct bell *bell, int64_t until_ms)
{
	const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	enum bell_answer answer;

	pthread_mutex_lock(&bell->mutex);
	while (!bell->rung && !bell->stopped && clock_ms() < until_ms) {
		if (until_ms == INT64_MAX)
			pthread_cond_wait(&bell->changed, &bell->mutex);
		else
			pthread_cond_timedwait(&bell->changed, &bell->mutex, &until);
	}
	answer = bell->stopped ? BELL_STOPPED : bell->rung ? BELL_RUNG : BELL_SILENT;
	bell->rung = false;
	pthread_mutex_unlock(&bell->mutex);
	return answer;
}
