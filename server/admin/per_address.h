/*
 * Per address: how often each address did something within a window of time, such as trying wrong tokens. An IPv6
 * /64 is one address. Any thread, under a lock of its own that is a leaf.
 */
#ifndef SERVER_ADMIN_PER_ADDRESS_H
#define SERVER_ADMIN_PER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/admin/metrics.h"
#include "server/net.h"

struct per_address;

#define PER_ADDRESS_MAX 4096 /* addresses remembered; the oldest make room */

struct per_address_options {
	int64_t max, window_ms;  /* so many in a window, which begins with an address's first */
	struct metrics *metrics; /* borrowed, may be NULL */
	enum metric forgotten;   /* counts addresses that made room */
};

struct per_address *per_address_create(const struct per_address_options *options);
void per_address_destroy(struct per_address *table); /* NULL is nothing */

void per_address_count(struct per_address *table, const struct address *address, int64_t now_ms);
/* It had max of them in the window that is open. */
bool per_address_is_over(struct per_address *table, const struct address *address, int64_t now_ms);
/* Counts one more, unless it had max of them: then false. */
bool per_address_take(struct per_address *table, const struct address *address, int64_t now_ms);
/* Until the window that is open ends; 0: none is open. */
int64_t per_address_left_ms(struct per_address *table, const struct address *address, int64_t now_ms);

#endif
