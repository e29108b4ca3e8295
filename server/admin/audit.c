/*
 * The audit: every change, in the log and in the table of events. Any thread; never waits.
 */
#include "server/admin/auth.h"
#include "server/larder.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/event_rows.h"

void
audit_note(struct larder *larder, const struct caller *caller, const struct audit *audit)
{
	const char *detail = audit->detail != NULL ? audit->detail : "";
	struct event_row event = {.kind = audit->what,
	        .subject = audit->subject,
	        .who = caller->who,
	        .came_from = caller->from,
	        .result = audit->result,
	        .detail = detail};

	event_row_add(store_index(larder->store), &event);
	log_info("audit: %s %s by %s from %s: %s%s%s", audit->what, audit->subject, caller->who,
	        caller->from[0] != '\0' ? caller->from : "unknown", audit->result,
	        detail[0] != '\0' ? ", " : "", detail);
}
