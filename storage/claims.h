/*
 * Claims: at most one thread changes the blob of one sha256 at a time, whether it publishes, adopts,
 * quarantines or removes it. Others wait in the claim's queue and are handed out again when it is released.
 */
#ifndef STORAGE_CLAIMS_H
#define STORAGE_CLAIMS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "storage/base/mailbox.h"

#define CLAIM_BUCKETS 256

/* Lives in the one who claims. */
struct claim {
	uint8_t sha256[32];
	LIST_ENTRY(claim) link;
	struct letters waiting;
};

struct claims {
	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t released;
	LIST_HEAD(, claim) buckets[CLAIM_BUCKETS]; /* by the first byte */
};

void claims_init(struct claims *claims);
void claims_finish(struct claims *claims);

/* True: claimed. False: somebody has it, and the letter (unless NULL) waits in his queue. */
bool claims_try(struct claims *claims, struct claim *claim, const uint8_t sha256[32], struct letter *letter);
/* Waits for it. */
void claims_wait(struct claims *claims, struct claim *claim, const uint8_t sha256[32]);
/* Afterwards the letters that waited are the caller's, to be tried again. */
void claims_release(struct claims *claims, struct claim *claim, struct letters *ret_waiting);

#endif
