/*
 * When an origin is asked next, and whether the budget holds its bytes. Pure; any thread. Must never answer with the past, nor with a
 * time that only a wrong clock would reach.
 */
#include "server/watch/schedule.h"

#include "storage/base/auto.h"

#define HOUR_MS 3600000ll
#define DAY_MS  (24 * HOUR_MS)

/*
 * After the first failure that counts. The last one comes an hour after what the verdict asks for, so that a late answer does not
 * cost a day.
 */
static const int64_t suspicion_ms[] = {1 * HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 49 * HOUR_MS};
#define SUSPICION_LAST_MS (49 * HOUR_MS)

/* splitmix64: every bit of the input changes half of the output. */
static uint64_t
mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15u;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

int64_t
schedule_chance(const struct schedule *schedule, int64_t origin, int64_t salt, int64_t below)
{
	uint64_t mixed = mix(mix(mix(schedule->seed) ^ (uint64_t)origin) ^ (uint64_t)salt);

	return below > 0 ? (int64_t)(mixed % (uint64_t)below) : 0;
}

int64_t
schedule_first(const struct schedule *schedule, int64_t origin, int64_t now_ms)
{
	return now_ms + schedule_chance(schedule, origin, 0, schedule->interval_ms);
}

int64_t
schedule_horizon(const struct schedule *schedule, int64_t now_ms)
{
	return now_ms + schedule->interval_ms + SCHEDULE_WITHIN_MS;
}

/* A little sooner than after the whole interval, so that a round does not take longer than that. */
static int64_t
after_interval(const struct schedule *schedule, const struct schedule_contact *contact)
{
	return contact->tried_at_ms + schedule->interval_ms -
	       schedule_chance(schedule, contact->origin, contact->tried_at_ms,
	               schedule->interval_ms / SCHEDULE_JITTER);
}

/* When the suspicion began that the next failure may turn into a verdict. */
static int64_t
suspected_since(const struct origin_memory *memory)
{
	if (memory->gone > 0)
		return memory->gone_since_ms;
	return memory->counted > 0 ? memory->counted_since_ms : memory->failing_since_ms;
}

static int64_t
after_failure(const struct schedule *schedule, const struct schedule_contact *contact)
{
	const struct origin_memory *memory = contact->memory;
	int64_t since_ms = suspected_since(memory), tried_at_ms = contact->tried_at_ms;

	if (memory->counted == 0 && memory->failures == 1)
		return tried_at_ms + SCHEDULE_AGAIN_MS;
	for (size_t i = 0; i < COUNT_OF(suspicion_ms); i++) {
		int64_t at_ms = since_ms + suspicion_ms[i];

		if (at_ms - tried_at_ms >= VERDICT_APART_MS)
			return at_ms + schedule_chance(schedule, contact->origin, at_ms, HOUR_MS / 12);
	}
	if (tried_at_ms - since_ms < SUSPICION_LAST_MS + SCHEDULE_DAILY_FOR)
		return tried_at_ms + SCHEDULE_DAILY_MS -
		       schedule_chance(schedule, contact->origin, tried_at_ms, HOUR_MS);
	return after_interval(schedule, contact);
}

static int64_t
wish(const struct schedule *schedule, const struct schedule_contact *contact)
{
	switch (contact->result) {
	case ORIGIN_GONE:
	case ORIGIN_FAILED:
		return after_failure(schedule, contact);
	case ORIGIN_CHANGED:
		/* Nobody vouched for the network: it does not count yet. */
		if (contact->memory->state != ORIGIN_IS_CHANGED)
			return after_failure(schedule, contact);
		/* The end of a body without a length may be a cut: whether it serves them again is seen before people are told. */
		if (contact->memory->failures == 1)
			return contact->tried_at_ms + SCHEDULE_AGAIN_MS;
		break;
	case ORIGIN_UNTRIED:
	case ORIGIN_SERVED:
	case ORIGIN_PRESENT:
		break;
	}
	return after_interval(schedule, contact);
}

int64_t
schedule_next(const struct schedule *schedule, const struct schedule_contact *contact, int64_t now_ms)
{
	int64_t at_ms = wish(schedule, contact), latest_ms = schedule_horizon(schedule, now_ms);

	/* The clock was set back: when it was asked means nothing. */
	if (contact->tried_at_ms > now_ms)
		return schedule_first(schedule, contact->origin, now_ms);
	if (at_ms <= now_ms)
		return now_ms + 1;
	return at_ms < latest_ms ? at_ms : latest_ms;
}

/* --- the budget --- */

static void
fill(struct budget *budget, int64_t now_ms)
{
	double more;

	if (budget->at_ms == 0)
		budget->at_ms = now_ms;
	more = (double)budget->per_day * (double)(now_ms - budget->at_ms) / (double)DAY_MS;
	if (more < 1)
		return;
	/* Whole bytes only; what is left of the time counts the next time. */
	budget->at_ms += (int64_t)((double)(int64_t)more / (double)budget->per_day * (double)DAY_MS);
	budget->bytes += (int64_t)more;
	if (budget->bytes > (int64_t)budget->per_day)
		budget->bytes = (int64_t)budget->per_day;
}

enum budget_answer
budget_ask(struct budget *budget, uint64_t bytes, int64_t now_ms)
{
	fill(budget, now_ms);
	return budget->per_day > 0 && budget->bytes >= (int64_t)bytes ? BUDGET_HOLDS : BUDGET_LACKS;
}

void
budget_spend(struct budget *budget, uint64_t bytes)
{
	budget->bytes -= (int64_t)bytes;
}

int64_t
budget_wait_ms(const struct budget *budget, uint64_t bytes)
{
	int64_t lacking = (int64_t)(bytes < budget->per_day ? bytes : budget->per_day) - budget->bytes;

	if (budget->per_day == 0)
		return DAY_MS;
	return lacking > 0 ? (int64_t)((double)lacking / (double)budget->per_day * (double)DAY_MS) + 1 : 0;
}
