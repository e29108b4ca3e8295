/*
 * A harvest in which what is named again is one entry: the same package, digests and URLs. Its dates are then those
 * of the whole time. One thread.
 */
#ifndef STORAGE_CATALOG_DISTINCT_H
#define STORAGE_CATALOG_DISTINCT_H

#include "storage/catalog/harvest.h"

struct distinct {
	struct harvest *harvest; /* borrowed; nobody else adds to it meanwhile */
	uint32_t *slots;         /* one more than the number of an entry; 0: free */
	size_t n_slots;          /* a power of two, at least twice as many as entries */
	size_t first;            /* entries before this one were there already, and are left alone */
};

void distinct_init(struct distinct *distinct, struct harvest *harvest);
void distinct_finish(struct distinct *distinct);
/* Adds the entry, or widens the dates of the one that says the same; as harvest_add for limits. */
void distinct_add(
        struct distinct *distinct, const struct harvest_entry *entry, const char *file, unsigned line);

#endif
