/*
 * An archive that is coming, as an answer: the flight's bytes as they arrive. The worker's thread; the reader
 * parks where there is nothing yet, and is called again when the fetcher wakes it.
 */
#include "server/http/reply.h"

#include <assert.h>

#include "server/http/connections.h"
#include "server/http/response.h"

#define FLIGHT_BLOCK (64u << 10) /* bytes sent at a time */

static ssize_t
read_flight(void *context, uint64_t position, char *ret, size_t max)
{
	struct request *request = context;
	struct err err = ERR_NONE;
	size_t length = 0;

	switch (flight_read(request->miss.flight, &request->waiter, position, ret, max, &length, &err)) {
	case NEWS_READY:
		connection_sends_again(request->connection);
		return (ssize_t)length;
	case NEWS_PARKED:
		return 0;
	case NEWS_END:
	case NEWS_STORED:
		assert(position == request->miss.size_bytes);
		return MHD_CONTENT_READER_END_OF_STREAM;
	case NEWS_FAILED:
		break;
	}
	/* Under a Content-Length this ends with a body cut short, which no client takes for whole. */
	connection_cut(request->connection);
	request->reason = miss_reason(&err);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

enum outcome
reply_flight(struct request *request)
{
	uint64_t size = request->miss.size_bytes;
	size_t block = size < FLIGHT_BLOCK ? (size_t)size : FLIGHT_BLOCK;
	struct digests known;
	struct MHD_Response *response;

	if (size == 0)
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	else
		response = MHD_create_response_from_callback(size, block, read_flight, request, NULL);
	miss_digests(&request->miss, &known);
	response_add_archive(response, request->cache, &known);
	request->body_bytes = request->method == METHOD_HEAD ? 0 : size;
	return response_send(request, 200, response);
}
