/*
 * Seeded bug: whatever comes is taken for what was asked for. Both looks are gone: at what an origin or
 * somebody who uploads sent, and at what has landed under another digest than the one that somebody waits
 * for.
 */
#include "storage/catalog/catalog.h"

bool __wrap_digests_have(const struct digests *set, const struct digest *digest);
bool __wrap_catalog_is_right(
        const struct catalog_wanted *wanted, const struct digest *asked, const struct digests *bytes);

bool
__wrap_digests_have(const struct digests *set, const struct digest *digest)
{
	(void)set;
	(void)digest;
	return true;
}

bool
__wrap_catalog_is_right(
        const struct catalog_wanted *wanted, const struct digest *asked, const struct digests *bytes)
{
	(void)wanted;
	(void)asked;
	(void)bytes;
	return true;
}
