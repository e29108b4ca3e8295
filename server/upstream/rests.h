/*
 * Rests: URLs that served other bytes than those of a digest are not asked for this digest for a while, 1
 * minute at first and up to a day; those whose bytes may be the wrong ones are asked last. Their hosts are not to
 * blame and are asked for everything else. Time is an argument: clock_ms.
 *
 * One thread.
 */
#ifndef SERVER_UPSTREAM_RESTS_H
#define SERVER_UPSTREAM_RESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/digest.h"

#define RESTS_FIRST_MS 60000          /* doubled each time … */
#define RESTS_LAST_MS  (24 * 3600000) /* … up to this */
#define RESTS_MAX      16384          /* remembered; the oldest is forgotten for a new one */

struct rests;

enum rests_how {
	RESTS_UNASKED, /* it served other bytes */
	RESTS_LAST, /* it broke off, and what others have does not go on with that: whose is wrong is not known */
};

struct rests *rests_create(void);
void rests_destroy(struct rests *rests);

/* Until when the URL is not asked for this digest; 0: it may be asked. */
int64_t rests_until(struct rests *rests, const struct digest *digest, const char *url, int64_t now_ms);
/* Whether it is to be asked after all others. */
bool rests_is_last(struct rests *rests, const struct digest *digest, const char *url, int64_t now_ms);
/* It is to rest, twice as long as the last time. */
void rests_add(struct rests *rests, const struct digest *digest, const char *url, enum rests_how how,
        int64_t now_ms);
/* It served the right ones. */
void rests_remove(struct rests *rests, const struct digest *digest, const char *url);

#endif
