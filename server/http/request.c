/*
 * A request's own verbs. park runs on the worker's thread, wake on the fetcher's, both under the flight's
 * lock: libmicrohttpd's locks are below it in the order.
 */
#include "server/http/request.h"

#include <microhttpd.h>
#include <stddef.h>
#include <strings.h>

#include "server/http/connections.h"
#include "server/http/worker.h"
#include "storage/base/text.h"

static struct request *
request_of(struct waiter *waiter)
{
	return (struct request *)(void *)((char *)waiter - offsetof(struct request, waiter));
}

static void
park(struct waiter *waiter)
{
	struct request *request = request_of(waiter);

	connection_enter(request->connection, CONNECTION_WORKS);
	worker_parked(request->worker);
	MHD_suspend_connection(request->http);
}

/* The request may be over and freed as soon as it is resumed. */
static void
wake(struct waiter *waiter)
{
	struct worker *worker = request_of(waiter)->worker;

	MHD_resume_connection(request_of(waiter)->http);
	worker_woken(worker);
}

void
request_prepare_waiter(struct request *request)
{
	request->waiter.park = park;
	request->waiter.wake = wake;
	request->miss.waiter = &request->waiter;
}

const char *
request_parameter(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->http, MHD_GET_ARGUMENT_KIND, name);
}

const char *
request_header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name);
}

struct header_list {
	const char *name;
	struct text values;
};

static enum MHD_Result
add_value(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_list *list = context;

	(void)kind;
	if (strcasecmp(name, list->name) == 0)
		text_addf(&list->values, "%s%s", list->values.length > 0 ? ", " : "",
		        value != NULL ? value : "");
	return MHD_YES;
}

char *
request_header_list(const struct request *request, const char *name)
{
	struct header_list list = {.name = name, .values = TEXT_EMPTY};

	MHD_get_connection_values(request->http, MHD_HEADER_KIND, add_value, &list);
	return list.values.bytes;
}
