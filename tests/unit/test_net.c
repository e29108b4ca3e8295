/*
 * Addresses and networks: what is accepted, what lies inside what, and IPv4 inside IPv6.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "server/net.h"

static bool
lies_in(const char *address_string, const char *network_string)
{
	struct network network;
	struct address address;
	struct err err = ERR_NONE;

	assert_true(network_parse(network_string, &network, &err));
	assert_true(address_parse(address_string, &address));
	return network_has(&network, &address);
}

static void
an_address_lies_in_its_network(void **state)
{
	(void)state;
	assert_true(lies_in("10.1.255.255", "10.1.0.0/16"));
	assert_false(lies_in("10.2.0.0", "10.1.0.0/16"));
	assert_true(lies_in("10.1.2.3", "10.1.2.3"));
	assert_false(lies_in("10.1.2.4", "10.1.2.3"));
	assert_true(lies_in("172.31.255.255", "172.16.0.0/12"));
	assert_false(lies_in("172.32.0.0", "172.16.0.0/12"));
	assert_true(lies_in("255.1.2.3", "0.0.0.0/0"));
	assert_true(lies_in("2001:db8:0:1::7", "2001:db8::/32"));
	assert_false(lies_in("2001:db9::", "2001:db8::/32"));
	assert_true(lies_in("::ffff:10.1.2.3", "10.1.0.0/16"));
	assert_false(lies_in("10.1.2.3", "::/0"));
	assert_false(lies_in("2001:db8::1", "0.0.0.0/0"));
}

static void
nonsense_is_refused_with_a_sentence(void **state)
{
	static const char *const wrong[] = {"", "/", "10.1.0.0/", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/8x",
	        "10.1.0.0/8", "::/129", "2001:db8::1/64", "localhost", "10.1/16", "1.2.3.4.5", " 10.0.0.0/8",
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"
	        "8"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct network network;
		struct err err = ERR_NONE;

		assert_false(network_parse(wrong[i], &network, &err));
		assert_int_equal(err.code, ERR_CONFIG);
		assert_true(strlen(err.text) > 0);
	}
}

static void
a_list_is_all_or_nothing(void **state)
{
	char first[] = "10.0.0.0/8", second[] = "nonsense";
	char *texts[] = {first, second};
	struct networks networks;
	struct sockaddr_in inside = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
	struct sockaddr_in outside = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0b000001)};
	struct err err = ERR_NONE;

	(void)state;
	assert_false(networks_parse(texts, 2, &networks, &err));
	assert_non_null(strstr(err.text, "nonsense"));
	assert_true(networks_parse(texts, 1, &networks, &err));
	assert_true(networks_contain(&networks, (struct sockaddr *)&inside));
	assert_false(networks_contain(&networks, (struct sockaddr *)&outside));
	networks_finish(&networks);
}

static void
text_comes_back(void **state)
{
	struct address address, none = {0};
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_true(address_parse("2001:db8::1", &address));
	address_text(&address, text);
	assert_string_equal(text, "2001:db8::1");
	assert_true(address_parse("::ffff:1.2.3.4", &address));
	address_text(&address, text);
	assert_string_equal(text, "1.2.3.4");
	address_text(&none, text);
	assert_string_equal(text, "-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_lies_in_its_network),
	        cmocka_unit_test(nonsense_is_refused_with_a_sentence),
	        cmocka_unit_test(a_list_is_all_or_nothing),
	        cmocka_unit_test(text_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
