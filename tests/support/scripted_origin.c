/*
 * The scripted origin: a thread accepts, each connection has its own. One mutex guards the script and the
 * counts.
 */
#include "tests/support/scripted_origin.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "storage/base/text.h"

#define ANSWERS_MAX     64
#define CONNECTIONS_MAX 256
#define REQUEST_MAX     4096

struct answer {
	char *path, *head;
	char *body;
	size_t length;
	enum scripted_then then;
	char *fields; /* of a file; else NULL */
	size_t piece;
	bool gated;
	unsigned hits;
	size_t sent;
};

struct connection {
	struct scripted_origin *origin;
	pthread_t thread;
	int fd;
};

struct scripted_origin {
	int fd;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	bool stopping;
	struct answer answers[ANSWERS_MAX];
	size_t n_answers;
	struct connection connections[CONNECTIONS_MAX];
	size_t n_connections;
	char last_request[REQUEST_MAX];
};

static bool
send_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Up to the empty line. False: the client left. */
static bool
read_request(int fd, char request[REQUEST_MAX])
{
	size_t length = 0;

	request[0] = '\0';
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t got = length + 1 < REQUEST_MAX ? recv(fd, request + length, 1, 0) : 0;

		if (got <= 0)
			return false;
		length += (size_t)got;
		request[length] = '\0';
	}
	return true;
}

static struct answer *
find(struct scripted_origin *origin, const char *path)
{
	for (size_t i = 0; i < origin->n_answers; i++)
		if (strcmp(origin->answers[i].path, path) == 0)
			return &origin->answers[i];
	return NULL;
}

static struct answer *
find_or_add(struct scripted_origin *origin, const char *path)
{
	struct answer *answer = find(origin, path);

	if (answer != NULL)
		return answer;
	assert(origin->n_answers < ANSWERS_MAX);
	answer = &origin->answers[origin->n_answers++];
	*answer = (struct answer){.path = xstrdup(path)};
	return answer;
}

/* The value of a field of the request, up to its line's end; false: it has none. */
static bool
find_field(const char *request, const char *name, char ret[256])
{
	const char *at = strstr(request, name);

	return at != NULL && sscanf(at + strlen(name), " %255[^\r]", ret) == 1;
}

/* What a file answers to this request, as an answer like any other. */
static void
answer_file(const struct answer *file, const char *request, struct answer *ret)
{
	struct text head = TEXT_EMPTY;
	char value[256];
	unsigned long from = 0;
	size_t length;

	if (find_field(request, "\r\nRange:", value))
		from = strtoul(value + strlen("bytes="), NULL, 10);
	if (find_field(request, "\r\nIf-Range:", value) && strstr(file->fields, value) == NULL)
		from = 0;
	length = file->length - from;
	if (strstr(request, "bytes=0-0") != NULL)
		text_addf(&head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/%zu\r\n",
		        file->length);
	else if (from > 0)
		text_addf(&head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %lu-%zu/%zu\r\n", from,
		        file->length - 1, file->length);
	else
		text_add(&head, "HTTP/1.1 200 OK\r\n");
	if (strstr(request, "bytes=0-0") != NULL)
		length = 1;
	text_addf(&head, "Content-Length: %zu\r\n%s\r\n", length, file->fields);
	ret->head = text_take(&head);
	ret->then = file->piece > 0 && file->piece < length ? THEN_CLOSE : THEN_KEEP;
	ret->length = ret->then == THEN_CLOSE ? file->piece : length;
	ret->body = xmalloc(ret->length + 1);
	memcpy(ret->body, file->body + from, ret->length);
}

/* Counts the request; a copy of what to answer (strings are the copy's). */
static struct answer
take_answer(struct scripted_origin *origin, const char *request)
{
	static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	char path[512] = "", nth[600];
	struct answer *answer, copy = {0};

	(void)sscanf(request, "%*s %511s", path);
	pthread_mutex_lock(&origin->mutex);
	snprintf(origin->last_request, sizeof origin->last_request, "%s", request);
	answer = find(origin, path);
	copy.path = xstrdup(path);
	if (answer != NULL) {
		answer->hits++;
		snprintf(nth, sizeof nth, "%s#%u", path, answer->hits);
		if (find(origin, nth) != NULL)
			answer = find(origin, nth);
	}
	if (answer != NULL && answer->fields != NULL)
		answer_file(answer, request, &copy);
	else
		copy.head = xstrdup(answer == NULL || answer->head == NULL ? not_found : answer->head);
	if (answer != NULL && answer->fields == NULL) {
		copy.length = answer->length;
		copy.body = xmalloc(answer->length + 1);
		memcpy(copy.body, answer->body == NULL ? "" : answer->body, answer->length);
		copy.then = answer->then;
	}
	pthread_cond_broadcast(&origin->changed);
	pthread_mutex_unlock(&origin->mutex);
	return copy;
}

