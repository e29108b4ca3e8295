/*
 * The data of an event of the watch: the archives of one cause. They begin empty or with those of an event that grows; an archive that
 * is added twice, under whatever digests, counts once. One thread.
 *
 * {"site", "scope": "host" | "site" | "archive", "cause": "vanished" | "changed: recompressed" | …, "count", "stored": so many of them,
 * "whole": all that is known of the site went this way, "archives": [{"package", "digests", "url", "stored", "copies", "hosts": [those by name], "left": others that may still be asked, "drift":
 * {"kind", "detail", "sha256", "size"; where a source names the bytes "known", "known_from", "known_since"; where that corrects the
 * archive "lines": ["- \"sha256=…\"", "+ \"sha256=…\""], which make a lockfile right} or absent}]}
 *
 * The site is the narrowest that holds all of them.
 */
#ifndef SERVER_WATCH_EVENT_DATA_H
#define SERVER_WATCH_EVENT_DATA_H

#include <jansson.h>
#include <stdbool.h>

#include "storage/digest.h"

/* Archives in one event, or fewer where EVENT_DATA_MAX holds no more; of the others their number. */
#define EVENT_DATA_LISTED_MAX 1000

struct event_data;

struct event_archive {
	const char *package; /* or "" */
	const struct digests *digests;
	const char *url;
	bool stored;
	size_t copies;       /* hosts known to serve it */
	const json_t *hosts; /* some of them by name; NULL: none */
	size_t left;         /* others that may still be asked for it */
	const json_t *drift; /* NULL: it has not changed */
};

/* Of several archives: the site or host that they are of. Of a single one: its own site is told, and the scope is "archive". */
struct event_place {
	enum event_scope { SCOPE_HOST, SCOPE_SITE } scope;
	const char *name;
	bool whole; /* all that is known of it went this way */
};

/* before: NULL: there is none yet. */
struct event_data *event_data_create(const char *cause, const json_t *before);
void event_data_add(struct event_data *data, const struct event_archive *archive);
/* Destroys it; the data are the caller's. */
json_t *event_data_finish(struct event_data *data, const struct event_place *place);

#endif
