/*
 * The fast path. The worker's thread. A request is looked at in the socket's buffer and taken from there only when it is answered here, so
 * that libmicrohttpd finds whole what it is handed. Must never answer what the guard would refuse, nor with anything else than proven bytes.
 */
#include "server/http/fast_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "server/archive/hot.h"
#include "server/http/access_log.h"
#include "server/http/date.h"
#include "server/http/exchange.h"
#include "server/http/head.h"
#include "server/http/ready.h"
#include "server/http/router.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define STATUS_LINE "HTTP/1.1 200 OK\r\nDate: "
#define LINE_END    "\r\n"
#define CLOSE_FIELD "Connection: close\r\n"
#define DROPS_MAX   16 /* times HEAD_MAX bytes that come behind a last request */
#define PARTS                                                                                                \
	6 /* of an answer in memory: status line, date, line end, the close field, the others, the body */

/* What the access log says of an answer, while it is sent. */
struct entry {
	int64_t began_at_ms;
	char client[CLIENT_NAME_MAX], path[ACCESS_PATH_MAX], agent[ACCESS_AGENT_MAX];
	bool has_agent;
};

struct fast_client {
	int fd;
	uint32_t watched; /* events that the worker's epoll set has him with; 0: he is not in it */
	bool has_turn;    /* in line for its next turn */
	bool has_more;    /* there may be bytes on the socket that nobody has looked at */
	bool is_ending;   /* the end of them was seen by epoll */
	bool lingers;     /* had his last answer: nothing is read but to be dropped */
	struct connection *connection;
	struct ready *ready; /* what is being sent; NULL: a request is awaited */
	/* the answer that is being sent */
	enum request_method method;
	bool closes, is_slow; /* is_slow: not all of it could be sent at once */
	char date[HTTP_DATE_MAX];
	uint64_t sent;       /* bytes, of header and body */
	struct entry *entry; /* NULL: there is no access log */
	TAILQ_ENTRY(fast_client) link, turn;
};

TAILQ_HEAD(fast_clients, fast_client);

struct fast_path {
	struct exchange_setting *setting;
	struct worker *worker;
	struct fast_clients clients; /* all */
	struct fast_clients line;    /* whose turn was over before all was sent */
	size_t waiting;              /* in that line */
	time_t date_of;
	char date[HTTP_DATE_MAX]; /* of that second */
	char bytes[HEAD_MAX];     /* of the request that is looked at */
};

/* What was found on a client's socket. */
enum glance { GLANCE_NOTHING, GLANCE_HIT, GLANCE_OTHER, GLANCE_LEFT };
/* What came of sending. */
enum push { PUSH_DONE, PUSH_WAITS, PUSH_TURN_OVER, PUSH_BROKEN };

