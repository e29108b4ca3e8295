/*
 * The configured catalog sources: read at start and every `refresh`, in a thread of their own. A source that
 * cannot be read is a warning and is tried again; what was learned before stays.
 */
#ifndef SERVER_CATALOGS_H
#define SERVER_CATALOGS_H

#include "server/larder.h"
#include "storage/base/err.h"
#include "storage/catalog/harvest.h"
#include "storage/catalog/source.h"

struct catalogs;

#define CATALOGS_RETRY_MS (5 * 60 * 1000) /* after a failure, or refresh when that is shorter */

/*
 * Starts the thread, which begins to read at once. Borrows larder, whose config, store and fetcher are there.
 */
struct catalogs *catalogs_start(struct larder *larder, struct err *err) MUST_CHECK;
/*
 * Stops the fetcher too, so that a download under way does not hold this up; returns when the thread has
 * ended. NULL is nothing.
 */
void catalogs_stop(struct catalogs *catalogs);

/*
 * Reads one source, a path or an http(s) URL (for which larder->fetcher must be there), on the calling
 * thread. Blocks.
 */
bool catalogs_read(struct larder *larder, const char *source, struct harvest *harvest,
        enum source_form *ret_form, struct err *err) MUST_CHECK;
/* The source is a URL: only a fetcher can read it. */
bool catalogs_is_url(const char *source);

#endif
