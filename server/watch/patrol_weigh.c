/*
 * Whether what an origin says of an archive is enough, or all its bytes are needed. Runs on the patrol's thread, asks the index
 * only. Must not make the patrol download the world: that is what `larder fetch` is for.
 */
#include <stdlib.h>
#include <string.h>

#include "server/config.h"
#include "server/watch/patrol_parts.h"
#include "storage/catalog/catalog.h"
#include "storage/index/tombstone_rows.h"

/* --- what it says, held against what is known --- */

static enum hints_answer
compare_texts(const char *a, const char *b)
{
	if (a[0] == '\0' || b[0] == '\0')
		return HINTS_MISSING;
	return strcmp(a, b) == 0 ? HINTS_AGREE : HINTS_DIFFER;
}

static enum hints_answer
compare_lengths(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return HINTS_MISSING;
	return a == b ? HINTS_AGREE : HINTS_DIFFER;
}

enum hints_answer
hints_compare(const struct hints *said, const struct hints *known, int64_t stored_bytes)
{
	const enum hints_answer answers[] = {
	        compare_lengths(said->length, stored_bytes),
	        compare_lengths(said->length, known->length),
	        compare_texts(said->etag, known->etag),
	        compare_texts(said->modified, known->modified),
	};
	enum hints_answer all = HINTS_MISSING;

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (answers[i] == HINTS_DIFFER)
			return HINTS_DIFFER;
		if (answers[i] == HINTS_AGREE)
			all = HINTS_AGREE;
	}
	return all;
}

/* --- what is to be done about it --- */

bool
patrol_stored(struct patrol *patrol, const struct asking *asking, int64_t *ret_bytes, struct err *err)
{
	struct archive archive;

	*ret_bytes = -1;
	switch (store_has(patrol->options.store, &asking->digests, &archive, err)) {
	case STORE_FAILED:
		return false;
	case STORE_HIT:
		*ret_bytes = (int64_t)archive.size_bytes;
		break;
	case STORE_MISS:
		break;
	}
	return true;
}

static bool
is_current(const struct catalog_origin *origin)
{
	return origin->kind == ORIGIN_NAMED && origin->age == ORIGIN_CURRENT;
}

/* It does not serve, or has just said that nothing is there: to keep the archive that need not be proved first. */
static bool
is_going(const struct catalog_origin *origin)
{
	enum origin_state state = origin->memory.state;

	return (state != ORIGIN_IS_SERVING && state != ORIGIN_IS_UNTRIED) || origin->memory.gone > 0;
}

/* One of those named now is going; where none is named now, one of the past. Mirrors never promised anything. */
static bool
one_is_lost(const struct catalog_origins *origins)
{
	bool current = false;

	for (size_t i = 0; i < origins->count; i++)
		current = current || is_current(&origins->items[i]);
	for (size_t i = 0; i < origins->count; i++) {
		const struct catalog_origin *origin = &origins->items[i];

		if (origin->kind == ORIGIN_NAMED && (is_current(origin) || !current) && is_going(origin))
			return true;
	}
	return false;
}

/* Not stored, though nobody removed it, and going away: some origin of it does not serve it any more, or this one did not. */
static bool
is_in_danger(struct patrol *patrol, const struct asking *asking, bool *ret, struct err *err)
{
	struct catalog_origins origins;
	struct tombstone tombstone;

	*ret = false;
	switch (tombstone_row_find(store_index(patrol->options.store), &asking->name, &tombstone, err)) {
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		return true;
	case ROW_NONE:
		break;
	}
	if (!catalog_origins(store_catalog(patrol->options.store), &asking->name, &origins, err))
		return false;
	*ret = asking->memory.failures > 0 || one_is_lost(&origins);
	catalog_origins_finish(&origins);
	return true;
}

/* Of what is too large for half a day's budget no check is ever made; nor while another archive comes, since it is not urgent. */
static bool
may_be_checked(const struct patrol *patrol, const struct asking *asking)
{
	const struct config *config = patrol->options.config;
	uint64_t bytes = asking->heard.length >= 0 ? (uint64_t)asking->heard.length : PATROL_GUESS_BYTES;

	return bytes <= config->fetch.max_archive && bytes <= config->watch.full_per_day / 2 &&
	       config->watch.full_per_day > 0 && patrol->whole == 0;
}

/*
 * By chance, so that nothing has to be remembered and nobody can tell when it will be. Not of a witness, who is asked out of turn and
 * waited for.
 */
static bool
is_time_to_check(const struct patrol *patrol, const struct asking *asking, struct moment now)
{
	int64_t proved_ago_ms = llabs(now.wall_ms - asking->memory.proved_at_ms);

	if (asking->reason == ASKED_AS_WITNESS ||
	        proved_ago_ms < PATROL_CHECK_ROUNDS * patrol->schedule.interval_ms)
		return false;
	return schedule_chance(&patrol->schedule, asking->id, now.wall_ms, PATROL_CHECK_VISITS) == 0 &&
	       may_be_checked(patrol, asking);
}

/*
 * To know what they are: where it served others, where what it tells has moved, and where it tells nothing that could be
 * compared with an archive that is stored. To have them: where the archive is not stored and going away. To check: seldom.
 * Of one that nothing is known of, something is there: no more can be said without its bytes.
 */
bool
patrol_weigh(struct patrol *patrol, const struct asking *asking, struct moment now, enum need *ret,
        struct err *err)
{
	const struct heard *heard = &asking->heard;
	struct hints said = {.etag = heard->etag, .modified = heard->modified, .length = heard->length};
	struct hints known = {.etag = asking->etag, .modified = asking->modified, .length = asking->length};
	enum hints_answer answer;
	int64_t stored_bytes;
	bool danger = false;

	if (!patrol_stored(patrol, asking, &stored_bytes, err))
		return false;
	if (stored_bytes < 0 && !is_in_danger(patrol, asking, &danger, err))
		return false;
	answer = hints_compare(&said, &known, stored_bytes);
	if (asking->memory.state == ORIGIN_IS_CHANGED || asking->last_result == ORIGIN_CHANGED ||
	        answer == HINTS_DIFFER || (answer == HINTS_MISSING && stored_bytes >= 0))
		*ret = NEED_PROOF;
	else if (danger)
		*ret = NEED_RESCUE;
	else
		*ret = is_time_to_check(patrol, asking, now) ? NEED_CHECK : NEED_NOTHING;
	return true;
}