struct fast_path *
fast_path_create(struct exchange_setting *setting, struct worker *worker)
{
	struct fast_path *fast = xcalloc(1, sizeof *fast);

	fast->setting = setting;
	fast->worker = worker;
	fast->date_of = -1;
	TAILQ_INIT(&fast->clients);
	TAILQ_INIT(&fast->line);
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

static void end_answer(struct fast_path *fast, struct fast_client *client, const char *reason);

static void
part_with(struct fast_path *fast, struct fast_client *client)
{
	int fd = client->fd;

	if (client->ready != NULL)
		end_answer(fast, client, "cut");
	connection_close(fast->setting->connections, client->connection);
	forget(fast, client);
	close(fd);
}

static void
hand_over(struct fast_path *fast, struct fast_client *client)
{
	struct connection *connection = client->connection;
	int fd = client->fd;

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
		part_with(fast, TAILQ_FIRST(&fast->clients));
	free(fast);
}

/* --- finding the answer --- */

static bool
is_welcome(const struct fast_path *fast, const struct fast_client *client)
{
	return connection_standing(client->connection) == CONNECTION_WELCOME &&
	       !atomic_load_explicit(&fast->setting->stopping, memory_order_relaxed);
}

static void
begin_entry(struct fast_path *fast, struct fast_client *client, const struct head *head)
{
	struct entry *entry = xmalloc(sizeof *entry);

	entry->began_at_ms = clock_coarse_ms();
	entry->has_agent = head->user_agent != NULL;
	snprintf(entry->path, sizeof entry->path, "%s", head->path);
	snprintf(entry->agent, sizeof entry->agent, "%s", entry->has_agent ? head->user_agent : "");
	connection_name_client(
	        client->connection, head->forwarded_for, &fast->setting->trusted, entry->client);
	client->entry = entry;
}

/* Once a second. */
static void
refresh_date(struct fast_path *fast)
{
	time_t now = time(NULL);

	if (now == fast->date_of)
		return;
	fast->date_of = now;
	http_date(now, fast->date);
}

static void
begin_answer(struct fast_path *fast, struct fast_client *client, struct ready *ready, const struct head *head)
{
	client->ready = ready;
	client->method = head->method;
	client->closes = head->closes;
	client->is_slow = false;
	client->sent = 0;
	refresh_date(fast);
	memcpy(client->date, fast->date, sizeof client->date);
	if (fast->setting->access_log)
		begin_entry(fast, client, head);
	connection_enter(client->connection, CONNECTION_SENDS);
	atomic_fetch_add_explicit(&fast->worker->requests, 1, memory_order_relaxed);
	metrics_add(fast->setting->larder->metrics, METRIC_HITS, 1);
}

/* Takes a head that was looked at from the socket: TCP drops it where it lies, a unix socket gives it once more. */
static bool
take(struct fast_path *fast, const struct fast_client *client, size_t length)
{
	return recv(client->fd, fast->bytes, length, MSG_TRUNC | MSG_DONTWAIT) == (ssize_t)length;
}

static enum glance
drop(struct fast_path *fast, const struct fast_client *client)
{
	ssize_t got = 1;

	for (int i = 0; i < DROPS_MAX && got > 0; i++)
		got = recv(client->fd, fast->bytes, sizeof fast->bytes, MSG_DONTWAIT);
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? GLANCE_NOTHING : GLANCE_LEFT;
}

/* The next request, if it has come. */
static enum glance
look(struct fast_path *fast, struct fast_client *client)
{
	ssize_t got = recv(client->fd, fast->bytes, sizeof fast->bytes, MSG_PEEK | MSG_DONTWAIT);
	struct digest digest;
	struct ready *ready;
	struct head head;
	struct err err = ERR_NONE;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return GLANCE_NOTHING;
	if (got <= 0)
		return GLANCE_LEFT;
	if (!is_welcome(fast, client) || !head_is_plain(fast->bytes, (size_t)got, &head) ||
	        path_parse(head.path, &digest, &err) != PATH_ARCHIVE)
		return GLANCE_OTHER;
	client->has_more = client->is_ending || head.length < (size_t)got || got == sizeof fast->bytes;
	/* What comes after a last request is nobody's, and a reset under the answer if it is left unread. */
	if (head.closes && head.length < (size_t)got)
		return GLANCE_OTHER;
	ready = hot_answer(fast->worker->hot, fast->setting->larder->store, &digest, clock_coarse_ms());
	if (ready == NULL)
		return GLANCE_OTHER;
	begin_answer(fast, client, ready, &head);
	return take(fast, client, head.length) ? GLANCE_HIT : GLANCE_LEFT;
}

/* --- sending it --- */

static uint64_t
body_bytes(const struct fast_client *client)
{
	return client->method == METHOD_HEAD ? 0 : ready_size(client->ready);
}

/* What of the answer is in memory, from the first byte that was not sent; how much there was in all. */
static size_t
parts_left(const struct fast_client *client, struct iovec ret[PARTS], size_t *ret_count)
{
	size_t fields_length;
	const char *fields = ready_fields(client->ready, &fields_length);
	const void *body = ready_bytes(client->ready);
	const struct iovec all[PARTS] = {
	        {(void *)STATUS_LINE, sizeof STATUS_LINE - 1},
	        {(void *)client->date, strlen(client->date)},
	        {(void *)LINE_END, sizeof LINE_END - 1},
	        {(void *)CLOSE_FIELD, client->closes ? sizeof CLOSE_FIELD - 1 : 0},
	        {(void *)fields, fields_length},
	        {(void *)body, body != NULL ? (size_t)body_bytes(client) : 0},
	};
	size_t total = 0;

	*ret_count = 0;
	for (size_t i = 0; i < PARTS; i++) {
		size_t end = total + all[i].iov_len;
		size_t skip = client->sent > total ? (size_t)client->sent - total : 0;

		if (client->sent < end && all[i].iov_len > 0)
			ret[(*ret_count)++] =
			        (struct iovec){(char *)all[i].iov_base + skip, all[i].iov_len - skip};
		total = end;
	}
	return total;
}

/* Bytes that were sent; 0: no more would ever come; -1: errno. */
static ssize_t
send_some(const struct fast_client *client, uint64_t *ret_total)
{
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts};
	size_t in_memory = parts_left(client, parts, &message.msg_iovlen);
	bool has_file = ready_bytes(client->ready) == NULL && body_bytes(client) > 0;
	off_t offset = (off_t)(client->sent - in_memory);
	uint64_t left;

	*ret_total = in_memory + (has_file ? body_bytes(client) : 0);
	if (client->sent < in_memory)
		return sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (has_file ? MSG_MORE : 0));
	left = *ret_total - client->sent;
	return sendfile(client->fd, ready_file(client->ready), &offset,
	        left < FAST_TURN_BYTES ? (size_t)left : FAST_TURN_BYTES);
}

static enum push
push(struct fast_client *client)
{
	uint64_t until = client->sent + FAST_TURN_BYTES;
	uint64_t total;

	do {
		ssize_t sent = send_some(client, &total);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return PUSH_WAITS;
		if (sent <= 0)
			return PUSH_BROKEN;
		client->sent += (uint64_t)sent;
	} while (client->sent < total && client->sent < until);
	return client->sent == total ? PUSH_DONE : PUSH_TURN_OVER;
}

