/*
 * Failures: how many wrong tokens each address tried in a minute. An IPv6 /64 is one address. Any thread, under a
 * lock of its own that is a leaf.
 */
#ifndef SERVER_ADMIN_FAILURES_H
#define SERVER_ADMIN_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/net.h"

struct failures;
struct metrics;

#define FAILURES_WINDOW_MS     60000
#define FAILURES_ADDRESSES_MAX 4096 /* remembered; the oldest make room */

/* max: in a window. metrics: borrowed, may be NULL. */
struct failures *failures_create(int64_t max, struct metrics *metrics);
void failures_destroy(struct failures *failures); /* NULL is nothing */

void failures_add(struct failures *failures, const struct address *address, int64_t now_ms);
/* It had max of them since the first one in the last minute. */
bool failures_over(struct failures *failures, const struct address *address, int64_t now_ms);

#endif
