/*
 * Attempts: which origins were asked for one archive and what each of them said, in their order, for reports.
 * Owned by one thread at a time.
 */
#ifndef SERVER_ARCHIVE_ATTEMPTS_H
#define SERVER_ARCHIVE_ATTEMPTS_H

#include <stddef.h>

#include "storage/catalog/catalog.h"

#define ATTEMPTS_MAX 64 /* kept; later ones are dropped */

struct attempt {
	char *url;
	enum origin_result result;
	char *detail; /* "404", "timed out after 15 s", "other bytes: sha256:…" */
};

/* All zero: none. */
struct attempts {
	struct attempt *items;
	size_t count;
};

/* Copies the strings. */
void attempts_add(struct attempts *attempts, const char *url, enum origin_result result, const char *detail);
void attempts_finish(struct attempts *attempts);

#endif
