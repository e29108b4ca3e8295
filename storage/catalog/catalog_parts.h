/*
 * What the catalog is made of, for its own files.
 */
#ifndef STORAGE_CATALOG_CATALOG_PARTS_H
#define STORAGE_CATALOG_CATALOG_PARTS_H

#include "storage/catalog/catalog.h"

struct catalog {
	struct index *index; /* the store's */
};

#endif
