/*
 * A flight: one fetch of one archive and everybody who waits for it. Knows neither who waits (an HTTP connection, a command)
 * nor how bytes come (HTTP): waiters park and wake through two functions, the fetcher announces, appends and lands.
 *
 *            flight_announce           flight_land, digest right      committed or refused          → LANDED
 *   SEEKING ───────────────────→ COMING ─────────────────────→ SEALING ───────────────────→ ENDING ─┤
 *      │ ↑                         │ │                                                        ↑     → FAILED
 *      │ └──── flight_start_over ──┘ │                                                        │
 *      └───────── flight_fail; flight_found_stored while nothing is promised ─────────────────┘
 *
 * ENDING: the end is certain, the table is being told; nobody was woken yet. It is reached once, by whoever is
 * first: the fetcher may find its flight over at any of its calls, since the archive came by other means.
 *
 * Locks: the flight's own mutex guards all of it; nothing blocks under it. Reference counted: each waiter, the fetcher and the table
 * hold one.
 */
#ifndef SERVER_ARCHIVE_FLIGHT_H
#define SERVER_ARCHIVE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/archive/attempts.h"
#include "storage/base/err.h"
#include "storage/catalog/catalog.h"
#include "storage/digest.h"
#include "storage/intake.h"

struct metrics;
struct store;
struct flight;

/*
 * READS: what he is told is a promise, and the flight never starts over afterwards. LOOKS: only the size, as
 * HEAD does; it promises nothing.
 */
enum waiter_wish { WAITER_READS, WAITER_LOOKS };

/* Somebody who waits. Owned by whoever waits; linked into the flight while parked. */
struct waiter {
	void (*park)(struct waiter *); /* under the flight's lock: stop asking until woken */
	void (*wake)(struct waiter *); /* under the flight's lock: ask again */
	enum waiter_wish wish;
	struct digest asked; /* only an archive that has this digest is for him */
	int64_t give_up_at_ms; /* clock_ms: without a first byte by then, ERR_TIMEOUT; 0: waits as long as it takes */
	bool parked;           /* the flight's */
	TAILQ_ENTRY(waiter) link; /* the flight's */
};

enum flight_news {
	NEWS_READY,  /* there is something for you */
	NEWS_PARKED, /* nothing yet: you were parked and will be woken */
	NEWS_STORED, /* it is in the store: open it there (only from flight_head) */
	NEWS_END,    /* you have read it all, and it is right */
	NEWS_FAILED, /* err says why; what you have read is worth nothing */
};

/* --- for who waits; any thread --- */

/*
 * The size, once bytes can be given out: at once for large archives whose origin tells the length, after
 * verification for small ones. From the first NEWS_READY for one who reads on, the flight never starts over.
 */
enum flight_news flight_head(
        struct flight *flight, struct waiter *waiter, uint64_t *ret_size, struct err *err);
/*
 * Up to max bytes at position. The last FLIGHT_TAIL bytes are given out only when the digest is right and the
 * archive is stored (or cannot be stored, but is right).
 */
enum flight_news flight_read(struct flight *flight, struct waiter *waiter, uint64_t position, void *ret,
        size_t max, size_t *ret_length, struct err *err);
/* As flight_read, for who sends the bytes from where they lie: up to length of them. Valid until the waiter leaves. */
struct flight_view {
	const void *bytes; /* NULL: in the file, at the same position */
	int fd;
	uint64_t length;
};
enum flight_news flight_view(struct flight *flight, struct waiter *waiter, uint64_t position,
        struct flight_view *ret, struct err *err);
/* The waiter leaves: unlinks it and drops its reference. The fetch goes on. True: he was parked, and will not be woken. */
bool flight_leave(struct flight *flight, struct waiter *waiter);

#define FLIGHT_TAIL                                                                                          \
	(64u << 10) /* bytes held back; the last byte alone would do, but this keeps a torn tail small */
#define FLIGHT_WAKE_BYTES (256u << 10) /* wake those who wait at the first bytes, when this much is new … */
#define FLIGHT_WAKE_MS    100          /* … or this long has passed */

/* --- for the fetcher; its thread only --- */

struct flight_head {
	uint64_t size_bytes; /* as the origin announced it; 0: unknown */
	const char *url;     /* where the bytes come from, for people */
};

