/*
 * Donations: uploads without a token, where donations.open. Only what the catalog wants and a strong digest proves.
 */
#ifndef SERVER_ADMIN_DONATION_H
#define SERVER_ADMIN_DONATION_H

#include "server/admin/per_address.h"
#include "server/http/request.h"

#define DONATIONS_WINDOW_MS 3600000 /* donations.per_hour */

/*
 * Whether the upload to request->digest may begin, and counts it. ERR_FORBIDDEN: it was removed, is not wanted, or
 * nothing proves what the bytes are; ERR_TOO_MANY: donations.per_hour, and then request->retry_after_ms says how long
 * that lasts. The worker's thread; reads the index.
 */
bool donation_admit(struct per_address *donors, struct request *request, struct err *err) MUST_CHECK;

#endif
