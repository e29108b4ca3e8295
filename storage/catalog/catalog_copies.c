/*
 * What the origins of an archive amount to: how many still have it, and whether all lost it. Pure; any thread.
 */
#include <string.h>

#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"

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

bool
catalog_serves(const struct catalog_origin *origin)
{
	return origin->memory.state == ORIGIN_IS_SERVING && origin->memory.failures == 0;
}

/* False: it does not serve. */
static bool
provider_of(const struct catalog_origin *origin, char ret[SITE_MAX])
{
	struct site site;

	if (!catalog_serves(origin) || !site_of(origin->url, &site))
		return false;
	site_provider(site.host, ret);
	return true;
}

static bool
serves_first(const struct catalog_origins *origins, size_t at)
{
	char provider[SITE_MAX], other[SITE_MAX];

	if (!provider_of(&origins->items[at], provider))
		return false;
	for (size_t i = 0; i < at; i++)
		if (provider_of(&origins->items[i], other) && strcmp(provider, other) == 0)
			return false;
	return true;
}

size_t
catalog_copies(const struct catalog_origins *origins)
{
	size_t copies = 0;

	for (size_t i = 0; i < origins->count; i++)
		copies += serves_first(origins, i);
	return copies;
}
