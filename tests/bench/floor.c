/*
 * The floor of hits: what the kernel alone costs. A loop without a parser, a guard, metrics or a look at the
 * file answers "GET /sha256/XX/HEX" with what it has read before. Two threads; prints its port.
 *
 *     bench_floor DIRECTORY      as `larder export` writes it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS      2
#define EVENTS       256
#define REQUEST_MAX  4096
#define NAME_LENGTH  64
#define NAME_AT      (sizeof "GET /sha256/XX/" - 1)
#define MEMORY_MAX   (64u << 10)
#define TABLE        (1u << 16)
#define SENDFILE_MAX (2u << 20)

struct answer {
	char name[NAME_LENGTH + 1];
	char *bytes;   /* header, and the body where it is small */
	size_t length; /* of those */
	int file;
	off_t size; /* of what is sent from the file */
};

struct client {
	int fd;
	const struct answer *answer;
	size_t sent;
	bool closes;
};

static struct answer *table[TABLE];

static struct answer **
slot(const char *name)
{
	char digits[5] = "";
	unsigned at;

	memcpy(digits, name, 4);
	at = (unsigned)strtoul(digits, NULL, 16);
	while (table[at % TABLE] != NULL && memcmp(table[at % TABLE]->name, name, NAME_LENGTH) != 0)
		at++;
	return &table[at % TABLE];
}

static void
load(const char *path, const char *name, off_t size)
{
	struct answer *answer = calloc(1, sizeof *answer);
	bool in_memory = size <= (off_t)MEMORY_MAX;
	int length;

	memcpy(answer->name, name, NAME_LENGTH);
	answer->bytes = malloc(512 + (in_memory ? (size_t)size : 0));
	length = sprintf(answer->bytes,
	        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: public, "
	        "max-age=31536000, "
	        "immutable\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\nX-Cache: "
	        "HIT\r\n"
	        "ETag: \"sha256:%s\"\r\nContent-Length: %lld\r\n\r\n",
	        answer->name, (long long)size);
	answer->file = open(path, O_RDONLY);
	answer->size = in_memory ? 0 : size;
	answer->length = (size_t)length + (in_memory ? (size_t)size : 0);
	if (in_memory && pread(answer->file, answer->bytes + length, (size_t)size, 0) != size)
		exit(1);
	*slot(name) = answer;
}

static void
load_all(char *directory)
{
	char *paths[] = {directory, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL)
		if (entry->fts_info == FTS_F && entry->fts_namelen == NAME_LENGTH)
			load(entry->fts_path, entry->fts_name, entry->fts_statp->st_size);
	fts_close(tree);
}

/* True: all of it was sent. */
static bool
send_all(struct client *client)
{
	const struct answer *answer = client->answer;
	ssize_t sent;

	while (client->sent < answer->length + (size_t)answer->size) {
		off_t offset = (off_t)client->sent - (off_t)answer->length;

		if (client->sent < answer->length)
			sent = send(client->fd, answer->bytes + client->sent, answer->length - client->sent,
			        MSG_NOSIGNAL | (answer->size > 0 ? MSG_MORE : 0));
		else
			sent = sendfile(client->fd, answer->file, &offset, SENDFILE_MAX);
		if (sent <= 0)
			return false;
		client->sent += (size_t)sent;
	}
	return true;
}

static void
part_with(struct client *client)
{
	close(client->fd);
	free(client);
}

/* False: the client is gone, or nothing more can be sent to him now. */
static bool
finish(struct client *client)
{
	if (client->answer == NULL)
		return true;
	if (!send_all(client))
		return false;
	client->answer = NULL;
	if (!client->closes)
		return true;
	part_with(client);
	return false;
}

static void
attend(struct client *client)
{
	char request[REQUEST_MAX + 1];
	ssize_t got;

	if (!finish(client))
		return;
	got = recv(client->fd, request, REQUEST_MAX, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= (ssize_t)(NAME_AT + NAME_LENGTH)) {
		part_with(client);
		return;
	}
	request[got] = '\0';
	client->answer = *slot(request + NAME_AT);
	client->sent = 0;
	if (client->answer == NULL)
		exit(1);
	client->closes = strstr(request, "Connection: close") != NULL;
	(void)finish(client);
}

static int
listening(uint16_t *port)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = {
	        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0 ||
	        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		exit(1);
	*port = ntohs(address.sin_port);
	return fd;
}

static void
welcome(int epoll, int listener)
{
	struct client *client;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	client = calloc(1, sizeof *client);
	client->fd = fd;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
	        &(struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client});
}

static void *
serve(void *context)
{
	int listener = (int)(intptr_t)context, epoll = epoll_create1(0);
	struct epoll_event events[EVENTS];

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				welcome(epoll, listener);
			else
				attend(events[i].data.ptr);
		}
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	uint16_t port = 0;

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for a client that left */
	load_all(argv[1]);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, (void *)(intptr_t)listening(&port)) != 0)
			return 1;
	printf("listening on http://127.0.0.1:%u\n", port);
	fflush(stdout);
	pthread_join(threads[0], NULL);
	return 0;
}
