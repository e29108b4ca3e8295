/*
 * The verdict. Pure; any thread.
 */
#include "storage/catalog/verdict.h"

#include <assert.h>

static const char *const result_names[] = {
        [ORIGIN_UNTRIED] = "untried",
        [ORIGIN_SERVED] = "served",
        [ORIGIN_GONE] = "gone",
        [ORIGIN_CHANGED] = "changed",
        [ORIGIN_FAILED] = "failed",
        [ORIGIN_PRESENT] = "present",
};

static const char *const state_names[] = {
        [ORIGIN_IS_UNTRIED] = "untried",
        [ORIGIN_IS_SERVING] = "serving",
        [ORIGIN_IS_FAILING] = "failing",
        [ORIGIN_IS_VANISHED] = "vanished",
        [ORIGIN_IS_CHANGED] = "changed",
};

/* The drawing in verdict.h as a table: to which states one may go from each. */
static const unsigned allowed_moves[] = {
        [ORIGIN_IS_UNTRIED] = 1u << ORIGIN_IS_SERVING | 1u << ORIGIN_IS_FAILING | 1u << ORIGIN_IS_VANISHED |
                              1u << ORIGIN_IS_CHANGED,
        [ORIGIN_IS_SERVING] = 1u << ORIGIN_IS_FAILING | 1u << ORIGIN_IS_VANISHED | 1u << ORIGIN_IS_CHANGED,
        [ORIGIN_IS_FAILING] = 1u << ORIGIN_IS_SERVING | 1u << ORIGIN_IS_VANISHED | 1u << ORIGIN_IS_CHANGED,
        [ORIGIN_IS_VANISHED] = 1u << ORIGIN_IS_SERVING | 1u << ORIGIN_IS_CHANGED,
        [ORIGIN_IS_CHANGED] = 1u << ORIGIN_IS_SERVING | 1u << ORIGIN_IS_VANISHED,
};

const char *
origin_result_name(enum origin_result result)
{
	return result_names[result];
}

const char *
origin_state_name(enum origin_state state)
{
	return state_names[state];
}

static bool
move_to(struct origin_memory *memory, enum origin_state state)
{
	if (memory->state == state)
		return false;
	assert((allowed_moves[memory->state] & 1u << state) != 0);
	memory->state = state;
	return true;
}

static void
forget_failures(struct origin_memory *memory)
{
	*memory = (struct origin_memory){.state = memory->state,
	        .served_at_ms = memory->served_at_ms,
	        .proved_at_ms = memory->proved_at_ms};
}

static void
note_failure(struct origin_memory *memory, int64_t now_ms)
{
	if (memory->failures == 0)
		memory->failing_since_ms = now_ms;
	memory->failures++;
}

/* Holds it against the origin. */
static void
count_failure(struct origin_memory *memory, enum origin_result result, int64_t now_ms)
{
	/* The first failure that says "gone" after others of another kind counts however close it follows. */
	bool first_gone = result == ORIGIN_GONE && memory->gone == 0;

	if (memory->counted > 0 && now_ms - memory->counted_at_ms < VERDICT_APART_MS && !first_gone)
		return;
	if (memory->counted == 0)
		memory->counted_since_ms = now_ms;
	if (first_gone)
		memory->gone_since_ms = now_ms;
	memory->counted++;
	memory->gone += result == ORIGIN_GONE;
	memory->counted_at_ms = now_ms;
}

static bool
judge_failure(struct origin_memory *memory, enum origin_result result, int64_t now_ms)
{
	count_failure(memory, result, now_ms);
	if (result == ORIGIN_GONE && memory->gone >= VERDICT_FAILURES &&
	        now_ms - memory->gone_since_ms >= VERDICT_OVER_MS)
		return move_to(memory, ORIGIN_IS_VANISHED);
	if (memory->state == ORIGIN_IS_VANISHED || memory->state == ORIGIN_IS_CHANGED ||
	        memory->counted < VERDICT_FAILURES || now_ms - memory->counted_since_ms < VERDICT_FAILING_MS)
		return false;
	return move_to(memory, ORIGIN_IS_FAILING);
}

bool
verdict_contact(
        struct origin_memory *memory, enum origin_result result, enum network_trust network, int64_t now_ms)
{
	switch (result) {
	case ORIGIN_SERVED:
		forget_failures(memory);
		memory->served_at_ms = memory->proved_at_ms = now_ms;
		return move_to(memory, ORIGIN_IS_SERVING);
	case ORIGIN_PRESENT:
		forget_failures(memory);
		if (memory->state == ORIGIN_IS_CHANGED)
			return false;
		memory->served_at_ms = now_ms;
		return move_to(memory, ORIGIN_IS_SERVING);
	case ORIGIN_CHANGED:
		note_failure(memory, now_ms);
		return network == NETWORK_TRUSTED && move_to(memory, ORIGIN_IS_CHANGED);
	case ORIGIN_GONE:
	case ORIGIN_FAILED:
		note_failure(memory, now_ms);
		return network == NETWORK_TRUSTED && judge_failure(memory, result, now_ms);
	case ORIGIN_UNTRIED:
		break;
	}
	return false;
}

bool
verdict_is_news(enum origin_state was, enum origin_state is, enum origin_age age)
{
	if (was == is)
		return false;
	return was != ORIGIN_IS_UNTRIED || (is != ORIGIN_IS_SERVING && age == ORIGIN_CURRENT);
}
