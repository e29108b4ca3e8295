/*
 * The fast path. The worker's thread. A request is looked at in the socket's buffer and done with only when it is answered here, so that
 * libmicrohttpd finds whole what it is handed; it is handed nothing before the head has come to its end. Must never answer what the guard
 * would refuse, nor with anything else than proven bytes.
 */
#include "server/http/fast_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "server/archive/hot.h"
#include "server/http/fast_parts.h"
#include "server/http/guard.h"
#include "server/http/response.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define DROPS_MAX 16 /* times HEAD_MAX bytes that come behind a last request */

static void stop_asking(struct fast_client *client);
static void end_request(struct fast_client *client);

struct fast_path *
fast_path_create(struct exchange_setting *setting, struct worker *worker)
{
	struct fast_path *fast = xcalloc(1, sizeof *fast);

	fast->setting = setting;
	fast->worker = worker;
	fast->now = HTTP_NOW_NONE;
	TAILQ_INIT(&fast->clients);
	TAILQ_INIT(&fast->line);
	TAILQ_INIT(&fast->woken);
	pthread_mutex_init(&fast->mutex, NULL);
	return fast;
}

/* --- clients --- */

static void
leave_line(struct fast_path *fast, struct fast_client *client)
{
	client->has_turn = false;
	TAILQ_REMOVE(&fast->line, client, turn);
	fast->waiting--;
}

/* Out of every list here; his socket and his connection stay open. */
static void
forget(struct fast_path *fast, struct fast_client *client)
{
	if (client->has_turn)
		leave_line(fast, client);
	TAILQ_REMOVE(&fast->clients, client, link);
	free(client);
}

static void
part_with(struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	int fd = client->fd;

	if (client->reason == NULL)
		client->reason = "cut";
	if (client->is_asking)
		end_request(client);
	(void)lookahead_take(&client->ahead); /* who is gone has nothing to lose by a reset */
	connection_close(fast->setting->connections, client->connection);
	forget(fast, client);
	close(fd);
}

static void
hand_over(struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	struct connection *connection = client->connection;
	int fd = client->fd;

	if (client->is_asking)
		stop_asking(client); /* he asks there, and is counted there */
	if (!lookahead_end(&client->ahead)) {
		part_with(client);
		return;
	}
	if (client->watched != 0)
		epoll_ctl(fast->worker->epoll, EPOLL_CTL_DEL, fd, NULL);
	forget(fast, client);
	worker_hand_over(fast->worker, fd, connection);
}

void
fast_path_destroy(struct fast_path *fast)
{
	if (fast == NULL)
		return;
	while (!TAILQ_EMPTY(&fast->clients))
		part_with(TAILQ_FIRST(&fast->clients));
	pthread_mutex_destroy(&fast->mutex);
	free(fast);
}

/* --- a request --- */

static bool
is_welcome(const struct fast_client *client)
{
	return connection_standing(client->connection) == CONNECTION_WELCOME &&
	       !atomic_load_explicit(&client->fast->setting->stopping, memory_order_relaxed);
}

static void
begin_entry(struct fast_client *client, const struct head *head)
{
	struct fast_entry *entry = xmalloc(sizeof *entry);

	entry->began_at_ms = clock_coarse_ms();
	entry->has_agent = head->user_agent != NULL;
	text_copy(head->path, entry->path, sizeof entry->path);
	text_copy(entry->has_agent ? head->user_agent : "", entry->agent, sizeof entry->agent);
	connection_name_client(
	        client->connection, head->forwarded_for, &client->fast->setting->trusted, entry->client);
	client->entry = entry;
}

void
fast_client_asks(struct fast_client *client, const struct head *head)
{
	const struct fast_path *fast = client->fast;

	if (client->is_asking)
		return;
	client->is_asking = true;
	client->method = head->method;
	client->reason = NULL;
	if (fast->setting->access_log)
		begin_entry(client, head);
	atomic_fetch_add_explicit(&fast->worker->requests, 1, memory_order_relaxed);
}

static void
log_request(const struct fast_client *client)
{
	const struct fast_entry *entry = client->entry;
	const struct ready *ready = client->answer.ready;
	struct access_entry line = {.client = entry->client,
	        .method = client->method == METHOD_HEAD    ? "HEAD"
	                  : client->method == METHOD_OTHER ? "-"
	                                                   : "GET",
	        .path = entry->path,
	        .status = ready != NULL ? ready_status(ready) : 0,
	        .body_bytes = ready != NULL ? fast_answer_body(client) : 0,
	        .took_ms = clock_coarse_ms() - entry->began_at_ms,
	        .cache = ready != NULL ? ready_cache(ready) : CACHE_MISS,
	        .reason = client->reason,
	        .user_agent = entry->has_agent ? entry->agent : NULL};

	access_log(&client->fast->worker->lines, &line);
}

