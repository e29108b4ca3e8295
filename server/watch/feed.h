/*
 * The feed: what larder noticed lately, as Atom (RFC 4287) for feed readers, and as a list on the page.
 *
 * The entries are made once for each change and kept, so that a reader who asks a thousand times a second costs a comparison.
 */
#ifndef SERVER_WATCH_FEED_H
#define SERVER_WATCH_FEED_H

#include "server/http/request.h"
#include "server/larder.h"
#include "storage/base/text.h"

#define FEED_ENTRIES 100  /* the newest */
#define FEED_LOOK_MS 1000 /* how old an answer may be */
#define FEED_ON_PAGE 10

struct feed;

struct feed *feed_create(struct larder *larder); /* borrows */
void feed_destroy(struct feed *feed);            /* NULL is nothing */

handler_fn feed_atom; /* GET /events.atom */
/* The newest as HTML, for the page at "/"; nothing where nothing was noticed yet. */
void feed_add_html(struct larder *larder, struct text *ret);

#endif
