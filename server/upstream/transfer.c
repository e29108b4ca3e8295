/*
 * One HTTP attempt. libcurl calls back on the fetcher's thread while the multi handle is driven; the
 * callbacks count, judge and pass bytes on. What libcurl's own options do not bound (a body without a length,
 * header fields, silence after connecting) is bounded here.
 *
 * Must never: wait; go through a proxy, a cookie jar or a .netrc that is not in the configuration; ask an
 * address the policy forbids.
 */
#include "server/upstream/transfer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/net.h"
#include "server/upstream/head.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

/* Why the transfer was broken off from this side. */
enum stop {
	STOP_NONE,
	STOP_HEADERS,
	STOP_LENGTHS,
	STOP_ENCODED,
	STOP_TOO_LARGE,
	STOP_SINK,
	STOP_DISCARDED, /* the status says it all, the rest of the body is not wanted */
	STOP_FIRST_BYTE,
	STOP_SLOW,
};

struct transfer {
	struct transfer_plan plan;
	CURL *easy;
	struct curl_slist *fields;
	struct head head;
	enum stop stop;
	bool begun;           /* the sink was told */
	bool address_refused; /* by the policy, for at least one address of the host */
	char refused[ADDRESS_TEXT_MAX];
	uint64_t received; /* bytes of body, wanted or not */
	int64_t began_at_ms;
	int64_t asked_at_ms;   /* the request of this hop went out; 0: not yet */
	int64_t rate_since_ms; /* the window in which min_rate is measured … */
	uint64_t rate_from;    /* … and what was received when it began */
	struct err err;        /* the sink's */
};

/* --- libcurl calls back --- */

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *wanted)
{
	struct transfer *transfer = context;
	struct address address;

	(void)purpose;
	if (transfer->plan.limits->proxy[0] == '\0' &&
	        !policy_address(transfer->plan.policy, &wanted->addr)) {
		transfer->address_refused = true;
		address_of(&wanted->addr, &address);
		address_text(&address, transfer->refused);
		return CURL_SOCKET_BAD;
	}
	return socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

/* Connected, and about to send the request: of every hop, on every connection, old or new. */
static int
before_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
	struct transfer *transfer = context;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	transfer->asked_at_ms = clock_ms();
	head_begin(&transfer->head);
	return CURL_PREREQFUNC_OK;
}

static enum stop
stop_for(enum head_fault fault)
{
	switch (fault) {
	case HEAD_FINE:
		return STOP_NONE;
	case HEAD_TOO_LARGE:
		return STOP_HEADERS;
	case HEAD_BAD_LENGTH:
		return STOP_LENGTHS;
	case HEAD_ENCODED:
		return STOP_ENCODED;
	}
	__builtin_unreachable();
}

static size_t
take_line(char *line, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	struct head *head = &transfer->head;
	size_t length = size * count;
	enum stop stop = stop_for(head_add(head, line, length));

	/* The body of any other answer does not matter, nor how it is packed. */
	if (head->status != 200 && stop != STOP_HEADERS)
		stop = STOP_NONE;
	if (head->complete && head->status == 200) {
		if (stop == STOP_NONE && head_size(head) > transfer->plan.max_bytes)
			stop = STOP_TOO_LARGE;
		if (transfer->rate_since_ms == 0)
			transfer->rate_since_ms = clock_ms();
	}
	if (head->complete && head->status >= 300 && head->status < 400)
		transfer->asked_at_ms = 0; /* until the next hop is connected */
	transfer->stop = stop;
	return stop == STOP_NONE ? length : 0;
}

/* The sink hears of a 200 with its first byte, or at the end when it has none. */
static bool
begin_body(struct transfer *transfer)
{
	if (transfer->begun)
		return true;
	transfer->begun = true;
	return transfer->plan.sink->begin(transfer->plan.context, head_size(&transfer->head), &transfer->err);
}

