/*
 * A miss: one who asks for what is not stored, and the flight that he follows until there is an answer for him. Whoever answers, the fast
 * path or a handler, is told the same and counts the same.
 */
#ifndef SERVER_ARCHIVE_MISS_H
#define SERVER_ARCHIVE_MISS_H

#include "server/archive/flight.h"
#include "storage/blob.h"

struct larder;

struct miss {
	struct flight *flight; /* a reference, from miss_begin to miss_end; NULL: none */
	struct waiter *waiter; /* borrowed; its park and wake are set by who waits */
	uint64_t size_bytes;   /* once miss_follow has told NEWS_READY */
};

/* Joins the flight for this archive. False: as flights_join. */
bool miss_begin(struct miss *miss, struct larder *larder, const struct digest *digest, enum waiter_wish wish,
        struct err *err) MUST_CHECK;
/* As flight_head: after NEWS_READY the flight has the bytes, after NEWS_STORED the store has (miss_open). */
enum flight_news miss_follow(struct miss *miss, struct larder *larder, struct err *err);
/* After NEWS_READY: the digests that are known of what comes, those by which it was asked for. */
void miss_digests(const struct miss *miss, struct digests *ret);
/* What the access log says of an answer whose flight failed in the middle. */
const char *miss_reason(const struct err *err);
/* What came, in the store. False: ERR_CHANGED, it is not stored by this digest; or the store's error. */
bool miss_open(
        struct larder *larder, const struct digest *digest, struct blob *ret, struct err *err) MUST_CHECK;
/* Leaves the flight, if there is one. True: he was parked, and will not be woken. */
bool miss_end(struct miss *miss);

#endif
