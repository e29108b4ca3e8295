/*
 * The breaker: which hosts are left alone for a while, and how many transfers each has. A host that keeps
 * failing rests for longer and longer; one that asks to be left alone (Retry-After) rests as long as it says.
 * Time is an argument: clock_ms.
 *
 * One thread.
 */
#ifndef SERVER_UPSTREAM_BREAKER_H
#define SERVER_UPSTREAM_BREAKER_H

#include <stddef.h>
#include <stdint.h>

#define BREAKER_FAILURES     5     /* in a row, until a host rests … */
#define BREAKER_REST_MS      30000 /* … this long, and twice as long after each further failure … */
#define BREAKER_REST_MAX_MS  (10 * 60000)   /* … up to this */
#define BREAKER_ASKED_MAX_MS (24 * 3600000) /* a Retry-After counts for this much at most */
/* Remembered; the oldest that is idle and not resting is forgotten for a new one. More only where all of them rest or run. */
#define BREAKER_HOSTS_MAX 4096

struct breaker;

struct breaker *breaker_create(void);
void breaker_destroy(struct breaker *breaker);

/* Until when this host rests; 0: it may be asked. */
int64_t breaker_rests_until(struct breaker *breaker, const char *host, int64_t now_ms);
/* Until when it rests because it asked to, and for no failure longer than that; 0: it does not. */
int64_t breaker_asked_until(struct breaker *breaker, const char *host, int64_t now_ms);

/* Whether the host's rest changed, for one line in the log each time. */
enum breaker_news { BREAKER_AS_BEFORE, BREAKER_RESTS, BREAKER_ANSWERS_AGAIN };

struct breaker_rest {
	int64_t for_ms;
	unsigned failures; /* in a row; 0: the host asked for its rest */
};

/* A contact failed and the host is to blame. One that ends while the host rests already is not counted. */
enum breaker_news breaker_failed(
        struct breaker *breaker, const char *host, int64_t now_ms, struct breaker_rest *ret);
/* The host answered. Ends a rest for failures, not one it asked for. */
enum breaker_news breaker_answered(struct breaker *breaker, const char *host);
/* The host asked to be left alone. */
enum breaker_news breaker_asked_rest(
        struct breaker *breaker, const char *host, int64_t for_ms, int64_t now_ms, struct breaker_rest *ret);

/* Transfers that run to the host. */
int64_t breaker_running(struct breaker *breaker, const char *host);
void breaker_begin(struct breaker *breaker, const char *host, int64_t now_ms);
void breaker_end(struct breaker *breaker, const char *host);

/*
 * How many hosts rest, and when the last of those may be asked whose rest is over within horizon_ms; 0: none
 * is.
 */
struct breaker_resting {
	size_t hosts;
	int64_t soon_over_at_ms;
};
struct breaker_resting breaker_resting(struct breaker *breaker, int64_t now_ms, int64_t horizon_ms);

#endif