/*
 * Each of these may come too late (flight_found_stored on another thread): announce, append and land then refuse
 * with ERR_CANCELLED, start_over with false, fail and note do nothing.
 */

/*
 * An origin answers: makes room for its bytes. Again only after flight_start_over. ERR_TOO_LARGE,
 * ERR_NO_SPACE, ERR_IO.
 */
bool flight_announce(struct flight *flight, const struct flight_head *head, struct err *err) MUST_CHECK;
bool flight_append(struct flight *flight, const void *bytes, size_t length, struct err *err) MUST_CHECK;
/*
 * Whether these bytes, which came again, are those that came before: all of them lie within what was appended.
 * ERR_MISMATCH says where they differ.
 */
bool flight_compare(struct flight *flight, uint64_t position, const void *bytes, size_t length,
        struct err *err) MUST_CHECK;
/*
 * Gives up the current try, so that another origin may be asked from the start. False: somebody was promised
 * this one; all that is left is flight_fail. Nobody can be promised anything between this and the next
 * flight_announce.
 */
bool flight_start_over(struct flight *flight);
/*
 * All bytes are in: whether they are what is wanted is found out on a thread of the store and told there, once; or at once,
 * on this one. err NULL: they are, and are being committed. ERR_MISMATCH: nothing was given to the end. Until then nothing
 * of this but flight_tick may be called.
 */
typedef void flight_told_fn(void *context, const struct err *err);
void flight_land(struct flight *flight, flight_told_fn *told, void *context);
/* All digests of the try that flight_land has just refused, until it is handed on or another is announced. NULL: it was not complete. */
const struct digests *flight_rejected(const struct flight *flight);
/*
 * After flight_land has refused a try: whoever wants to look at what came instead gets it, once nobody reads it any
 * more. That is now where the flight has started over; else the flight is to be failed, and it is when the last
 * reference goes, on whichever thread. NULL: it was not complete, or only in memory. Called once, must not block;
 * takes the intake.
 */
typedef void flight_rejected_fn(void *context, struct intake *intake);
void flight_hand_on(struct flight *flight, flight_rejected_fn *take, void *context);
/* Nowhere to be had: wakes everybody with this error. */
void flight_fail(struct flight *flight, const struct err *err);
/* As flight_fail; before then (clock_ms) asking again would tell nothing new. 0: it may at any time. */
void flight_fail_until(struct flight *flight, const struct err *err, int64_t until_ms);
/* Wakes who has something to read or has waited past his time. Call every FLIGHT_WAKE_MS. */
void flight_tick(struct flight *flight, int64_t now_ms);
/* LANDED or FAILED. */
bool flight_is_over(struct flight *flight);

/* What is wanted: constant from the start, borrowed. */
const struct digest *flight_asked(const struct flight *flight);
const struct catalog_wanted *flight_wanted(const struct flight *flight);

/* What each origin said, for reports: noted by the fetcher, read by anybody when the flight is over. */
void flight_note(struct flight *flight, const char *url, enum origin_result result, const char *detail);
const struct attempts *flight_attempts(const struct flight *flight);

/* --- for the table of flights --- */

struct flight_plan {
	struct store *store;
	struct metrics *metrics; /* may be NULL */
	struct digest asked;
	struct catalog_wanted wanted;
	uint64_t verify_before_send, max_archive; /* bytes */
	/* Called once, when the outcome is certain and nobody was woken yet, without any lock. */
	void (*over)(void *context, struct flight *flight);
	void *context;
};

struct flight *flight_create(const struct flight_plan *plan); /* one reference, the caller's */
/*
 * An archive with these digests is in the store, by other means: if that is what was asked for and nobody was
 * promised anything yet, the flight has LANDED and who waits is sent to the store. Else it goes on as it is. Any
 * thread.
 */
void flight_found_stored(struct flight *flight, const struct digests *digests);
/* From the call of over() on: ERR_OK for one that lands, else why it failed. */
const struct err *flight_failure(const struct flight *flight);
int64_t flight_failed_until(const struct flight *flight); /* as flight_fail_until had it, else 0 */

void flight_hold(struct flight *flight);    /* one more reference */
void flight_release(struct flight *flight); /* the last one frees it */

#endif