static enum stop
add_body(struct transfer *transfer, const char *bytes, size_t length)
{
	transfer->received += length;
	if (transfer->head.status != 200)
		return transfer->received > TRANSFER_DISCARD_MAX ? STOP_DISCARDED : STOP_NONE;
	if (transfer->received > transfer->plan.max_bytes)
		return STOP_TOO_LARGE;
	if (!begin_body(transfer))
		return STOP_SINK;
	if (!transfer->plan.sink->append(transfer->plan.context, bytes, length, &transfer->err))
		return STOP_SINK;
	return STOP_NONE;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t length = size * count;

	transfer->stop = add_body(transfer, bytes, length);
	return transfer->stop == STOP_NONE ? length : 0;
}

/* --- beginning --- */

/* Each answers 0 when libcurl took all the options: one it silently lacks would be a hole in the policy. */
static unsigned
set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)transfer);
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)transfer);
	failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, (void *)transfer);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_line);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)transfer);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)transfer);
	return failed;
}

static unsigned
set_bounds(struct transfer *transfer)
{
	const struct config_fetch *limits = transfer->plan.limits;
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Breaking off does not wait for the resolver's thread. */
	failed |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_timeout_ms);
	failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, limits->redirects > 0 ? 1L : 0L);
	failed |= curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)limits->redirects);
	failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* What began encrypted stays so. */
	failed |= curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
	        strncasecmp(transfer->plan.url, "https:", 6) == 0 ? "https" : "http,https");
	failed |= curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	/* "": none, whatever the environment says. */
	failed |= curl_easy_setopt(easy, CURLOPT_PROXY, limits->proxy);
	failed |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	failed |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return failed;
}

static unsigned
set_request(struct transfer *transfer)
{
	const struct config_fetch *limits = transfer->plan.limits;
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	transfer->fields = curl_slist_append(NULL, "Accept-Encoding: identity");
	failed |= curl_easy_setopt(easy, CURLOPT_URL, transfer->plan.url);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, limits->user_agent);
	failed |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);
	if (limits->ca_file[0] != '\0')
		failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, limits->ca_file);
	return failed;
}

struct transfer *
transfer_begin(CURLM *multi, const struct transfer_plan *plan, int64_t now_ms)
{
	struct transfer *transfer = xcalloc(1, sizeof *transfer);
	CURLMcode added;

	transfer->plan = *plan;
	transfer->began_at_ms = now_ms;
	transfer->err = ERR_NONE;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		abort(); /* as xmalloc: small memory that cannot be had */
	if ((set_callbacks(transfer) | set_bounds(transfer) | set_request(transfer)) != 0)
		abort();
	added = curl_multi_add_handle(multi, transfer->easy);
	assert(added == CURLM_OK);
	(void)added;
	return transfer;
}

struct transfer *
transfer_of(CURL *easy)
{
	char *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	return (struct transfer *)(void *)transfer;
}

void *
transfer_context(const struct transfer *transfer)
{
	return transfer->plan.context;
}

/* --- time --- */

static enum stop
check_rate(struct transfer *transfer, int64_t now_ms)
{
	const struct config_fetch *limits = transfer->plan.limits;
	uint64_t least = limits->min_rate * (uint64_t)limits->min_rate_over_ms / 1000;

	if (now_ms - transfer->rate_since_ms < limits->min_rate_over_ms)
		return STOP_NONE;
	if (transfer->received - transfer->rate_from < least)
		return STOP_SLOW;
	transfer->rate_since_ms = now_ms;
	transfer->rate_from = transfer->received;
	return STOP_NONE;
}

static enum stop
check_first_byte(const struct transfer *transfer, int64_t now_ms)
{
	const struct config_fetch *limits = transfer->plan.limits;
	int64_t patience =
	        TRANSFER_HEAD_PATIENCE * (limits->connect_timeout_ms + limits->first_byte_timeout_ms);

	if (now_ms - transfer->began_at_ms >= patience)
		return STOP_FIRST_BYTE;
	if (transfer->asked_at_ms != 0 && now_ms - transfer->asked_at_ms >= limits->first_byte_timeout_ms)
		return STOP_FIRST_BYTE;
	return STOP_NONE;
}

