/*
 * Mending. The thread of whoever found the damage; the fetch itself is a flight as any other, which goes on though nobody is aboard.
 */
#include "server/archive/mending.h"

#include "server/admin/metrics.h"
#include "server/archive/flights.h"
#include "server/larder.h"
#include "storage/base/log.h"
#include "storage/catalog/catalog.h"
#include "storage/store.h"

struct digest
mending_digest(struct store *store, const struct digests *digests)
{
	for (int i = 0; i < DIGEST_ALGOS; i++) {
		struct catalog_wanted wanted;
		struct digest digest;
		struct err unimportant = ERR_NONE;

		if (digests_get(digests, digests_best_first[i], &digest) &&
		        catalog_wanted(store_catalog(store), &digest, &wanted, &unimportant) &&
		        wanted.count > 0)
			return digest;
	}
	return digests_best(digests);
}

void
mending_fetch(void *context, const struct digests *digests)
{
	struct larder *larder = context;
	struct digest digest = mending_digest(larder->store, digests);
	char name[DIGEST_TEXT_MAX];
	struct err err = ERR_NONE;
	struct flight *flight;

	metrics_add(larder->metrics, METRIC_SCRUB_WRONG, 1);
	digest_text(&digest, name);
	flight = flights_join(larder->flights, &digest, &err);
	if (flight != NULL) {
		log_info("%s is being fetched again", name);
		flight_release(flight);
	} else if (err.code != ERR_STOPPING) {
		log_warning("%s is not fetched again now, but when it is asked for: %s", name, err.text);
	}
}
