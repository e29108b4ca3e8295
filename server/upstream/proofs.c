/*
 * Threads of the store tell, the fetcher's listens. Whoever tells is counted until he has nothing more to do with it, so
 * that the fetcher may end then.
 */
#include "server/upstream/proofs.h"

#include <assert.h>

#define AWAIT_MS 10 /* looks again this often, should the wake be missed */

void
proofs_init(struct proofs *proofs, CURLM *multi)
{
	mailbox_init(&proofs->told);
	atomic_init(&proofs->under_way, 0);
	proofs->multi = multi;
}

void
proofs_finish(struct proofs *proofs)
{
	assert(proofs->under_way == 0);
	mailbox_finish(&proofs->told);
}

void
proofs_begin(struct proofs *proofs)
{
	atomic_fetch_add(&proofs->under_way, 1);
}

void
proofs_end(struct proofs *proofs, struct letter *letter)
{
	mailbox_post(&proofs->told, letter);
	curl_multi_wakeup(proofs->multi);
	atomic_fetch_sub(&proofs->under_way, 1);
}

struct letter *
proofs_take(struct proofs *proofs)
{
	return mailbox_take(&proofs->told, 0);
}

void
proofs_await(struct proofs *proofs)
{
	while (atomic_load(&proofs->under_way) > 0)
		curl_multi_poll(proofs->multi, NULL, 0, AWAIT_MS, NULL);
}