static void
wait_for_gate(struct scripted_origin *origin, const char *path)
{
	pthread_mutex_lock(&origin->mutex);
	for (;;) {
		struct answer *answer = find(origin, path);

		if (answer == NULL || !answer->gated || origin->stopping)
			break;
		pthread_cond_wait(&origin->changed, &origin->mutex);
	}
	pthread_mutex_unlock(&origin->mutex);
}

static bool
then(int fd, const struct answer *answer)
{
	struct linger reset = {.l_onoff = 1};
	char byte;

	switch (answer->then) {
	case THEN_KEEP:
		return true;
	case THEN_CLOSE:
		return false;
	case THEN_RESET:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		return false;
	case THEN_STALL:
		(void)!recv(fd, &byte, 1, 0);
		return false;
	case THEN_REPEAT:
		while (send_all(fd, answer->body, answer->length))
			;
		return false;
	}
	return false;
}

static void
count_sent(struct scripted_origin *origin, const struct answer *answer)
{
	struct answer *script;

	pthread_mutex_lock(&origin->mutex);
	script = find(origin, answer->path);
	if (script != NULL)
		script->sent += answer->length;
	pthread_mutex_unlock(&origin->mutex);
}

/* One request answered; true: another may follow on this connection. */
static bool
answer_one(struct connection *connection)
{
	char request[REQUEST_MAX];
	struct answer answer;
	bool more;

	if (!read_request(connection->fd, request))
		return false;
	answer = take_answer(connection->origin, request);
	more = send_all(connection->fd, answer.head, strlen(answer.head));
	wait_for_gate(connection->origin, answer.path);
	if (strncmp(request, "HEAD ", 5) == 0)
		answer.length = 0;
	count_sent(connection->origin, &answer);
	more = more && send_all(connection->fd, answer.body, answer.length) && then(connection->fd, &answer);
	free(answer.path);
	free(answer.head);
	free(answer.body);
	return more;
}

static void *
serve(void *context)
{
	struct connection *connection = context;

	while (answer_one(connection))
		;
	/* A reset needs the close at once; any other end is only shut, and closed by scripted_origin_stop. */
	pthread_mutex_lock(&connection->origin->mutex);
	close(connection->fd);
	connection->fd = -1;
	pthread_mutex_unlock(&connection->origin->mutex);
	return NULL;
}

static void *
accept_all(void *context)
{
	struct scripted_origin *origin = context;

	for (;;) {
		int fd = accept(origin->fd, NULL, NULL);
		struct connection *connection;

		if (fd < 0)
			return NULL;
		pthread_mutex_lock(&origin->mutex);
		assert(origin->n_connections < CONNECTIONS_MAX);
		connection = &origin->connections[origin->n_connections++];
		*connection = (struct connection){.origin = origin, .fd = fd};
		pthread_create(&connection->thread, NULL, serve, connection);
		pthread_mutex_unlock(&origin->mutex);
	}
}

struct scripted_origin *
scripted_origin_start(void)
{
	struct scripted_origin *origin = xcalloc(1, sizeof *origin);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int failed;

	pthread_mutex_init(&origin->mutex, NULL);
	pthread_cond_init(&origin->changed, NULL);
	origin->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	failed = bind(origin->fd, (struct sockaddr *)&address, sizeof address) | listen(origin->fd, 256) |
	         getsockname(origin->fd, (struct sockaddr *)&address, &length);
	assert(failed == 0);
	(void)failed;
	origin->port = ntohs(address.sin_port);
	pthread_create(&origin->thread, NULL, accept_all, origin);
	return origin;
}

