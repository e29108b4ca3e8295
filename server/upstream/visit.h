/*
 * A visit: one origin being asked for one errand, from the request to the end of the answer.
 *
 * The fetcher's thread.
 */
#ifndef SERVER_UPSTREAM_VISIT_H
#define SERVER_UPSTREAM_VISIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/upstream/transfer.h"

struct errand;

/* Why bytes that came were refused, where it is not the flight that did. */
enum visit_fault {
	VISIT_FINE,
	VISIT_NO_CONTINUATION, /* they do not go on where what there is ends */
	VISIT_DIFFERS,         /* they are not those that came before */
};

struct visit {
	TAILQ_ENTRY(visit) run; /* upstream.running */
	struct errand *errand;
	size_t origin;             /* in the errand's list */
	struct transfer *transfer; /* NULL: not under way */
	int64_t began_at_ms;
	bool taken;  /* it gave the first byte that could be used: its bytes are the errand's */
	bool lost;   /* the other one did, or the errand is over: to be broken off … */
	bool beaten; /* … since the other one did: it is remembered where this one was silent for long */

	/* of a flight: */
	uint64_t from;   /* asked for the archive from here on */
	uint64_t at;     /* where in the archive its next byte belongs */
	bool continues;  /* it brings a part, behind what others brought */
	bool progressed; /* it brought bytes that had never been there */
	enum visit_fault fault;
};

/* Asks. The visit is one of the errand's. */
void visit_begin(struct visit *visit, size_t origin, int64_t now_ms);
/* Its answer is over, or broken off; code as for transfer_finish. */
void visit_finish(struct visit *visit, CURLcode code, struct transfer_report *ret);
bool visit_is_under_way(const struct visit *visit);

#endif
