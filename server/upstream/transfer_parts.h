/*
 * What the halves of a transfer share: transfer.c (its course) and transfer_report.c (what it came to). Nobody
 * else includes this.
 */
#ifndef SERVER_UPSTREAM_TRANSFER_PARTS_H
#define SERVER_UPSTREAM_TRANSFER_PARTS_H

#include "server/net.h"
#include "server/upstream/transfer.h"

/* Why the transfer was broken off from this side. */
enum stop {
	STOP_NONE,
	STOP_HEADERS,
	STOP_LENGTHS,
	STOP_ENCODED,
	STOP_TOO_LARGE,
	STOP_SINK,
	STOP_DISCARDED, /* the head says it all, the rest of the body is not wanted */
	STOP_FIRST_BYTE,
	STOP_SLOW,
};

struct transfer {
	struct transfer_plan plan;
	CURL *easy;
	struct curl_slist *fields;
	struct head head;
	enum stop stop;
	bool begun;           /* the sink was told */
	bool address_refused; /* by the policy, for at least one address of the host … */
	bool address_tried;   /* … and another of the same host was tried */
	char refused[POLICY_REFUSAL_MAX];
	uint64_t received; /* bytes of body, wanted or not */
	int64_t began_at_ms;
	int64_t answered_at_ms; /* the head of the last answer was complete; 0: not yet */
	int64_t asked_at_ms;    /* the request of this hop went out; 0: not yet */
	int64_t rate_since_ms;  /* the window in which min_rate is measured … */
	uint64_t rate_from;     /* … and what was received when it began */
	struct err err;         /* the sink's */
};

/* What was asked for: its body counts, and what its head says of the archive. */
bool transfer_is_wanted(const struct transfer *transfer);
/* Tells the sink of the body, once. False: it refuses. */
bool transfer_begin_body(struct transfer *transfer);

#endif
