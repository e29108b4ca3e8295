/*
 * A bell: what a thread sleeps by that has something to do now and then. Others ring it, or stop it for good, from any thread; its mutex
 * is a leaf of the lock order.
 */
#ifndef STORAGE_BASE_BELL_H
#define STORAGE_BASE_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool rung, stopped;
};

void bell_init(struct bell *bell);
void bell_finish(struct bell *bell);

void bell_ring(struct bell *bell); /* a ring while nobody sleeps ends the next sleep at once */
void bell_stop(struct bell *bell);
bool bell_is_stopped(struct bell *bell);

/* Sleeps until clock_ms is until_ms (INT64_MAX: for ever), it is rung or it is stopped. */
enum bell_answer { BELL_SILENT, BELL_RUNG, BELL_STOPPED };
enum bell_answer bell_wait(struct bell *bell, int64_t until_ms);

#endif