static void
stop_asking(struct fast_client *client)
{
	fast_miss_leave(client);
	free(client->entry);
	client->entry = NULL;
	ready_let_go(client->answer.ready);
	client->answer.ready = NULL;
	client->is_asking = false;
	atomic_fetch_sub_explicit(&client->fast->worker->requests, 1, memory_order_release);
}

/* All of the answer was sent, or no more of it will be. */
static void
end_request(struct fast_client *client)
{
	struct metrics *metrics = client->fast->setting->larder->metrics;
	const struct ready *ready = client->answer.ready;

	metrics_request(metrics, client->method == METHOD_OTHER ? KIND_OTHER : KIND_ARCHIVE,
	        ready != NULL ? ready_status(ready) : 0);
	if (ready != NULL)
		metrics_add(metrics, METRIC_BODY_BYTES, fast_answer_body(client));
	if (client->entry != NULL)
		log_request(client);
	connection_enter(client->connection, CONNECTION_WAITS);
	stop_asking(client);
}

/* --- finding the answer --- */

static void
begin_answer(struct fast_client *client, struct ready *ready, const struct head *head)
{
	struct fast_path *fast = client->fast;

	fast_client_asks(client, head);
	http_now_refresh(&fast->now);
	ready_set_date(ready, &fast->now);
	fast_answer_begin(&client->answer, ready, head->closes ? READY_CLOSES : READY_STAYS);
	connection_enter(client->connection, CONNECTION_SENDS);
	if (ready_cache(ready) == CACHE_HIT)
		metrics_add(fast->setting->larder->metrics, METRIC_HITS, 1);
}

static enum glance
drop(const struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	ssize_t got = 1;

	for (int i = 0; i < DROPS_MAX && got > 0; i++)
		got = recv(client->fd, fast->bytes, sizeof fast->bytes, MSG_DONTWAIT);
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? GLANCE_NOTHING : GLANCE_LEFT;
}

static enum glance
find(struct fast_client *client, const struct head *head, struct ready **ret)
{
	const struct fast_path *fast = client->fast;

	if (client->miss != NULL)
		return fast_miss_ask(client, head, ret);
	switch (hot_answer(
	        fast->worker->hot, fast->setting->larder->store, &head->digest, clock_coarse_ms(), ret)) {
	case HOT_ANSWER:
		return GLANCE_ANSWER;
	case HOT_MISS:
		return fast_miss_ask(client, head, ret);
	case HOT_OTHER:
		break;
	}
	return GLANCE_OTHER;
}

static enum glance
refuse(struct fast_client *client, size_t length, const struct err *err)
{
	struct head head = {.method = METHOD_OTHER, .path = "-", .closes = true, .length = length};
	struct request request = {.method = head.method, .kind = KIND_OTHER, .path = head.path};
	struct error_answer answer;

	metrics_add(client->fast->setting->larder->metrics, METRIC_GUARD_REFUSED, 1);
	error_answer_make(&request, err, &answer);
	begin_answer(client, ready_of_error(&answer), &head);
	client->reason = request.reason;
	client->has_more = true; /* nobody knows where the next request begins */
	return lookahead_done(&client->ahead, length) ? GLANCE_ANSWER : GLANCE_LEFT;
}

/* It is not plain: libmicrohttpd is to answer, once the whole head is there, unless it would not see what is wrong with it. */
static enum glance
look_at_bytes(struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	ssize_t got = lookahead_read(&client->ahead, fast->bytes, sizeof fast->bytes);
	struct err err = ERR_NONE;

	if (got <= 0)
		return GLANCE_LEFT; /* a moment ago there was something */
	switch (guard_check_bytes(fast->bytes, (size_t)got, &err)) {
	case GUARD_CLEAN:
		break;
	case GUARD_UNCLEAN:
		return refuse(client, (size_t)got, &err);
	case GUARD_UNFINISHED:
		if (got == sizeof fast->bytes)
			break;
		return client->is_ending ? GLANCE_LEFT : GLANCE_NOTHING;
	}
	return GLANCE_OTHER;
}

/* The next request, if it has come; or that of one who has waited for a flight. */
static enum glance
look(struct fast_client *client)
{
	struct fast_path *fast = client->fast;
	ssize_t got = lookahead_read(&client->ahead, fast->bytes, sizeof fast->bytes);
	struct ready *ready;
	struct head head;
	enum glance glance;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return GLANCE_NOTHING;
	if (got <= 0)
		return GLANCE_LEFT;
	if (!client->is_asking && !is_welcome(client))
		return GLANCE_OTHER;
	if (!head_is_plain(fast->bytes, (size_t)got, &fast->memory, &head) || !head.is_archive)
		return look_at_bytes(client);
	client->has_more = client->is_ending || head.length < (size_t)got || got == sizeof fast->bytes;
	glance = find(client, &head, &ready);
	if (glance != GLANCE_ANSWER)
		return glance;
	begin_answer(client, ready, &head);
	return lookahead_done(&client->ahead, head.length) ? GLANCE_ANSWER : GLANCE_LEFT;
}

