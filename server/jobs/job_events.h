/*
 * The events of one job, numbered from 0, as JSON texts; when there are more than are kept, the oldest make
 * room and the numbers go on. Whoever owns it locks.
 */
#ifndef SERVER_WORK_JOB_EVENTS_H
#define SERVER_WORK_JOB_EVENTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct job_events {
	char **items; /* a ring: event number n stands at n % capacity */
	size_t capacity, max;
	uint64_t first, next; /* numbers: of the oldest that is kept, of the next to come */
};

void job_events_init(struct job_events *events, size_t max);
void job_events_finish(struct job_events *events);
void job_events_add(struct job_events *events, char *text); /* takes */
/* Those from number `since` on that are kept, at most `max`; ret_next: what to ask since afterwards. */
json_t *job_events_since(const struct job_events *events, uint64_t since, size_t max, uint64_t *ret_next);

#endif