static void
log_answer(const struct fast_client *client, const char *reason)
{
	const struct entry *entry = client->entry;
	struct access_entry line = {.client = entry->client,
	        .method = client->method == METHOD_HEAD ? "HEAD" : "GET",
	        .path = entry->path,
	        .status = 200,
	        .body_bytes = body_bytes(client),
	        .took_ms = clock_coarse_ms() - entry->began_at_ms,
	        .cache = CACHE_HIT,
	        .reason = reason,
	        .user_agent = entry->has_agent ? entry->agent : NULL};

	access_log(&line);
}

/* All of it was sent, or (reason) no more will be. */
static void
end_answer(struct fast_path *fast, struct fast_client *client, const char *reason)
{
	struct metrics *metrics = fast->setting->larder->metrics;

	metrics_request(metrics, KIND_ARCHIVE, 200);
	metrics_add(metrics, METRIC_BODY_BYTES, body_bytes(client));
	if (client->entry != NULL)
		log_answer(client, reason);
	free(client->entry);
	client->entry = NULL;
	ready_let_go(client->ready);
	client->ready = NULL;
	connection_enter(client->connection, CONNECTION_WAITS);
	atomic_fetch_sub_explicit(&fast->worker->requests, 1, memory_order_release);
}

/* --- the loop calls --- */

/*
 * epoll tells of what is new only, so that nothing has to be switched off again. Of room to send it tells from the first time on that there
 * was none.
 */
static void
watch(struct fast_path *fast, struct fast_client *client, uint32_t events)
{
	struct epoll_event event = {
	        .events = client->watched | events | EPOLLRDHUP | EPOLLET, .data.ptr = client};
	int operation = client->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if ((client->watched & events) == events)
		return;
	client->watched |= events;
	if (epoll_ctl(fast->worker->epoll, operation, client->fd, &event) != 0)
		part_with(fast, client);
}

static void
give_turn(struct fast_path *fast, struct fast_client *client)
{
	client->has_turn = true;
	TAILQ_INSERT_TAIL(&fast->line, client, turn);
	fast->waiting++;
}

/* True: the next answer can be sent. False: there is none now, and the client may be somebody else's or gone. */
static bool
look_for_next(struct fast_path *fast, struct fast_client *client)
{
	if (!client->has_more) {
		watch(fast, client, EPOLLIN);
		return false;
	}
	switch (client->lingers ? drop(fast, client) : look(fast, client)) {
	case GLANCE_HIT:
		return true;
	case GLANCE_NOTHING:
		client->has_more = false;
		watch(fast, client, EPOLLIN);
		break;
	case GLANCE_OTHER:
		hand_over(fast, client);
		break;
	case GLANCE_LEFT:
		part_with(fast, client);
		break;
	}
	return false;
}

/* The end of the answer is on its way for a while; to close over what still comes would be a reset under it. */
static void
begin_lingering(struct fast_client *client)
{
	shutdown(client->fd, SHUT_WR);
	client->lingers = true;
	client->has_more = true;
}

/* True: all of the answer was sent, and the client stays. */
static bool
send_answer(struct fast_path *fast, struct fast_client *client)
{
	bool closes = client->closes, is_slow = client->is_slow;

	switch (push(client)) {
	case PUSH_DONE:
		end_answer(fast, client, NULL);
		if (closes && is_slow)
			begin_lingering(client);
		else if (closes)
			part_with(fast, client);
		return !closes || is_slow;
	case PUSH_WAITS:
		client->is_slow = true;
		watch(fast, client, EPOLLIN | EPOLLOUT);
		break;
	case PUSH_TURN_OVER:
		client->is_slow = true;
		give_turn(fast, client);
		break;
	case PUSH_BROKEN:
		part_with(fast, client);
		break;
	}
	return false;
}

/* A client's turn: answers until he has to be waited for, or others have to have theirs. */
static void
serve(struct fast_path *fast, struct fast_client *client)
{
	for (int answers = 0; answers < FAST_TURN_ANSWERS; answers++) {
		if (client->ready == NULL && !look_for_next(fast, client))
			return;
		if (!send_answer(fast, client))
			return;
	}
	give_turn(fast, client);
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
	client->fd = fd;
	client->connection = connection_open(connections, fd, peer);
	client->has_more = true; /* often the request is here already */
	TAILQ_INSERT_TAIL(&fast->clients, client, link);
	serve(fast, client);
}

void
fast_path_attend(struct fast_path *fast, struct fast_client *client, uint32_t events)
{
	client->has_more = true;
	client->is_ending = client->is_ending || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	if (!client->has_turn)
		serve(fast, client);
}

bool
fast_path_go_on(struct fast_path *fast)
{
	for (size_t waiting = fast->waiting; waiting > 0; waiting--) {
		struct fast_client *client = TAILQ_FIRST(&fast->line);

		leave_line(fast, client);
		serve(fast, client);
	}
	return !TAILQ_EMPTY(&fast->line);
}
