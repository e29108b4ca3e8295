/*
 * Two origins at a time for one errand: who is asked beside whom, who makes room for a third, who is the first; and who
 * is asked instead of one whose host has its share. The fetcher's thread, partly within callbacks of libcurl; must never
 * wait.
 */
#include <assert.h>
#include <string.h>

#include "server/upstream/errand_parts.h"

/* --- whom to ask beside whom --- */

static bool
is_being_asked(const struct errand *errand, const char *host)
{
	for (int i = 0; i < ERRAND_VISITS; i++) {
		const struct visit *visit = &errand->visits[i];

		if (visit_is_under_way(visit) &&
		        strcmp(errand->origins.items[visit->origin].place.host, host) == 0)
			return true;
	}
	return false;
}

/* The second one as soon as one of its origins made room. */
static enum origin_turn
turn_of(const struct errand *errand, const char *host)
{
	for (size_t i = 0; i < errand->origins.count; i++)
		if (errand->origins.items[i].turn == ORIGIN_SECOND_TURN &&
		        strcmp(errand->origins.items[i].place.host, host) == 0)
			return ORIGIN_SECOND_TURN;
	return ORIGIN_FIRST_TURN;
}

enum host_room { ROOM_OR_NOT, WITH_ROOM };

/* Whether the host has less than its share. */
static bool
has_room(const struct errand *errand, const char *host)
{
	const struct upstream *upstream = errand->upstream;

	return breaker_running(upstream->breaker, host) < upstream->config->fetch.per_host;
}

/*
 * One to be asked beside those that are silent: at another host, since who is silent under one name is so under
 * the next. Nobody is passed over for good here. ORIGINS_ANY: there is none.
 */
static size_t
find_at_host(const struct errand *errand, enum origin_turn turn, enum host_room room, int64_t now_ms)
{
	for (size_t i = 0; i < errand->origins.count; i++) {
		const struct origin *origin = &errand->origins.items[i];

		if (!origin->asked && origin->allowed == POLICY_ALLOWED &&
		        (room == ROOM_OR_NOT || has_room(errand, origin->place.host)) &&
		        !is_being_asked(errand, origin->place.host) &&
		        turn_of(errand, origin->place.host) == turn &&
		        errand_rests_until(errand, origin, now_ms) == 0)
			return i;
	}
	return ORIGINS_ANY;
}

bool
errand_find_beside(struct errand *errand, int64_t now_ms)
{
	size_t found = find_at_host(errand, ORIGIN_FIRST_TURN, ROOM_OR_NOT, now_ms);

	if (found == ORIGINS_ANY)
		found = find_at_host(errand, ORIGIN_SECOND_TURN, ROOM_OR_NOT, now_ms);
	if (found != ORIGINS_ANY)
		errand->next = found;
	return found != ORIGINS_ANY;
}

/* --- whom to ask instead of a full host --- */

static size_t
find_elsewhere(const struct errand *errand, int64_t now_ms)
{
	int64_t patience_ms = errand->upstream->config->fetch.overtake_after_ms;
	enum origin_turn turn = ORIGIN_FIRST_TURN;

	if (errand->kind->pace != ERRAND_OVERTAKES || patience_ms == 0 ||
	        now_ms - errand->queued_at_ms < patience_ms)
		return ORIGINS_ANY;
	if (find_at_host(errand, turn, ROOM_OR_NOT, now_ms) == ORIGINS_ANY)
		turn = ORIGIN_SECOND_TURN;
	return find_at_host(errand, turn, WITH_ROOM, now_ms);
}

const struct origin *
errand_elsewhere(const struct errand *errand, int64_t now_ms)
{
	size_t found = find_elsewhere(errand, now_ms);

	return found == ORIGINS_ANY || errand_is_moot(errand) ? NULL : &errand->origins.items[found];
}

void
errand_begin_elsewhere(struct errand *errand, int64_t now_ms)
{
	errand->next = find_elsewhere(errand, now_ms);
	assert(errand->next != ORIGINS_ANY);
	errand_begin(errand, now_ms);
}

/* --- who is given up --- */

