/*
 * One POST, through libcurl's easy interface. The caller's thread, which waits here.
 *
 * Must never: follow a redirect; ask an address the policy forbids; believe in a proxy that is not in the configuration.
 */
#include "server/upstream/post.h"
#include "server/upstream/trust.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/net.h"

struct posting {
	const struct config_fetch *limits;
	const struct policy *policy;
	bool (*is_stopped)(void *context);
	void *context;
	bool address_refused;
	char refused[POLICY_REFUSAL_MAX];
	size_t received;
};

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *wanted)
{
	struct posting *posting = context;
	enum policy_answer answer;

	(void)purpose;
	answer = posting->limits->proxy[0] == '\0' ? policy_address(posting->policy, &wanted->addr)
	                                           : POLICY_ALLOWED;
	if (answer != POLICY_ALLOWED) {
		posting->address_refused = true;
		policy_refusal(answer, &wanted->addr, posting->refused);
		return CURL_SOCKET_BAD;
	}
	return socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

static size_t
drop_body(char *bytes, size_t size, size_t count, void *context)
{
	struct posting *posting = context;

	(void)bytes;
	posting->received += size * count;
	return posting->received > POST_ANSWER_MAX ? 0 : size * count;
}

static int
look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct posting *posting = context;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return posting->is_stopped(posting->context);
}

/* Each answers 0 when libcurl took all the options: one it silently lacks would be a hole in the policy. */
static unsigned
set_bounds(CURL *easy, struct posting *posting)
{
	const struct config_fetch *limits = posting->limits;
	unsigned failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_timeout_ms);
	failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)POST_TIMEOUT_MS);
	failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= curl_easy_setopt(easy, CURLOPT_PROXY, limits->proxy);
	failed |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	failed |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)posting);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)posting);
	failed |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	failed |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_up);
	failed |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)posting);
	return failed;
}

static unsigned
set_request(CURL *easy, const struct config_fetch *limits, const struct post *post, struct curl_slist *fields)
{
	unsigned failed = 0;

	failed |= curl_easy_setopt(easy, CURLOPT_URL, post->url);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, limits->user_agent);
	failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
	failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body);
	failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->length);
	failed |= trust_file(easy, limits->ca_file);
	return failed;
}

static void
describe(const struct posting *posting, CURLcode code, long status, struct post_answer *ret)
{
	*ret = (struct post_answer){.status = (int)status};
	if (status != 0)
		snprintf(ret->detail, sizeof ret->detail, "%ld", status);
	else if (posting->address_refused && code == CURLE_COULDNT_CONNECT)
		snprintf(ret->detail, sizeof ret->detail, "%s", posting->refused);
	else
		snprintf(ret->detail, sizeof ret->detail, "%s", curl_easy_strerror(code));
}

void
post_send(const struct config_fetch *limits, const struct policy *policy, const struct post *post,
        bool (*is_stopped)(void *context), void *context, struct post_answer *ret)
{
	struct posting posting = {
	        .limits = limits, .policy = policy, .is_stopped = is_stopped, .context = context};
	/* Without the last one libcurl waits for "100 Continue" before a long body. */
	struct curl_slist *fields = curl_slist_append(NULL, "Expect:");
	CURL *easy = curl_easy_init();
	long status = 0;
	CURLcode code;

	for (const char *const *field = post->fields; *field != NULL; field++)
		fields = curl_slist_append(fields, *field);
	if (easy == NULL || (set_bounds(easy, &posting) | set_request(easy, limits, post, fields)) != 0)
		abort(); /* as xmalloc: small memory that cannot be had */
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	describe(&posting, code, status, ret);
	curl_easy_cleanup(easy);
	curl_slist_free_all(fields);
}
