/*
 * Proofs: errands whose bytes are being hashed and compared elsewhere, and how they come back to the fetcher's thread.
 */
#ifndef SERVER_UPSTREAM_PROOFS_H
#define SERVER_UPSTREAM_PROOFS_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "storage/base/mailbox.h"

struct proofs {
	struct mailbox told;
	atomic_uint under_way;
	CURLM *multi; /* borrowed: what the fetcher's thread waits at */
};

void proofs_init(struct proofs *proofs, CURLM *multi);
void proofs_finish(struct proofs *proofs); /* none is under way, and all were taken */

/* One goes out. The fetcher's thread. */
void proofs_begin(struct proofs *proofs);
/* It is told: the letter goes to the fetcher's thread, which is woken. Any thread. */
void proofs_end(struct proofs *proofs, struct letter *letter);
/* The next that was told; NULL: none. The fetcher's thread. */
struct letter *proofs_take(struct proofs *proofs);
/* Until all that went out were told. The fetcher's thread. */
void proofs_await(struct proofs *proofs);

#endif
