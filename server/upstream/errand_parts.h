/*
 * What the parts of an errand share: errand.c and errand_race.c (its course, the same for all), errand_flight.c with
 * errand_flight_note.c, errand_document.c and errand_probe.c (what differs), resume.c (going on where an origin broke off). Nobody else
 * includes this.
 */
#ifndef SERVER_UPSTREAM_ERRAND_PARTS_H
#define SERVER_UPSTREAM_ERRAND_PARTS_H

#include "server/upstream/errand.h"

struct errand_kind {
	enum { ERRAND_IS_WAITED_FOR, ERRAND_YIELDS } rank;
	enum { ERRAND_ASKS_ONE, ERRAND_OVERTAKES } pace;
	/* Fills the origins. */
	void (*open)(struct errand *errand);
	/* The origin the errand wants before all others; ORIGINS_ANY: none. */
	size_t (*prefers)(const struct errand *errand);
	/* Why an origin is not to be asked for this errand alone; 0: it may be. In milliseconds, as breaker_rests_until. */
	int64_t (*rests_until)(const struct errand *errand, const struct origin *origin, int64_t now_ms);
	/* An origin is not asked, and why. */
	void (*pass_over)(struct errand *errand, size_t origin, enum tally_kind kind, const char *detail);
	/* What to ask the visit's origin for: wish, from, if_range, max_bytes, sink. */
	void (*plan)(struct visit *visit, struct transfer_plan *plan);
	/* A visit that was not lost came to an end: to errand_goes_on, errand_fail, PROVING or OVER. */
	void (*ended)(struct visit *visit, const struct transfer_report *report, int64_t now_ms);
	/* What it proved is known: to errand_goes_on, errand_fail or SETTLING. Of those that are PROVING. */
	void (*proved)(struct errand *errand, int64_t now_ms);
	/* A visit was broken off for another one after it had been silent for long. Of those that overtake. */
	void (*left)(struct visit *visit, const struct transfer_report *report, int64_t silent_ms);
	/* Nobody is left to be asked; says so with errand_fail. */
	void (*give_up)(struct errand *errand, int64_t now_ms);
	/* Tells whoever waits. */
	void (*fail)(struct errand *errand, const struct err *err);
	void (*tick)(struct errand *errand, int64_t now_ms);
	bool (*is_moot)(const struct errand *errand);
	void (*close)(struct errand *errand);
};

#define ORIGINS_ANY SIZE_MAX

extern const struct errand_kind errand_kind_flight, errand_kind_document, errand_kind_probe;

void errand_move(struct errand *errand, enum errand_state state);
/* Only of one that is at rest, for its host's sake or for its own; 0: it may be asked. */
int64_t errand_rests_until(const struct errand *errand, const struct origin *origin, int64_t now_ms);
/* Whom to ask beside those that are silent, as errand_origin; hosts that were not silent before those that were. */
bool errand_find_beside(struct errand *errand, int64_t now_ms);
/* The errand is over: none of its visits is wanted any more, and they are to be dropped. */
void errand_lose_all(struct errand *errand);
/* At once; says nothing of anybody. */
void errand_break_off_all(struct errand *errand);
/*
 * This visit's bytes are the errand's from here on, and the other's are not wanted any more. False: it is too late,
 * the other was quicker. Within a callback of libcurl.
 */
bool errand_wins(struct visit *visit, struct err *err) MUST_CHECK;
/* A visit was of no use: the other one goes on, or another origin is asked. */
void errand_goes_on(struct errand *errand);
/* Over, and whoever waits is told. */
void errand_fail(struct errand *errand, const struct err *err);
/* What the end of a visit says of its host. */
void errand_judge_host(
        struct errand *errand, size_t origin, const struct transfer_report *report, int64_t now_ms);

/* In the tally, that the origin's host asked for rest, and until when; false: it did not. */
bool errand_note_rest(struct errand *errand, size_t origin, int64_t now_ms);

/* For kinds that have nothing to say. */
size_t errand_prefers_nobody(const struct errand *errand);
int64_t errand_rests_never(const struct errand *errand, const struct origin *origin, int64_t now_ms);
void errand_ticks_for_nobody(struct errand *errand, int64_t now_ms);
bool errand_is_never_moot(const struct errand *errand);

/* --- of flights --- */

/* A visit that brought all there was, while it is found out whether that is right. */
struct proof {
	struct visit *visit;
	struct transfer_report report;
	struct err err; /* what came of it */
};

/* How a visit ended, for the catalog, the figures, the flight's report and its verdict. */
struct ending {
	size_t origin;
	const struct transfer_report *report;
	enum origin_result result;
	enum tally_kind kind;
	const char *word;   /* for metrics */
	const char *detail; /* for people */
};

/* A visit that brought nothing for good: remembered everywhere. */
void errand_flight_note(struct errand *errand, const struct ending *ending);
/*
 * Whether the flight refused just what its origin is named for: one that the catalog names for another archive, which shares a digest
 * with this one, or a mirror under the name it was asked by. It has not changed.
 */
bool errand_flight_keeps_promise(const struct errand *errand, size_t origin);
/* A visit to such a one: of no use to the flight, and all is well with the origin. */
void errand_flight_note_kept(struct errand *errand, const struct ending *ending);
/* In the figures and in the catalog. */
void errand_flight_record(struct errand *errand, const struct ending *ending);
/* Borrows from both. */
struct contact errand_flight_contact(const struct errand *errand, const struct ending *ending);
/* As errand_kind has them. */
void errand_flight_pass_over(struct errand *errand, size_t origin, enum tally_kind kind, const char *detail);
void errand_flight_left(struct visit *visit, const struct transfer_report *report, int64_t silent_ms);

#endif
