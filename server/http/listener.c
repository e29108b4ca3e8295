/*
 * The listener. The main thread starts and stops it; in between everything happens on the workers' threads, one for each worker and
 * address: in their loops (worker.c) and in the callbacks of libmicrohttpd below. Must never stop a daemon while somebody is parked in a
 * flight.
 */
#include "server/http/listener.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/http/exchange.h"
#include "server/http/fast_path.h"
#include "server/http/sockets.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

#define CONNECTION_MEMORY  (16u << 10) /* bytes: the header of a request and that of its answer */
#define DAEMON_CONNECTIONS 1000000u    /* never reached: limits.connections answers long before */
#define FILES_HOT_SHARE    4           /* one in so many descriptors is for hot archives, at most */
#define FILES_FOR_ITSELF   256 /* descriptors for all but clients: index, transfers, temporary files */
#define FILES_PER_CLIENT   2   /* the connection and the archive it gets */
#define IDLE_POLL_MS       5
#define UNPARK_MAX_MS      10000 /* for those who were woken to be resumed */

struct listener {
	struct larder larder; /* what the handlers see: a copy that knows this listener */
	struct exchange_setting setting;
	struct worker *workers; /* every address has config->workers of them, the control socket one */
	size_t n_workers;
	struct sockets *sockets; /* borrowed */
	int control;             /* the control socket; -1: there is none */
	bool has_control;        /* its file is there */
};

static bool bind_addresses(struct listener *listener, struct err *err);
static void bind_control(struct listener *listener);
static bool start_connections(struct listener *listener, struct err *err);
static bool start_workers(struct listener *listener, struct err *err);

struct listener *
listener_start(const struct larder *larder, struct sockets *sockets, struct err *err)
{
	struct listener *listener = xcalloc(1, sizeof *listener);

	listener->larder = *larder;
	listener->larder.listener = listener;
	listener->setting.larder = &listener->larder;
	listener->setting.access_log = larder->config->log.access;
	listener->sockets = sockets;
	listener->control = -1;
	if (bind_addresses(listener, err) && start_connections(listener, err)) {
		bind_control(listener);
		if (start_workers(listener, err))
			return listener;
	}
	listener_stop(listener);
	return NULL;
}

const char *
listener_url(const struct listener *listener, size_t i)
{
	return i < listener->sockets->count ? listener->sockets->addresses[i].url : NULL;
}

static void
add_worker(struct listener *listener, int fd, const atomic_bool *closes)
{
	struct worker *worker = &listener->workers[listener->n_workers++];

	memset(worker, 0, sizeof *worker);
	worker->listener = listener;
	worker->fd = fd;
	worker->closes = closes;
	worker->epoll = worker->bell.fd = -1;
}

/* One for each socket, and room for the control socket's. */
static void
add_workers(struct listener *listener)
{
	const struct sockets *sockets = listener->sockets;
	size_t most = sockets->count * sockets->per_address + 1;

	listener->workers = aligned_alloc(_Alignof(struct worker), most * sizeof(struct worker));
	if (listener->workers == NULL)
		abort();
	for (size_t i = 0; i < sockets->count; i++)
		for (size_t n = 0; n < sockets->per_address; n++)
			add_worker(listener, sockets->addresses[i].fds[n], &sockets->closing);
}

static bool
bind_addresses(struct listener *listener, struct err *err)
{
	const struct config *config = listener->larder.config;

	if (listener->sockets->count == 0 &&
	        !sockets_open(listener->sockets, (const char *const *)config->listen.items,
	                config->listen.count, (size_t)config->workers, err))
		return false;
	add_workers(listener);
	return true;
}

/* Archives can be served without it, so a filesystem that has no sockets is only worth a warning. */
static void
bind_control(struct listener *listener)
{
	struct err err = ERR_NONE;

	listener->control = sockets_listen_control(listener->larder.config->store, &err);
	if (listener->control < 0) {
		log_warning("%s; archives are served, but commands cannot reach this daemon", err.text);
		return;
	}
	listener->has_control = true;
	add_worker(listener, listener->control, NULL);
}

/* How many descriptors this process may have; it takes as many as the system allows. */
static rlim_t
may_open(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return RLIM_INFINITY;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : RLIM_INFINITY;
}

static int64_t
affordable_hot_files(int64_t wanted, rlim_t files)
{
	int64_t share = files == RLIM_INFINITY ? INT64_MAX : (int64_t)(files / FILES_HOT_SHARE);

	return wanted < share ? wanted : share;
}

