/*
 * The course of an errand, the same for all of them: which origin next, what an answer says of the host. Who is asked
 * beside whom is in errand_race.c; what its bytes mean is up to its kind. The fetcher's thread; must never wait.
 */
#include "server/upstream/errand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

/* The drawing in errand.h as a table: to which states one may go from each. */
static const unsigned allowed_moves[] = {
        [ERRAND_WAITING] = 1u << ERRAND_ASKING | 1u << ERRAND_OVER,
        [ERRAND_ASKING] =
                1u << ERRAND_OVERDUE | 1u << ERRAND_TAKING | 1u << ERRAND_WAITING | 1u << ERRAND_OVER,
        [ERRAND_OVERDUE] = 1u << ERRAND_ASKING | 1u << ERRAND_RACING | 1u << ERRAND_TAKING |
                           1u << ERRAND_WAITING | 1u << ERRAND_OVER,
        [ERRAND_RACING] = 1u << ERRAND_ASKING | 1u << ERRAND_TAKING | 1u << ERRAND_OVER,
        [ERRAND_TAKING] = 1u << ERRAND_WAITING | 1u << ERRAND_PROVING | 1u << ERRAND_OVER,
        [ERRAND_PROVING] = 1u << ERRAND_WAITING | 1u << ERRAND_SETTLING | 1u << ERRAND_OVER,
        [ERRAND_SETTLING] = 1u << ERRAND_OVER,
        [ERRAND_OVER] = 0,
};

void
errand_move(struct errand *errand, enum errand_state state)
{
	assert((allowed_moves[errand->state] & 1u << state) != 0);
	errand->state = state;
}

void
errand_open(struct errand *errand, struct upstream *upstream)
{
	errand->upstream = upstream;
	for (int i = 0; i < ERRAND_VISITS; i++)
		errand->visits[i].errand = errand;
	errand->kind->open(errand);
}

void
errand_close(struct errand *errand)
{
	for (int i = 0; i < ERRAND_VISITS; i++)
		assert(!visit_is_under_way(&errand->visits[i]));
	errand->kind->close(errand);
	origins_finish(&errand->origins);
	tally_finish(&errand->tally);
	free(errand->proof);
	free(errand);
}

bool
errand_wants_transfer(const struct errand *errand)
{
	return errand->state == ERRAND_WAITING || errand->state == ERRAND_OVERDUE;
}

bool
errand_yields(const struct errand *errand)
{
	return errand->kind->rank == ERRAND_YIELDS;
}

bool
errand_is_moot(const struct errand *errand)
{
	return errand->state != ERRAND_PROVING && errand->state != ERRAND_SETTLING &&
	       errand->kind->is_moot(errand);
}

/* --- whom to ask --- */

const struct origin *
errand_origin(const struct errand *errand)
{
	return &errand->origins.items[errand->next];
}

int64_t
errand_rests_until(const struct errand *errand, const struct origin *origin, int64_t now_ms)
{
	int64_t until = breaker_rests_until(errand->upstream->breaker, origin->place.host, now_ms);

	return until != 0 ? until : errand->kind->rests_until(errand, origin, now_ms);
}

bool
errand_note_rest(struct errand *errand, size_t index, int64_t now_ms)
{
	const char *host = errand->origins.items[index].place.host;
	int64_t until_ms = breaker_asked_until(errand->upstream->breaker, host, now_ms);

	if (until_ms != 0)
		tally_add_rest(&errand->tally, host, until_ms, clock_wall_ms() + until_ms - now_ms);
	return until_ms != 0;
}

static void
pass_over_resting(struct errand *errand, size_t index, int64_t until_ms, int64_t now_ms)
{
	const struct origin *origin = &errand->origins.items[index];
	bool host = breaker_rests_until(errand->upstream->breaker, origin->place.host, now_ms) != 0;
	enum tally_kind kind = host ? TALLY_RESTING : TALLY_CHANGED;
	struct text detail = TEXT_EMPTY;

	if (errand_note_rest(errand, index, now_ms))
		kind = TALLY_LEFT;
	text_addf(&detail, "%s %lld s more", host ? "rests for" : "served other bytes, not asked for",
	        (long long)(until_ms - now_ms + 999) / 1000);
	errand->kind->pass_over(errand, index, kind, text_string(&detail));
	text_finish(&detail);
}

