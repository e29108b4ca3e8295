/*
 * Sending an answer of the fast path. The worker's thread. The bytes of a flight go out from where they lie, and not beyond what it lets go.
 */
#include <errno.h>
#include <sys/sendfile.h>

#include "server/http/fast_parts.h"

void
fast_answer_begin(struct fast_answer *answer, struct ready *ready, enum ready_end end)
{
	*answer = (struct fast_answer){.ready = ready, .end = end};
}

uint64_t
fast_answer_body(const struct fast_client *client)
{
	return client->method == METHOD_HEAD ? 0 : ready_size(client->answer.ready);
}

/* What of an answer is in memory: its header, and often the body. */
struct in_memory {
	struct iovec parts[READY_PARTS_MAX];
	size_t count;
	size_t length; /* of all parts, in bytes */
};

static void
find_in_memory(const struct fast_client *client, struct in_memory *ret)
{
	const struct ready *ready = client->answer.ready;

	ret->count = ready_header(ready, client->answer.end, ret->parts);
	if (ready_bytes(ready) != NULL)
		ret->parts[ret->count - 1].iov_len += (size_t)fast_answer_body(client);
	ret->length = 0;
	for (size_t i = 0; i < ret->count; i++)
		ret->length += ret->parts[i].iov_len;
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

/* From the first byte that was not sent; mostly all of it is one piece. */
static enum push
send_memory(struct fast_client *client, struct in_memory *memory, int flags)
{
	struct iovec *part = memory->parts;
	size_t left = memory->count, sent_before = (size_t)client->answer.sent;

	for (; sent_before >= part->iov_len; part++, left--)
		sent_before -= part->iov_len;
	part->iov_base = (char *)part->iov_base + sent_before;
	part->iov_len -= sent_before;
	if (left == 1)
		return sent(client, send(client->fd, part->iov_base, part->iov_len, flags));
	return sent(
	        client, sendmsg(client->fd, &(struct msghdr){.msg_iov = part, .msg_iovlen = left}, flags));
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
	bool has_more = ready_bytes(answer->ready) == NULL && fast_answer_body(client) > 0;
	bool has_file = ready_file(answer->ready) >= 0;
	/* At once behind it comes the file, or the end of the connection: they go out together. */
	bool goes_on = has_more ? has_file : answer->end == READY_CLOSES;
	struct in_memory memory;

	find_in_memory(client, &memory);
	*ret_total = memory.length + (has_more ? fast_answer_body(client) : 0);
	if (answer->sent < memory.length)
		return send_memory(client, &memory, MSG_DONTWAIT | MSG_NOSIGNAL | (goes_on ? MSG_MORE : 0));
	if (!has_file)
		return send_of_flight(client, answer->sent - memory.length);
	return send_file(
	        client, ready_file(answer->ready), answer->sent - memory.length, *ret_total - answer->sent);
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
