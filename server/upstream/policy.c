/*
 * Which URLs and addresses may be asked. URLs are taken apart by libcurl's own parser, so that what is judged
 * here and what is asked later cannot differ. Called by the fetcher's thread; holds nothing that changes, and
 * must never resolve a name.
 */
#include "server/upstream/policy.h"

#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/net.h"
#include "storage/base/text.h"

struct policy {
	struct networks opened;
	int64_t *ports;
	size_t n_ports;
	bool proxied; /* addresses are the proxy's to look at */
};

/* Nothing on the public internet lives here. */
static const struct network special_v4[] = {
        {{AF_INET, {0}}, 8},             /* "this network" */
        {{AF_INET, {10}}, 8},            /* private */
        {{AF_INET, {100, 64}}, 10},      /* carriers' own */
        {{AF_INET, {127}}, 8},           /* loopback */
        {{AF_INET, {169, 254}}, 16},     /* link-local, and the metadata services of clouds */
        {{AF_INET, {172, 16}}, 12},      /* private */
        {{AF_INET, {192, 0, 0}}, 24},    /* protocol assignments */
        {{AF_INET, {192, 0, 2}}, 24},    /* documentation */
        {{AF_INET, {192, 88, 99}}, 24},  /* 6to4 relays */
        {{AF_INET, {192, 168}}, 16},     /* private */
        {{AF_INET, {198, 18}}, 15},      /* benchmarks */
        {{AF_INET, {198, 51, 100}}, 24}, /* documentation */
        {{AF_INET, {203, 0, 113}}, 24},  /* documentation */
        {{AF_INET, {224}}, 4},           /* multicast */
        {{AF_INET, {240}}, 4},           /* reserved, broadcast */
};

static const struct network global_v6 = {{AF_INET6, {0x20}}, 3};

/* Parts of 2000::/3 that are not ordinary hosts. */
static const struct network special_v6[] = {
        {{AF_INET6, {0x20, 0x01}}, 23},             /* protocol assignments, Teredo among them */
        {{AF_INET6, {0x20, 0x01, 0x0d, 0xb8}}, 32}, /* documentation */
        {{AF_INET6, {0x20, 0x02}}, 16},             /* 6to4: carries an IPv4 address */
        {{AF_INET6, {0x3f, 0xff}}, 20},             /* documentation */
};

static const struct network nat64 = {{AF_INET6, {0x00, 0x64, 0xff, 0x9b}}, 96};

struct policy *
policy_create(const struct config_fetch *fetch, struct err *err)
{
	struct policy *policy = xcalloc(1, sizeof *policy);

	if (!networks_parse(fetch->allow_private.items, fetch->allow_private.count, &policy->opened, err)) {
		err_wrap(err, "fetch.allow_private");
		free(policy);
		return NULL;
	}
	policy->proxied = fetch->proxy != NULL && fetch->proxy[0] != '\0';
	policy->n_ports = fetch->n_allow_ports;
	policy->ports = xcalloc(fetch->n_allow_ports + 1, sizeof *policy->ports);
	for (size_t i = 0; i < fetch->n_allow_ports; i++)
		policy->ports[i] = fetch->allow_ports[i];
	return policy;
}

void
policy_destroy(struct policy *policy)
{
	if (policy == NULL)
		return;
	networks_finish(&policy->opened);
	free(policy->ports);
	free(policy);
}

const char *
policy_answer_text(enum policy_answer answer)
{
	switch (answer) {
	case POLICY_ALLOWED:
		return "allowed";
	case POLICY_NO_URL:
		return "not a URL larder can read";
	case POLICY_SCHEME:
		return "neither http nor https";
	case POLICY_CREDENTIALS:
		return "the URL carries a user name or password";
	case POLICY_PORT:
		return "the port is not one of fetch.allow_ports";
	case POLICY_ADDRESS:
		return "neither public nor in fetch.allow_private";
	}
	__builtin_unreachable();
}

static bool address_is_allowed(const struct policy *policy, const struct address *address);

static bool
port_is_allowed(const struct policy *policy, unsigned port)
{
	for (size_t i = 0; i < policy->n_ports; i++)
		if (policy->ports[i] == (int64_t)port)
			return true;
	return false;
}