/* Whether the origin may be asked now; where not, says why, and it will not be. */
static bool
may_ask(struct errand *errand, size_t index, int64_t now_ms)
{
	struct origin *origin = &errand->origins.items[index];
	int64_t until_ms;

	if (origin->allowed != POLICY_ALLOWED) {
		if (origin->allowed == POLICY_PORT || origin->allowed == POLICY_ADDRESS)
			metrics_add(errand->upstream->metrics, METRIC_LIMIT_ADDRESS_POLICY, 1);
		origin->asked = true;
		errand->kind->pass_over(errand, index, TALLY_BARRED, policy_answer_text(origin->allowed));
		return false;
	}
	until_ms = errand_rests_until(errand, origin, now_ms);
	if (until_ms == 0)
		return true;
	origin->asked = true;
	pass_over_resting(errand, index, until_ms, now_ms);
	return false;
}

/* The first that may be asked of those whose turn it is. */
static bool
find_in_turn(struct errand *errand, enum origin_turn turn, int64_t now_ms)
{
	for (size_t i = 0; i < errand->origins.count; i++) {
		const struct origin *origin = &errand->origins.items[i];

		if (origin->asked || origin->turn != turn || !may_ask(errand, i, now_ms))
			continue;
		errand->next = i;
		return true;
	}
	return false;
}

/* One that the kind prefers; those that were not asked yet; those that made room for others. */
static const struct origin *
next_in_turn(struct errand *errand, int64_t now_ms)
{
	size_t preferred = errand->kind->prefers(errand);

	if (preferred != ORIGINS_ANY && may_ask(errand, preferred, now_ms)) {
		errand->next = preferred;
		return errand_origin(errand);
	}
	if (find_in_turn(errand, ORIGIN_FIRST_TURN, now_ms) ||
	        find_in_turn(errand, ORIGIN_SECOND_TURN, now_ms))
		return errand_origin(errand);
	errand->kind->give_up(errand, now_ms);
	return NULL;
}

const struct origin *
errand_next(struct errand *errand, int64_t now_ms)
{
	assert(errand_wants_transfer(errand));
	if (errand->state == ERRAND_OVERDUE) {
		if (errand_find_beside(errand, now_ms))
			return errand_origin(errand);
		errand_move(errand, ERRAND_ASKING);
		return NULL;
	}
	if (!errand_is_moot(errand))
		return next_in_turn(errand, now_ms);
	errand_move(errand, ERRAND_OVER);
	return NULL;
}

void
errand_begin(struct errand *errand, int64_t now_ms)
{
	struct visit *visit = &errand->visits[visit_is_under_way(&errand->visits[0]) ? 1 : 0];

	if (errand->state == ERRAND_OVERDUE)
		metrics_add(errand->upstream->metrics, METRIC_FLIGHT_OVERTAKINGS, 1);
	errand_move(errand, errand->state == ERRAND_OVERDUE ? ERRAND_RACING : ERRAND_ASKING);
	errand->origins.items[errand->next].asked = true;
	visit_begin(visit, errand->next, now_ms);
}

/* --- what a visit came to --- */

static void
log_news(const char *host, enum breaker_news news, const struct breaker_rest *rest, const char *detail)
{
	switch (news) {
	case BREAKER_AS_BEFORE:
		break;
	case BREAKER_RESTS:
		if (rest->failures > 0)
			log_warning(
			        "origin %s rests %lld s after %u failures: %s; others are asked meanwhile",
			        host, (long long)rest->for_ms / 1000, rest->failures, detail);
		else
			log_warning("origin %s rests %lld s, as it asked with %s; others are asked meanwhile",
			        host, (long long)rest->for_ms / 1000, detail);
		break;
	case BREAKER_ANSWERS_AGAIN:
		log_info("origin %s answers again", host);
		break;
	}
}

