/*
 * Hands on what came instead of an archive. Asked by the fetcher's thread; whoever waits for the bytes is told of them
 * on that thread or on the one on which the last reader leaves. Must never wait.
 */
#include "server/upstream/drift.h"

#include <stdlib.h>

#include "storage/base/text.h"

/* On its way from the flight to whoever wants it. */
struct drift {
	fetcher_drifted_fn *drifted;
	void *context;
	struct contact contact;
	char *url, *detail, *etag, *modified; /* the contact's */
};

static void
hand_on(void *context, struct intake *intake)
{
	struct drift *drift = context;

	if (intake != NULL)
		drift->drifted(drift->context, &drift->contact, intake);
	free(drift->url);
	free(drift->detail);
	free(drift->etag);
	free(drift->modified);
	free(drift);
}

void
drift_hand_on(const struct upstream *upstream, struct flight *flight, const struct contact *contact)
{
	struct drift *drift;

	if (upstream->drifted == NULL)
		return;
	drift = xcalloc(1, sizeof *drift);
	*drift = (struct drift){.drifted = upstream->drifted,
	        .context = upstream->drift_context,
	        .contact = *contact,
	        .url = xstrdup(contact->url),
	        .detail = xstrdup(contact->detail),
	        .etag = xstrdup(contact->etag),
	        .modified = xstrdup(contact->modified)};
	drift->contact.url = drift->url;
	drift->contact.detail = drift->detail;
	drift->contact.etag = drift->etag;
	drift->contact.modified = drift->modified;
	flight_hand_on(flight, hand_on, drift);
}