/* A part of a URL in ret, cut to fit; "" where the URL has none. */
static void
url_part(CURLU *parts, CURLUPart which, unsigned flags, char *ret, size_t size)
{
	char *value = NULL;

	ret[0] = '\0';
	if (curl_url_get(parts, which, &value, flags) == CURLUE_OK)
		snprintf(ret, size, "%s", value);
	curl_free(value);
}

static void
name_place(const char *scheme, const char *host, const char *port, struct place *ret)
{
	bool usual = strcmp(port, strcmp(scheme, "https") == 0 ? "443" : "80") == 0;

	snprintf(ret->host, sizeof ret->host, "%s%s%s", host, usual ? "" : ":", usual ? "" : port);
	for (char *c = ret->host; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* "10.1.2.3", "[::1]": the host is an address already, however it was written; libcurl has made it plain. */
static bool
is_address(const char *host, struct address *ret)
{
	const char *start = host + strspn(host, "[");
	AUTO_FREE char *bare = xstrndup(start, strcspn(start, "]"));

	return address_parse(bare, ret);
}

static enum policy_answer
judge_parts(const struct policy *policy, CURLU *parts, struct place *ret)
{
	char scheme[16], host[PLACE_MAX - 8], port[8], user[8], password[8];
	struct address address;
	uint64_t number;

	url_part(parts, CURLUPART_SCHEME, 0, scheme, sizeof scheme);
	url_part(parts, CURLUPART_HOST, 0, host, sizeof host);
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		return POLICY_SCHEME;
	url_part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port);
	if (host[0] == '\0' || !text_parse_number(port, &number))
		return POLICY_NO_URL;
	name_place(scheme, host, port, ret);
	url_part(parts, CURLUPART_USER, 0, user, sizeof user);
	url_part(parts, CURLUPART_PASSWORD, 0, password, sizeof password);
	if (user[0] != '\0' || password[0] != '\0')
		return POLICY_CREDENTIALS;
	if (!port_is_allowed(policy, (unsigned)number))
		return POLICY_PORT;
	if (!policy->proxied && is_address(host, &address) && !address_is_allowed(policy, &address))
		return POLICY_ADDRESS;
	return POLICY_ALLOWED;
}

enum policy_answer
policy_url(const struct policy *policy, const char *url, struct place *ret)
{
	CURLU *parts = curl_url();
	enum policy_answer answer = POLICY_NO_URL;

	ret->host[0] = '\0';
	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		answer = judge_parts(policy, parts, ret);
	curl_url_cleanup(parts);
	return answer;
}

static bool
has_any(const struct network *networks, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (network_has(&networks[i], address))
			return true;
	return false;
}

/* 64:ff9b::a.b.c.d becomes a.b.c.d; everything else stays as it is. */
static struct address
without_nat64(const struct address *address)
{
	struct address inner = {.family = AF_INET};

	if (address->family != AF_INET6 || !network_has(&nat64, address))
		return *address;
	memcpy(inner.bytes, address->bytes + 12, 4);
	return inner;
}

static bool
is_public(const struct address *address)
{
	if (address->family == AF_INET)
		return !has_any(special_v4, COUNT_OF(special_v4), address);
	return network_has(&global_v6, address) && !has_any(special_v6, COUNT_OF(special_v6), address);
}

static bool
address_is_allowed(const struct policy *policy, const struct address *address)
{
	struct address inner = without_nat64(address);

	return networks_have(&policy->opened, &inner) || networks_have(&policy->opened, address) ||
	       is_public(&inner);
}

static unsigned
port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
}

enum policy_answer
policy_address(const struct policy *policy, const struct sockaddr *from)
{
	struct address address;

	if (!address_of(from, &address))
		return POLICY_ADDRESS;
	if (!port_is_allowed(policy, port_of(from)))
		return POLICY_PORT;
	return address_is_allowed(policy, &address) ? POLICY_ALLOWED : POLICY_ADDRESS;
}

void
policy_refusal(enum policy_answer answer, const struct sockaddr *from, char ret[POLICY_REFUSAL_MAX])
{
	char text[ADDRESS_TEXT_MAX];
	struct address address = {0};

	(void)address_of(from, &address);
	address_text(&address, text);
	if (answer == POLICY_PORT)
		snprintf(ret, POLICY_REFUSAL_MAX, "%s, port %u: %s", text, port_of(from),
		        policy_answer_text(answer));
	else
		snprintf(ret, POLICY_REFUSAL_MAX, "%s: %s", text, policy_answer_text(answer));
}
