/*
 * An origin that costs little: files of one directory, each after so long and at such a rate as its path
 * says. One thread. It listens on every address of 127.0.0.0/8, so that one process is many hosts, and prints
 * its port.
 *
 *     GET /DELAY_MS/BYTES_PER_SECOND/NAME      0: at once, as fast as it goes
 *     GET /count                               how many requests for files came since this was asked last
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 4096
#define PACE_MS     5 /* how often a paced answer goes on */
#define EVENTS      256

struct client {
	int fd, file; /* file: -1 while nothing is sent */
	char request[REQUEST_MAX + 1];
	size_t length;
	char head[256];
	size_t head_length, head_sent;
	off_t sent, size;
	char name[256];
	int64_t delay_ms, rate, due_ms, began_ms;
	bool closes;
	TAILQ_ENTRY(client) link; /* in delayed or paced */
	enum { ASKS, WAITS, IS_PACED, SENDS } state;
};

TAILQ_HEAD(clients, client);

static struct clients delayed = TAILQ_HEAD_INITIALIZER(delayed); /* the next due first */
static struct clients paced = TAILQ_HEAD_INITIALIZER(paced);
static int epoll_fd, files_fd;
static uint64_t asked;

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
watch(struct client *client, uint32_t events, int how)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	if (epoll_ctl(epoll_fd, how, client->fd, &event) != 0)
		abort();
}

static void
hang_up(struct client *client)
{
	if (client->state == WAITS)
		TAILQ_REMOVE(&delayed, client, link);
	if (client->state == IS_PACED)
		TAILQ_REMOVE(&paced, client, link);
	if (client->file >= 0)
		close(client->file);
	close(client->fd);
	free(client);
}

static bool read_request(struct client *client);

/* The whole answer is out. False: the client is gone. */
static bool
finish(struct client *client)
{
	if (client->file >= 0)
		close(client->file);
	client->file = -1;
	if (client->closes) {
		hang_up(client);
		return false;
	}
	if (client->state == IS_PACED)
		TAILQ_REMOVE(&paced, client, link);
	client->state = ASKS;
	watch(client, EPOLLIN, EPOLL_CTL_MOD);
	return read_request(client);
}

/* As much as the client takes and its rate allows. */
static void
send_more(struct client *client)
{
	while (client->head_sent < client->head_length) {
		ssize_t sent = send(client->fd, client->head + client->head_sent,
		        client->head_length - client->head_sent,
		        MSG_NOSIGNAL | (client->size > 0 ? MSG_MORE : 0));

		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			hang_up(client);
			return;
		}
		client->head_sent += (size_t)sent;
	}
	while (client->sent < client->size) {
		off_t due = client->size;
		ssize_t sent;

		if (client->rate > 0)
			due = (now_ms() - client->began_ms + PACE_MS) * client->rate / 1000;
		if (due > client->size)
			due = client->size;
		if (due <= client->sent)
			return;
		sent = sendfile(client->fd, client->file, &client->sent, (size_t)(due - client->sent));
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent <= 0) {
			hang_up(client);
			return;
		}
	}
	finish(client);
}

