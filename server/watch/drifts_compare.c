/*
 * What differs, as drifts ask it: a comparison of two archives (storage/drift/compare.h), in their words. The thread of the news.
 */
#include <stdio.h>

#include "server/watch/drifts.h"
#include "storage/drift/compare.h"

/* Alone it is compared with itself: what is no archive is told by that too. */
void
drifts_compare(const struct drift_pair *pair, drift_stopped_fn *is_stopped, void *context,
        struct drift_comparison *ret)
{
	const struct compare_file came = {.fd = pair->new_fd, .size_bytes = pair->new_size_bytes};
	const struct compare_file promised = {.fd = pair->old_fd, .size_bytes = pair->old_size_bytes};
	const struct compare_limits limits = COMPARE_LIMITS;
	const struct compare_stop stop = {.is_stopped = is_stopped, .context = context};
	struct drift found;

	compare_archives(pair->old_fd >= 0 ? &promised : &came, &came, &limits, &stop, &found);
	ret->kind = drift_kind_name(found.kind);
	snprintf(ret->detail, sizeof ret->detail, "%s", found.detail);
	ret->n_names = found.n_named < DRIFT_NAMES_MAX ? found.n_named : DRIFT_NAMES_MAX;
	for (size_t i = 0; i < ret->n_names; i++)
		snprintf(ret->names[i], sizeof ret->names[i], "%s %s",
		        drift_change_name(found.files[i].change), found.files[i].path);
}
