/*
 * For the tests of the watch over weeks: places on an internet that follows a script, the patrol that asks
 * them, and the events that come of it, hour by hour. Everything happens on one thread and on a clock that
 * does not wait.
 */
#ifndef TESTS_SUPPORT_FORTNIGHTS_H
#define TESTS_SUPPORT_FORTNIGHTS_H

#include "tests/support/patrolled.h"

#include "server/watch/causes.h"
#include "server/watch/drifts.h"

#define SPAN_OF_A_STOP (10 * MINUTE)

/* Where an archive is, and what is there. */
struct place {
	char *url;
	char *bytes;
	size_t length;
	const char *version; /* of what is there, for the ETag */
	int64_t number;
	unsigned visits; /* what is asked within a minute belongs to one */
	int64_t asked_ms;
	int64_t missing_ms; /* when it first said that nothing is there; 0: never */
	UT_hash_handle hh;
};

/*
 * What happens to a place at a time since the beginning: changes the answer from "it is there", or the place
 * itself.
 */
typedef void script_fn(struct place *place, int64_t at_ms, struct probe_answer *ret);

static struct place *places;
static struct harvest *to_learn;
static script_fn *script;
static struct drifts *drifts;

/* --- what is there --- */

static inline struct place *
place_at(const char *url)
{
	struct place *place;

	HASH_FIND_STR(places, url, place);
	assert_non_null(place);
	return place;
}

static inline void
replace_bytes(struct place *place, const void *bytes, size_t length, const char *version)
{
	free(place->bytes);
	place->bytes = xmalloc(length);
	memcpy(place->bytes, bytes, length);
	place->length = length;
	place->version = version;
}

/* The source lists it there since so long before the beginning; learn_places makes the catalog know. */
static inline void
add_place(const char *package, const char *url, const void *bytes, size_t length, int64_t since_ms)
{
	struct place *place = xcalloc(1, sizeof *place);
	struct harvest_entry entry = {.digests = digests_of(bytes, length),
	        .package = package,
	        .urls = &url,
	        .n_urls = 1,
	        .first_ms = T0 - since_ms,
	        .last_ms = T0};

	place->url = xstrdup(url);
	place->number = HASH_COUNT(places);
	replace_bytes(place, bytes, length, "first");
	HASH_ADD_KEYPTR(hh, places, place->url, strlen(place->url), place);
	if (to_learn == NULL)
		to_learn = harvest_create();
	assert_true(harvest_add(to_learn, &entry, "opam-repository", 1));
}

/* An archive that has its URL for its bytes. */
static inline void
add_plain_place(const char *package, const char *url)
{
	add_place(package, url, url, strlen(url), 100 * DAY);
}

static inline void
learn_places(void)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(store_catalog(store), to_learn, "opam-repository", &learned, &err))
		fail_msg("%s", err.text);
	harvest_destroy(to_learn);
	to_learn = NULL;
}

static inline void
forget_places(void)
{
	struct place *place, *next;

	HASH_ITER (hh, places, place, next) {
		HASH_DEL(places, place);
		free(place->url);
		free(place->bytes);
		free(place);
	}
}

/* --- what it answers --- */

static inline void
says(struct probe_answer *ret, enum origin_result result, int status, const char *detail)
{
	ret->contact.result = result;
	ret->contact.status = status;
	ret->contact.detail = detail;
}

static inline void
follow_script(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	struct place *place = place_at(url);

	place->visits += now.wall_ms - place->asked_ms >= MINUTE;
	place->asked_ms = now.wall_ms;
	script(place, now.wall_ms - T0, ret);
	ret->contact.length = ret->contact.result == ORIGIN_PRESENT ? (int64_t)place->length : -1;
	ret->contact.etag = ret->contact.result == ORIGIN_PRESENT ? place->version : "";
	if (ret->contact.result == ORIGIN_PRESENT && kind == PROBE_WHOLE)
		answer_bytes(ret, place->bytes, place->length);
	if (ret->contact.status == 404 && place->missing_ms == 0)
		place->missing_ms = now.wall_ms;
}

/* --- the watch --- */

static inline void
take_drift(void *context, const struct contact *contact, struct intake *intake)
{
	(void)context;
	drifts_take(drifts, contact, intake);
}

static inline void
begin_drifts(void)
{
	struct drifts_options drifts_options = {
	        .store = store, .max_bytes = 1u << 20, .compare = compare_archives};

	drifts = drifts_create(&drifts_options);
}

static inline void
begin_fortnight(script_fn *with)
{
	begin_patrol("watch { interval = 1d full_per_day = 64MiB }\n");
	options.drifted = patrol->options.drifted = take_drift;
	internet = follow_script;
	script = with;
	begin_drifts();
}

static inline void
end_fortnight(void)
{
	drifts_destroy(drifts);
	end_patrol();
	forget_places();
}

/* A stop for a short while. */
static inline void
stop_and_start(void)
{
	drifts_destroy(drifts);
	restart_after(SPAN_OF_A_STOP);
	begin_drifts();
}

static inline void
tell_people(void)
{
	struct causes_options causes = {.store = store};
	struct err err = ERR_NONE;
	size_t told;

	drifts_turn(drifts);
	flush();
	if (!causes_turn(&causes, now.wall_ms, &told, &err))
		fail_msg("%s", err.text);
}

/* Until so long after the beginning; people are told every hour. */
static inline void
live_until(int64_t at_ms)
{
	while (now.wall_ms < T0 + at_ms) {
		int64_t left_ms = T0 + at_ms - now.wall_ms;

		run_for(left_ms < HOUR ? left_ms : HOUR);
		tell_people();
	}
}

#endif