void
scripted_origin_stop(struct scripted_origin *origin)
{
	shutdown(origin->fd, SHUT_RDWR);
	pthread_join(origin->thread, NULL);
	pthread_mutex_lock(&origin->mutex);
	origin->stopping = true;
	for (size_t i = 0; i < origin->n_connections; i++)
		if (origin->connections[i].fd >= 0)
			shutdown(origin->connections[i].fd, SHUT_RDWR);
	pthread_cond_broadcast(&origin->changed);
	pthread_mutex_unlock(&origin->mutex);
	for (size_t i = 0; i < origin->n_connections; i++)
		pthread_join(origin->connections[i].thread, NULL);
	close(origin->fd);
	for (size_t i = 0; i < origin->n_answers; i++) {
		free(origin->answers[i].path);
		free(origin->answers[i].head);
		free(origin->answers[i].body);
		free(origin->answers[i].fields);
	}
	pthread_cond_destroy(&origin->changed);
	pthread_mutex_destroy(&origin->mutex);
	free(origin);
}

unsigned
scripted_origin_port(const struct scripted_origin *origin)
{
	return origin->port;
}

void
scripted_answer(struct scripted_origin *origin, const char *path, const char *head, const void *body,
        size_t length, enum scripted_then after)
{
	struct answer *answer;

	pthread_mutex_lock(&origin->mutex);
	answer = find_or_add(origin, path);
	free(answer->head);
	free(answer->body);
	free(answer->fields);
	answer->fields = NULL;
	answer->head = xstrdup(head);
	answer->body = xmalloc(length + 1);
	memcpy(answer->body, body, length);
	answer->length = length;
	answer->then = after;
	pthread_mutex_unlock(&origin->mutex);
}

void
scripted_file(struct scripted_origin *origin, const char *path, const struct scripted_file *file)
{
	struct answer *answer;

	scripted_answer(origin, path, "", file->body, file->length, THEN_KEEP);
	pthread_mutex_lock(&origin->mutex);
	answer = find(origin, path);
	answer->fields = xstrdup(file->fields);
	answer->piece = file->piece;
	pthread_mutex_unlock(&origin->mutex);
}

void
scripted_serve(struct scripted_origin *origin, const char *path, const void *body, size_t length)
{
	char head[128];

	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
	scripted_answer(origin, path, head, body, length, THEN_KEEP);
}

void
scripted_status(struct scripted_origin *origin, const char *path, const char *status, const char *fields)
{
	struct text head = TEXT_EMPTY;

	text_addf(&head, "HTTP/1.1 %s\r\nContent-Length: 0\r\n%s\r\n", status, fields);
	scripted_answer(origin, path, head.bytes, "", 0, THEN_KEEP);
	text_finish(&head);
}

void
scripted_gate(struct scripted_origin *origin, const char *path)
{
	pthread_mutex_lock(&origin->mutex);
	find_or_add(origin, path)->gated = true;
	pthread_mutex_unlock(&origin->mutex);
}

void
scripted_open_gate(struct scripted_origin *origin, const char *path)
{
	pthread_mutex_lock(&origin->mutex);
	find_or_add(origin, path)->gated = false;
	pthread_cond_broadcast(&origin->changed);
	pthread_mutex_unlock(&origin->mutex);
}

unsigned
scripted_hits(struct scripted_origin *origin, const char *path)
{
	struct answer *answer;
	unsigned hits;

	pthread_mutex_lock(&origin->mutex);
	answer = find(origin, path);
	hits = answer == NULL ? 0 : answer->hits;
	pthread_mutex_unlock(&origin->mutex);
	return hits;
}

size_t
scripted_sent(struct scripted_origin *origin, const char *path)
{
	struct answer *answer;
	size_t sent;

	pthread_mutex_lock(&origin->mutex);
	answer = find(origin, path);
	sent = answer == NULL ? 0 : answer->sent;
	pthread_mutex_unlock(&origin->mutex);
	return sent;
}

void
scripted_wait_hits(struct scripted_origin *origin, const char *path, unsigned hits)
{
	pthread_mutex_lock(&origin->mutex);
	while (find_or_add(origin, path)->hits < hits)
		pthread_cond_wait(&origin->changed, &origin->mutex);
	pthread_mutex_unlock(&origin->mutex);
}

unsigned
scripted_connections(struct scripted_origin *origin)
{
	unsigned count;

	pthread_mutex_lock(&origin->mutex);
	count = (unsigned)origin->n_connections;
	pthread_mutex_unlock(&origin->mutex);
	return count;
}

bool
scripted_last_request_has(struct scripted_origin *origin, const char *text)
{
	bool has;

	pthread_mutex_lock(&origin->mutex);
	has = strstr(origin->last_request, text) != NULL;
	pthread_mutex_unlock(&origin->mutex);
	return has;
}
