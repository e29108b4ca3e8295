/*
 * What an event of the watch is about, as its data: the archives of one cause. It begins empty or with the data of an event that
 * grows; an archive that is added twice, under whatever digests, counts once. One thread.
 *
 * {"site", "scope": "host" | "site" | "archive", "cause": "vanished" | "changed: recompressed" | …, "count", "stored": so many of them,
 * "whole": all that is known of the site went this way, "archives": [{"package", "digests", "url", "stored", "copies", "drift":
 * {"kind", "detail", "sha256", "size", "known", "known_from", "known_since"} or absent}]}
 */
#ifndef SERVER_WATCH_ABOUT_H
#define SERVER_WATCH_ABOUT_H

#include <jansson.h>
#include <stdbool.h>

#include "storage/digest.h"

/* Archives in one event, or fewer where EVENT_DATA_MAX holds no more; of the others their number. */
#define ABOUT_LISTED_MAX 1000

struct about;

struct about_archive {
	const char *package; /* or "" */
	const struct digests *digests;
	const char *url;
	bool stored;
	size_t copies;       /* hosts known to serve it */
	const json_t *drift; /* NULL: it has not changed */
};

/* Of several archives: the site or host that they are of. Of a single one: its own site is told, and the scope is "archive". */
struct about_place {
	enum about_scope { ABOUT_HOST, ABOUT_SITE } scope;
	const char *name;
	bool whole; /* all that is known of it went this way */
};

/* before: NULL: there is none yet. */
struct about *about_create(const char *cause, const json_t *before);
void about_add(struct about *about, const struct about_archive *archive);
/* Destroys it; the data are the caller's. */
json_t *about_finish(struct about *about, const struct about_place *place);

#endif
