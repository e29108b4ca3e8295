/*
 * What the feed is made of, for its own files.
 */
#ifndef SERVER_WATCH_FEED_PARTS_H
#define SERVER_WATCH_FEED_PARTS_H

#include "storage/base/text.h"
#include "storage/index/event_rows.h"

#define FEED_ID_MAX 48 /* "urn:uuid:…" */

/* --- feed_id.c --- */

/*
 * What this store's feed is called for ever (RFC 4287, 4.2.6): made once, and kept in the file FEED_ID_FILE of its directory. Blocks on
 * the disk; where that fails it is made of the directory's name, and the log says so.
 */
#define FEED_ID_FILE "feed.id"
void feed_id_of_store(const char *directory, char ret[FEED_ID_MAX]);
/* The same for ever, and no other feed's. Pure. */
void feed_id_of_event(const char *feed_id, const struct event_row *event, char ret[FEED_ID_MAX]);

/* --- feed_entry.c --- */

#define FEED_LINES_OF 20 /* archives of one entry whose lines for a lockfile are in it */

/* <entry>…</entry>. Pure. */
void feed_add_entry(const char *feed_id, const struct event_row *event, struct text *ret);

#endif
