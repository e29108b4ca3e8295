/*
 * An exchange. All of it runs on the worker's thread; a hit passes through here with one allocation and no
 * lock.
 */
#include "server/http/exchange.h"

#include <string.h>

#include "server/admin/metrics.h"
#include "server/http/access_log.h"
#include "server/http/forwarded.h"
#include "server/http/guard.h"
#include "server/http/reply.h"
#include "server/http/router.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

static struct request *request_create(
        struct exchange_setting *setting, struct worker *worker, const struct exchange_line *line);
static bool is_welcome(struct exchange_setting *setting, const struct request *request,
        const struct exchange_line *line, struct err *err);

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
	if (is_welcome(setting, request, line, &err))
		return MHD_YES;
	return finish(reply_error(request, &err));
}

/* Who the log says it was: the client itself, or whom a trusted proxy forwards. */
static void
name_client(const struct exchange_setting *setting, struct request *request)
{
	struct address client = *connection_peer(request->connection);

	if (setting->trusted.count > 0)
		client = forwarded_client(
		        request_header(request, "X-Forwarded-For"), &setting->trusted, &client);
	address_text(&client, request->client);
}

static struct request *
request_create(struct exchange_setting *setting, struct worker *worker, const struct exchange_line *line)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(line->http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *request = xcalloc(1, sizeof *request);

	request->larder = setting->larder;
	request->method = strcmp(line->method, "HEAD") == 0 ? METHOD_HEAD : METHOD_GET;
	request->method_name = line->method;
	request->kind = KIND_OTHER;
	request->path = line->path;
	request->began_at_ms = clock_coarse_ms();
	request->http = line->http;
	request->connection = info->socket_context;
	request->worker = worker;
	request_prepare_waiter(request);
	if (setting->access_log)
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
is_welcome(struct exchange_setting *setting, const struct request *request, const struct exchange_line *line,
        struct err *err)
{
	if (!is_clean(setting, line, err) || !has_standing(request, err))
		return false;
	if (atomic_load_explicit(&setting->stopping, memory_order_relaxed))
		return err_set(err, ERR_STOPPING, "larder is stopping");
	/*
	 * With a body or without one, the connection ends here: nobody has to tell where the next request
	 * begins.
	 */
	if (strcmp(line->method, "GET") != 0 && strcmp(line->method, "HEAD") != 0)
		return err_set(err, ERR_METHOD, "only GET and HEAD are answered here");
	return true;
}

/* --- the answer --- */

enum MHD_Result
exchange_run(struct request *request)
{
	struct err err = ERR_NONE;
	const char *allowed;
	const struct route *route = router_find(request, &allowed, &err);

	return finish(route != NULL ? route->handler(request) : reply_error(request, &err));
}

static void
log_end(const struct request *request)
{
	struct access_entry entry = {.request = request,
	        .user_agent = request_header(request, "User-Agent"),
	        .took_ms = clock_coarse_ms() - request->began_at_ms};

	access_log(&entry);
}

void
exchange_end(struct exchange_setting *setting, struct request *request, enum MHD_RequestTerminationCode how)
{
	struct worker *worker = request->worker;

	if (request->flight != NULL)
		flight_leave(request->flight, &request->waiter);
	if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK && request->reason == NULL)
		request->reason = "cut";
	metrics_request(setting->larder->metrics, request->kind, request->status);
	metrics_add(setting->larder->metrics, METRIC_BODY_BYTES, request->body_bytes);
	if (setting->access_log)
		log_end(request);
	connection_enter(request->connection, CONNECTION_WAITS);
	free(request);
	atomic_fetch_sub_explicit(&worker->requests, 1, memory_order_release);
}
