/*
 * What the catalog is made of, for its own files.
 */
#ifndef STORAGE_CATALOG_CATALOG_PARTS_H
#define STORAGE_CATALOG_CATALOG_PARTS_H

#include <stdatomic.h>

#include "storage/catalog/catalog.h"
#include "storage/catalog/network.h"

struct catalog {
	struct index *index;              /* the store's */
	struct network *network;          /* the index writer's thread's */
	_Atomic enum network_trust trust; /* as the network was after the last contact */
};

#endif
