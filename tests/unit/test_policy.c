/*
 * The address policy: every special network at its first and last address and just outside, and URLs that
 * hide where they go.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "server/upstream/policy.h"

static struct policy *
make(char **networks, size_t n_networks)
{
	static int64_t ports[] = {80, 443};
	struct config_fetch fetch = {
	        .allow_private = {networks, n_networks}, .allow_ports = ports, .n_allow_ports = 2};
	struct err err = ERR_NONE;
	struct policy *policy = policy_create(&fetch, &err);

	assert_non_null(policy);
	return policy;
}

static bool
allows(const struct policy *policy, const char *text, unsigned port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return policy_address(policy, (struct sockaddr *)&v4) == POLICY_ALLOWED;
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return policy_address(policy, (struct sockaddr *)&v6) == POLICY_ALLOWED;
}

static const char *const refused[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:102:304::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:102:304::1",
        "3fff::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "4000::1",
        "1fff::1",
};

static const char *const allowed[] = {
        "1.0.0.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.101.0",
        "203.0.112.255",
        "223.255.255.255",
        "::ffff:1.2.3.4",
        "64:ff9b::102:304",
        "2001:200::1",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700::1",
        "3ffe::1",
};

static void
special_addresses_are_refused(void **state)
{
	struct policy *policy = make(NULL, 0);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (allows(policy, refused[i], 443))
			fail_msg("%s is allowed", refused[i]);
	for (size_t i = 0; i < COUNT_OF(allowed); i++)
		if (!allows(policy, allowed[i], 443))
			fail_msg("%s is refused", allowed[i]);
	policy_destroy(policy);
}

static void
ports_are_limited_everywhere(void **state)
{
	char network[] = "10.0.0.0/8";
	char *networks[] = {network};
	struct policy *policy = make(networks, 1);

	(void)state;
	assert_true(allows(policy, "1.2.3.4", 80));
	assert_false(allows(policy, "1.2.3.4", 22));
	assert_false(allows(policy, "2606:4700::1", 8080));
	assert_true(allows(policy, "10.1.2.3", 80));
	assert_false(allows(policy, "10.1.2.3", 8080));
	policy_destroy(policy);
}

static void
assert_refusal(const struct policy *policy, const char *address, unsigned port, const char *wanted)
{
	struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	enum policy_answer answer;
	char told[POLICY_REFUSAL_MAX];

	assert_int_equal(inet_pton(AF_INET6, address, &from.sin6_addr), 1);
	answer = policy_address(policy, (struct sockaddr *)&from);
	policy_refusal(answer, (struct sockaddr *)&from, told);
	assert_string_equal(told, wanted);
}

/* Which of the two, and the option that would allow it. */
static void
a_refusal_says_why(void **state)
{
	struct policy *policy = make(NULL, 0);

	(void)state;
	assert_refusal(policy, "::ffff:10.0.0.7", 443, "10.0.0.7: neither public nor in fetch.allow_private");
	assert_refusal(policy, "fd00:1111:2222:3333:4444:5555:6666:7777", 80,
	        "fd00:1111:2222:3333:4444:5555:6666:7777: neither public nor in fetch.allow_private");
	assert_refusal(policy, "::ffff:1.2.3.4", 8080,
	        "1.2.3.4, port 8080: the port is not one of fetch.allow_ports");
	policy_destroy(policy);
}

static void
named_networks_are_opened(void **state)
{
	char v4[] = "10.1.0.0/16", v6[] = "fd00::/8";
	char *networks[] = {v4, v6};
	struct policy *policy = make(networks, 2);

	(void)state;
	assert_true(allows(policy, "10.1.255.255", 80));
	assert_true(allows(policy, "::ffff:10.1.2.3", 80));
	assert_true(allows(policy, "64:ff9b::a01:203", 80));
	assert_true(allows(policy, "fd12::1", 80));
	assert_false(allows(policy, "10.2.0.0", 80));
	assert_false(allows(policy, "fc00::1", 80));
	policy_destroy(policy);
}

