/*
 * Counts per address. All windows are equally long, and the table holds them in the order in which they began, so
 * that the oldest is always its first.
 */
#include "server/admin/per_address.h"

#include <pthread.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

#define IPV6_CLIENT_BITS 64 /* what one client is given as a rule */

struct window {
	struct address address;
	int64_t began_ms, count;
	UT_hash_handle hh;
};

struct per_address {
	pthread_mutex_t mutex;
	struct window *windows; /* guarded; oldest first */
	struct per_address_options options;
};

struct per_address *
per_address_create(const struct per_address_options *options)
{
	struct per_address *table = xcalloc(1, sizeof *table);

	pthread_mutex_init(&table->mutex, NULL);
	table->options = *options;
	return table;
}

static void
forget(struct per_address *table, struct window *window)
{
	HASH_DEL(table->windows, window);
	free(window);
}

void
per_address_destroy(struct per_address *table)
{
	if (table == NULL)
		return;
	while (table->windows != NULL)
		forget(table, table->windows);
	pthread_mutex_destroy(&table->mutex);
	free(table);
}

static struct address
client_of(const struct address *address)
{
	return address->family == AF_INET6 ? address_masked(address, IPV6_CLIENT_BITS) : *address;
}

/* The window of this client that is still open; NULL: none. Under the lock. */
static struct window *
find(struct per_address *table, const struct address *client, int64_t now_ms)
{
	struct window *window;

	HASH_FIND(hh, table->windows, client, sizeof *client, window);
	if (window == NULL || now_ms - window->began_ms < table->options.window_ms)
		return window;
	forget(table, window);
	return NULL;
}

/* Under the lock. */
static struct window *
open_window(struct per_address *table, const struct address *client, int64_t now_ms)
{
	struct window *window = xcalloc(1, sizeof *window);

	if (HASH_COUNT(table->windows) >= PER_ADDRESS_MAX) {
		forget(table, table->windows);
		metrics_add(table->options.metrics, table->options.forgotten, 1);
	}
	window->address = *client;
	window->began_ms = now_ms;
	HASH_ADD(hh, table->windows, address, sizeof window->address, window);
	return window;
}

/* Under the lock. */
static void
count(struct per_address *table, struct window *window, const struct address *client, int64_t now_ms)
{
	if (window == NULL)
		window = open_window(table, client, now_ms);
	window->count++;
}

void
per_address_count(struct per_address *table, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);

	pthread_mutex_lock(&table->mutex);
	count(table, find(table, &client, now_ms), &client, now_ms);
	pthread_mutex_unlock(&table->mutex);
}

bool
per_address_is_over(struct per_address *table, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);
	const struct window *window;
	bool over;

	pthread_mutex_lock(&table->mutex);
	window = find(table, &client, now_ms);
	over = window != NULL && window->count >= table->options.max;
	pthread_mutex_unlock(&table->mutex);
	return over;
}

bool
per_address_take(struct per_address *table, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);
	struct window *window;
	bool may;

	pthread_mutex_lock(&table->mutex);
	window = find(table, &client, now_ms);
	may = window == NULL || window->count < table->options.max;
	if (may)
		count(table, window, &client, now_ms);
	pthread_mutex_unlock(&table->mutex);
	return may;
}

int64_t
per_address_left_ms(struct per_address *table, const struct address *address, int64_t now_ms)
{
	struct address client = client_of(address);
	const struct window *window;
	int64_t left_ms;

	pthread_mutex_lock(&table->mutex);
	window = find(table, &client, now_ms);
	left_ms = window == NULL ? 0 : window->began_ms + table->options.window_ms - now_ms;
	pthread_mutex_unlock(&table->mutex);
	return left_ms;
}