/* Breaks it off. The kind hears of one that was silent for as long as it takes to make room. */
static void
leave(struct visit *visit, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	int64_t patience_ms = errand->upstream->config->fetch.overtake_after_ms;
	int64_t silent_ms = now_ms - visit->began_at_ms;
	bool silent = transfer_is_silent(visit->transfer) && silent_ms >= 2 * patience_ms;
	struct transfer_report report;

	visit_finish(visit, CURLE_ABORTED_BY_CALLBACK, &report);
	if (silent)
		errand->kind->left(visit, &report, silent_ms);
}

/* Of two under way the one that was asked first. */
static struct visit *
older_visit(struct errand *errand)
{
	struct visit *visits = errand->visits;

	return visits[0].began_at_ms <= visits[1].began_at_ms ? &visits[0] : &visits[1];
}

/*
 * Two are under way and neither has sent anything for so long that somebody should be asked beside it. Who was given a
 * second turn is not given up again, nor is one that would make room only for a host that was silent before.
 */
static void
make_room(struct errand *errand, int64_t patience_ms, int64_t now_ms)
{
	struct visit *visit = older_visit(errand);
	struct origin *origin = &errand->origins.items[visit->origin];

	for (int i = 0; i < ERRAND_VISITS; i++)
		if (now_ms - errand->visits[i].began_at_ms < patience_ms ||
		        !transfer_is_silent(errand->visits[i].transfer))
			return;
	if (origin->turn == ORIGIN_SECOND_TURN ||
	        find_at_host(errand, ORIGIN_FIRST_TURN, ROOM_OR_NOT, now_ms) == ORIGINS_ANY)
		return;
	origin->asked = false;
	origin->turn = ORIGIN_SECOND_TURN;
	leave(visit, now_ms);
	errand_goes_on(errand);
}

bool
errand_is_overtaken(struct errand *errand, int64_t now_ms)
{
	int64_t patience_ms = errand->upstream->config->fetch.overtake_after_ms;
	const struct visit *visit;

	if (errand->kind->pace != ERRAND_OVERTAKES || patience_ms == 0)
		return false;
	if (errand->state == ERRAND_RACING)
		make_room(errand, patience_ms, now_ms);
	if (errand->state != ERRAND_ASKING)
		return false;
	visit = &errand->visits[visit_is_under_way(&errand->visits[0]) ? 0 : 1];
	if (now_ms - visit->began_at_ms < patience_ms || !errand_find_beside(errand, now_ms))
		return false;
	errand_move(errand, ERRAND_OVERDUE);
	return true;
}

/* Its origin may be asked again, should the other one turn out to be of no use. */
static void
lose(struct visit *visit)
{
	struct errand *errand = visit->errand;

	visit->lost = true;
	errand->origins.items[visit->origin].asked = false;
	errand->upstream->raced = true;
}

static void
lose_others(struct errand *errand, const struct visit *winner)
{
	for (int i = 0; i < ERRAND_VISITS; i++) {
		struct visit *visit = &errand->visits[i];

		if (visit == winner || !visit_is_under_way(visit))
			continue;
		visit->beaten = winner != NULL;
		lose(visit);
	}
}

bool
errand_wins(struct visit *visit, struct err *err)
{
	struct errand *errand = visit->errand;

	if (visit->lost)
		return err_set(err, ERR_CANCELLED, "another origin was quicker");
	if (errand->state == ERRAND_OVERDUE)
		errand->upstream->raced = true; /* it leaves the queue */
	errand_move(errand, ERRAND_TAKING);
	visit->taken = true;
	lose_others(errand, visit);
	return true;
}

void
errand_lose_all(struct errand *errand)
{
	lose_others(errand, NULL);
}

static void
break_off(struct visit *visit)
{
	struct transfer_report report;

	visit_finish(visit, CURLE_ABORTED_BY_CALLBACK, &report);
}

void
errand_drop_lost(struct errand *errand, int64_t now_ms)
{
	for (int i = 0; i < ERRAND_VISITS; i++) {
		struct visit *visit = &errand->visits[i];

		if (!visit_is_under_way(visit) || !visit->lost)
			continue;
		if (visit->beaten)
			leave(visit, now_ms);
		else
			break_off(visit);
	}
}

void
errand_break_off_all(struct errand *errand)
{
	for (int i = 0; i < ERRAND_VISITS; i++)
		if (visit_is_under_way(&errand->visits[i]))
			break_off(&errand->visits[i]);
}
