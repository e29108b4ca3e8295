/*
 * Answers before the end of a body. The worker's thread. Writes once and never waits: nothing else of this request has
 * been sent, so an answer this small fits what the kernel buffers.
 */
#include "server/http/early.h"

#include "server/admin/metrics.h"
#include "server/http/connections.h"
#include "server/http/date.h"
#include "server/http/ready.h"
#include "server/http/response.h"

enum outcome
early_answer(struct request *request, const struct err *err)
{
	struct error_answer answer;
	struct ready *ready;
	AUTO_TEXT bytes = TEXT_EMPTY;
	struct http_now now = HTTP_NOW_NONE;
	struct iovec header[READY_PARTS_MAX];
	size_t parts;
	enum outcome outcome;

	error_answer_make(request, err, &answer);
	ready = ready_of_error(&answer);
	http_now_refresh(&now);
	ready_set_date(ready, &now);
	parts = ready_header(ready, READY_CLOSES, header);
	for (size_t i = 0; i < parts; i++)
		text_add_bytes(&bytes, header[i].iov_base, header[i].iov_len);
	text_add_bytes(&bytes, ready_bytes(ready), (size_t)ready_size(ready));
	request->status = ready_status(ready);
	request->body_bytes = ready_size(ready);
	request->body.state = BODY_REFUSED;
	request->body.received = 0;
	outcome = connection_say_last(request->connection, bytes.bytes, bytes.length) ? REPLIED : DROPPED;
	connection_enter(request->connection, CONNECTION_DRAINS);
	ready_let_go(ready);
	return outcome;
}

enum outcome
early_drop(struct request *request, size_t length)
{
	request->body.received += length;
	if (request->body.received <= DRAIN_BYTES_MAX)
		return REPLIED;
	metrics_add(request->larder->metrics, METRIC_LIMIT_DRAIN, 1);
	return DROPPED;
}
