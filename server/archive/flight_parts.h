/*
 * What the parts of a flight share: flight.c (its course: the fetcher, the table, the ends), flight_waiters.c (those who
 * wait) and flight_facts.c (what can be asked of it). Nobody else includes this.
 */
#ifndef SERVER_ARCHIVE_FLIGHT_PARTS_H
#define SERVER_ARCHIVE_FLIGHT_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/archive/flight.h"

enum flight_state {
	FLIGHT_SEEKING,
	FLIGHT_COMING,
	FLIGHT_SEALING,
	FLIGHT_ENDING,
	FLIGHT_LANDED,
	FLIGHT_FAILED
};

struct flight {
	struct flight_plan plan; /* constant */
	atomic_int references;

	pthread_mutex_t mutex; /* guards what follows */
	enum flight_state state;
	struct intake
	        *intake;    /* of the current try; read outside the lock once promised, since then it stays */
	uint64_t announced; /* bytes; 0: the origin does not say */
	uint64_t appended;  /* bytes that are in */
	uint64_t woken_at;  /* appended when all were last woken */
	bool promised;      /* somebody was told the size: no starting over */
	bool pass_through;  /* the disk is full or takes no writes: the next try goes through memory */
	struct err unkept;  /* why the store did not take it, once it went through memory */
	bool in_store;      /* LANDED, and kept */
	bool rejected; /* the try at hand was complete, and other bytes: the fetcher's, but while it lands */
	flight_told_fn *told; /* while it lands: whoever wants to know whether it may */
	void *told_context;
	flight_rejected_fn *heir; /* gets it when the last reference goes; may be NULL */
	void *heir_context;
	struct digests landed; /* SEALING and LANDED: what the bytes are */
	struct err failure;
	int64_t failed_until_ms;
	TAILQ_HEAD(, waiter) parked;
	struct attempts attempts;
};

/* --- under the lock --- */

/* Bytes go out while they come: the length is known, and the archive too large to be verified first. */
bool flight_is_streaming(const struct flight *flight);
void flight_wake_all(struct flight *flight);

#endif
