/*
 * What the origins of an archive amount to: whether all lost it. Pure; any thread.
 */
#include "storage/catalog/catalog.h"

bool
catalog_has_vanished(const struct catalog_origins *origins)
{
	bool vanished = false;

	for (size_t i = 0; i < origins->count; i++) {
		const struct catalog_origin *origin = &origins->items[i];
		bool had_it = origin->kind == ORIGIN_NAMED || origin->memory.served_at_ms != 0 ||
		              origin->memory.state == ORIGIN_IS_SERVING;

		if (had_it && origin->memory.state != ORIGIN_IS_VANISHED)
			return false;
		vanished = vanished || had_it;
	}
	return vanished;
}
