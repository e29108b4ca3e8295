/*
 * Renders events for people who subscribe. Worker threads; one of them asks the index, the others take what is there. Must never give
 * out what is no literal but through text_add_html, which escapes for XML as well. server/watch/feed_entry.c has an entry,
 * server/watch/feed_id.c what they are called.
 */
#include "server/watch/feed.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/status.h"
#include "server/http/reply.h"
#include "server/watch/feed_parts.h"
#include "server/watch/watch.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/digest.h"
#include "storage/index/event_rows.h"
#include "storage/store.h"

#define HASH_MAX 33
#define ETAG_MAX 128

struct feed {
	struct larder *larder;
	char id[FEED_ID_MAX];  /* constant */
	pthread_mutex_t mutex; /* guards what follows; a leaf */
	struct text entries;   /* as of … */
	char updated[TEXT_TIME_MAX];
	int64_t revision; /* … this change; -1: not made yet */
	int64_t changed_at_ms;
	char hash[HASH_MAX]; /* of the entries */
	int64_t looked_ms;   /* clock_ms */
};

struct feed *
feed_create(struct larder *larder)
{
	struct feed *feed = xcalloc(1, sizeof *feed);

	feed->larder = larder;
	feed_id_of_store(store_directory(larder->store), feed->id);
	feed->revision = -1;
	pthread_mutex_init(&feed->mutex, NULL);
	return feed;
}

void
feed_destroy(struct feed *feed)
{
	if (feed == NULL)
		return;
	text_finish(&feed->entries);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

/* --- entries --- */

static void
add_entry(void *context, const struct event_row *event)
{
	struct feed *feed = context;

	if (event->changed_at_ms > feed->changed_at_ms)
		feed->changed_at_ms = event->changed_at_ms;
	feed_add_entry(feed->id, event, &feed->entries);
}

/* Of the very bytes, so that nobody keeps others under it. */
static void
hash(const struct text *text, char ret[HASH_MAX])
{
	struct sha256_hasher *hasher = sha256_hasher_create();
	uint8_t value[32];

	sha256_hasher_add(hasher, text_string(text), text->length);
	sha256_hasher_value(hasher, value);
	sha256_hasher_destroy(hasher);
	text_hex(value, (HASH_MAX - 1) / 2, ret);
}

/* Made anew, without a lock. False: the index does not tell. */
static bool
render(struct larder *larder, const char id[FEED_ID_MAX], int64_t revision, struct feed *ret)
{
	struct err err = ERR_NONE;

	*ret = (struct feed){.revision = revision};
	memcpy(ret->id, id, sizeof ret->id);
	if (event_rows_last(store_index(larder->store), FEED_ENTRIES, add_entry, ret, &err)) {
		text_time(ret->changed_at_ms > 0 ? ret->changed_at_ms : larder->started_at_ms, ret->updated);
		hash(&ret->entries, ret->hash);
		return true;
	}
	log_warning(
	        "the feed of events cannot be brought up to date: %s; the last one is given out", err.text);
	text_finish(&ret->entries);
	return false;
}

/* --- keeping them --- */

/* Whether this request is the one that looks for something newer; the others take what is there. */
static bool
is_to_look(struct feed *feed)
{
	const int64_t now_ms = clock_ms();
	bool look;

	pthread_mutex_lock(&feed->mutex);
	look = feed->revision < 0 || now_ms - feed->looked_ms >= FEED_LOOK_MS;
	if (look)
		feed->looked_ms = now_ms;
	pthread_mutex_unlock(&feed->mutex);
	return look;
}

static int64_t
revision_of(struct feed *feed)
{
	int64_t revision;

	pthread_mutex_lock(&feed->mutex);
	revision = feed->revision;
	pthread_mutex_unlock(&feed->mutex);
	return revision;
}

static void
replace(struct feed *feed, struct feed *fresh)
{
	struct text old;

	pthread_mutex_lock(&feed->mutex);
	old = feed->entries;
	feed->entries = fresh->entries;
	feed->revision = fresh->revision;
	feed->changed_at_ms = fresh->changed_at_ms;
	memcpy(feed->hash, fresh->hash, sizeof feed->hash);
	memcpy(feed->updated, fresh->updated, sizeof feed->updated);
	pthread_mutex_unlock(&feed->mutex);
	text_finish(&old);
}

static void
look(struct feed *feed)
{
	struct err err = ERR_NONE;
	struct feed fresh;
	int64_t revision;

	if (!is_to_look(feed) || !event_rows_revision(store_index(feed->larder->store), &revision, &err))
		return;
	if (revision != revision_of(feed) && render(feed->larder, feed->id, revision, &fresh))
		replace(feed, &fresh);
}

/* --- answers --- */

static void
add_head(const struct request *request, const struct feed *feed, struct text *ret)
{
	AUTO_TEXT own = TEXT_EMPTY;

	status_add_own_address(request, &own);
	text_add(ret,
	        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
	text_addf(ret, "<id>%s</id>\n<title>larder: archives that vanish or change</title>\n", feed->id);
	text_addf(ret, "<link rel=\"self\" type=\"application/atom+xml\" href=\"%s/events.atom\"/>\n",
	        text_string(&own));
	text_addf(ret, "<link rel=\"alternate\" type=\"text/html\" href=\"%s/\"/>\n", text_string(&own));
	text_addf(ret, "<updated>%s</updated>\n<author><name>larder</name></author>\n", feed->updated);
	text_addf(ret, "<generator version=\"%s\">larder</generator>\n", LARDER_VERSION);
}

enum outcome
feed_atom(struct request *request)
{
	struct feed *feed = request->larder->watch->feed;
	AUTO_TEXT body = TEXT_EMPTY;
	char etag[ETAG_MAX], head[HASH_MAX];

	look(feed);
	pthread_mutex_lock(&feed->mutex);
	add_head(request, feed, &body);
	hash(&body, head);
	snprintf(etag, sizeof etag, "\"events-%s-%s\"", head, feed->hash);
	text_add(&body, text_string(&feed->entries));
	pthread_mutex_unlock(&feed->mutex);
	text_add(&body, "</feed>\n");
	return reply_document(request, "application/atom+xml; charset=utf-8", etag, &body);
}

static void
add_item(void *context, const struct event_row *event)
{
	struct text *ret = context;
	char at[TEXT_TIME_MAX];

	text_time(event->at_ms, at);
	text_addf(ret, "<li><time datetime=\"%s\">%.10s</time> ", at, at);
	if (event->level == EVENT_URGENT)
		text_add(ret, "<strong>urgent</strong> ");
	text_add_html(ret, event->detail[0] != '\0' ? event->detail : event->subject);
	text_add(ret, "</li>\n");
}

void
feed_add_html(struct larder *larder, struct text *ret)
{
	AUTO_TEXT items = TEXT_EMPTY;
	struct err err = ERR_NONE;

	if (!event_rows_last(store_index(larder->store), FEED_ON_PAGE, add_item, &items, &err) ||
	        items.length == 0)
		return; /* /readyz names the broken index */
	text_add(ret, "<h2>What happened elsewhere</h2>\n<ul>\n");
	text_add(ret, text_string(&items));
	text_add(ret, "</ul>\n<p>All of it: <a href=\"/events.atom\">the feed</a>.</p>\n");
}
