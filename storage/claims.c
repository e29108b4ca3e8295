/*
 * Claims: a small table of the blobs that are being changed, some dozens at most. Any thread; nothing happens
 * under its mutex.
 */
#include "storage/claims.h"

#include <string.h>

void
claims_init(struct claims *claims)
{
	pthread_mutex_init(&claims->mutex, NULL);
	pthread_cond_init(&claims->released, NULL);
	for (size_t i = 0; i < CLAIM_BUCKETS; i++)
		LIST_INIT(&claims->buckets[i]);
}

void
claims_finish(struct claims *claims)
{
	pthread_cond_destroy(&claims->released);
	pthread_mutex_destroy(&claims->mutex);
}

/* Under the mutex. */
static struct claim *
holder_of(struct claims *claims, const uint8_t sha256[32])
{
	struct claim *claim;

	LIST_FOREACH (claim, &claims->buckets[sha256[0]], link) {
		if (memcmp(claim->sha256, sha256, 32) == 0)
			return claim;
	}
	return NULL;
}

/* Under the mutex. */
static void
enter(struct claims *claims, struct claim *claim, const uint8_t sha256[32])
{
	memcpy(claim->sha256, sha256, 32);
	STAILQ_INIT(&claim->waiting);
	LIST_INSERT_HEAD(&claims->buckets[sha256[0]], claim, link);
}

bool
claims_try(struct claims *claims, struct claim *claim, const uint8_t sha256[32], struct letter *letter)
{
	struct claim *holder;

	pthread_mutex_lock(&claims->mutex);
	holder = holder_of(claims, sha256);
	if (holder == NULL)
		enter(claims, claim, sha256);
	else if (letter != NULL)
		STAILQ_INSERT_TAIL(&holder->waiting, letter, link);
	pthread_mutex_unlock(&claims->mutex);
	return holder == NULL;
}

void
claims_wait(struct claims *claims, struct claim *claim, const uint8_t sha256[32])
{
	pthread_mutex_lock(&claims->mutex);
	while (holder_of(claims, sha256) != NULL)
		pthread_cond_wait(&claims->released, &claims->mutex);
	enter(claims, claim, sha256);
	pthread_mutex_unlock(&claims->mutex);
}

void
claims_release(struct claims *claims, struct claim *claim, struct letters *ret_waiting)
{
	STAILQ_INIT(ret_waiting);
	pthread_mutex_lock(&claims->mutex);
	LIST_REMOVE(claim, link);
	STAILQ_CONCAT(ret_waiting, &claim->waiting);
	pthread_cond_broadcast(&claims->released);
	pthread_mutex_unlock(&claims->mutex);
}
