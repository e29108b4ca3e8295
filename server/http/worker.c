/*
 * A worker's loop: one epoll set with the listening socket, the bell, libmicrohttpd's own epoll set and the clients of the fast path. Runs
 * on the worker's thread but for starting, quiescing and stopping. Must never wait for anything else than that set.
 */
#include "server/http/worker.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/archive/hot.h"
#include "server/http/connections.h"
#include "server/http/fast_path.h"
#include "server/http/sockets.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"

#define EVENTS_MAX     256 /* looked at before new ones are asked for */
#define ACCEPTS_MAX    64  /* accepted before those who are here have their turn */
#define ACCEPT_REST_MS 100 /* without descriptors; clients wait in the kernel's queue meanwhile */

static void *work(void *context);

static int
http_epoll(const struct worker *worker)
{
	return MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* The pointer tells the loop who it was. */
static bool
watch(struct worker *worker, int fd, void *who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};

	return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool
worker_start(struct worker *worker, struct err *err)
{
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0 || !doorbell_init(&worker->bell) || !watch(worker, worker->fd, &worker->fd) ||
	        !watch(worker, worker->bell.fd, &worker->bell) ||
	        !watch(worker, http_epoll(worker), worker->daemon) ||
	        (hot_changes_fd(worker->hot) >= 0 &&
	                !watch(worker, hot_changes_fd(worker->hot), worker->hot)))
		return err_errno(err, "starting a worker for HTTP");
	errno = pthread_create(&worker->thread, NULL, work, worker);
	if (errno != 0)
		return err_errno(err, "starting a worker for HTTP");
	worker->has_thread = true;
	return true;
}

/* Released, so that who sees nobody parked also sees them resumed. */
void
worker_woken(struct worker *worker)
{
	doorbell_ring(&worker->bell);
	worker_unparked(worker);
}

bool
worker_answers(struct worker *worker)
{
	bool has_answered = !atomic_exchange(&worker->is_asked, true);

	doorbell_ring(&worker->bell);
	return has_answered;
}

void
worker_quiesce(struct worker *worker)
{
	atomic_store(&worker->closing, true);
	doorbell_ring(&worker->bell);
}

void
worker_stop(struct worker *worker)
{
	atomic_store(&worker->stopping, true);
	doorbell_ring(&worker->bell);
	if (worker->has_thread)
		pthread_join(worker->thread, NULL);
	worker->has_thread = false;
	if (worker->epoll >= 0)
		close(worker->epoll);
	doorbell_finish(&worker->bell);
	worker->epoll = -1;
}

/* --- those who connect --- */

/* Without a descriptor for the next one there is nothing to be done but to try again in a moment. */
static void
rest(struct worker *worker)
{
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->fd, NULL);
	worker->is_resting = true;
	worker->rests_until_ms = clock_ms() + ACCEPT_REST_MS;
}

static void
end_rest(struct worker *worker)
{
	if (!worker->is_resting || clock_ms() < worker->rests_until_ms)
		return;
	worker->is_resting = false;
	if (!atomic_load(&worker->closing) && !watch(worker, worker->fd, &worker->fd))
		rest(worker);
}

/* False: somebody may wait still. */
static bool
accept_some(struct worker *worker)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof peer;
		int fd = accept4(worker->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
			rest(worker);
		if (fd < 0)
			return true;
		fast_path_welcome(worker->fast, fd, (struct sockaddr *)&peer);
	}
	return false;
}

/*
 * Who waits for a socket that closes has asked by now and is told 503, where he would be reset; else the next listener answers him.
 */
static void
stop_accepting(struct worker *worker)
{
	bool closes = worker->closes == NULL || atomic_load(worker->closes);
	int left = closes ? SOCKETS_BACKLOG / ACCEPTS_MAX + 1 : 0;

	while (left > 0 && !accept_some(worker))
		left--;
	if (!worker->is_resting)
		epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->fd, NULL);
	if (closes)
		shutdown(worker->fd, SHUT_RDWR);
	worker->accepts_nobody = true;
}

void
worker_hand_over(struct worker *worker, int fd, struct connection *connection)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof peer;

	worker->has_work = true;
	if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0) {
		connection_close(worker->connections, connection);
		close(fd); /* he has left */
		return;
	}
	worker->arriving = connection; /* taken by the listener when libmicrohttpd says who has come */
	if (MHD_add_connection(worker->daemon, fd, (struct sockaddr *)&peer, length) != MHD_YES)
		log_warning("libmicrohttpd takes no connection: %m"); /* and has closed it */
	if (worker->arriving != NULL)
		connection_close(worker->connections, worker->arriving);
	worker->arriving = NULL;
}

/* --- the loop --- */

/* Stopping is the loop's to see. */
static void
hear_bell(struct worker *worker)
{
	doorbell_hear(&worker->bell);
	atomic_store(&worker->is_asked, false);
	fast_path_hear(worker->fast);
	worker->has_work = true;
	if (atomic_load(&worker->closing) && !worker->accepts_nobody)
		stop_accepting(worker);
}

static void
happened(struct worker *worker, const struct epoll_event *event)
{
	if (event->data.ptr == &worker->fd)
		(void)accept_some(worker);
	else if (event->data.ptr == &worker->bell)
		hear_bell(worker);
	else if (event->data.ptr == worker->daemon)
		worker->has_work = true;
	else if (event->data.ptr == worker->hot)
		hot_hear_changes(worker->hot);
	else
		fast_path_attend(event->data.ptr, event->events);
}

static void
run_http(struct worker *worker)
{
	unsigned long long wait_ms;

	if (!worker->has_work)
		return;
	MHD_run(worker->daemon);
	worker->has_work = MHD_get_timeout(worker->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
}

static void *
work(void *context)
{
	struct worker *worker = context;
	struct epoll_event events[EVENTS_MAX];
	bool is_busy = false;

	pthread_setname_np(pthread_self(), "http");
	while (!atomic_load_explicit(&worker->stopping, memory_order_relaxed)) {
		int patience_ms = is_busy ? 0 : worker->is_resting ? ACCEPT_REST_MS : -1;
		int count = epoll_wait(worker->epoll, events, EVENTS_MAX, patience_ms);

		for (int i = 0; i < count; i++)
			happened(worker, &events[i]);
		end_rest(worker);
		is_busy = fast_path_go_on(worker->fast);
		run_http(worker);
		access_log_write(&worker->lines);
		is_busy = is_busy || worker->has_work;
	}
	return NULL;
}
