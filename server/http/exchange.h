/*
 * An exchange: one request from its header to its end, as libmicrohttpd tells of it. Everything between the
 * callbacks of the listener and the handlers.
 */
#ifndef SERVER_HTTP_EXCHANGE_H
#define SERVER_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>

#include "server/http/connections.h"
#include "server/http/request.h"
#include "server/http/worker.h"

/* What every exchange of a listener needs; constant while it runs but for stopping. */
struct exchange_setting {
	struct larder *larder;
	struct connections *connections;
	struct networks trusted; /* proxies */
	bool access_log;
	_Atomic bool stopping;
};

/* A request as libmicrohttpd hands it over; borrowed. */
struct exchange_line {
	struct MHD_Connection *http;
	const char *path, *method, *version;
};

/*
 * The header is complete: makes the request. MHD_YES: exchange_receive comes next for each piece of a body, then
 * exchange_run; or the answer was queued already, which closes the connection after it. MHD_NO closes it without one.
 */
enum MHD_Result exchange_begin(struct exchange_setting *setting, struct worker *worker,
        const struct exchange_line *line, struct request **ret_request);
/* A piece of the body. */
enum MHD_Result exchange_receive(struct request *request, const char *bytes, size_t length);
/* The request is complete: runs the handler; again each time the request was woken. */
enum MHD_Result exchange_run(struct request *request);
/* The request is over, however it ended: leaves the flight, counts, logs, frees. */
void exchange_end(
        struct exchange_setting *setting, struct request *request, enum MHD_RequestTerminationCode how);
/*
 * Likewise, of a connection that is closed: the request of which nobody told that it is over; NULL: none. libmicrohttpd 0.9.75 does not
 * where the kernel lets it watch a socket no longer. What the client sent is freed by then.
 */
void exchange_abandon(struct exchange_setting *setting, struct request *request);

#endif
