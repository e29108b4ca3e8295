/*
 * An origin in words, as check, show and repair tell it. Main thread.
 */
#ifndef SERVER_COMMANDS_ORIGIN_TEXT_H
#define SERVER_COMMANDS_ORIGIN_TEXT_H

#include <jansson.h>

#include "storage/base/text.h"

/*
 * "vanished (gone, 404) since 2023-09-12, last served 2023-08-30; named until 2023-09-13": what it does, of an origin in
 * the form of json_origin, for a terminal.
 */
void origin_text(const json_t *origin, struct text *ret);
/*
 * "sha256:<hex> (recompressed, 12 KiB, kept here) since 2023-01-30, known as duff.0.5": one of its drifts; of other archives "the bytes
 * of bar.9", of what the package was before "which opam-repository named since 2022-01-30, and does so no more".
 */
void origin_drift_text(const json_t *drift, struct text *ret);
/* Its URL and what it does, and below what it served instead: lines that begin so. */
void origin_add_lines(struct text *text, const json_t *origin, const char *begin);
/* The day of a time in RFC 3339; "" where there is none. */
#define ORIGIN_DAY_MAX 11
void origin_day(const json_t *object, const char *name, char ret[ORIGIN_DAY_MAX]);
/* A text from outside, safe for a terminal. */
void origin_add_safe(struct text *text, const char *string);

#endif