bool
transfer_is_overdue(struct transfer *transfer, int64_t now_ms)
{
	enum stop stop = transfer->rate_since_ms != 0 ? check_rate(transfer, now_ms)
	                                              : check_first_byte(transfer, now_ms);

	if (stop != STOP_NONE)
		transfer->stop = stop;
	return stop != STOP_NONE;
}

/* --- the report --- */

static void describe(struct transfer_report *report, enum transfer_end end, enum transfer_limit limit,
        const char *format, ...) PRINTF_LIKE(4, 5);

static void
describe(struct transfer_report *report, enum transfer_end end, enum transfer_limit limit, const char *format,
        ...)
{
	va_list args;

	report->end = end;
	report->limit = limit;
	va_start(args, format);
	vsnprintf(report->detail, sizeof report->detail, format, args);
	va_end(args);
}

static void
describe_stop(const struct transfer *transfer, struct transfer_report *ret)
{
	const struct config_fetch *limits = transfer->plan.limits;

	switch (transfer->stop) {
	case STOP_NONE:
	case STOP_DISCARDED:
		break;
	case STOP_HEADERS:
		describe(ret, TRANSFER_UNUSABLE, TRANSFER_LIMIT_HEADERS, "header fields of more than %u KiB",
		        HEAD_BYTES_MAX >> 10);
		break;
	case STOP_LENGTHS:
		describe(ret, TRANSFER_UNUSABLE, TRANSFER_NO_LIMIT, "contradictory Content-Length");
		break;
	case STOP_ENCODED:
		describe(ret, TRANSFER_UNUSABLE, TRANSFER_NO_LIMIT, "sent in a Content-Encoding");
		break;
	case STOP_TOO_LARGE:
		describe(ret, TRANSFER_TOO_LARGE, TRANSFER_LIMIT_SIZE, "larger than %llu bytes",
		        (unsigned long long)transfer->plan.max_bytes);
		break;
	case STOP_SINK:
		describe(ret, TRANSFER_REFUSED_HERE, TRANSFER_NO_LIMIT, "not taken");
		ret->err = transfer->err;
		break;
	case STOP_FIRST_BYTE:
		describe(ret, TRANSFER_TIMED_OUT, TRANSFER_LIMIT_FIRST_BYTE, "timed out after %lld s",
		        (long long)limits->first_byte_timeout_ms / 1000);
		break;
	case STOP_SLOW:
		describe(ret, TRANSFER_TIMED_OUT, TRANSFER_LIMIT_RATE, "slower than %llu bytes/s over %lld s",
		        (unsigned long long)limits->min_rate, (long long)limits->min_rate_over_ms / 1000);
		break;
	}
}

static int64_t
busy_rest(const struct head *head)
{
	int64_t asked = head_retry_after(head, clock_wall_ms());

	if (asked >= 0)
		return asked;
	return head->status == 429 ? TRANSFER_BUSY_REST_MS : TRANSFER_UNAVAILABLE_REST_MS;
}

static void
describe_status(const struct transfer *transfer, struct transfer_report *ret)
{
	int status = transfer->head.status;
	enum transfer_end end = TRANSFER_DENIED;

	if (status == 404 || status == 410) {
		end = TRANSFER_GONE;
	} else if (status == 429 || status == 503) {
		end = TRANSFER_BUSY;
		ret->rest_ms = busy_rest(&transfer->head);
	} else if (status >= 500) {
		end = TRANSFER_BROKEN;
	}
	describe(ret, end, TRANSFER_NO_LIMIT, "%d", status);
}

