/*
 * The client of commands: requests to a larder over HTTP, or to the daemon of this store through its control
 * socket. One thread, which drives libcurl's multi handle while it waits, so that several requests are under
 * way at once and connections are used again.
 */
#include "server/upstream/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server/net.h"
#include "server/upstream/client_exchange.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define CONNECTIONS   32L /* kept open for the next request */
#define SOCKET_PREFIX "http://localhost"

/* --- where to --- */

/* A part of a URL, the caller's to free with curl_free; NULL: it has none. */
static char *
url_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool
url_has(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part);
	bool has = text != NULL;

	curl_free(text);
	return has;
}

static bool
is_this_machine(const char *host)
{
	struct address address;

	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return address_parse(host, &address) && address.family == AF_INET && address.bytes[0] == 127;
}

static void
take_base(struct client *client, CURLU *url)
{
	char *whole = url_part(url, CURLUPART_URL), *scheme = url_part(url, CURLUPART_SCHEME),
	     *host = url_part(url, CURLUPART_HOST);
	size_t length;

	assert(whole != NULL && scheme != NULL &&
	        host != NULL); /* libcurl reads no URL of HTTP without a host */
	length = strlen(whole);
	while (length > 0 && whole[length - 1] == '/')
		length--;
	client->base = xstrndup(whole, length);
	client->name = xstrdup(client->base);
	client->overheard = strcmp(scheme, "http") == 0 && !is_this_machine(host);
	curl_free(whole);
	curl_free(scheme);
	curl_free(host);
}

static bool
read_url(struct client *client, const char *text, struct err *err)
{
	CURLU *url = curl_url();
	char *scheme = NULL;
	bool read = false;

	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
		scheme = url_part(url, CURLUPART_SCHEME);
	if (scheme == NULL || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		err_set(err, ERR_USAGE,
		        "'%.100s' is not the URL of a larder; write it as https://HOST or http://HOST:PORT",
		        text);
	else if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
		err_set(err, ERR_USAGE,
		        "the URL has a user or a password in it; larder asks for a token instead");
	else if (url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
		err_set(err, ERR_USAGE, "'%.100s' has a query or a fragment; only HOST and path are meant",
		        text);
	else
		read = true;
	if (read)
		take_base(client, url);
	curl_free(scheme);
	curl_url_cleanup(url);
	return read;
}

/* A path too long for a socket address is taken from its directory, which stays open for that. */
static bool
read_socket(struct client *client, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *directory = slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path));
	struct text shorter = TEXT_EMPTY;

	client->base = xstrdup(SOCKET_PREFIX);
	client->name = xstrdup("the daemon");
	if (strlen(path) < sizeof((struct sockaddr_un){0}).sun_path) {
		client->socket_path = xstrdup(path);
		return true;
	}
	client->socket_directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (client->socket_directory < 0)
		return err_errno(err, "opening %.150s", directory);
	text_addf(
	        &shorter, "/proc/self/fd/%d/%s", client->socket_directory, slash == NULL ? path : slash + 1);
	client->socket_path = text_take(&shorter);
	return true;
}

struct client *
client_create(const struct client_target *target, struct err *err)
{
	struct client *client = xcalloc(1, sizeof *client);
	struct text field = TEXT_EMPTY;

	TAILQ_INIT(&client->running);
	TAILQ_INIT(&client->ended);
	client->socket_directory = -1;
	/* Without memory curl would leave a transfer lying, and whoever waits for it waiting. */
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup, xcalloc);
	client->multi = curl_multi_init();
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
	if (target->ca_file != NULL && target->ca_file[0] != '\0')
		client->ca_file = xstrdup(target->ca_file);
	client->user_agent =
	        xstrdup(target->user_agent != NULL ? target->user_agent : "larder/" LARDER_VERSION);
	if (target->token != NULL) {
		text_addf(&field, "Authorization: Bearer %s", target->token);
		client->authorization = text_take(&field);
	}
	if (target->socket != NULL ? read_socket(client, target->socket, err)
	                           : read_url(client, target->url, err))
		return client;
	client_destroy(client);
	return NULL;
}

