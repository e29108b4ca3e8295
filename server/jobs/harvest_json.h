/*
 * A harvest as JSON, so that a command which has read a local source can hand it to the daemon: values one
 * after the other, a line each, so that neither side holds them all at once.
 *
 *   {"harvest": 1, "source": "name", "form": "list", "files": n, "sections": n, "without_digest": n,
 *    "not_archives": n, "problems": n}       of a history with "tip": "<hex> …", "commits": n
 *   {"digests": {"sha256": "<hex>", …}, "package": "rosa.0.2.0", "urls": ["https://…", …]}      an entry; of a
 *                                            history with "first": ms, "last": ms, "past": true
 *   {"file": "packages/…", "line": n, "column": n, "text": "…; skipped"}                          a problem
 *   {"end": entries and problems in all}                              without it the harvest was cut short
 *
 * Pure but for the descriptor; any thread.
 */
#ifndef SERVER_WORK_HARVEST_JSON_H
#define SERVER_WORK_HARVEST_JSON_H

#include <jansson.h>

#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/catalog/harvest.h"
#include "storage/catalog/source.h"

#define HARVEST_JSON_START "{\"harvest\"" /* what such a body begins with */
#define HARVEST_LINE_MAX   (2u << 20)     /* bytes of one value */

/* Adds the harvest; asked is that of work_import: its source and form. */
void harvest_json_add(struct text *ret, const struct harvest *harvest, const json_t *asked);
/*
 * Reads one from its start, as it came from somebody. All limits of harvest_add hold; an entry past them is a
 * problem. ret_name: the source's name, the caller's to free. False: it is none, or was cut short (ERR_SYNTAX,
 * with the line), or ERR_IO.
 */
bool harvest_json_read(int fd, struct harvest *harvest, enum source_form *ret_form, char **ret_name,
        struct err *err) MUST_CHECK;

/* One entry, and back: the entries of work_fetch. */
json_t *harvest_entry_json(const struct harvest_entry *entry);
/* Adds it to the harvest. ERR_SYNTAX: it is none; one past a limit is a problem of file and line. */
bool harvest_entry_read(const json_t *value, struct harvest *harvest, const char *file, unsigned line,
        struct err *err) MUST_CHECK;

#endif