void
errand_judge_host(struct errand *errand, size_t origin, const struct transfer_report *report, int64_t now_ms)
{
	struct breaker *breaker = errand->upstream->breaker;
	const char *host = errand->origins.items[origin].place.host;
	enum breaker_news news = BREAKER_AS_BEFORE;
	struct breaker_rest rest = {0};

	if (report->end == TRANSFER_BUSY)
		news = breaker_asked_rest(breaker, host, report->rest_ms, now_ms, &rest);
	else if (transfer_end_blames_host(report->end))
		news = breaker_failed(breaker, host, now_ms, &rest);
	else if (transfer_end_is_answer(report->end))
		news = breaker_answered(breaker, host);
	log_news(host, news, &rest, report->detail);
}

static void
count_limit(struct metrics *metrics, enum transfer_limit limit)
{
	static const enum metric counters[] = {
	        [TRANSFER_LIMIT_CONNECT] = METRIC_LIMIT_CONNECT,
	        [TRANSFER_LIMIT_FIRST_BYTE] = METRIC_LIMIT_FIRST_BYTE,
	        [TRANSFER_LIMIT_RATE] = METRIC_LIMIT_FETCH_RATE,
	        [TRANSFER_LIMIT_REDIRECTS] = METRIC_LIMIT_REDIRECTS,
	        [TRANSFER_LIMIT_ADDRESS] = METRIC_LIMIT_ADDRESS_POLICY,
	        [TRANSFER_LIMIT_HEADERS] = METRIC_LIMIT_FETCH_HEADERS,
	        [TRANSFER_LIMIT_SIZE] = METRIC_LIMIT_MAX_ARCHIVE,
	};

	if (limit != TRANSFER_NO_LIMIT)
		metrics_add(metrics, counters[limit], 1);
}

void
errand_goes_on(struct errand *errand)
{
	errand_move(errand, errand->state == ERRAND_RACING ? ERRAND_ASKING : ERRAND_WAITING);
}

void
errand_fail(struct errand *errand, const struct err *err)
{
	errand_move(errand, ERRAND_OVER);
	errand->kind->fail(errand, err);
}

void
errand_ended(struct visit *visit, CURLcode code, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct transfer_report report;

	visit_finish(visit, code, &report);
	if (errand_is_moot(errand)) { /* says nothing about the origin */
		errand_move(errand, ERRAND_OVER);
	} else {
		count_limit(errand->upstream->metrics, report.limit);
		errand->kind->ended(visit, &report, now_ms);
	}
	if (errand->state == ERRAND_OVER)
		errand_lose_all(errand);
	errand_drop_lost(errand, now_ms);
}

void
errand_proved(struct errand *errand, int64_t now_ms)
{
	assert(errand->state == ERRAND_PROVING);
	errand->kind->proved(errand, now_ms);
	if (errand->state == ERRAND_OVER)
		errand_lose_all(errand);
	errand_drop_lost(errand, now_ms);
}

void
errand_tick(struct errand *errand, int64_t now_ms)
{
	bool asks = false;

	errand->kind->tick(errand, now_ms);
	for (int i = 0; i < ERRAND_VISITS; i++)
		asks = asks || visit_is_under_way(&errand->visits[i]);
	/* While it is proving, somebody is going to tell it how that went. */
	if (!asks && errand->state != ERRAND_PROVING && errand->kind->is_moot(errand))
		errand_move(errand, ERRAND_OVER);
}

void
errand_break(struct errand *errand)
{
	struct err err = ERR_NONE;

	err_set(&err, ERR_STOPPING, "larder is stopping");
	errand_break_off_all(errand);
	if (errand->state == ERRAND_SETTLING)
		errand_move(errand, ERRAND_OVER);
	else
		errand_fail(errand, &err);
}

/* --- for kinds that have nothing to say --- */

size_t
errand_prefers_nobody(const struct errand *errand)
{
	(void)errand;
	return ORIGINS_ANY;
}

int64_t
errand_rests_never(const struct errand *errand, const struct origin *origin, int64_t now_ms)
{
	(void)errand;
	(void)origin;
	(void)now_ms;
	return 0;
}

void
errand_ticks_for_nobody(struct errand *errand, int64_t now_ms)
{
	(void)errand;
	(void)now_ms;
}

bool
errand_is_never_moot(const struct errand *errand)
{
	(void)errand;
	return false;
}
