/*
 * The JSON of commands, work and the API: what several of them write and read in the same way. Pure, but for
 * json_print; any thread.
 */
#ifndef SERVER_WORK_JSON_H
#define SERVER_WORK_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/catalog/catalog.h"
#include "storage/catalog/harvest.h"
#include "storage/digest.h"
#include "storage/index/event_rows.h"
#include "storage/index/scrub_rows.h"

/* Prints it on standard output, indented, and releases it. */
void json_print(json_t *value);
/* {"sha256": "<hex>", …} */
json_t *json_digests(const struct digests *digests);
/* The same read again; an empty set is none. ERR_SYNTAX. */
bool json_digests_read(const json_t *value, struct digests *ret, struct err *err) MUST_CHECK;
/* RFC 3339; null for 0. */
json_t *json_time(int64_t wall_ms);
/*
 * {"url", "state", "outcome", "detail", "tried", "served", "failures", "failing_since", "took_ms", "first_named", "last_named",
 * "past", "mirror"}
 */
json_t *json_origin(const struct catalog_origin *origin);
/*
 * {"id", "at", "changed", "revision", "level", "kind", "subject", "who", "from", "result", "detail", "about"}; about: the event's data, or
 * null
 */
json_t *json_event(const struct event_row *event);
/* {"under_way", "archives", "bytes", "wrong", "began", "ended", "ended_wrong"} */
json_t *json_scrub(const struct scrub_round *scrub);
/* [{"file", "line", "column", "text"}] */
json_t *json_problems(const struct harvest *harvest);
/* A string in which bytes that are no UTF-8 were replaced: paths may hold any. */
json_t *json_text(const char *text);

/* Members of an object: "" and 0 where there is none of that type; a count is never negative. */
const char *json_text_of(const json_t *object, const char *name);
uint64_t json_count_of(const json_t *object, const char *name);
bool json_flag_of(const json_t *object, const char *name);

#endif
