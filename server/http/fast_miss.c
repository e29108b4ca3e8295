/*
 * Misses on the fast path. The worker's thread but for being woken, which happens under the flight's lock. Who waits has his request still on
 * the socket: it is taken from there when there is an answer, so that libmicrohttpd can have it until then.
 */
#include <stddef.h>
#include <stdlib.h>

#include "server/http/fast_parts.h"
#include "server/http/response.h"
#include "storage/base/text.h"

static struct fast_miss *
miss_of(struct waiter *waiter)
{
	return (struct fast_miss *)(void *)((char *)waiter - offsetof(struct fast_miss, waiter));
}

static void
park(struct waiter *waiter)
{
	const struct fast_client *client = miss_of(waiter)->client;

	connection_enter(client->connection, CONNECTION_WORKS);
	worker_parked(client->fast->worker);
}

static void
wake(struct waiter *waiter)
{
	struct fast_miss *miss = miss_of(waiter);
	struct fast_path *fast = miss->client->fast;

	pthread_mutex_lock(&fast->mutex);
	miss->is_woken = true;
	TAILQ_INSERT_TAIL(&fast->woken, miss, link);
	fast->n_woken++;
	pthread_mutex_unlock(&fast->mutex);
	worker_woken(fast->worker);
}

/* --- who waits --- */

/* Under the lock. */
static void
take_out(struct fast_path *fast, struct fast_miss *miss)
{
	TAILQ_REMOVE(&fast->woken, miss, link);
	miss->is_woken = false;
	fast->n_woken--;
}

static void
begin_miss(struct fast_client *client)
{
	struct fast_miss *miss = xcalloc(1, sizeof *miss);

	miss->client = client;
	miss->waiter.park = park;
	miss->waiter.wake = wake;
	miss->miss.waiter = &miss->waiter;
	client->miss = miss;
}

/* Once he has left, nobody wakes him any more. */
void
fast_miss_leave(struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	struct fast_miss *miss = client->miss;

	if (miss == NULL)
		return;
	if (miss_end(&miss->miss))
		worker_unparked(fast->worker);
	pthread_mutex_lock(&fast->mutex);
	if (miss->is_woken)
		take_out(fast, miss);
	pthread_mutex_unlock(&fast->mutex);
	free(miss);
	client->miss = NULL;
}

bool
fast_miss_awaits(const struct fast_client *client)
{
	return client->miss != NULL && client->miss->awaits;
}

/* There is one. */
static struct fast_miss *
take_woken(struct fast_path *fast)
{
	struct fast_miss *miss;

	pthread_mutex_lock(&fast->mutex);
	miss = TAILQ_FIRST(&fast->woken);
	take_out(fast, miss);
	pthread_mutex_unlock(&fast->mutex);
	return miss;
}

static size_t
count_woken(struct fast_path *fast)
{
	size_t count;

	pthread_mutex_lock(&fast->mutex);
	count = fast->n_woken;
	pthread_mutex_unlock(&fast->mutex);
	return count;
}

void
fast_miss_hear(struct fast_path *fast)
{
	for (size_t left = count_woken(fast); left > 0; left--) {
		struct fast_miss *miss = take_woken(fast);

		miss->awaits = false;
		miss->client->has_more = true; /* his request, where it was not answered yet */
		fast_client_serve(miss->client);
	}
}

/* --- what he is told --- */

static enum glance
refuse(struct fast_client *client, const struct head *head, const struct err *err, struct ready **ret)
{
	struct request request = {
	        .method = head->method, .kind = KIND_ARCHIVE, .cache = CACHE_MISS, .path = head->path};
	struct error_answer answer;

	error_answer_make(&request, err, &answer);
	client->reason = request.reason;
	*ret = ready_of_error(&answer);
	fast_miss_leave(client);
	return GLANCE_ANSWER;
}

/* What was stored a moment ago is proven; what is not any more is read again before it is sent. */
static enum glance
answer_landed(struct fast_client *client, const struct head *head, struct ready **ret)
{
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;

	if (!miss_open(client->fast->setting->larder, &client->miss->waiter.asked, &blob, &err))
		return refuse(client, head, &err, ret);
	if (blob.trust != BLOB_PROVEN)
		return GLANCE_OTHER;
	*ret = ready_of_file(&blob, CACHE_MISS);
	fast_miss_leave(client);
	return GLANCE_ANSWER;
}

static enum glance
answer_coming(const struct fast_client *client, struct ready **ret)
{
	const struct miss *miss = &client->miss->miss;
	struct digests known;

	miss_digests(miss, &known);
	*ret = ready_of_flight(miss->size_bytes, &known);
	return GLANCE_ANSWER;
}

enum glance
fast_miss_ask(struct fast_client *client, const struct head *head, struct ready **ret)
{
	struct larder *larder = client->fast->setting->larder;
	enum waiter_wish wish = head->method == METHOD_HEAD ? WAITER_LOOKS : WAITER_READS;
	struct err err = ERR_NONE;

	if (client->miss == NULL) {
		fast_client_asks(client, head);
		begin_miss(client);
		if (!miss_begin(&client->miss->miss, larder, &head->digest, wish, &err))
			return refuse(client, head, &err, ret);
	}
	switch (miss_follow(&client->miss->miss, larder, &err)) {
	case NEWS_READY:
		return answer_coming(client, ret);
	case NEWS_PARKED:
		client->miss->awaits = true;
		return GLANCE_AWAITS;
	case NEWS_STORED:
		return answer_landed(client, head, ret);
	case NEWS_END:
	case NEWS_FAILED:
		break;
	}
	return refuse(client, head, &err, ret);
}
