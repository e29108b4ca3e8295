/*
 * What the catalog is made of, for its own files.
 */
#ifndef STORAGE_CATALOG_CATALOG_PARTS_H
#define STORAGE_CATALOG_CATALOG_PARTS_H

#include <stdatomic.h>

#include "storage/catalog/catalog.h"
#include "storage/catalog/network.h"
#include "storage/catalog/site.h"

struct catalog {
	struct index *index;              /* the store's */
	struct network *network;          /* the index writer's thread's … */
	char suspected_by[SITE_MAX];      /* … and of which host the last failure was that did not count */
	_Atomic enum network_trust trust; /* NETWORK_SUSPECTED: since then nothing has cleared that up */
};

#endif
