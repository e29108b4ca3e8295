/*
 * Sending an answer of the fast path. The worker's thread. The bytes of a flight go out from where they lie, and not beyond what it lets go.
 */
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "server/http/fast_parts.h"
#include "storage/base/text.h"

#define LINE_END    "\r\n"
#define CLOSE_FIELD "Connection: close\r\n"
#define PARTS       2 /* of an answer in memory: its start, and the other fields with the body behind them */

_Static_assert(READY_BEGINNING_MAX + HTTP_DATE_MAX + sizeof LINE_END + sizeof CLOSE_FIELD <= FAST_START_MAX,
        "the start of every answer has room");

static void
add_to_start(struct fast_answer *answer, const char *bytes, size_t length)
{
	memcpy(answer->start + answer->start_length, bytes, length);
	answer->start_length += length;
}

void
fast_answer_begin(
        struct fast_answer *answer, struct ready *ready, const char date[HTTP_DATE_MAX], bool closes)
{
	size_t length;
	const char *beginning = ready_beginning(ready, &length);

	answer->ready = ready;
	answer->closes = closes;
	answer->is_slow = false;
	answer->sent = 0;
	answer->start_length = 0;
	add_to_start(answer, beginning, length);
	add_to_start(answer, date, strlen(date));
	add_to_start(answer, LINE_END, sizeof LINE_END - 1);
	if (closes)
		add_to_start(answer, CLOSE_FIELD, sizeof CLOSE_FIELD - 1);
}

uint64_t
fast_answer_body(const struct fast_client *client)
{
	return client->method == METHOD_HEAD ? 0 : ready_size(client->answer.ready);
}

/* What of the answer is in memory, from the first byte that was not sent; how much there was in all. */
static size_t
parts_left(const struct fast_client *client, struct iovec ret[PARTS], size_t *ret_count)
{
	const struct fast_answer *answer = &client->answer;
	size_t rest_length, sent = (size_t)answer->sent;
	const char *rest = ready_fields(answer->ready, &rest_length);

	if (ready_bytes(answer->ready) != NULL)
		rest_length += (size_t)fast_answer_body(client);
	*ret_count = 0;
	if (sent < answer->start_length) {
		ret[(*ret_count)++] =
		        (struct iovec){(char *)answer->start + sent, answer->start_length - sent};
		ret[(*ret_count)++] = (struct iovec){(char *)rest, rest_length};
	} else if (sent < answer->start_length + rest_length) {
		sent -= answer->start_length;
		ret[(*ret_count)++] = (struct iovec){(char *)rest + sent, rest_length - sent};
	}
	return answer->start_length + rest_length;
}

/* What a system call says. PUSH_DONE: this step is. */
static enum push
sent(struct fast_client *client, ssize_t bytes)
{
	if (bytes < 0 && errno == EINTR)
		return PUSH_DONE;
	if (bytes < 0 && errno == EAGAIN)
		return PUSH_WAITS;
	if (bytes == 0)
		client->reason = "broken"; /* the file ends before the archive does */
	if (bytes <= 0)
		return PUSH_BROKEN;
	client->answer.sent += (uint64_t)bytes;
	return PUSH_DONE;
}

static enum push
send_file(struct fast_client *client, int fd, uint64_t position, uint64_t length)
{
	off_t offset = (off_t)position;

	return sent(client, sendfile(client->fd, fd, &offset,
	                            length < FAST_TURN_BYTES ? (size_t)length : FAST_TURN_BYTES));
}

static enum push
send_of_flight(struct fast_client *client, uint64_t position)
{
	struct fast_miss *miss = client->miss;
	struct flight_view view;
	struct err err = ERR_NONE;

	switch (flight_view(miss->miss.flight, &miss->waiter, position, &view, &err)) {
	case NEWS_READY:
		connection_sends_again(client->connection);
		if (view.bytes == NULL)
			return send_file(client, view.fd, position, view.length);
		return sent(client, send(client->fd, view.bytes, view.length, MSG_DONTWAIT | MSG_NOSIGNAL));
	case NEWS_PARKED:
		miss->awaits = true;
		return PUSH_AWAITS;
	case NEWS_STORED:
	case NEWS_END: /* and there were fewer than was promised */
	case NEWS_FAILED:
		break;
	}
	client->reason = miss_reason(&err);
	return PUSH_BROKEN;
}

/* One step. PUSH_DONE: it went well, and there may be another. */
static enum push
send_some(struct fast_client *client, uint64_t *ret_total)
{
	const struct fast_answer *answer = &client->answer;
	struct iovec parts[PARTS];
	struct msghdr message = {.msg_iov = parts};
	size_t in_memory = parts_left(client, parts, &message.msg_iovlen);
	bool has_more = ready_bytes(answer->ready) == NULL && fast_answer_body(client) > 0;
	bool has_file = ready_file(answer->ready) >= 0;
	/* At once behind it comes the file, or the end of the connection: they go out together. */
	bool goes_on = has_more ? has_file : answer->closes;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (goes_on ? MSG_MORE : 0);

	*ret_total = in_memory + (has_more ? fast_answer_body(client) : 0);
	if (answer->sent < in_memory)
		return sent(client, sendmsg(client->fd, &message, flags));
	if (!has_file)
		return send_of_flight(client, answer->sent - in_memory);
	return send_file(
	        client, ready_file(answer->ready), answer->sent - in_memory, *ret_total - answer->sent);
}

enum push
fast_answer_push(struct fast_client *client)
{
	const struct fast_answer *answer = &client->answer;
	uint64_t until = answer->sent + FAST_TURN_BYTES;
	uint64_t total;

	do {
		enum push push = send_some(client, &total);

		if (push != PUSH_DONE)
			return push;
	} while (answer->sent < total && answer->sent < until);
	return answer->sent == total ? PUSH_DONE : PUSH_TURN_OVER;
}
