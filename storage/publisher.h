/*
 * The publisher: makes finished temporary files durable and visible. A few threads that wait for the disk,
 * since a disk serves several flushes at once better than one after the other, and in front of them a
 * mailbox.
 */
#ifndef STORAGE_PUBLISHER_H
#define STORAGE_PUBLISHER_H

#include <stdbool.h>

#include "storage/blobs.h"
#include "storage/claims.h"
#include "storage/index/archive_rows.h"
#include "storage/intake.h"

#define PUBLISHER_THREADS 16 /* flushes under way at once */

struct publication;
struct publisher;

/*
 * On a flusher's or the index writer's thread, exactly once; err as for intake_done_fn. The publication is
 * the owner's again.
 */
typedef void publication_done_fn(
        struct publication *publication, enum intake_result result, const struct err *err);

/* Something else that a flusher does with a publication; afterwards it is the owner's again. */
typedef void publication_step_fn(struct publication *publication);

/*
 * A file in tmp/ that shall become a blob. The owner sets the first six and keeps all of it in place until
 * done.
 */
struct publication {
	int fd;
	char temp
	        [BLOBS_TEMP_MAX]; /* gone when done is called, whatever the result; "": in memory only, will be refused */
	struct archive archive;
	enum intake_source source;
	publication_done_fn *done;
	void *owner;

	/* The publisher's. */
	struct store *store;
	struct letter letter;
	publication_step_fn *step; /* what the flusher does that takes the letter … */
	publication_step_fn *lent; /* … and within it, where it is lent */
	struct claim claim;
	struct archive_change change;
	bool replaces; /* a row is there whose file was gone or not as it was */
};

struct publisher *publisher_create(struct store *store);
/* Finishes everything that was begun. NULL is nothing. */
void publisher_destroy(struct publisher *publisher);
/* Any thread. While the publisher is being destroyed: ERR_STOPPING, told on the caller's thread. */
void publisher_post(struct publisher *publisher, struct publication *publication);
/*
 * A flusher runs this, and is done with the publication then; what comes before posting it and takes a while is done there.
 * Any thread. False: the publisher is being destroyed.
 */
bool publisher_lend(struct publisher *publisher, struct publication *publication, publication_step_fn *lent,
        struct err *err) MUST_CHECK;
/* Those who waited for a claim. */
void publisher_retry(struct publisher *publisher, struct letters *letters);

#endif
