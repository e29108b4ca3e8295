/*
 * What an event of the watch says: one sentence for people, made of its data (server/watch/event_data.h). Pure; any thread.
 */
#ifndef SERVER_WATCH_EVENT_TEXT_H
#define SERVER_WATCH_EVENT_TEXT_H

#include <jansson.h>

#include "storage/base/text.h"

/* What events of the watch are about. */
enum cause_kind { CAUSE_VANISHED, CAUSE_CHANGED, CAUSE_FAILING, CAUSE_BACK };
#define CAUSE_KINDS 4
const char *cause_kind_name(enum cause_kind kind); /* "vanished", "changed", "failing", "back" */

#define EVENT_TEXT_NAMES_MAX 5 /* archives named in one sentence; of the others their number */

/*
 * "github.com/kodwx is gone: rosa.0.2.0, lucid.0.1.5; both are stored". What happened, what of it is stored, and what to do where
 * something is to be done.
 */
void event_text_sentence(const json_t *data, struct text *ret);
/* Whom it is about: the site or the host; of a single archive its package. */
void event_text_subject(const json_t *data, struct text *ret);

#endif
