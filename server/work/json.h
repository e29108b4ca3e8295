/*
 * The JSON of the commands: what several of them write in the same way. Main thread.
 */
#ifndef SERVER_WORK_JSON_H
#define SERVER_WORK_JSON_H

#include <jansson.h>

#include "storage/catalog/catalog.h"
#include "storage/digest.h"

/* Prints it on standard output, indented, and releases it. */
void json_print(json_t *value);
/* {"sha256": "<hex>", …} */
json_t *json_digests(const struct digests *digests);
/* RFC 3339; null for 0. */
json_t *json_time(int64_t wall_ms);
/* {"url", "outcome", "detail", "tried", "served", "failures"} */
json_t *json_origin(const struct catalog_origin *origin);
/* A string in which bytes that are no UTF-8 were replaced: paths may hold any. */
json_t *json_text(const char *text);

#endif
