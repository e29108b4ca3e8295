/*
 * Whose a URL is.
 */
#include "tests/support/stores.h"

#include "storage/catalog/site.h"

static void
tells_host_and_account(void **state)
{
	static const struct {
		const char *url, *host, *text;
	} rows[] = {
	        {"https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", "github.com", "github.com/kodwx"},
	        {"HTTPS://GitHub.com:443/Kodwx/x", "github.com", "github.com/Kodwx"},
	        {"http://h:443/a/b", "h:443", "h:443/a"},
	        {"http://h:80/a/b", "h", "h/a"},
	        {"http://h:8080/a?b/c", "h:8080", "h:8080/a"},
	        {"https://user:word@h/a#b", "h", "h/a"},
	        {"https://[2001:DB8::1]:8443/a", "[2001:db8::1]:8443", "[2001:db8::1]:8443/a"},
	        {"https://h", "h", "h/"},
	        {"https://h/", "h", "h/"},
	        {"https://h?x/y", "h", "h/"},
	        {"https://h//b", "h", "h/"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct site site;

		if (!site_of(rows[i].url, &site))
			fail_msg("%s has no site", rows[i].url);
		assert_string_equal(site.host, rows[i].host);
		assert_string_equal(site.text, rows[i].text);
		assert_int_equal(site_host_length(site.text), strlen(site.host));
	}
}

static void
refuses_what_is_none(void **state)
{
	static const char *const urls[] = {"", "h/a", "ftp://h/a", "https://", "https:///a", "https://:443/a",
	        "https://u@/a", "git+https://h/a"};
	char large[SITE_MAX + 32];
	struct site site;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		assert_false(site_of(urls[i], &site));
		assert_string_equal(site.host, "");
		assert_string_equal(site.text, "");
	}
	snprintf(large, sizeof large, "https://h/%0*d", SITE_MAX - 3, 0);
	assert_true(site_of(large, &site));
	snprintf(large, sizeof large, "https://h/%0*d", SITE_MAX - 2, 0);
	assert_false(site_of(large, &site));
	snprintf(large, sizeof large, "https://%0*d/", SITE_MAX, 0);
	assert_false(site_of(large, &site));
}

static void
tells_providers(void **state)
{
	static const struct {
		const char *host, *provider;
	} rows[] = {
	        {"github.com", "github.com"},
	        {"codeload.github.com/kodwx", "github.com"},
	        {"raw.githubusercontent.com", "github.com"},
	        {"objects.githubusercontent.com:8443", "github.com"},
	        {"kodwx.github.io", "github.com"},
	        {"notgithub.com", "notgithub.com"},
	        {"static.gitlab.com", "gitlab.com"},
	        {"gitlab.inria.fr", "inria.fr"},
	        {"caml.inria.fr.", "inria.fr"},
	        {"www.cl.cam.ac.uk", "cam.ac.uk"},
	        {"cam.ac.uk", "cam.ac.uk"},
	        {"ac.uk", "ac.uk"},
	        {"a.co.example", "co.example"},
	        {"x.storage.googleapis.com", "google.com"},
	        {"localhost:8080", "localhost"},
	        {"127.0.0.1:8080/a", "127.0.0.1"},
	        {"[2001:db8::1]:8443/a", "[2001:db8::1]"},
	        {"[2001:db8", "[2001:db8"},
	        {"", ""},
	        {".", "."},
	        {"..", "."},
	        {"a..b", ".b"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char provider[SITE_MAX];

		site_provider(rows[i].host, provider);
		if (strcmp(provider, rows[i].provider) != 0)
			fail_msg("%s is of %s, not of %s", rows[i].host, provider, rows[i].provider);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tells_host_and_account),
	        cmocka_unit_test(refuses_what_is_none),
	        cmocka_unit_test(tells_providers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