static const struct {
	CURLcode code;
	enum transfer_end end;
	enum transfer_limit limit;
	const char *detail;
} failures[] = {
        {CURLE_COULDNT_RESOLVE_HOST, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "host name not found"},
        {CURLE_COULDNT_RESOLVE_PROXY, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "fetch.proxy not found"},
        {CURLE_COULDNT_CONNECT, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "connection refused"},
        {CURLE_OPERATION_TIMEDOUT, TRANSFER_TIMED_OUT, TRANSFER_LIMIT_CONNECT, "no connection in time"},
        {CURLE_SSL_CONNECT_ERROR, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "no TLS connection"},
        {CURLE_PEER_FAILED_VERIFICATION, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "certificate not valid"},
        {CURLE_SSL_CACERT_BADFILE, TRANSFER_UNREACHABLE, TRANSFER_NO_LIMIT, "fetch.ca_file cannot be read"},
        {CURLE_GOT_NOTHING, TRANSFER_CUT, TRANSFER_NO_LIMIT, "closed without an answer"},
        {CURLE_RECV_ERROR, TRANSFER_CUT, TRANSFER_NO_LIMIT, "connection broken"},
        {CURLE_SEND_ERROR, TRANSFER_CUT, TRANSFER_NO_LIMIT, "connection broken"},
        {CURLE_WEIRD_SERVER_REPLY, TRANSFER_UNUSABLE, TRANSFER_NO_LIMIT, "not a clean HTTP answer"},
        {CURLE_TOO_MANY_REDIRECTS, TRANSFER_FORBIDDEN, TRANSFER_LIMIT_REDIRECTS, "too many redirects"},
        {CURLE_LOGIN_DENIED, TRANSFER_FORBIDDEN, TRANSFER_NO_LIMIT, "redirect to a URL with a user name"},
        {CURLE_URL_MALFORMAT, TRANSFER_FORBIDDEN, TRANSFER_NO_LIMIT, "redirect to something that is no URL"},
        /* libcurl's own bound on a single header line */
        {CURLE_OUT_OF_MEMORY, TRANSFER_UNUSABLE, TRANSFER_LIMIT_HEADERS, "header fields too large"},
};

static bool
is_redirect(int status)
{
	return status >= 300 && status < 400;
}

static void
describe_code(const struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	if (transfer->address_refused && code == CURLE_COULDNT_CONNECT) {
		describe(ret, TRANSFER_FORBIDDEN, TRANSFER_LIMIT_ADDRESS,
		        "address %s or its port is not allowed", transfer->refused);
		return;
	}
	if (code == CURLE_UNSUPPORTED_PROTOCOL) {
		if (is_redirect(transfer->head.status))
			describe(ret, TRANSFER_FORBIDDEN, TRANSFER_NO_LIMIT,
			        "redirect to a scheme not allowed");
		else
			describe(ret, TRANSFER_UNUSABLE, TRANSFER_NO_LIMIT, "not an HTTP answer");
		return;
	}
	if (code == CURLE_PARTIAL_FILE) {
		describe(ret, TRANSFER_CUT, TRANSFER_NO_LIMIT, "cut off after %llu bytes",
		        (unsigned long long)transfer->received);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(failures); i++) {
		if (failures[i].code == code) {
			describe(ret, failures[i].end, failures[i].limit, "%s", failures[i].detail);
			return;
		}
	}
	describe(ret, TRANSFER_CUT, TRANSFER_NO_LIMIT, "%s", curl_easy_strerror(code));
}

/* The status decides, unless it is one on the way to another. */
static bool
status_decides(const struct transfer *transfer, CURLcode code)
{
	const struct head *head = &transfer->head;

	if (!head->complete || head->status < 200 || head->status == 200)
		return false;
	return !is_redirect(head->status) || code == CURLE_OK || transfer->stop == STOP_DISCARDED;
}

static void
describe_end(struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	if (code == CURLE_OK && transfer->head.status == 200 && !begin_body(transfer))
		transfer->stop = STOP_SINK;
	if (status_decides(transfer, code))
		describe_status(transfer, ret);
	else if (transfer->stop != STOP_NONE)
		describe_stop(transfer, ret);
	else if (code != CURLE_OK)
		describe_code(transfer, code, ret);
	else
		describe(ret, TRANSFER_SERVED, TRANSFER_NO_LIMIT, "%d", transfer->head.status);
}

void
transfer_finish(CURLM *multi, struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	*ret = (struct transfer_report){.received = transfer->received, .err = ERR_NONE};
	describe_end(transfer, code, ret);
	curl_multi_remove_handle(multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->fields);
	free(transfer);
}
