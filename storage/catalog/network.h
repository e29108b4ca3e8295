/*
 * The network as seen from here: whether failures are the origins' own, or larder's end of the line is down. Remembers for each
 * host how it answered within the last hour. Time is an argument: the wall clock.
 *
 * A host is judged by how the others fared, since it cannot vouch against itself, nor make the network look bad all alone. The
 * network is trusted while one of them gave what it was asked for, fewer than a third of them were silent, and (where there are enough
 * of them to tell) fewer than a third gave nothing good at all, as behind a portal that answers everything itself.
 *
 * One thread at a time.
 */
#ifndef STORAGE_CATALOG_NETWORK_H
#define STORAGE_CATALOG_NETWORK_H

#include <stdint.h>

#include "storage/catalog/verdict.h"

#define NETWORK_WINDOW_MS  3600000ll
#define NETWORK_SHARE      3    /* one in so many hosts */
#define NETWORK_PORTAL_MIN 4    /* hosts that gave nothing good, until that alone is suspicious */
#define NETWORK_HOSTS_MAX  4096 /* remembered; the one heard of longest ago makes room */

struct network;

struct network *network_create(void);
void network_destroy(struct network *network); /* NULL is nothing */

/* GOOD: the archive, or that it is there. ANSWERED: something else over HTTP, below 500. SILENT: neither. */
enum network_answer { NETWORK_GOOD, NETWORK_ANSWERED, NETWORK_SILENT };
void network_note(struct network *network, const char *host, enum network_answer answer, int64_t now_ms);
/* Whether what this host did wrong is its own doing. */
enum network_trust network_trust(const struct network *network, const char *host, int64_t now_ms);

#endif