static void
other_families_are_refused(void **state)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/socket"};
	struct policy *policy = make(NULL, 0);

	(void)state;
	assert_int_equal(policy_address(policy, (struct sockaddr *)&local), POLICY_ADDRESS);
	policy_destroy(policy);
}

static void
a_wrong_network_is_an_error(void **state)
{
	char text[] = "10.1.0.0/33";
	char *networks[] = {text};
	struct config_fetch fetch = {.allow_private = {networks, 1}};
	struct err err = ERR_NONE;

	(void)state;
	assert_null(policy_create(&fetch, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "fetch.allow_private"));
}

static const struct {
	const char *url;
	enum policy_answer answer;
	const char *host;
} urls[] = {
        {"https://GitHub.com/a/b.tar.gz", POLICY_ALLOWED, "github.com"},
        {"http://example.org", POLICY_ALLOWED, "example.org"},
        {"HTTP://example.org:80/a", POLICY_ALLOWED, "example.org"},
        {"https://example.org:80/a", POLICY_ALLOWED, "example.org:80"},
        {"http://[2606:4700::1]/a", POLICY_ALLOWED, "[2606:4700::1]"},
        {"http://1.1.1.1/a", POLICY_ALLOWED, "1.1.1.1"},
        {"http://10.1.2.3/a", POLICY_ADDRESS, "10.1.2.3"},
        {"http://10.1.2.3:8080/a", POLICY_PORT, "10.1.2.3:8080"},
        {"http://0x7f.1/a", POLICY_ADDRESS, "127.0.0.1"}, /* as libcurl reads it */
        {"http://[::1]/a", POLICY_ADDRESS, "[::1]"},
        {"http://[::ffff:10.1.2.3]/a", POLICY_ADDRESS, "[::ffff:10.1.2.3]"},
        {"http://10.1.2.3.example.org/a", POLICY_ALLOWED, "10.1.2.3.example.org"},
        {"http://localhost/a", POLICY_ALLOWED, "localhost"}, /* a name: judged when it is looked up */
        {"http://example.org:8080/a", POLICY_PORT, "example.org:8080"},
        {"http://example.org:0/a", POLICY_PORT, "example.org:0"},
        {"ftp://example.org/a", POLICY_SCHEME, ""},
        {"file:///etc/passwd", POLICY_SCHEME, ""},
        {"gopher://example.org/", POLICY_SCHEME, ""},
        {"http://user@example.org/a", POLICY_CREDENTIALS, "example.org"},
        {"http://:secret@example.org/a", POLICY_CREDENTIALS, "example.org"},
        {"http://example.org:80@evil.example:22/", POLICY_CREDENTIALS, "evil.example:22"},
        {"http://example.org:99999/a", POLICY_NO_URL, ""},
        {"http:///a", POLICY_ALLOWED, "a"}, /* as libcurl reads it */
        {"http://", POLICY_NO_URL, ""},
        {"//example.org/a", POLICY_NO_URL, ""},
        {"http://exa mple.org/", POLICY_NO_URL, ""},
        {"http://example.org/a b", POLICY_NO_URL, ""},
        {"", POLICY_NO_URL, ""},
};

static void
urls_are_judged(void **state)
{
	struct policy *policy = make(NULL, 0);
	struct place place;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		enum policy_answer answer = policy_url(policy, urls[i].url, &place);

		if (answer != urls[i].answer || strcmp(place.host, urls[i].host) != 0)
			fail_msg("%s: %s, host \"%s\"", urls[i].url, policy_answer_text(answer), place.host);
	}
	policy_destroy(policy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(special_addresses_are_refused),
	        cmocka_unit_test(ports_are_limited_everywhere),
	        cmocka_unit_test(a_refusal_says_why),
	        cmocka_unit_test(named_networks_are_opened),
	        cmocka_unit_test(other_families_are_refused),
	        cmocka_unit_test(a_wrong_network_is_an_error),
	        cmocka_unit_test(urls_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
