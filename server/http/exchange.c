/*
 * An exchange. All of it runs on the worker's thread; a hit passes through here with one allocation and no
 * lock.
 */
#include "server/http/exchange.h"

#include <string.h>
#include <strings.h>

#include "server/admin/metrics.h"
#include "server/http/access_log.h"
#include "server/http/body.h"
#include "server/http/desk.h"
#include "server/http/early.h"
#include "server/http/forwarded.h"
#include "server/http/guard.h"
#include "server/http/reply.h"
#include "server/http/router.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

static struct request *request_create(
        struct exchange_setting *setting, struct worker *worker, const struct exchange_line *line);
static bool is_clean(
        struct exchange_setting *setting, const struct exchange_line *line, struct err *err) MUST_CHECK;
static bool is_welcome(
        struct exchange_setting *setting, const struct request *request, struct err *err) MUST_CHECK;
static void look_for_body(struct request *request);
static bool enter(struct request *request, struct err *err) MUST_CHECK;
static enum outcome refuse(struct request *request, const struct err *err);

static enum MHD_Result
finish(enum outcome outcome)
{
	switch (outcome) {
	case REPLIED:
	case PARKED:
		return MHD_YES;
	case DROPPED:
		break;
	}
	return MHD_NO;
}

enum MHD_Result
exchange_begin(struct exchange_setting *setting, struct worker *worker, const struct exchange_line *line,
        struct request **ret_request)
{
	struct request *request = request_create(setting, worker, line);
	struct err err = ERR_NONE;

	*ret_request = request;
	connection_enter(request->connection, CONNECTION_WORKS);
	if (!is_clean(setting, line, &err))
		return finish(reply_error(request, &err));
	look_for_body(request);
	if (!is_welcome(setting, request, &err))
		return finish(refuse(request, &err));
	/* Without a body the rest is done in the next call, after which the connection can live on. */
	if (request->body.state == BODY_NONE)
		return MHD_YES;
	if (!enter(request, &err))
		return finish(refuse(request, &err));
	connection_enter(request->connection, CONNECTION_RECEIVES);
	return MHD_YES;
}

/* Behind a trusted proxy how that was asked. */
static const char *
scheme_of(const struct exchange_setting *setting, const struct request *request)
{
	AUTO_FREE char *list = NULL;

	if (setting->trusted.count == 0 || connection_is_control(request->connection, NULL))
		return "http";
	list = request_header_list(request, "X-Forwarded-Proto");
	return forwarded_scheme(list, &setting->trusted, connection_peer(request->connection));
}

static void
name_client(const struct exchange_setting *setting, struct request *request)
{
	AUTO_FREE char *list = NULL;

	if (setting->trusted.count > 0)
		list = request_header_list(request, "X-Forwarded-For");
	connection_name_client(request->connection, list, &setting->trusted, request->client);
}

static enum request_method
method_of(const char *name)
{
	static const char *const names[] = {[METHOD_GET] = "GET",
	        [METHOD_HEAD] = "HEAD",
	        [METHOD_PUT] = "PUT",
	        [METHOD_POST] = "POST",
	        [METHOD_DELETE] = "DELETE"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum request_method)i;
	return METHOD_OTHER;
}

static struct request *
request_create(struct exchange_setting *setting, struct worker *worker, const struct exchange_line *line)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(line->http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *request = xcalloc(1, sizeof *request);

	request->larder = setting->larder;
	request->method = method_of(line->method);
	request->method_name = line->method;
	request->kind = KIND_OTHER;
	request->path = line->path;
	request->began_at_ms = clock_coarse_ms();
	request->http = line->http;
	request->connection = info->socket_context;
	connection_set_request(request->connection, request);
	request->worker = worker;
	request->hot = worker->hot;
	request->scheme = scheme_of(setting, request);
	request_prepare_waiter(request);
	/* Changes have a name for the audit and for counting wrong tokens, log or not. */
	if (setting->access_log || !request_reads(request))
		name_client(setting, request);
	atomic_fetch_add_explicit(&worker->requests, 1, memory_order_relaxed);
	return request;
}

/* --- at the door --- */

/* One more than the guard accepts, so that it sees that there are too many. */
struct fields {
	struct guard_field items[GUARD_FIELDS_MAX + 1];
	size_t count;
};

static enum MHD_Result
collect_field(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length, const char *value,
        size_t value_length)
{
	struct fields *fields = context;

	(void)kind;
	fields->items[fields->count++] =
	        (struct guard_field){name, value != NULL ? value : "", name_length, value_length};
	return fields->count < COUNT_OF(fields->items) ? MHD_YES : MHD_NO;
}

static bool
is_clean(struct exchange_setting *setting, const struct exchange_line *line, struct err *err)
{
	struct fields fields;
	struct guard_request asked = {.method = line->method,
	        .target = line->path,
	        .version = line->version,
	        .fields = fields.items};

	fields.count = 0;
	MHD_get_connection_values_n(line->http, MHD_HEADER_KIND, collect_field, &fields);
	asked.count = fields.count;
	if (guard_check(&asked, err))
		return true;
	metrics_add(setting->larder->metrics, METRIC_GUARD_REFUSED, 1);
	return false;
}

