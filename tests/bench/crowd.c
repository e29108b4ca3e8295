/*
 * A crowd of clients that costs little: each asks for one path on a connection of its own, and its bytes are
 * counted and thrown away by the kernel. One thread. What comes is not looked at: who wants to know that
 * bytes are right asks for them another way.
 *
 *     crowd HOST PORT <LINES      "DELAY_MS PATH", the delay counted from the start of all
 *
 * Prints a line for each, in the same order: "STATUS FIRST_MS TOTAL_MS BYTES LENGTH". FIRST: from its start
 * to its first byte of body; BYTES are fewer than LENGTH where it was cut. STATUS 0: no answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX    8192
#define SWALLOW     (1 << 20) /* bytes taken from a socket at once */
#define CLIENTS_MAX 100000
#define EVENTS      256

struct client {
	char path[256];
	double start_ms, first_ms, end_ms;
	int fd, status;
	bool asked, has_head;
	char head[HEAD_MAX + 1];
	size_t head_length;
	uint64_t bytes, length;
};

static struct client *clients[CLIENTS_MAX];
static size_t n_clients, n_begun, n_ended;
static int epoll_fd;
static struct sockaddr_in address = {.sin_family = AF_INET};

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
read_lines(void)
{
	char path[256];
	double delay_ms;

	while (n_clients < CLIENTS_MAX && scanf("%lf %255s", &delay_ms, path) == 2) {
		struct client *client = calloc(1, sizeof *client);

		if (client == NULL)
			abort();
		memcpy(client->path, path, sizeof path);
		client->start_ms = delay_ms;
		clients[n_clients++] = client;
	}
}

static void
begin(struct client *client)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		perror("crowd: socket");
		exit(1);
	}
	client->start_ms = now_ms();
	if (connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
		perror("crowd: connect");
		exit(1);
	}
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0)
		abort();
}

static void
end(struct client *client)
{
	client->end_ms = now_ms();
	close(client->fd);
	n_ended++;
}

static void
ask(struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	char request[512];
	int length = snprintf(request, sizeof request,
	        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", client->path);

	client->asked = true;
	if (send(client->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		end(client);
	else if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event) != 0)
		abort();
}

static void
count(struct client *client, uint64_t bytes)
{
	if (bytes > 0 && client->bytes == 0)
		client->first_ms = now_ms();
	client->bytes += bytes;
	if (client->length > 0 && client->bytes >= client->length)
		end(client);
}

/* The head, and what of the body came with it. */
static void
read_head(struct client *client)
{
	ssize_t got = recv(client->fd, client->head + client->head_length, HEAD_MAX - client->head_length, 0);
	char *body, *length;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		end(client);
		return;
	}
	client->head_length += (size_t)got;
	client->head[client->head_length] = '\0';
	body = strstr(client->head, "\r\n\r\n");
	if (body == NULL)
		return;
	client->has_head = true;
	client->status = atoi(client->head + strlen("HTTP/1.1 "));
	length = strcasestr(client->head, "\r\nContent-Length:");
	if (length != NULL && length < body)
		client->length = strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
	count(client, client->head_length - (size_t)(body + 4 - client->head));
}

static void
swallow(struct client *client)
{
	ssize_t got = recv(client->fd, NULL, SWALLOW, MSG_TRUNC);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		end(client);
	else
		count(client, (uint64_t)got);
}

static void
heed(struct client *client)
{
	if (!client->asked)
		ask(client);
	else if (!client->has_head)
		read_head(client);
	else
		swallow(client);
}

static int
by_delay(const void *one, const void *other)
{
	double a = (*(struct client *const *)one)->start_ms, b = (*(struct client *const *)other)->start_ms;

	return (a > b) - (a < b);
}

static void
run(void)
{
	struct client **due = calloc(n_clients + 1, sizeof *due);
	struct epoll_event events[EVENTS];
	double began_ms = now_ms();

	if (due == NULL)
		abort();
	memcpy(due, clients, n_clients * sizeof *due);
	qsort(due, n_clients, sizeof *due, by_delay);
	while (n_ended < n_clients) {
		double left_ms = -1;
		int found;

		while (n_begun < n_clients && due[n_begun]->start_ms <= now_ms() - began_ms)
			begin(due[n_begun++]);
		if (n_begun < n_clients)
			left_ms = due[n_begun]->start_ms - (now_ms() - began_ms);
		found = epoll_wait(epoll_fd, events, EVENTS, left_ms < 0 ? -1 : (int)left_ms + 1);
		for (int i = 0; i < found; i++)
			heed(events[i].data.ptr);
	}
	free(due);
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fputs("crowd HOST PORT <LINES\n", stderr);
		return 2;
	}
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	read_lines();
	run();
	for (size_t i = 0; i < n_clients; i++) {
		const struct client *client = clients[i];

		printf("%d %.3f %.3f %llu %llu\n", client->status,
		        client->bytes > 0 ? client->first_ms - client->start_ms : -1.0,
		        client->end_ms - client->start_ms, (unsigned long long)client->bytes,
		        (unsigned long long)client->length);
	}
	return 0;
}