/* Says so where there are too few descriptors for the limit of connections. */
static int64_t
affordable_connections(int64_t wanted, rlim_t files, int64_t hot_files)
{
	int64_t affordable;

	if (files == RLIM_INFINITY)
		return wanted;
	affordable = ((int64_t)files - FILES_FOR_ITSELF - hot_files) / FILES_PER_CLIENT;
	if (affordable < 1)
		affordable = 1;
	if (wanted != 0 && wanted <= affordable)
		return wanted;
	log_info("limits.connections is %lld in effect: this process may open %lld files (ulimit -n, "
	         "LimitNOFILE)",
	        (long long)affordable, (long long)files);
	return affordable;
}

/* The workers share the budget evenly, as the system shares the clients among them. */
static void
create_hot(struct listener *listener, int64_t files)
{
	struct hot_budget share = {
	        .memory_bytes = listener->larder.config->hot.memory / listener->n_workers,
	        .files = (uint64_t)files / listener->n_workers,
	};

	for (size_t i = 0; i < listener->n_workers; i++)
		listener->workers[i].hot =
		        hot_create(&share, listener->larder.store, listener->larder.metrics);
}

static bool
start_connections(struct listener *listener, struct err *err)
{
	const struct config_limits *limits = &listener->larder.config->limits;
	rlim_t files = may_open();
	int64_t hot_files = affordable_hot_files(listener->larder.config->hot.files, files);
	struct connections_options options = {
	        .max_connections = affordable_connections(limits->connections, files, hot_files),
	        .max_per_address = limits->connections_per_address,
	        .header_timeout_ms = limits->header_timeout_ms,
	        .idle_timeout_ms = limits->idle_timeout_ms,
	        .min_rate = limits->min_rate,
	        .rate_window_ms = CONNECTIONS_RATE_WINDOW_MS,
	        .tick_ms = CONNECTIONS_TICK_MS,
	        .trusted = &listener->setting.trusted,
	        .metrics = listener->larder.metrics,
	};

	if (!networks_parse(limits->trusted_proxies.items, limits->trusted_proxies.count,
	            &listener->setting.trusted, err))
		return err_wrap(err, "limits.trusted_proxies");
	create_hot(listener, hot_files);
	listener->setting.connections = connections_create(&options, err);
	return listener->setting.connections != NULL;
}

/* --- what libmicrohttpd calls, on the workers' threads --- */

static void
on_connection(void *context, struct MHD_Connection *http, void **socket_context,
        enum MHD_ConnectionNotificationCode code)
{
	struct worker *worker = context;

	(void)http;
	switch (code) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		*socket_context = worker->arriving;
		worker->arriving = NULL;
		break;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		exchange_abandon(&worker->listener->setting, connection_request(*socket_context));
		connection_close(worker->connections, *socket_context);
		break;
	}
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *http, const char *path, const char *method,
        const char *version, const char *body, size_t *body_length, void **request_context)
{
	struct worker *worker = context;
	struct exchange_line line = {.http = http, .path = path, .method = method, .version = version};

	size_t length = *body_length;

	if (*request_context == NULL)
		return exchange_begin(
		        &worker->listener->setting, worker, &line, (struct request **)request_context);
	if (length == 0)
		return exchange_run(*request_context);
	*body_length = 0; /* all of it is taken */
	return exchange_receive(*request_context, body, length);
}

static void
on_end(void *context, struct MHD_Connection *http, void **request_context,
        enum MHD_RequestTerminationCode how)
{
	struct worker *worker = context;

	(void)http;
	if (*request_context == NULL)
		return;
	exchange_end(&worker->listener->setting, *request_context, how);
	*request_context = NULL;
}

/* Paths are taken as they come: nothing is decoded. */
static size_t
keep_escapes(void *context, struct MHD_Connection *http, char *string)
{
	(void)context, (void)http;
	return strlen(string);
}

/*
 * libmicrohttpd's own messages are about clients that misbehave, so they are for debugging; and this is the
 * only place where it tells that a header was too large for it (413, 414, 431), which it answers by itself.
 */
static void PRINTF_LIKE(2, 0) on_message(void *context, const char *format, va_list args)
{
	static const char *const too_large[] = {"code is 413", "code is 414", "code is 431"};
	struct listener *listener = context;
	char message[256];

	vsnprintf(message, sizeof message, format, args);
	message[strcspn(message, "\n")] = '\0';
	for (size_t i = 0; i < COUNT_OF(too_large); i++)
		if (strstr(message, too_large[i]) != NULL)
			metrics_add(listener->larder.metrics, METRIC_LIMIT_HEADER_BYTES, 1);
	log_debug("libmicrohttpd: %s", message);
}

