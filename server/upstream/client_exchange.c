/*
 * One request to a larder and its answer, as libcurl carries it out. The client's thread.
 *
 * Must never: follow a redirect, speak anything but http and https, put the token anywhere but into its
 * header, or believe more of an answer than CLIENT_ANSWER_MAX bytes.
 */
#include "server/upstream/client_exchange.h"
#include "server/upstream/trust.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS  10000L
#define STALLED_S   60L          /* below one byte a second for so long is given up */
#define EXPECT_FROM (1ull << 20) /* bytes of a body that waits for "100 Continue" */
#define RETRY_MAX_S 86400        /* a server may ask for a longer pause; it is taken for this one */

/* --- libcurl calls back while the multi handle is driven --- */

static uint64_t
body_size(const struct client_request *request)
{
	return request->body_fd >= 0 ? request->body_size : request->body_length;
}

static size_t
give_body(char *buffer, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	const struct client_request *request = &exchange->request;
	uint64_t left = body_size(request) - exchange->sent;
	size_t wish = size * count < left ? size * count : (size_t)left;
	ssize_t got = (ssize_t)wish;

	if (request->body_fd < 0)
		memcpy(buffer, (const char *)request->body + exchange->sent, wish);
	else
		do
			got = pread(request->body_fd, buffer, wish, (off_t)exchange->sent);
		while (got < 0 && errno == EINTR);
	if (got < 0)
		err_errno(&exchange->file, "cannot be read");
	if (got == 0 && wish > 0)
		err_set(&exchange->file, ERR_IO, "became shorter while it was read");
	if (exchange->file.code != ERR_OK)
		return CURL_READFUNC_ABORT;
	exchange->sent += (uint64_t)got;
	return (size_t)got;
}

/* A connection that was used again had gone: the body is sent once more on a new one. */
static int
rewind_body(void *context, curl_off_t offset, int origin)
{
	struct exchange *exchange = context;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body_size(&exchange->request))
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;

	if (exchange->body.length + size * count > CLIENT_ANSWER_MAX) {
		exchange->answer_too_large = true;
		return 0;
	}
	text_add_bytes(&exchange->body, bytes, size * count);
	return size * count;
}

static void
add_field(struct exchange *exchange, const char *name, const char *value)
{
	AUTO_TEXT field = TEXT_EMPTY;

	if (value == NULL)
		return;
	text_addf(&field, "%s: %s", name, value);
	exchange->fields = curl_slist_append(exchange->fields, text_string(&field));
}

static void
set_fields(struct exchange *exchange)
{
	const struct client_request *request = &exchange->request;

	if (exchange->client->authorization != NULL)
		exchange->fields = curl_slist_append(exchange->fields, exchange->client->authorization);
	add_field(exchange, "Content-Type", request->content_type);
	add_field(exchange, "Larder-Came-From", request->came_from);
	/* Without this libcurl decides by itself. */
	exchange->fields = curl_slist_append(
	        exchange->fields, body_size(request) >= EXPECT_FROM ? "Expect: 100-continue" : "Expect:");
	curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->fields);
}

static void
set_target(struct exchange *exchange)
{
	const struct client *client = exchange->client;
	CURL *easy = exchange->easy;
	AUTO_TEXT url = TEXT_EMPTY;

	text_addf(&url, "%s%s", client->base, exchange->request.path);
	curl_easy_setopt(easy, CURLOPT_URL, text_string(&url));
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALLED_S);
	if (client->ca_file != NULL)
		(void)trust_file(easy, client->ca_file);
	if (client->socket_path == NULL)
		return; /* a proxy of the environment is meant for it */
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void
set_body(struct exchange *exchange)
{
	const struct client_request *request = &exchange->request;
	CURL *easy = exchange->easy;

	if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_size(request));
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->said);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
}

struct exchange *
exchange_open(struct client *client, const struct client_request *request)
{
	struct exchange *exchange = xcalloc(1, sizeof *exchange);

	exchange->client = client;
	exchange->request = *request;
	exchange->easy = curl_easy_init();
	if (exchange->easy == NULL)
		abort(); /* no memory */
	set_target(exchange);
	set_body(exchange);
	set_fields(exchange);
	return exchange;
}

void
exchange_close(struct exchange *exchange)
{
	curl_easy_cleanup(exchange->easy);
	curl_slist_free_all(exchange->fields);
	text_finish(&exchange->body);
	free(exchange);
}

/* --- how it ended --- */

/* libcurl's ends that another try will not change. */
static bool
is_hopeless(CURLcode end)
{
	static const CURLcode hopeless[] = {CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
	        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CONNECT_ERROR,
	        CURLE_SSL_ISSUER_ERROR, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2};

	for (size_t i = 0; i < COUNT_OF(hopeless); i++)
		if (hopeless[i] == end)
			return true;
	return false;
}

static void
say_why(const struct exchange *exchange, struct err *err)
{
	const char *said = exchange->said[0] != '\0' ? exchange->said : curl_easy_strerror(exchange->end);

	if (exchange->file.code != ERR_OK)
		*err = exchange->file;
	else if (exchange->answer_too_large)
		err_set(err, ERR_IO, "%.100s answered more than %u MiB", exchange->client->name,
		        CLIENT_ANSWER_MAX >> 20);
	else
		err_set(err, is_hopeless(exchange->end) ? ERR_IO : ERR_OVERLOADED, "%.100s: %.120s",
		        exchange->client->name, said);
}

/*
 * A server that refuses a body need not read it: the answer may be there though the rest could not be sent.
 */
static bool
was_answered(const struct exchange *exchange, long status)
{
	return exchange->end == CURLE_OK ||
	       (status >= 400 && (exchange->end == CURLE_SEND_ERROR || exchange->end == CURLE_RECV_ERROR));
}

void
exchange_answer(struct exchange *exchange, struct client_answer *ret)
{
	curl_off_t retry_s = 0;
	long status = 0;

	*ret = (struct client_answer){.tag = exchange->request.tag};
	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &retry_s);
	if (!was_answered(exchange, status)) {
		say_why(exchange, &ret->err);
		return;
	}
	ret->status = (int)status;
	ret->retry_after_ms = (retry_s > RETRY_MAX_S ? RETRY_MAX_S : retry_s) * 1000;
	client_answer_read(ret, &exchange->body);
}
