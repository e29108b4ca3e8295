/*
 * Events of a job. Under the lock of the table of jobs; grows as they come.
 */
#include "server/jobs/job_events.h"

#include "storage/base/text.h"

#define CAPACITY_FIRST 64

void
job_events_init(struct job_events *events, size_t max)
{
	*events = (struct job_events){.max = max};
}

void
job_events_finish(struct job_events *events)
{
	for (uint64_t n = events->first; n < events->next; n++)
		free(events->items[n % events->capacity]);
	free(events->items);
	*events = (struct job_events){0};
}

static void
grow(struct job_events *events)
{
	size_t capacity = events->capacity > 0 ? 2 * events->capacity : CAPACITY_FIRST;
	char **items;

	if (capacity > events->max)
		capacity = events->max;
	items = xcalloc(capacity, sizeof items[0]);
	for (uint64_t n = events->first; n < events->next; n++)
		items[n % capacity] = events->items[n % events->capacity];
	free(events->items);
	events->items = items;
	events->capacity = capacity;
}

void
job_events_add(struct job_events *events, char *text)
{
	if (events->next - events->first == events->capacity && events->capacity < events->max)
		grow(events);
	if (events->next - events->first == events->capacity)
		free(events->items[events->first++ % events->capacity]);
	events->items[events->next++ % events->capacity] = text;
}

json_t *
job_events_since(const struct job_events *events, uint64_t since, size_t max, uint64_t *ret_next)
{
	json_t *told = json_array();
	uint64_t n = since > events->first ? since : events->first;

	for (; n < events->next && json_array_size(told) < max; n++)
		json_array_append_new(told, json_loads(events->items[n % events->capacity], 0, NULL));
	*ret_next = n < events->next ? n : events->next;
	return told;
}