const char *
client_name(const struct client *client)
{
	return client->name;
}

int
client_probe(const struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", client->socket_path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return 0;
	return errno == EAGAIN ? 0 : errno; /* many knock at once */
}

bool
client_is_overheard(const struct client *client)
{
	return client->overheard;
}

/* --- the requests under way --- */

/* Lets libcurl work and gathers what is over; waits for news at most this long, -1: for ever. */
static void
drive(struct client *client, int64_t timeout_ms)
{
	CURLMsg *message;
	int running, left;

	curl_multi_perform(client->multi, &running);
	if (running == (int)client->under_way && timeout_ms != 0) {
		int wait_ms = timeout_ms < 0 || timeout_ms > 1000 ? 1000 : (int)timeout_ms;

		curl_multi_poll(client->multi, NULL, 0, wait_ms, NULL);
		curl_multi_perform(client->multi, &running);
	}
	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct exchange *exchange;

		assert(message->msg == CURLMSG_DONE);
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
		exchange->end = message->data.result;
		curl_multi_remove_handle(client->multi, exchange->easy);
		TAILQ_REMOVE(&client->running, exchange, link);
		TAILQ_INSERT_TAIL(&client->ended, exchange, link);
		client->under_way--;
	}
}

static struct exchange *
begin(struct client *client, const struct client_request *request)
{
	struct exchange *exchange = exchange_open(client, request);

	curl_multi_add_handle(client->multi, exchange->easy);
	TAILQ_INSERT_TAIL(&client->running, exchange, link);
	client->under_way++;
	return exchange;
}

/* --- the door --- */

void
client_send(struct client *client, const struct client_request *request)
{
	begin(client, request);
}

size_t
client_under_way(const struct client *client)
{
	size_t count = client->under_way;
	struct exchange *exchange;

	TAILQ_FOREACH (exchange, &client->ended, link)
		count++;
	return count;
}

uint64_t
client_sent_bytes(const struct client *client)
{
	const struct exchange *exchange;
	uint64_t bytes = 0;

	TAILQ_FOREACH (exchange, &client->running, link)
		bytes += exchange->sent;
	TAILQ_FOREACH (exchange, &client->ended, link)
		bytes += exchange->sent;
	return bytes;
}

static void
take_ended(struct client *client, struct exchange *exchange, struct client_answer *ret)
{
	TAILQ_REMOVE(&client->ended, exchange, link);
	exchange_answer(exchange, ret);
	exchange_close(exchange);
}

bool
client_next(struct client *client, int64_t timeout_ms, struct client_answer *ret)
{
	int64_t until_ms = clock_ms() + timeout_ms;

	while (TAILQ_EMPTY(&client->ended)) {
		int64_t left_ms = timeout_ms < 0 ? -1 : until_ms - clock_ms();

		if (client->under_way == 0)
			return false;
		drive(client, timeout_ms >= 0 && left_ms < 0 ? 0 : left_ms);
		if (timeout_ms >= 0 && clock_ms() >= until_ms)
			break;
	}
	if (TAILQ_EMPTY(&client->ended))
		return false;
	take_ended(client, TAILQ_FIRST(&client->ended), ret);
	return true;
}

void
client_destroy(struct client *client)
{
	struct exchange *exchange;

	if (client == NULL)
		return;
	while ((exchange = TAILQ_FIRST(&client->running)) != NULL) {
		TAILQ_REMOVE(&client->running, exchange, link);
		curl_multi_remove_handle(client->multi, exchange->easy);
		exchange_close(exchange);
	}
	while ((exchange = TAILQ_FIRST(&client->ended)) != NULL) {
		TAILQ_REMOVE(&client->ended, exchange, link);
		exchange_close(exchange);
	}
	curl_multi_cleanup(client->multi);
	curl_global_cleanup();
	if (client->socket_directory >= 0)
		close(client->socket_directory);
	free(client->base);
	free(client->name);
	free(client->socket_path);
	free(client->ca_file);
	free(client->user_agent);
	free(client->authorization);
	free(client);
}
