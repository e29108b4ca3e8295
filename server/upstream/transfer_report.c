/*
 * What a transfer came to: from libcurl's answer, the head and the reason it was broken off for, to an end with a
 * few words for people. The fetcher's thread; must never wait.
 */
#include "server/upstream/transfer_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/text.h"

/* OpenSSL's verdicts on a chain of certificates (X509_V_OK, X509_V_ERR_UNSPECIFIED), as libcurl passes them on. */
#define X509_GOOD   0
#define X509_UNTOLD 1

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
		if (limits->min_rate == 0)
			describe(ret, TRANSFER_TIMED_OUT, TRANSFER_LIMIT_RATE, "not a byte for %lld s",
			        (long long)limits->min_rate_over_ms / 1000);
		else
			describe(ret, TRANSFER_TIMED_OUT, TRANSFER_LIMIT_RATE,
			        "slower than %llu bytes/s over %lld s", (unsigned long long)limits->min_rate,
			        (long long)limits->min_rate_over_ms / 1000);
		break;
	}
}

static int64_t
busy_rest(int status, int64_t asked_ms)
{
	if (asked_ms >= 0)
		return asked_ms;
	return status == 429 ? TRANSFER_BUSY_REST_MS : TRANSFER_UNAVAILABLE_REST_MS;
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
		ret->retry_after_ms = head_retry_after(&transfer->head, clock_wall_ms());
		ret->rest_ms = busy_rest(status, ret->retry_after_ms);
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
        {CURLE_COULDNT_RESOLVE_HOST, TRANSFER_NO_NAME, TRANSFER_NO_LIMIT, "host name not found"},
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

/*
 * The certificate is fine but for the name in it. libcurl looks at the name first of all: where that is what it
 * does not like, OpenSSL's verdict is the "unspecified" it began with, or good.
 */
static bool
is_for_another_name(const struct transfer *transfer, CURLcode code)
{
	long verdict = -1;

	return code == CURLE_PEER_FAILED_VERIFICATION &&
	       curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verdict) == CURLE_OK &&
	       (verdict == X509_GOOD || verdict == X509_UNTOLD);
}

static void
describe_code(const struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	if (is_for_another_name(transfer, code)) {
		describe(ret, TRANSFER_NO_NAME, TRANSFER_NO_LIMIT, "certificate for another name");
		return;
	}
	if (transfer->address_refused && !transfer->address_tried && code == CURLE_COULDNT_CONNECT) {
		describe(ret, is_redirect(transfer->head.status) ? TRANSFER_FORBIDDEN : TRANSFER_NOT_ALLOWED,
		        TRANSFER_LIMIT_ADDRESS, "%s", transfer->refused);
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
	if (code == CURLE_URL_MALFORMAT &&
	        !is_redirect(transfer->head.status)) { /* such as a name no IDN has */
		describe(ret, TRANSFER_NOT_ALLOWED, TRANSFER_NO_LIMIT, "%s",
		        policy_answer_text(POLICY_NO_URL));
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

	if (!head->complete || head->status < 200 || transfer_is_wanted(transfer))
		return false;
	return !is_redirect(head->status) || code == CURLE_OK || transfer->stop == STOP_DISCARDED;
}

static void
describe_end(struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	bool seen = transfer_is_wanted(transfer) && (code == CURLE_OK || transfer->stop == STOP_DISCARDED);

	if (seen && transfer->plan.wish == TRANSFER_BODY && !transfer_begin_body(transfer))
		transfer->stop = STOP_SINK;
	if (status_decides(transfer, code))
		describe_status(transfer, ret);
	else if (seen && transfer->stop == STOP_DISCARDED)
		describe(ret, TRANSFER_SERVED, TRANSFER_NO_LIMIT, "%d", transfer->head.status);
	else if (transfer->stop != STOP_NONE)
		describe_stop(transfer, ret);
	else if (code != CURLE_OK)
		describe_code(transfer, code, ret);
	else
		describe(ret, TRANSFER_SERVED, TRANSFER_NO_LIMIT, "%d", transfer->head.status);
}

/* What the head says of the archive that it has or is a part of. */
static void
describe_archive(const struct head *head, struct transfer_report *ret)
{
	ret->length = head_whole(head);
	memcpy(ret->etag, head->etag, sizeof ret->etag);
	memcpy(ret->modified, head->modified, sizeof ret->modified);
}

/* After redirects it is another one than was asked. */
static void
describe_place(const struct transfer *transfer, struct transfer_report *ret)
{
	char *url = NULL;

	if (transfer->head.status != 0 &&
	        curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != NULL)
		(void)policy_url(transfer->plan.policy, url, &ret->ended_at);
}

void
transfer_finish(CURLM *multi, struct transfer *transfer, CURLcode code, struct transfer_report *ret)
{
	const struct head *head = &transfer->head;
	int64_t until_ms = transfer->answered_at_ms != 0 ? transfer->answered_at_ms : clock_ms();

	*ret = (struct transfer_report){.status = head->status,
	        .retry_after_ms = -1,
	        .took_ms = until_ms - transfer->began_at_ms,
	        .received = transfer->received,
	        .length = -1,
	        .err = ERR_NONE};
	describe_end(transfer, code, ret);
	if (head->complete && transfer_is_wanted(transfer))
		describe_archive(head, ret);
	describe_place(transfer, ret);
	curl_multi_remove_handle(multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->fields);
	free(transfer);
}