/* --- the loop calls --- */

/*
 * epoll tells of what is new only, so that nothing has to be switched off again. Of room to send it tells from the first time on that there
 * was none.
 */
static void
watch(struct fast_client *client, uint32_t events)
{
	struct epoll_event event = {
	        .events = client->watched | events | EPOLLRDHUP | EPOLLET, .data.ptr = client};
	int operation = client->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if ((client->watched & events) == events)
		return;
	client->watched |= events;
	if (epoll_ctl(client->fast->worker->epoll, operation, client->fd, &event) != 0)
		part_with(client);
}

static void
give_turn(struct fast_client *client)
{
	struct fast_path *fast = client->fast;

	client->has_turn = true;
	TAILQ_INSERT_TAIL(&fast->line, client, turn);
	fast->waiting++;
}

/* True: the next answer can be sent. False: there is none now, and the client may be somebody else's or gone. */
static bool
look_for_next(struct fast_client *client)
{
	if (!client->has_more) {
		watch(client, EPOLLIN);
		return false;
	}
	switch (client->lingers ? drop(client) : look(client)) {
	case GLANCE_ANSWER:
		return true;
	case GLANCE_NOTHING:
		client->has_more = false;
		watch(client, EPOLLIN);
		break;
	case GLANCE_AWAITS:
		watch(client, EPOLLIN);
		break;
	case GLANCE_OTHER:
		hand_over(client);
		break;
	case GLANCE_LEFT:
		part_with(client);
		break;
	}
	return false;
}

/*
 * The end of an answer may be on its way for a while. What comes behind a last request is nobody's: to close over what was not read of it, or
 * still comes, would be a reset under the answer.
 */
static void
begin_lingering(struct fast_client *client)
{
	shutdown(client->fd, SHUT_WR);
	client->lingers = true;
	client->has_more = true;
}

/* True: all of the answer was sent, and the client stays. */
static bool
send_answer(struct fast_client *client)
{
	struct fast_answer *answer = &client->answer;
	bool closes = answer->end == READY_CLOSES, lingers = closes && (answer->is_slow || client->has_more);

	switch (fast_answer_push(client)) {
	case PUSH_DONE:
		end_request(client);
		if (lingers)
			begin_lingering(client);
		else if (closes)
			part_with(client);
		return !closes || lingers;
	case PUSH_WAITS:
		answer->is_slow = true;
		watch(client, EPOLLIN | EPOLLOUT);
		break;
	case PUSH_AWAITS:
		answer->is_slow = true;
		watch(client, EPOLLIN);
		break;
	case PUSH_TURN_OVER:
		answer->is_slow = true;
		give_turn(client);
		break;
	case PUSH_BROKEN:
		part_with(client);
		break;
	}
	return false;
}

void
fast_client_serve(struct fast_client *client)
{
	for (int answers = 0; answers < FAST_TURN_ANSWERS; answers++) {
		if (client->answer.ready == NULL && !look_for_next(client))
			return;
		if (!send_answer(client))
			return;
	}
	give_turn(client);
}

void
fast_path_welcome(struct fast_path *fast, int fd, const struct sockaddr *peer)
{
	struct connections *connections = fast->setting->connections;
	struct fast_client *client;

	if (peer->sa_family != AF_UNIX && !connections_have_room(connections)) {
		metrics_add(fast->setting->larder->metrics, METRIC_LIMIT_CONNECTIONS, 1);
		close(fd);
		return;
	}
	client = xcalloc(1, sizeof *client);
	client->fast = fast;
	client->fd = fd;
	client->connection = connection_open(connections, fd, peer);
	lookahead_start(&client->ahead, fd, peer->sa_family == AF_UNIX ? LOOKAHEAD_STAYS : LOOKAHEAD_FIRST);
	client->has_more = true; /* often the request is here already */
	TAILQ_INSERT_TAIL(&fast->clients, client, link);
	fast_client_serve(client);
}

void
fast_path_attend(struct fast_client *client, uint32_t events)
{
	client->has_more = true;
	client->is_ending = client->is_ending || (events & EPOLLRDHUP) != 0;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		part_with(client); /* told once, and nothing can be sent any more; a fetch goes on */
	else if (!fast_miss_awaits(client) && !client->has_turn)
		fast_client_serve(client);
}

void
fast_path_hear(struct fast_path *fast)
{
	fast->is_rung = true;
}

bool
fast_path_go_on(struct fast_path *fast)
{
	if (fast->is_rung)
		fast_miss_hear(fast);
	fast->is_rung = false;
	for (size_t waiting = fast->waiting; waiting > 0; waiting--) {
		struct fast_client *client = TAILQ_FIRST(&fast->line);

		leave_line(fast, client);
		fast_client_serve(client);
	}
	return !TAILQ_EMPTY(&fast->line);
}
