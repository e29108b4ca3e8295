/*
 * Any bytes as an opam file and as a lockfile: read or refused with a place, within the limits, and nothing
 * else.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/catalog/opam_lock.h"
#include "storage/catalog/opam_repository.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opam_parser *parser = opam_parser_create();
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;

	opam_repository_read_package(parser, "packages/a/a.1/opam", (const char *)data, size, harvest);
	assert(harvest->files == 1);
	if (!opam_lock_read((const char *)data, size, "x.opam.locked", harvest, &err))
		assert(err.code == ERR_SYNTAX && harvest->problems_in_all == 1);
	harvest_destroy(harvest);
	opam_parser_destroy(parser);
	return 0;
}
