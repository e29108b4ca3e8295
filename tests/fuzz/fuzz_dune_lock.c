/*
 * Any bytes as a package file of a dune lock directory.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/catalog/dune_lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct harvest *harvest = harvest_create();

	dune_lock_read_file("dune.lock/a.pkg", (const char *)data, size, harvest);
	assert(harvest->files == 1);
	harvest_destroy(harvest);
	return 0;
}
