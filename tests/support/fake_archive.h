/*
 * Stand-ins for everything the fetcher talks to but the network: a flight and an intake that keep their bytes
 * in memory, a catalog that is a list, metrics that can be asked. Linked in place of the real ones.
 */
#ifndef TESTS_SUPPORT_FAKE_ARCHIVE_H
#define TESTS_SUPPORT_FAKE_ARCHIVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/admin/metrics.h"
#include "server/archive/flight.h"
#include "storage/store.h"

struct flight {
	atomic_int references;
	struct digest asked;
	struct catalog_wanted wanted;
	const char *expected; /* the right bytes … */
	size_t expected_length;
	struct err refuse_append; /* the next append fails so, once */
	struct err refuse_land;   /* the next landing fails so, once */
	bool settles_later;       /* the store takes its time: fake_settle */
	bool tells_later;         /* whether it is right is told by fake_tell, on the test's thread */
	unsigned announced_count; /* the fetcher's, read when over … */
	bool rejected;            /* … as these: it landed with other bytes */
	struct digests came;      /* … these */
	unsigned handed_on;       /* they were handed on */

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	bool promised;
	bool landed, settled, failed, stored;
	flight_told_fn *told; /* while it is to be told */
	void *told_context;
	struct err err;
	int64_t failed_until_ms;
	char *bytes;
	size_t length;
	uint64_t announced;
	unsigned ticks;
	struct attempts attempts;
};

struct flight *fake_flight(const struct digest *asked, const char *expected, size_t length);
/* Until it is over; the caller still has its reference. */
void fake_wait(struct flight *flight);
/* Until the fetcher has appended this much. */
void fake_wait_length(struct flight *flight, size_t length);
void fake_wait_ticks(struct flight *flight, unsigned ticks);
void fake_wait_landed(struct flight *flight);
/* Until the fetcher wants to know whether it may land. */
void fake_wait_landing(struct flight *flight);
void fake_tell(struct flight *flight);
void fake_promise(struct flight *flight);
void fake_settle(struct flight *flight);
/* The archive came by other means: it is over, and whatever the fetcher tries comes too late. */
void fake_stored(struct flight *flight);

#define FAKE_ORIGINS_MAX 16

/* The last contact with an origin, and how many there were. */
struct fake_contact {
	unsigned count;
	struct digest asked;
	enum origin_result result;
	int64_t took_ms, length;
	char url[512], detail[200], etag[160], modified[160];
};

struct fake_catalog {
	char *urls[FAKE_ORIGINS_MAX];              /* ids from 1 */
	struct digests promised[FAKE_ORIGINS_MAX]; /* what their entries list */
	size_t count;
	bool broken, vanished;
	void (*asked)(void *context); /* if set: each time somebody asks who has an archive, on his thread */
	void *context;
	pthread_mutex_t mutex;
	struct fake_contact last[FAKE_ORIGINS_MAX + 1]; /* by id; 0: of the mirrors */
};
/* The store whose catalog this is. */
struct store *fake_store(struct fake_catalog *catalog);

/* Stands in for the store's: keeps its bytes in memory. How many are open. */
unsigned fake_intakes(void);

struct metrics *fake_metrics_create(void);
void fake_metrics_destroy(struct metrics *metrics);
/* "HOST WORD\n" for each contact, in order. */
const char *fake_metrics_outcomes(struct metrics *metrics);

#endif
