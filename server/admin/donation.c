/*
 * What may be donated. The worker's thread, before the body is read: who gives without a token may only fill what
 * is missing, never choose what is kept.
 */
#include "server/admin/donation.h"

#include "server/admin/metrics.h"
#include "server/config.h"
#include "storage/base/clock.h"
#include "storage/catalog/catalog.h"
#include "storage/index/tombstone_rows.h"
#include "storage/store.h"

#define MINUTE_MS 60000

/* What is stored already may be given once more: the donor is told so when his bytes are seen to be the same. */
static bool
may_return(const struct request *request, struct err *err)
{
	struct tombstone tombstone;

	switch (tombstone_row_find(store_index(request->larder->store), &request->digest, &tombstone, err)) {
	case ROW_FOUND:
		return err_set(err, ERR_FORBIDDEN,
		        "it was removed here, and only somebody with a token may bring it back");
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		break;
	}
	return true;
}

static bool
has_strong(const struct digests *digests)
{
	return digests_bytes(digests, DIGEST_SHA256) != NULL || digests_bytes(digests, DIGEST_SHA512) != NULL;
}

/* md5 and sha1 are names: somebody may have made another archive that has them too. */
static bool
is_wanted(const struct request *request, struct err *err)
{
	struct catalog_wanted wanted;

	if (!catalog_wanted(store_catalog(request->larder->store), &request->digest, &wanted, err))
		return false;
	if (wanted.count == 0)
		return err_set(err, ERR_FORBIDDEN,
		        "the catalog does not name it, so it is not wanted; /api/v1/wanted lists what is");
	for (size_t i = 0; i < wanted.count && !digest_is_strong(request->digest.algo); i++)
		if (!has_strong(&wanted.sets[i]))
			return err_set(err, ERR_FORBIDDEN,
			        "no sha256 or sha512 of it is known, so nothing would prove these bytes; "
			        "only "
			        "somebody with a token may give it");
	return true;
}

/* Who cannot be told apart by an address shares one count. */
static bool
has_turn(struct per_address *donors, struct request *request, struct err *err)
{
	struct larder *larder = request->larder;
	struct address address = {0};
	const int64_t now_ms = clock_ms();

	if (!address_parse(request->caller.from, &address))
		address = (struct address){0};
	if (per_address_take(donors, &address, now_ms))
		return true;
	metrics_add(larder->metrics, METRIC_LIMIT_DONATIONS, 1);
	request->retry_after_ms = per_address_left_ms(donors, &address, now_ms);
	return err_set(err, ERR_TOO_MANY,
	        "your address has made the %lld donations that are accepted in an hour; go on in %lld min",
	        (long long)larder->config->donations.per_hour,
	        (long long)(request->retry_after_ms + MINUTE_MS - 1) / MINUTE_MS);
}

bool
donation_admit(struct per_address *donors, struct request *request, struct err *err)
{
	if (!request->larder->config->donations.open)
		return err_set(err, ERR_FORBIDDEN, "this larder takes no donations");
	return may_return(request, err) && is_wanted(request, err) && has_turn(donors, request, err);
}
