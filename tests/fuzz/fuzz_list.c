/*
 * Any bytes as a list, at once and in pieces: both must give the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/catalog/list.h"

#define PIECE 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct harvest *
read_pieces(const char *bytes, size_t size, size_t piece)
{
	struct harvest *harvest = harvest_create();
	struct list_reader reader;

	list_start(&reader, "x.list", harvest);
	for (size_t at = 0; at < size; at += piece)
		list_feed(&reader, bytes + at, size - at < piece ? size - at : piece);
	list_end(&reader);
	return harvest;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct harvest *whole = read_pieces((const char *)data, size, size + 1);
	struct harvest *pieces = read_pieces((const char *)data, size, PIECE);

	assert(whole->n_entries == pieces->n_entries);
	assert(whole->problems_in_all == pieces->problems_in_all);
	assert(whole->sections == pieces->sections);
	harvest_destroy(whole);
	harvest_destroy(pieces);
	return 0;
}
