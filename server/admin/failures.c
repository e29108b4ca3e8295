/*
 * Failures. A window begins with an address's first failure and ends a minute later; the table holds the windows in
 * the order in which they began, so that the oldest is always its first.
 */
#include "server/admin/failures.h"

#include <pthread.h>
#include <uthash.h>

#include "server/admin/metrics.h"
#include "storage/base/text.h"

#define IPV6_CLIENT_BITS 64 /* what one client is given as a rule */

struct window {
	struct address address;
	int64_t began_ms, count;
	UT_hash_handle hh;
};

struct failures {
	pthread_mutex_t mutex;
	struct window *windows; /* guarded; oldest first */
	int64_t max;
	struct metrics *metrics;
};

struct failures *
failures_create(int64_t max, struct metrics *metrics)
{
	struct failures *failures = xcalloc(1, sizeof *failures);

	pthread_mutex_init(&failures->mutex, NULL);
	failures->max = max;
	failures->metrics = metrics;
	return failures;
}

static void
forget(struct failures *failures, struct window *window)
{
	HASH_DEL(failures->windows, window);
	free(window);
}

void
failures_destroy(struct failures *failures)
{
	if (failures == NULL)
		return;
	while (failures->windows != NULL)
		forget(failures, failures->windows);
	pthread_mutex_destroy(&failures->mutex);
	free(failures);
}

static struct address
client_of(const struct address *address)
{
	return address->family == AF_INET6 ? address_masked(address, IPV6_CLIENT_BITS) : *address;
}

/* The window of this client that is still open; NULL: none. Under the lock. */
static struct window *
find(struct failures *failures, const struct address *client, int64_t now_ms)
{
	struct window *window;

	HASH_FIND(hh, failures->windows, client, sizeof *client, window);
	if (window == NULL || now_ms - window->began_ms < FAILURES_WINDOW_MS)
		return window;
	forget(failures, window);
	return NULL;
}

/* Under the lock. */
static struct window *
open_window(struct failures *failures, const struct address *client, int64_t now_ms)
{
	struct window *window = xcalloc(1, sizeof *window);

	if (HASH_COUNT(failures->windows) >= FAILURES_ADDRESSES_MAX) {
		forget(failures, failures->windows);
		metrics_add(failures->metrics, METRIC_LIMIT_AUTH_ADDRESSES, 1);
	}
	window->address = *client;
	window->began_ms = now_ms;
	HASH_ADD(hh, failures->windows, address, sizeof window->address, window);
	return window;
}

void
failures_add(struct failures *failures, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);
	struct window *window;

	pthread_mutex_lock(&failures->mutex);
	window = find(failures, &client, now_ms);
	if (window == NULL)
		window = open_window(failures, &client, now_ms);
	window->count++;
	pthread_mutex_unlock(&failures->mutex);
}

bool
failures_over(struct failures *failures, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);
	const struct window *window;
	bool over;

	pthread_mutex_lock(&failures->mutex);
	window = find(failures, &client, now_ms);
	over = window != NULL && window->count >= failures->max;
	pthread_mutex_unlock(&failures->mutex);
	return over;
}
