/*
 * Resuming: what there is of an archive whose origin broke off, and how the rest is asked for. The same origin
 * first, held to what it served by its validator, as long as it brings more each time; then the others, since the
 * digest decides in the end. Nothing that is there is thrown away until it is known to be wrong.
 *
 * The fetcher's thread.
 */
#ifndef SERVER_UPSTREAM_RESUME_H
#define SERVER_UPSTREAM_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/upstream/transfer.h"
#include "server/upstream/visit.h"

struct errand;

#define RESUMES_MAX      128 /* requests for a rest, for one flight; from then on only wholes are asked for */
#define RESUMES_SLOW_MAX 1   /* times an origin that was too slow is asked to go on */

struct resume {
	uint64_t have;     /* bytes that are in */
	uint64_t furthest; /* the most there ever was from whoever brings it */
	uint64_t total;    /* of the whole, as it was announced or a part told it; 0: not told */
	unsigned count;    /* requests for a rest so far */
	size_t first;      /* the origin that brought the first byte of it … */
	size_t last;       /* … and the last, which knows it by … */
	char validator[HEAD_VALIDATOR_MAX + 1]; /* … a strong ETag, or a date; or "" */
	bool whole_only; /* parts of several answers were other bytes together: no more of that */
	bool disputed;   /* another origin has something else than what the first one began with */

	bool pending; /* the origin `broken` broke off, and it is not known yet whether it can go on: */
	size_t broken;
	struct transfer_report cut;
};

/* What to ask this origin for: the rest, or the whole. */
void resume_plan(struct visit *visit, struct transfer_plan *plan);
/* A 206 that goes on where what there is ends. False: ERR_MISMATCH, and the visit's fault. */
bool resume_continues(struct visit *visit, const struct head *head, struct err *err) MUST_CHECK;
/*
 * A whole, though something is there that was given out: it may repeat that, byte by byte, and go on. False as
 * above.
 */
bool resume_repeats(struct visit *visit, const struct head *head, struct err *err) MUST_CHECK;
/*
 * The part of these bytes that is there already, and whether it is the same; ret_length: how much that is. False:
 * ERR_MISMATCH and the visit's fault, or ERR_IO.
 */
bool resume_compare(struct visit *visit, const void *bytes, size_t length, size_t *ret_length,
        struct err *err) MUST_CHECK;
/* The bytes of this visit are the errand's: a part, or a whole that repeats; or a whole from which all begins anew. */
void resume_part_begins(struct visit *visit, const struct head *head);
void resume_whole_begins(struct visit *visit, const struct head *head);
/* What there is of the archive is dropped. */
void resume_forget(struct resume *resume);

/* A whole answer that did not repeat or bring all it had to is one that was cut off. First of all. */
void resume_shorten(const struct visit *visit, struct transfer_report *report);
/* The visit ended: whether what broke off before could go on is known by this. */
void resume_judge(struct visit *visit, const struct transfer_report *report, int64_t now_ms);
/* The visit broke off in the middle; true: its origin is asked for the rest before all others. */
bool resume_broke_off(struct visit *visit, const struct transfer_report *report);
/* The origin that broke off is not asked for the rest after all: it has failed. */
void resume_given_up(struct errand *errand, int64_t now_ms);

#endif
