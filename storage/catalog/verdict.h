/*
 * The verdict: what the contacts with one origin amount to. One failure is not news; several over days are, and so is the proof
 * that it serves other bytes. Pure: time is an argument (the wall clock, since it has to outlive restarts).
 *
 *                  served, present                  other bytes
 *   UNTRIED ──────────────────────→ SERVING ────────────────────────────→ CHANGED
 *      │  │                          │ ↑ │  failures                        │ ↑ served
 *      │  └── failures ──→ FAILING ←─┘ │ │                                 │ └──────→ SERVING
 *      │                     │ └───────┘ │ served, present                  │
 *      └─ gone ──────────────┴─ gone ────┴─ gone ──→ VANISHED ←──── gone ───┘
 *                                                      └── served, present ──→ SERVING, other bytes ──→ CHANGED
 *
 * gone: VERDICT_FAILURES answers that it is not there (404, 410, no such host, a TLS certificate for another name) over at least
 * VERDICT_OVER_MS, and nothing good in between. failures: as many of any kind over VERDICT_FAILING_MS, since whoever is ill for a few
 * days mostly gets well again; they never make VANISHED. Other bytes need no repetition. CHANGED is left only by right bytes: that
 * something is there does not tell which.
 */
#ifndef STORAGE_CATALOG_VERDICT_H
#define STORAGE_CATALOG_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_FAILURES   3
#define VERDICT_OVER_MS    (48 * 3600000ll)
#define VERDICT_FAILING_MS (7 * 24 * 3600000ll)
#define VERDICT_APART_MS   (45 * 60000ll) /* failures that follow each other closer are one */

/* How a contact with an origin ended. */
enum origin_result {
	ORIGIN_UNTRIED, /* there was none */
	ORIGIN_SERVED,  /* all bytes came, and they are right */
	ORIGIN_GONE,    /* it is not there */
	ORIGIN_CHANGED, /* other bytes */
	ORIGIN_FAILED,  /* any other way */
	ORIGIN_PRESENT, /* something is there that agrees with what is known of the archive; its bytes were not asked for */
};
#define ORIGIN_RESULTS 6

enum origin_state {
	ORIGIN_IS_UNTRIED,
	ORIGIN_IS_SERVING,
	ORIGIN_IS_FAILING,
	ORIGIN_IS_VANISHED,
	ORIGIN_IS_CHANGED,
};
#define ORIGIN_STATES 5

const char *origin_result_name(
        enum origin_result result); /* "untried", "served", "gone", "changed", "failed", "present" */
const char *origin_state_name(
        enum origin_state state); /* "untried", "serving", "failing", "vanished", "changed" */

/* What is remembered of one origin. Times in milliseconds since 1970; 0: never. All zero: untried. */
struct origin_memory {
	enum origin_state state;
	/* as it was */
	uint32_t failures;        /* contacts in a row that were not good */
	int64_t failing_since_ms; /* the first of them */
	int64_t served_at_ms;     /* the last good contact */
	int64_t proved_at_ms;     /* the last whose bytes were right */
	/* what is held against it: failures while the network was trusted, VERDICT_APART_MS apart */
	uint32_t counted;
	int64_t counted_since_ms, counted_at_ms; /* the first and the last of them */
	uint32_t gone;                           /* those of them that said it is not there */
	int64_t gone_since_ms;
};

/* Whether failures may be held against an origin (storage/catalog/network.h). */
enum network_trust { NETWORK_TRUSTED, NETWORK_SUSPECTED };

/*
 * One more contact. True: the state changed. While the network is suspected neither failures nor other bytes
 * count.
 */
bool verdict_contact(
        struct origin_memory *memory, enum origin_result result, enum network_trust network, int64_t now_ms);

/* Who still names an origin. */
enum origin_age { ORIGIN_CURRENT, ORIGIN_PAST };
/*
 * Whether people are told: not that an origin nobody has asked before serves; nor what became of one that no
 * source names any more, unless it was seen to serve.
 */
bool verdict_is_news(enum origin_state was, enum origin_state is, enum origin_age age);

#endif
