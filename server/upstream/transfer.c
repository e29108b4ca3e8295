/*
 * One HTTP attempt. libcurl calls back on the fetcher's thread while the multi handle is driven; the
 * callbacks count, judge and pass bytes on. What libcurl's own options do not bound (a body without a length,
 * header fields, silence after connecting) is bounded here.
 *
 * Must never: wait; go through a proxy, a cookie jar or a .netrc that is not in the configuration; ask an
 * address the policy forbids.
 */
#include "server/upstream/transfer_parts.h"
#include "server/upstream/trust.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/net.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

/* --- libcurl calls back --- */

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *wanted)
{
	struct transfer *transfer = context;
	enum policy_answer answer;

	(void)purpose;
	answer = transfer->plan.limits->proxy[0] == '\0'
	                 ? policy_address(transfer->plan.policy, &wanted->addr)
	                 : POLICY_ALLOWED;
	if (answer != POLICY_ALLOWED) {
		transfer->address_refused = true;
		policy_refusal(answer, &wanted->addr, transfer->refused);
		return CURL_SOCKET_BAD;
	}
	transfer->address_tried = true;
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
	transfer->answered_at_ms = 0;
	head_begin(&transfer->head);
	return CURL_PREREQFUNC_OK;
}

bool
transfer_is_wanted(const struct transfer *transfer)
{
	int status = transfer->head.status;

	return status == 200 || (status == 206 && transfer->plan.wish == TRANSFER_GLANCE) ||
	       (status == 206 && transfer->plan.wish == TRANSFER_BODY && transfer->plan.from > 0);
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

/* The head of the last answer, as it seems, is complete. */
static enum stop
judge_head(struct transfer *transfer)
{
	const struct head *head = &transfer->head;
	uint64_t from = head->status == 206 ? transfer->plan.from : 0;

	transfer->answered_at_ms = clock_ms();
	if (head->status >= 300 && head->status < 400) {
		transfer->asked_at_ms = 0; /* until the next hop is connected */
		transfer->address_refused = transfer->address_tried = false;
	}
	if (!transfer_is_wanted(transfer))
		return STOP_NONE;
	if (transfer->rate_since_ms == 0)
		transfer->rate_since_ms = transfer->answered_at_ms;
	if (transfer->plan.wish == TRANSFER_GLANCE && head->status == 200)
		return STOP_DISCARDED; /* the whole comes, and was not asked for */
	if (transfer->plan.wish == TRANSFER_BODY &&
	        (head_size(head) > transfer->plan.max_bytes ||
	                from > transfer->plan.max_bytes - head_size(head)))
		return STOP_TOO_LARGE;
	return STOP_NONE;
}

static size_t
take_line(char *line, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	bool was_complete = transfer->head.complete;
	size_t length = size * count;
	enum stop stop = stop_for(head_add(&transfer->head, line, length));

	/* The body of any other answer does not matter, nor how it is packed. */
	if (!transfer_is_wanted(transfer) && stop != STOP_HEADERS)
		stop = STOP_NONE;
	if (stop == STOP_NONE && transfer->head.complete && !was_complete)
		stop = judge_head(transfer);
	transfer->stop = stop;
	return stop == STOP_NONE ? length : 0;
}

/* The sink hears of a body with its first byte, or at the end when it has none. */
bool
transfer_begin_body(struct transfer *transfer)
{
	if (transfer->begun)
		return true;
	transfer->begun = true;
	return transfer->plan.sink->begin(transfer->plan.context, &transfer->head, &transfer->err);
}

static enum stop
add_body(struct transfer *transfer, const char *bytes, size_t length)
{
	uint64_t from = transfer->head.status == 206 ? transfer->plan.from : 0;

	transfer->received += length;
	if (!transfer_is_wanted(transfer) || transfer->plan.wish != TRANSFER_BODY)
		return transfer->received > TRANSFER_DISCARD_MAX ? STOP_DISCARDED : STOP_NONE;
	if (from + transfer->received > transfer->plan.max_bytes)
		return STOP_TOO_LARGE;
	if (!transfer_begin_body(transfer))
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

/* HEAD, or a part. A part is asked for by hand: libcurl takes a 200 to its own Range for a failure. */
static unsigned
set_wish(struct transfer *transfer)
{
	const struct transfer_plan *plan = &transfer->plan;
	char field[sizeof "If-Range: " + HEAD_VALIDATOR_MAX];

	switch (plan->wish) {
	case TRANSFER_HEAD:
		return curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
	case TRANSFER_GLANCE:
		transfer->fields = curl_slist_append(transfer->fields, "Range: bytes=0-0");
		break;
	case TRANSFER_BODY:
		if (plan->from == 0)
			break;
		snprintf(field, sizeof field, "Range: bytes=%llu-", (unsigned long long)plan->from);
		transfer->fields = curl_slist_append(transfer->fields, field);
		if (plan->if_range[0] == '\0')
			break;
		snprintf(field, sizeof field, "If-Range: %s", plan->if_range);
		transfer->fields = curl_slist_append(transfer->fields, field);
		break;
	}
	return 0;
}

static unsigned
set_request(struct transfer *transfer)
{
	const struct config_fetch *limits = transfer->plan.limits;
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	transfer->fields = curl_slist_append(NULL, "Accept-Encoding: identity");
	failed |= set_wish(transfer);
	failed |= curl_easy_setopt(easy, CURLOPT_URL, transfer->plan.url);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, limits->user_agent);
	failed |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);
	failed |= trust_file(easy, limits->ca_file);
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

/* Bytes that have to come in fetch.min_rate_over: one at least, since as slow as it likes is not stopped. */
static uint64_t
least_bytes(const struct config_fetch *limits)
{
	uint64_t least = limits->min_rate * (uint64_t)limits->min_rate_over_ms / 1000;

	return least > 0 ? least : 1;
}

static enum stop
check_rate(struct transfer *transfer, int64_t now_ms)
{
	const struct config_fetch *limits = transfer->plan.limits;

	if (now_ms - transfer->rate_since_ms < limits->min_rate_over_ms)
		return STOP_NONE;
	if (transfer->received - transfer->rate_from < least_bytes(limits))
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
transfer_is_silent(const struct transfer *transfer)
{
	return transfer->rate_since_ms == 0;
}

bool
transfer_is_overdue(struct transfer *transfer, int64_t now_ms)
{
	enum stop stop = transfer_is_silent(transfer) ? check_first_byte(transfer, now_ms)
	                                              : check_rate(transfer, now_ms);

	if (stop != STOP_NONE)
		transfer->stop = stop;
	return stop != STOP_NONE;
}
