/*
 * The way of a request for an archive, hit or miss, that the fast path has left to libmicrohttpd; on the worker's thread that runs it.
 * Nothing here waits: a miss parks in its flight, and the handler is called again when there is news.
 */
#include "server/archive/archive.h"

#include "server/admin/metrics.h"
#include "server/archive/hot.h"
#include "server/http/reply.h"
#include "storage/base/log.h"
#include "storage/store.h"

static enum outcome join_flight(struct request *request);
static enum outcome follow_flight(struct request *request);

static void
note_hit(struct request *request)
{
	request->cache = CACHE_HIT;
	metrics_add(request->larder->metrics, METRIC_HITS, 1);
}

static enum outcome
answer_damaged(struct request *request, struct blob *blob, const struct err *err)
{
	blob_close(blob);
	log_warning("%s; it is fetched again", err->text);
	metrics_add(request->larder->metrics, METRIC_BLOBS_WRONG, 1);
	return join_flight(request);
}

/* A second plain request for it: from now on the answer is ready. */
static enum outcome
keep_hot(struct request *request, struct blob *blob)
{
	struct err err = ERR_NONE;
	struct ready *ready = hot_keep(request->hot, &request->digest, blob, request->began_at_ms, &err);

	if (ready != NULL) {
		note_hit(request);
		return reply_ready(request, ready);
	}
	if (err.code != ERR_MISMATCH)
		return reply_error(request, &err);
	store_quarantine_blob(request->larder->store, blob, err.text);
	return answer_damaged(request, blob, &err);
}

/*
 * A small blob that changed since it was last read is read again first, so that a damaged one is a miss and
 * not a broken answer. A large one is read while it is sent.
 */
static bool
prove_small(struct request *request, struct blob *blob, struct err *err)
{
	if (blob->trust != BLOB_UNPROVEN || blob->size_bytes > PROVE_INLINE_MAX)
		return true;
	if (!store_prove(request->larder->store, blob, err))
		return false;
	metrics_add(request->larder->metrics, METRIC_BLOBS_PROVEN, 1);
	return true;
}

static enum outcome
answer_hit(struct request *request, struct blob *blob)
{
	struct err err = ERR_NONE;

	if (!prove_small(request, blob, &err))
		return answer_damaged(request, blob, &err);
	if (blob->trust == BLOB_PROVEN && ready_suits(request) &&
	        hot_admits(request->hot, &request->digest, blob->size_bytes))
		return keep_hot(request, blob);
	note_hit(request);
	return reply_blob(request, blob);
}

enum outcome
archive_get(struct request *request)
{
	struct ready *ready;
	struct blob blob = BLOB_NONE;
	struct err err = ERR_NONE;

	if (request->miss.flight != NULL)
		return follow_flight(request);
	ready = ready_suits(request) ? hot_find(request->hot, &request->digest, request->began_at_ms) : NULL;
	if (ready != NULL) {
		note_hit(request);
		return reply_ready(request, ready);
	}
	switch (store_find(request->larder->store, &request->digest, &blob, &err)) {
	case STORE_HIT:
		return answer_hit(request, &blob);
	case STORE_MISS:
		return join_flight(request);
	case STORE_FAILED:
		break;
	}
	return reply_error(request, &err);
}

static enum outcome
join_flight(struct request *request)
{
	struct err err = ERR_NONE;
	enum waiter_wish wish = request->method == METHOD_HEAD ? WAITER_LOOKS : WAITER_READS;

	request->cache = CACHE_MISS;
	if (!miss_begin(&request->miss, request->larder, &request->digest, wish, &err))
		return reply_error(request, &err);
	return follow_flight(request);
}

/* What the flight brought is in the store now: it goes out as a hit does. */
static enum outcome
answer_landed(struct request *request)
{
	struct blob blob = BLOB_NONE;
	struct err err = ERR_NONE;

	if (!miss_open(request->larder, &request->digest, &blob, &err))
		return reply_error(request, &err);
	if (prove_small(request, &blob, &err))
		return reply_blob(request, &blob);
	if (err.code == ERR_MISMATCH) {
		(void)miss_end(&request->miss);
		return answer_damaged(request, &blob, &err);
	}
	blob_close(&blob);
	return reply_error(request, &err);
}

static enum outcome
follow_flight(struct request *request)
{
	struct err err = ERR_NONE;

	switch (miss_follow(&request->miss, request->larder, &err)) {
	case NEWS_PARKED:
		return PARKED;
	case NEWS_STORED:
		return answer_landed(request);
	case NEWS_READY:
		return reply_flight(request);
	case NEWS_END:
	case NEWS_FAILED:
		break;
	}
	return reply_error(request, &err);
}