static bool
has_standing(const struct request *request, struct err *err)
{
	switch (connection_standing(request->connection)) {
	case CONNECTION_WELCOME:
		return true;
	case CONNECTION_OVER_TOTAL:
		return err_set(err, ERR_OVERLOADED, "too many connections; try again in a moment");
	case CONNECTION_OVER_ADDRESS:
		return err_set(
		        err, ERR_OVERLOADED, "too many connections from your address; try again in a moment");
	}
	return false;
}

static bool
is_welcome(struct exchange_setting *setting, const struct request *request, struct err *err)
{
	if (!has_standing(request, err))
		return false;
	if (atomic_load_explicit(&setting->stopping, memory_order_relaxed))
		return err_set(err, ERR_STOPPING, "larder is stopping");
	return true;
}

/* Whether a body follows. The guard has found one Content-Length at most, and no Transfer-Encoding beside it. */
static void
look_for_body(struct request *request)
{
	const char *length;

	if (request_reads(request))
		return;
	length = request_header(request, "Content-Length");
	if (length != NULL && text_parse_number(length, &request->body.announced) &&
	        request->body.announced > 0)
		request->body.state = BODY_COMES;
	if (request_header(request, "Transfer-Encoding") != NULL)
		request->body.state = BODY_COMES;
}

/*
 * Somebody who waits to be told whether he may send his body gets an ordinary answer, as does who sends none; who
 * sends already is answered by hand, since libmicrohttpd would reset the connection under his answer.
 */
static enum outcome
refuse(struct request *request, const struct err *err)
{
	const char *expects = request_header(request, "Expect");

	if (request->body.state != BODY_COMES ||
	        (expects != NULL && strcasecmp(expects, "100-continue") == 0))
		return reply_error(request, err);
	return early_answer(request, err);
}

/* --- who answers --- */

static bool
is_too_large(struct request *request, uint64_t bytes, struct err *err)
{
	if (bytes <= request->body.max_bytes)
		return false;
	metrics_add(request->larder->metrics, METRIC_LIMIT_BODY_BYTES, 1);
	err_set(err, ERR_TOO_LARGE, "the body is larger than the %llu bytes that are taken here",
	        (unsigned long long)request->body.max_bytes);
	return true;
}

static bool
begin_body(struct request *request, struct err *err)
{
	struct body *body = &request->body;

	if (request->route->body == NULL)
		return body->state == BODY_NONE || err_set(err, ERR_BAD_REQUEST, "no body is taken here");
	body->kind = request->route->body;
	return body->kind->begin(request, err) && !is_too_large(request, body->announced, err);
}

/* Who answers, whether the client may, and whether his body is taken: before anything of it is read. */
static bool
enter(struct request *request, struct err *err)
{
	request->route = router_find(request, err);
	return request->route != NULL && auth_admit(request, request->route->access, err) &&
	       begin_body(request, err);
}

/* --- the body --- */

enum MHD_Result
exchange_receive(struct request *request, const char *bytes, size_t length)
{
	struct body *body = &request->body;
	struct err err = ERR_NONE;

	if (body->state == BODY_REFUSED)
		return finish(early_drop(request, length));
	body->received += length;
	if (is_too_large(request, body->received, &err) || !body->kind->append(request, bytes, length, &err))
		return finish(early_answer(request, &err));
	return MHD_YES;
}

/* --- the answer --- */

enum MHD_Result
exchange_run(struct request *request)
{
	struct err err = ERR_NONE;

	if (request->body.state == BODY_REFUSED)
		return MHD_NO; /* all of it was dropped */
	if (request->body.state == BODY_COMES) {
		request->body.state = BODY_COMPLETE;
		connection_enter(request->connection, CONNECTION_WORKS);
	}
	if (request->route == NULL && !enter(request, &err))
		return finish(reply_error(request, &err));
	if (request->route->api != NULL)
		return finish(desk_take(request->larder->desk, request, request->route->api));
	return finish(request->route->handler(request));
}

static void
log_end(const struct request *request)
{
	struct access_entry entry = {.client = request->client,
	        .method = request->method_name,
	        .path = request->path,
	        .status = request->status,
	        .body_bytes = request->body_bytes,
	        .took_ms = clock_coarse_ms() - request->began_at_ms,
	        .cache = request->cache,
	        .reason = request->reason,
	        .user_agent = request->http != NULL ? request_header(request, "User-Agent") : NULL};

	access_log(&request->worker->lines, &entry);
}

void
exchange_end(struct exchange_setting *setting, struct request *request, enum MHD_RequestTerminationCode how)
{
	struct worker *worker = request->worker;

	(void)miss_end(&request->miss); /* who is suspended does not end */
	if (request->body.kind != NULL)
		request->body.kind->finish(request);
	desk_forget(request);
	if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK && request->reason == NULL &&
	        request->body.state != BODY_REFUSED)
		request->reason = "cut";
	metrics_request(setting->larder->metrics, request->kind, request->status);
	metrics_add(setting->larder->metrics, METRIC_BODY_BYTES, request->body_bytes);
	if (setting->access_log)
		log_end(request);
	connection_enter(request->connection, CONNECTION_WAITS);
	connection_set_request(request->connection, NULL);
	free(request);
	atomic_fetch_sub_explicit(&worker->requests, 1, memory_order_release);
}

void
exchange_abandon(struct exchange_setting *setting, struct request *request)
{
	if (request == NULL)
		return;
	request->http = NULL;
	request->method_name = request->path = "-";
	exchange_end(setting, request, MHD_REQUEST_TERMINATED_WITH_ERROR);
}
