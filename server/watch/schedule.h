/*
 * When an origin is asked next. Pure: time is an argument (the wall clock, since schedules outlive restarts), and chance is a
 * seed.
 */
#ifndef SERVER_WATCH_SCHEDULE_H
#define SERVER_WATCH_SCHEDULE_H

#include <stdint.h>

#include "storage/catalog/verdict.h"

#define SCHEDULE_JITTER 10 /* one in so many: how much sooner than the interval says an origin is asked */
#define SCHEDULE_AGAIN_MS                                                                                    \
	(3 * 60000ll) /* other bytes; a failure that did not count since nobody vouched for the network */
#define SCHEDULE_DAILY_MS  (24 * 3600000ll)     /* after the verdict, while it goes on failing … */
#define SCHEDULE_DAILY_FOR (7 * 24 * 3600000ll) /* … for this long */
#define SCHEDULE_WITHIN_MS (24 * 3600000ll) /* nothing is planned further ahead than the interval and this */

struct schedule {
	int64_t interval_ms; /* of a full round */
	uint64_t seed;
};

/* A number below `below` (0: 0) that is the same for the same seed, origin and salt. */
int64_t schedule_chance(const struct schedule *schedule, int64_t origin, int64_t salt, int64_t below);

/* One that was never asked: somewhere within the interval. */
int64_t schedule_first(const struct schedule *schedule, int64_t origin, int64_t now_ms);

/* What the last contact with an origin left behind. */
struct schedule_contact {
	int64_t origin, tried_at_ms;
	enum origin_result result;
	const struct origin_memory *memory;
};
/*
 * After a contact. A good one: within the interval. Other bytes where all was well: SCHEDULE_AGAIN_MS later, once. A failure:
 * 1, 6, 24 and 49 hours after the first that counts, so that there is a verdict then; afterwards daily for a week, then as
 * all others. Never in the past, never further away than the interval and SCHEDULE_WITHIN_MS, whatever was done to the clock.
 */
int64_t schedule_next(
        const struct schedule *schedule, const struct schedule_contact *contact, int64_t now_ms);

/* A time beyond this one was planned by a clock that was wrong, or for a longer interval. */
int64_t schedule_horizon(const struct schedule *schedule, int64_t now_ms);

/*
 * A budget of bytes that fills evenly, a day's worth a day, up to a day's worth; empty at first, so that restarts do not
 * refill it. May be overdrawn by one who did not know how much it would be.
 */
struct budget {
	uint64_t per_day;
	int64_t bytes;
	int64_t at_ms; /* when it was filled last; clock_ms */
};
/* Whether it holds that much. per_day 0: never. */
enum budget_answer { BUDGET_HOLDS, BUDGET_LACKS };
enum budget_answer budget_ask(struct budget *budget, uint64_t bytes, int64_t now_ms);
void budget_spend(struct budget *budget, uint64_t bytes);
/* How long until it holds that much; more than a day's worth counts as that. */
int64_t budget_wait_ms(const struct budget *budget, uint64_t bytes);

#endif
