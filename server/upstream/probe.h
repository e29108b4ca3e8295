/*
 * A probe: one look at one URL, to see whether an origin still has what it is known for. Goes out as everything
 * else does: same policy, rewrites, redirects, rests and shares; but it yields to flights, and nothing is stored or
 * remembered by it.
 */
#ifndef SERVER_UPSTREAM_PROBE_H
#define SERVER_UPSTREAM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/catalog/catalog.h"
#include "storage/digest.h"
#include "storage/intake.h"

enum probe_kind {
	PROBE_HEAD,
	PROBE_RANGE, /* a GET of the first byte, for hosts that refuse HEAD */
	PROBE_WHOLE, /* a GET of all of it, up to fetch.max_archive */
};

struct probe_plan {
	int64_t origin_id;
	struct digest asked;
	const char *url; /* as named, before rewriting */
	enum probe_kind kind;
};

/* Borrowed for the call, but for the intake. */
struct probe_answer {
	/*
	 * ORIGIN_UNTRIED: not asked, since the host rests or the policy forbids it, or it came to nothing for a
	 * reason on this side; its detail says which. There is no contact to remember, but where it is forbidden.
	 */
	struct contact contact;
	bool forbidden; /* ORIGIN_UNTRIED, and it stays so until the configuration changes */
	int64_t retry_after_ms; /* of a 429 or 503, or how long the host still rests that was not asked for that; -1: not told */
	const char *
	        ended_at; /* the host that gave the last answer: another one after a redirect; "": none did */
	bool doubtful; /* it is bad, but of a kind that some servers give to HEAD alone: a GET may fare otherwise */
	/* PROBE_WHOLE, and a whole body came: what it is, ready to be committed or closed; takes it. Else NULL. */
	struct intake *intake;
	const struct digests *digests;
};

/* On the fetcher's thread, once; must not block. */
typedef void probe_done_fn(void *context, const struct probe_answer *answer);

#endif
