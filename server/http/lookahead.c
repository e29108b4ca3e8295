/*
 * Looking ahead on a socket. The thread of who reads from it. Must never take what is not done with.
 */
#include "server/http/lookahead.h"

#include <assert.h>
#include <sys/socket.h>

#define NOWHERE (-1) /* of SO_PEEK_OFF: a look begins at the first byte, as without the option */

void
lookahead_start(struct lookahead *ahead, int fd, enum lookahead_way way)
{
	*ahead = (struct lookahead){.fd = fd, .way = way};
}

static bool
move_to(const struct lookahead *ahead, int place)
{
	return setsockopt(ahead->fd, SOL_SOCKET, SO_PEEK_OFF, &place, sizeof place) == 0;
}

ssize_t
lookahead_read(struct lookahead *ahead, char *ret_bytes, size_t length)
{
	ssize_t got;

	if (ahead->way == LOOKAHEAD_ASKS)
		ahead->way = move_to(ahead, 0) ? LOOKAHEAD_MOVES : LOOKAHEAD_STAYS;
	if (ahead->kernel_at != ahead->done && !move_to(ahead, (int)ahead->done))
		return -1;
	got = recv(ahead->fd, ret_bytes, length, MSG_PEEK | MSG_DONTWAIT);
	ahead->kernel_at = ahead->done;
	if (ahead->way == LOOKAHEAD_MOVES && got > 0)
		ahead->kernel_at += (size_t)got;
	return got;
}

/* TCP drops them where they lie; a unix socket gives them once more. */
static bool
take(const struct lookahead *ahead, size_t length)
{
	char bytes[LOOKAHEAD_DONE_MAX];

	while (length > 0) {
		ssize_t got = recv(ahead->fd, bytes, length < sizeof bytes ? length : sizeof bytes,
		        MSG_TRUNC | MSG_DONTWAIT);

		if (got <= 0)
			return false;
		length -= (size_t)got;
	}
	return true;
}

bool
lookahead_done(struct lookahead *ahead, size_t length)
{
	switch (ahead->way) {
	case LOOKAHEAD_FIRST:
		ahead->way = LOOKAHEAD_ASKS;
		return take(ahead, length);
	case LOOKAHEAD_ASKS:
	case LOOKAHEAD_STAYS:
		return take(ahead, length);
	case LOOKAHEAD_MOVES:
		ahead->done += length;
		return ahead->done <= LOOKAHEAD_DONE_MAX || lookahead_take(ahead);
	}
	return false;
}

/* As the kernel does with its place. */
bool
lookahead_take(struct lookahead *ahead)
{
	size_t length = ahead->done;

	assert(ahead->kernel_at >= length);
	ahead->done = 0;
	ahead->kernel_at -= length;
	return take(ahead, length);
}

bool
lookahead_end(struct lookahead *ahead)
{
	bool is_moved = ahead->way == LOOKAHEAD_MOVES;

	ahead->way = LOOKAHEAD_STAYS;
	if (!lookahead_take(ahead))
		return false;
	ahead->kernel_at = 0;
	return !is_moved || move_to(ahead, NOWHERE);
}
