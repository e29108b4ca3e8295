/*
 * Answers before the end of a body. The worker's thread. Writes once and never waits: nothing else of this request has
 * been sent, so an answer this small fits what the kernel buffers.
 */
#include "server/http/early.h"

#include "server/admin/metrics.h"
#include "server/http/connections.h"
#include "server/http/date.h"
#include "server/http/response.h"

enum outcome
early_answer(struct request *request, const struct err *err)
{
	struct error_answer answer;
	AUTO_TEXT bytes = TEXT_EMPTY;
	char date[HTTP_DATE_MAX];
	enum outcome outcome;

	error_answer_make(request, err, &answer);
	text_addf(&bytes, "HTTP/1.1 %d %s\r\n", answer.status,
	        MHD_get_reason_phrase_for((unsigned)answer.status));
	http_date(time(NULL), date);
	text_addf(&bytes, "Date: %s\r\n", date);
	for (size_t i = 0; i < answer.n_fields; i++)
		text_addf(&bytes, "%s: %s\r\n", answer.fields[i].name, answer.fields[i].value);
	text_addf(&bytes, "Connection: close\r\nContent-Length: %zu\r\n\r\n", answer.body.length);
	text_add(&bytes, text_string(&answer.body));
	request->status = answer.status;
	request->body_bytes = answer.body.length;
	request->body.state = BODY_REFUSED;
	request->body.received = 0;
	outcome = connection_say_last(request->connection, bytes.bytes, bytes.length) ? REPLIED : DROPPED;
	connection_enter(request->connection, CONNECTION_DRAINS);
	text_finish(&answer.body);
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
