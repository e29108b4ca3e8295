/*
 * The body of a request: where its bytes go while they come. The exchange asks the kind of the route: begin
 * once, before the first byte and before "100 Continue"; append for each piece; finish when the request is over,
 * however it ended. All on the worker's thread.
 */
#ifndef SERVER_HTTP_BODY_H
#define SERVER_HTTP_BODY_H

#include "server/http/request.h"
#include "storage/base/text.h"

struct body_kind {
	/*
	 * Sets body.max_bytes and takes what it needs. An error is answered before anything is read:
	 * ERR_TOO_LARGE, ERR_NO_SPACE, ERR_OVERLOADED … A body announced larger than max_bytes is refused by
	 * the exchange right after this.
	 */
	bool (*begin)(struct request *request, struct err *err);
	/* More than max_bytes never comes here. */
	bool (*append)(struct request *request, const void *bytes, size_t length, struct err *err);
	/* Releases body.context. begin was called, whatever it answered. */
	void (*finish)(struct request *request);
};

/* Kept in memory: JSON, a lockfile, a list of digests. */
#define BODY_TEXT_MAX (16u << 20) /* bytes; all together: desk.h */
extern const struct body_kind body_text;
const struct text *body_text_of(const struct request *request); /* borrowed while the request lives */

/* Into a file of the spool (storage/spool.h): a source of the catalog. */
extern const struct body_kind body_spool;
/* The spool's name of it, durable now; the file is the caller's from here on. NULL with err. Blocks: for clerks. */
const char *body_spool_take(struct request *request, struct err *err) MUST_CHECK;

#endif
