/*
 * Drift: an origin served other bytes than the digest promises, and somebody wants to look at them.
 */
#ifndef SERVER_UPSTREAM_DRIFT_H
#define SERVER_UPSTREAM_DRIFT_H

#include "server/archive/flight.h"
#include "server/upstream/errand.h"

/* What the flight refused to land goes to upstream.drifted, once nobody reads it; copies the contact. */
void drift_hand_on(const struct upstream *upstream, struct flight *flight, const struct contact *contact);

#endif
