/*
 * What another larder answers when `larder push` asks it about archives (POST /api/v1/check). Pure; any thread.
 */
#ifndef SERVER_COMMANDS_PUSH_REPORT_H
#define SERVER_COMMANDS_PUSH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What the other side says of an archive. OFFER_NAMED: it lacks it, and its catalog names it. */
enum offer_state { OFFER_STORED, OFFER_NAMED, OFFER_UNNAMED, OFFER_REMOVED };

typedef void push_report_fn(void *context, const uint8_t sha256[32], enum offer_state state);
/* Tells each archive that is not stored there. False: this is no such report, and nothing was told. */
bool push_report_read(const json_t *report, push_report_fn *lacks, void *context);

#endif
