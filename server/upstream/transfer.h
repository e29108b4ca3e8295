/*
 * A transfer: one attempt to get one URL. Everything libcurl is told and everything it answers is in here;
 * above it there are only bytes and a report.
 *
 * The fetcher's thread.
 */
#ifndef SERVER_UPSTREAM_TRANSFER_H
#define SERVER_UPSTREAM_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/config.h"
#include "server/upstream/head.h"
#include "server/upstream/policy.h"
#include "storage/base/err.h"
#include "storage/catalog/catalog.h"

struct transfer;

/* Where the bytes go. Both may refuse: the transfer then ends with TRANSFER_REFUSED_HERE and their error. */
struct transfer_sink {
	/* A 200 is here, or a 206 where a part was asked for; its body follows (perhaps empty). */
	bool (*begin)(void *context, const struct head *head, struct err *err);
	bool (*append)(void *context, const void *bytes, size_t length, struct err *err);
};

enum transfer_wish {
	TRANSFER_BODY,   /* GET; from `from` on */
	TRANSFER_HEAD,   /* HEAD: nothing for the sink */
	TRANSFER_GLANCE, /* GET of the first byte, to see whether it is there: nothing for the sink either */
};

struct transfer_plan {
	const char *url;
	const struct config_fetch *limits;
	const struct policy *policy;
	enum transfer_wish wish;
	uint64_t from; /* TRANSFER_BODY: 0: the whole, else Range: bytes=from- */
	const char
	        *if_range;  /* of such a part: only of what has this validator, else the whole; "": anyway */
	uint64_t max_bytes; /* of the whole */
	const struct transfer_sink *sink;
	void *context; /* of the sink; transfer_context gives it back */
};

enum transfer_end {
	TRANSFER_SERVED,      /* a whole 200, or the whole part */
	TRANSFER_GONE,        /* 404, 410 */
	TRANSFER_DENIED,      /* any other status that says nothing about the host's health */
	TRANSFER_BUSY,        /* 429, 503: rest_ms is for how long it wants to be left alone */
	TRANSFER_BROKEN,      /* another 5xx */
	TRANSFER_NO_NAME,     /* no such host, or its certificate is for another name */
	TRANSFER_UNREACHABLE, /* connection refused, no TLS */
	TRANSFER_TIMED_OUT,   /* connecting, waiting for the first byte, too slow */
	TRANSFER_CUT,         /* the connection ended before the body did, or what came was not HTTP */
	TRANSFER_UNUSABLE, /* an answer larder does not take: encoded, contradictory lengths, header fields without end */
	TRANSFER_TOO_LARGE,
	TRANSFER_FORBIDDEN,    /* by the policy: where it was redirected to, or how often */
	TRANSFER_NOT_ALLOWED,  /* by the policy: its own address or port, so that nobody was asked */
	TRANSFER_REFUSED_HERE, /* the sink did; err is its error */
};
const char *transfer_end_word(enum transfer_end end); /* for metrics: "served", "gone", "timeout" */
/* What it says of the origin for the catalog; of the bytes of a whole answer nothing is known here. */
enum origin_result transfer_end_result(enum transfer_end end);
bool transfer_end_blames_host(enum transfer_end end); /* a failure of the host, as the breaker counts them */
bool transfer_end_is_answer(enum transfer_end end);   /* the host is alive */

#define TRANSFER_BUSY_REST_MS        (30 * 60000) /* after a 429 that does not say how long */
#define TRANSFER_UNAVAILABLE_REST_MS 30000        /* after such a 503 */
#define TRANSFER_DISCARD_MAX                                                                                 \
	(64u << 10) /* of the body of an answer that is not wanted, read to keep the connection */
#define TRANSFER_HEAD_PATIENCE                                                                               \
	2 /* redirects and all: this often connect_timeout + first_byte_timeout until a 200 */
#define TRANSFER_BUFFER (64u << 10)

/* Which option's limit ended the transfer, for metrics. */
enum transfer_limit {
	TRANSFER_NO_LIMIT,
	TRANSFER_LIMIT_CONNECT,
	TRANSFER_LIMIT_FIRST_BYTE,
	TRANSFER_LIMIT_RATE,
	TRANSFER_LIMIT_REDIRECTS,
	TRANSFER_LIMIT_ADDRESS,
	TRANSFER_LIMIT_HEADERS,
	TRANSFER_LIMIT_SIZE,
};

struct transfer_report {
	enum transfer_end end;
	enum transfer_limit limit;
	int status;             /* of the last answer; 0: none */
	int64_t rest_ms;        /* TRANSFER_BUSY */
	int64_t retry_after_ms; /* as it said; -1: it did not */
	int64_t took_ms;        /* to the last answer's body, or to the end without one */
	uint64_t received;      /* bytes of body */
	int64_t length;         /* of the whole, as a 200 or 206 told it; -1: not told */
	struct place ended_at;  /* who gave the last answer; "": none came */
	char etag[HEAD_VALIDATOR_MAX + 1], modified[HEAD_VALIDATOR_MAX + 1]; /* likewise; or "" */
	char detail[96]; /* for people: "404", "connection refused", "no first byte for 15 s" */
	struct err err;  /* TRANSFER_REFUSED_HERE */
};

/* Adds the attempt to the multi handle. Borrows what the plan points to, until transfer_finish. */
struct transfer *transfer_begin(CURLM *multi, const struct transfer_plan *plan, int64_t now_ms);
/* The transfer of a handle that the multi handle reports. */
struct transfer *transfer_of(CURL *easy);
void *transfer_context(const struct transfer *transfer);
/*
 * Looks at the clock: true when the transfer has overstayed and is to be finished now. Call every 100 ms or
 * so.
 */
bool transfer_is_overdue(struct transfer *transfer, int64_t now_ms);
/* Nothing has come yet that could be of use: no head of what was asked for. */
bool transfer_is_silent(const struct transfer *transfer);
/* Ends it, with libcurl's answer or CURLE_ABORTED_BY_CALLBACK where it is broken off. Takes the transfer. */
void transfer_finish(CURLM *multi, struct transfer *transfer, CURLcode code, struct transfer_report *ret);

#endif