static void
begin(struct client *client)
{
	if (client->state == WAITS)
		TAILQ_REMOVE(&delayed, client, link);
	client->began_ms = now_ms();
	client->state = client->rate > 0 ? IS_PACED : SENDS;
	if (client->state == IS_PACED)
		TAILQ_INSERT_TAIL(&paced, client, link);
	else
		watch(client, EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
	send_more(client);
}

static void
wait_until(struct client *client, int64_t due_ms)
{
	struct client *other;

	client->due_ms = due_ms;
	client->state = WAITS;
	TAILQ_FOREACH_REVERSE(other, &delayed, clients, link)
	{
		if (other->due_ms <= due_ms) {
			TAILQ_INSERT_AFTER(&delayed, other, client, link);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&delayed, client, link);
}

static void
answer_count(struct client *client)
{
	client->head_length = (size_t)snprintf(client->head, sizeof client->head,
	        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%llu\n", (unsigned long long)asked);
	client->closes = true;
	asked = 0;
	begin(client);
}

static void
answer_file(struct client *client)
{
	const char *name = client->name;
	struct stat status;

	asked++;
	client->file = openat(files_fd, name, O_RDONLY | O_CLOEXEC);
	if (client->file >= 0 && fstat(client->file, &status) == 0)
		client->size = status.st_size;
	client->head_length = (size_t)snprintf(client->head, sizeof client->head,
	        "HTTP/1.1 %s\r\nContent-Length: %lld\r\nCache-Control: max-age=86400\r\nETag: "
	        "\"%.60s\"\r\n%s\r\n",
	        client->file >= 0 ? "200 OK" : "404 Not Found", (long long)client->size, name,
	        client->closes ? "Connection: close\r\n" : "");
	if (client->delay_ms > 0)
		wait_until(client, now_ms() + client->delay_ms);
	else
		begin(client);
}

/* What the request asks for, out of its text. */
static void
read_line(struct client *client)
{
	long long delay_ms = 0, rate = 0;

	client->closes = strcasestr(client->request, "\r\nConnection: close") != NULL;
	client->head_sent = 0;
	client->sent = client->size = 0;
	client->name[0] = '\0';
	if (sscanf(client->request, "GET /%lld/%lld/%255[^ /]", &delay_ms, &rate, client->name) != 3)
		client->name[0] = '\0';
	client->rate = rate;
	client->delay_ms = delay_ms;
}

static void
answer(struct client *client)
{
	if (client->name[0] != '\0')
		answer_file(client);
	else
		answer_count(client);
}

/* One request at a time; what came with it is kept until it is answered. False: the client is gone. */
static bool
read_request(struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->length, REQUEST_MAX - client->length, 0);
	char *end;
	size_t used;

	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		hang_up(client);
		return false;
	}
	if (got > 0)
		client->length += (size_t)got;
	client->request[client->length] = '\0';
	end = strstr(client->request, "\r\n\r\n");
	if (end == NULL)
		return true;
	end[2] = '\0';
	read_line(client);
	used = (size_t)(end + 4 - client->request);
	client->length -= used;
	memmove(client->request, client->request + used, client->length);
	answer(client);
	return true;
}

static void
accept_clients(int listening)
{
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
		struct client *client;

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		client = calloc(1, sizeof *client);
		if (client == NULL)
			abort();
		client->fd = fd;
		client->file = -1;
		watch(client, EPOLLIN, EPOLL_CTL_ADD);
	}
}

/* Those whose time has come. Returns how long nothing is due, for epoll_wait. */
static int
go_on(void)
{
	struct client *client, *next;
	int64_t now = now_ms();

	for (client = TAILQ_FIRST(&paced); client != NULL; client = next) {
		next = TAILQ_NEXT(client, link);
		send_more(client);
	}
	while (!TAILQ_EMPTY(&delayed) && TAILQ_FIRST(&delayed)->due_ms <= now)
		begin(TAILQ_FIRST(&delayed));
	if (!TAILQ_EMPTY(&paced))
		return PACE_MS;
	return TAILQ_EMPTY(&delayed) ? -1 : (int)(TAILQ_FIRST(&delayed)->due_ms - now);
}

static void
heed(struct client *client)
{
	if (client->state == ASKS)
		read_request(client);
	else if (client->state == SENDS)
		send_more(client);
}

static int
listen_anywhere(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t length = sizeof address;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0 ||
	        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], listens = {.events = EPOLLIN};
	int listening, timeout_ms = -1;

	files_fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (files_fd < 0) {
		fputs("origin DIR\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	listening = listen_anywhere();
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening, &listens) != 0)
		abort();
	for (;;) {
		int count = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				accept_clients(listening);
			else
				heed(events[i].data.ptr);
		}
		timeout_ms = go_on();
	}
}