/* --- starting and stopping --- */

/* Without a thread or a socket of its own: the worker's loop runs it. */
static struct MHD_Daemon *
start_daemon(struct worker *worker)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO |
	                       MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, worker, MHD_OPTION_EXTERNAL_LOGGER,
	        on_message, worker->listener, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	        MHD_OPTION_NOTIFY_CONNECTION, on_connection, worker, MHD_OPTION_NOTIFY_COMPLETED, on_end,
	        worker, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	        (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT, DAEMON_CONNECTIONS,
	        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* the deadlines are the reaper's */
	        MHD_OPTION_END);
}

static bool
start_workers(struct listener *listener, struct err *err)
{
	for (size_t i = 0; i < listener->n_workers; i++) {
		struct worker *worker = &listener->workers[i];

		worker->connections = listener->setting.connections;
		worker->daemon = start_daemon(worker);
		if (worker->daemon == NULL)
			return err_errno(err, "starting libmicrohttpd");
		worker->fast = fast_path_create(&listener->setting, worker);
		if (!worker_start(worker, err))
			return false;
	}
	return true;
}

bool
listener_answers(struct listener *listener)
{
	bool all = true;

	for (size_t i = 0; i < listener->n_workers; i++)
		all = worker_answers(&listener->workers[i]) && all;
	return all;
}

void
listener_quiesce(struct listener *listener)
{
	atomic_store(&listener->setting.stopping, true);
	/* First, so that nobody knocks here who would not be let in. */
	if (listener->has_control)
		sockets_remove_control(listener->larder.config->store);
	listener->has_control = false;
	for (size_t i = 0; i < listener->n_workers; i++)
		worker_quiesce(&listener->workers[i]);
}

void
listener_figures(struct listener *listener, struct listener_figures *ret)
{
	struct connections_figures connections;

	connections_figures(listener->setting.connections, &connections);
	*ret = (struct listener_figures){.connections = connections.connections,
	        .addresses = connections.addresses,
	        .stopping = atomic_load(&listener->setting.stopping)};
	for (size_t i = 0; i < listener->n_workers; i++) {
		ret->requests += atomic_load_explicit(&listener->workers[i].requests, memory_order_acquire);
		ret->parked += atomic_load_explicit(&listener->workers[i].parked, memory_order_acquire);
		hot_add_figures(listener->workers[i].hot, &ret->hot);
	}
}

bool
listener_wait_idle(struct listener *listener, int64_t grace_ms)
{
	int64_t until_ms = clock_ms() + grace_ms;
	struct listener_figures figures;

	for (;;) {
		/* First, since a newcomer who asks has a request under way. */
		bool has_newcomers =
		        connections_have_newcomers(listener->setting.connections, clock_coarse_ms());

		listener_figures(listener, &figures);
		if (figures.requests == 0 && !has_newcomers)
			return true;
		if (clock_ms() >= until_ms)
			return false;
		usleep(IDLE_POLL_MS * 1000);
	}
}

/*
 * libmicrohttpd ends the process when it is stopped with a connection suspended, so this is worth waiting
 * for.
 */
static bool
nobody_is_parked(struct listener *listener)
{
	int64_t until_ms = clock_ms() + UNPARK_MAX_MS;
	struct listener_figures figures;

	do {
		listener_figures(listener, &figures);
		if (figures.parked == 0)
			return true;
		usleep(IDLE_POLL_MS * 1000);
	} while (clock_ms() < until_ms);
	log_error("%lld requests still wait for a fetch that is over; their threads are left behind",
	        (long long)figures.parked);
	return false;
}

static void
end_worker(struct worker *worker)
{
	worker_stop(worker);
	fast_path_destroy(worker->fast);
	if (worker->daemon != NULL)
		MHD_stop_daemon(worker->daemon);
	access_log_write(&worker->lines); /* of those who were connected until now */
	hot_destroy(worker->hot);
}

void
listener_stop(struct listener *listener)
{
	if (listener == NULL)
		return;
	listener_quiesce(listener);
	if (listener->setting.connections != NULL && !nobody_is_parked(listener))
		return;
	for (size_t i = 0; i < listener->n_workers; i++)
		end_worker(&listener->workers[i]);
	auto_close(&listener->control);
	connections_destroy(listener->setting.connections);
	networks_finish(&listener->setting.trusted);
	free(listener->workers);
	free(listener);
}
