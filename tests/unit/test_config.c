/*
 * The configuration: defaults, the file, the command line, and what is said about mistakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/config.h"
#include "server/config_changes.h"
#include "server/config_option.h"
#include "storage/base/text.h"

static struct config *
parse(const char *text)
{
	struct err err = ERR_NONE;
	struct config *config = config_parse("conf", text, NULL, 0, &err);

	if (config == NULL)
		fail_msg("%s", err.text);
	return config;
}

static void
assert_mistake(const char *text, const char *told)
{
	struct err err = ERR_NONE;

	assert_null(config_parse("conf", text, NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err.text, told);
}

static void
assert_override_mistake(const char *name, const char *value, const char *told)
{
	struct config_override override = {name, value};
	struct err err = ERR_NONE;

	assert_null(config_parse(NULL, "", &override, 1, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err.text, told);
}

static void
test_defaults(void **state)
{
	struct config *config = parse("");

	(void)state;
	assert_int_equal(config->listen.count, 2);
	assert_string_equal(config->listen.items[0], "127.0.0.1:8080");
	assert_string_equal(config->listen.items[1], "[::1]:8080");
	assert_true(config->workers >= 1);
	assert_int_equal(config->n_mirrors, 2);
	assert_string_equal(config->mirrors[0].url, "https://opam.ocaml.org/cache/{algo}/{hash:2}/{hash}");
	assert_int_equal(config->mirrors[0].n_digests, 3);
	assert_string_equal(config->mirrors[1].url,
	        "https://archive.softwareheritage.org/api/1/content/sha256:{hash}/raw/");
	assert_int_equal(config->mirrors[1].n_digests, 1);
	assert_int_equal(config->mirrors[1].digests[0], DIGEST_SHA256);
	assert_int_equal(config->fetch.overtake_after_ms, 2000);
	assert_int_equal(config->fetch.transfers, 64);
	assert_int_equal(config->fetch.per_host, 8);
	assert_int_equal(config->fetch.connect_timeout_ms, 10000);
	assert_int_equal(config->fetch.min_rate, 1024);
	assert_int_equal(config->fetch.verify_before_send, 1 << 20);
	assert_int_equal(config->fetch.max_archive, 4ULL << 30);
	assert_int_equal(config->fetch.negative_ttl_ms, 60000);
	assert_int_equal(config->fetch.allow_private.count, 0);
	assert_int_equal(config->fetch.n_allow_ports, 2);
	assert_int_equal(config->fetch.allow_ports[1], 443);
	assert_string_equal(config->fetch.proxy, "");
	assert_string_equal(config->fetch.user_agent, "larder/" LARDER_VERSION);
	assert_int_equal(config->limits.connections, 20000);
	assert_int_equal(config->limits.connections_per_address, 256);
	assert_int_equal(config->limits.flights, 4096);
	assert_int_equal(config->space.min_free, 1 << 30);
	assert_int_equal(config->space.max_size, 0);
	assert_true(config->watch.patrol);
	assert_int_equal(config->watch.interval_ms, 30ll * 24 * 3600000);
	assert_int_equal(config->watch.per_host_interval_ms, 2000);
	assert_int_equal(config->watch.full_per_day, 1 << 30);
	assert_int_equal(config->hot.memory, 64 << 20);
	assert_int_equal(config->log.level, LOG_LEVEL_INFO);
	assert_int_equal(config->log.format, LOG_FORMAT_TEXT);
	assert_true(config->log.access);
	config_destroy(config);
}

static void
test_everything(void **state)
{
	struct config *config =
	        parse("store = \"/srv/larder\"\nlisten = {\"10.0.0.1:80\"} # a comment\nworkers = 3\n"
	              "mirror \"company\" { url = \"https://cache.example.org/{algo}/{hash}\" digests = "
	              "{md5, SHA256} }\n"
	              "catalog \"opam\" { source = \"https://opam.ocaml.org/index.tar.gz\" refresh = 10m }\n"
	              "catalog \"lock\" { source = \"/a/b.opam.locked\" }\n"
	              "rewrite \"https://github.com/\" { to = \"http://127.0.0.1:9000/\" }\n"
	              "rewrite \"https://github.com/company/\" { to = \"http://127.0.0.1:9001/\" }\n"
	              "fetch { allow_private = {\"10.1.0.0/16\", \"::1\"} allow_ports = {8080} "
	              "first_byte_timeout = 500ms }\n"
	              "log { level = debug format = json access = no }\n");

	(void)state;
	assert_string_equal(config->store, "/srv/larder");
	assert_int_equal(config->listen.count, 1);
	assert_int_equal(config->workers, 3);
	assert_int_equal(config->n_mirrors, 2);
	assert_string_equal(config->mirrors[0].name, "company");
	assert_int_equal(config->mirrors[0].n_digests, 2);
	assert_int_equal(config->mirrors[0].digests[0], DIGEST_MD5);
	assert_int_equal(config->mirrors[0].digests[1], DIGEST_SHA256);
	assert_int_equal(config->n_catalogs, 2);
	assert_int_equal(config->catalogs[0].refresh_ms, 600000);
	assert_int_equal(config->catalogs[1].refresh_ms, 3600000);
	assert_int_equal(config->n_rewrites, 2);
	assert_string_equal(config->rewrites[0].from, "https://github.com/company/");
	assert_int_equal(config->fetch.allow_private.count, 2);
	assert_int_equal(config->fetch.n_allow_ports, 1);
	assert_int_equal(config->fetch.first_byte_timeout_ms, 500);
	assert_int_equal(config->log.level, LOG_LEVEL_DEBUG);
	assert_int_equal(config->log.format, LOG_FORMAT_JSON);
	assert_false(config->log.access);
	config_destroy(config);
}

static void
test_mistakes_have_a_line(void **state)
{
	(void)state;
	assert_mistake("\n\nfetch {\n  min_rate = 1KB\n}\n",
	        "conf:4: fetch.min_rate: '1KB' is no size; write a number with B, KiB, MiB, GiB or TiB");
	assert_mistake("fetch {\n  connect_timeout = \"10 s\"\n}\n",
	        "conf:2: fetch.connect_timeout: '10 s' is no time; write a number with ms, s, m, h or d");
	assert_mistake("workers = many", "conf:1: workers: 'many' is no number; write one from 0 to 1024");
	assert_mistake("workers = -1", "conf:1: workers: '-1' is no number; write one from 0 to 1024");
	assert_mistake("fetch { transfers = 0 }",
	        "conf:1: fetch.transfers: '0' is out of range; 1 to 4096 is possible");
	assert_mistake(
	        "\ncolour = red", "conf:2: no such option 'colour'; larder.conf(5) lists what there is");
	assert_mistake("paint { colour = red }",
	        "conf:1: no such option 'paint'; larder.conf(5) lists what there is");
	assert_mistake("listen = {\"127.0.0.1:80\",\n\"localhost:80\"}",
	        "conf:2: listen: 'localhost:80' has no numeric address; write it as 127.0.0.1:8080 or "
	        "[::1]:8080");
	assert_mistake("listen = \"127.0.0.1:65536\"",
	        "conf:1: listen: '127.0.0.1:65536' is no address; write it as 127.0.0.1:8080 or [::1]:8080");
	assert_mistake("fetch { allow_ports = {80, 0} }",
	        "conf:1: fetch.allow_ports: '0' is no port; write a number from 1 to 65535");
	assert_mistake("log { level = loud }",
	        "conf:1: log.level: 'loud' is no level; write error, warning, info or debug");
	assert_mistake("log { access = maybe }", "conf:1: log.access: 'maybe' is neither yes nor no");
	assert_mistake("space { max_size = 2000TiB }",
	        "conf:1: space.max_size: '2000TiB' is out of range; 0 to 1024TiB is possible");
}

static void
test_mistakes_of_titled_sections(void **state)
{
	(void)state;
	assert_mistake("mirror \"a\" {\n}\n", "conf:2: mirror \"a\" has no url, which is needed");
	assert_mistake("mirror \"a\" { url = \"https://host/{algo}\" }",
	        "conf:1: mirror.url: 'https://host/{algo}' does not say where the digest goes; write it as "
	        "https://host/{algo}/{hash:2}/{hash}");
	assert_mistake("mirror \"a\" { url = \"ftp://host/{hash}\" }",
	        "conf:1: mirror.url: 'ftp://host/{hash}' is no URL that begins with http:// or https://");
	assert_mistake("mirror \"a\" { url = \"https://host/{hash}\" digests = {} }",
	        "mirror \"a\" serves by no digest; write digests = {\"sha256\"}");
	assert_mistake("mirror \"a\" { digests = {crc32} }",
	        "conf:1: mirror.digests: 'crc32' is no digest; write md5, sha1, sha256 or sha512");
	assert_mistake("catalog \"a\" { source = \"/x\" }\ncatalog \"a\" { source = \"/y\" }",
	        "conf:2: found duplicate title 'a'; larder.conf(5) lists what there is");
	assert_mistake("rewrite \"github.com\" { to = \"https://mirror/\" }",
	        "rewrite \"github.com\": the title is no prefix of http:// or https:// URLs");
}

static void
test_files_that_end_too_early(void **state)
{
	(void)state;
	assert_mistake("fetch {\n transfers = 3\n",
	        "conf:4: a section is not closed with }; larder.conf(5) lists what there is");
	assert_mistake("/* what", "conf:3: a comment is not closed with */");
	assert_mistake("store = \"a", "conf:3: premature end of file; larder.conf(5) lists what there is");
	assert_mistake("}", "conf:1: unexpected closing brace; larder.conf(5) lists what there is");
}

/* Software Heritage comes behind all mirrors, and not where it was turned off or has a mirror of its name. */
static void
test_default_mirrors(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *last;
	} rows[] = {
	        {"", 2, "softwareheritage.org"},
	        {"default_mirrors = no", 0, ""},
	        {"default_mirrors = no software_heritage = yes", 0, ""},
	        {"software_heritage = no", 1, "opam.ocaml.org"},
	        {"mirror \"a\" { url = \"https://a/{hash}\" }", 2, "softwareheritage.org"},
	        {"mirror \"a\" { url = \"https://a/{hash}\" } default_mirrors = no", 1, "a"},
	        {"mirror \"softwareheritage.org\" { url = \"https://a/{hash}\" } mirror \"b\" { url = "
	         "\"https://b/{hash}\" }",
	                2, "b"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct config *config = parse(rows[i].text);

		assert_int_equal(config->n_mirrors, rows[i].count);
		if (rows[i].count > 0)
			assert_string_equal(config->mirrors[rows[i].count - 1].name, rows[i].last);
		config_destroy(config);
	}
}

static void
test_overrides(void **state)
{
	const struct config_override overrides[] = {{"workers", "2"}, {"fetch.transfers", "5"},
	        {"listen", "127.0.0.1:0,[::1]:0"},
	        {"rewrite.https://github.com/.to", "http://127.0.0.1:9000/"}, {"catalog.lock.source", "/x"},
	        {"fetch.transfers", "6"}, {"mirror.m.url", "https://m.example.org/{hash}"},
	        {"fetch.allow_ports", ""}, {"fetch.allow_ports", "81"}};
	struct err err = ERR_NONE;
	struct config *config = config_parse(
	        "conf", "workers = 7 fetch { per_host = 2 }", overrides, COUNT_OF(overrides), &err);

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->workers, 2);
	assert_int_equal(config->fetch.transfers, 6);
	assert_int_equal(config->fetch.per_host, 2);
	assert_int_equal(config->listen.count, 2);
	assert_string_equal(config->rewrites[0].from, "https://github.com/");
	assert_string_equal(config->rewrites[0].to, "http://127.0.0.1:9000/");
	assert_int_equal(config->catalogs[0].refresh_ms, 3600000);
	assert_int_equal(config->n_mirrors, 2);
	assert_int_equal(config->mirrors[0].n_digests, 3);
	assert_int_equal(config->fetch.n_allow_ports, 1);
	config_destroy(config);
}

static void
test_wrong_overrides(void **state)
{
	(void)state;
	assert_override_mistake("fetch.speed", "3",
	        "-o fetch.speed: there is no such option; larder.conf(5) lists what there is");
	assert_override_mistake("", "3", "-o : there is no such option; larder.conf(5) lists what there is");
	assert_override_mistake("fetch.x.transfers", "3",
	        "-o fetch.x.transfers: there is no such option; larder.conf(5) lists what there is");
	assert_override_mistake(
	        "mirror.url", "https://m/{hash}", "-o mirror.url: which mirror? write mirror.TITLE.url");
	assert_override_mistake("fetch.min_rate", "1KB",
	        "-o: fetch.min_rate: '1KB' is no size; write a number with B, KiB, MiB, GiB or TiB");
	assert_override_mistake("mirror.x.digests", "md5", "mirror \"x\" has no url, which is needed");
	assert_override_mistake("catalog.x.refresh", "1h", "catalog \"x\" has no source, which is needed");
	assert_override_mistake("webhook.x.level", "info", "webhook \"x\" has no url, which is needed");
	assert_override_mistake("listen", "", "listen: there must be an address; write {\"127.0.0.1:8080\"}");
}

static void
test_store_from_the_environment(void **state)
{
	struct config *config;
	struct err err = ERR_NONE;

	(void)state;
	setenv("LARDER_STORE", "/from/environment", 1);
	setenv("XDG_DATA_HOME", "/data", 1);
	setenv("HOME", "/home/a", 1);
	config = parse("store = \"/from/file\"");
	assert_string_equal(config->store, "/from/file");
	config_destroy(config);
	config = parse("");
	assert_string_equal(config->store, "/from/environment");
	config_destroy(config);
	unsetenv("LARDER_STORE");
	config = parse("");
	assert_string_equal(config->store, "/data/larder");
	config_destroy(config);
	unsetenv("XDG_DATA_HOME");
	config = parse("");
	assert_string_equal(config->store, "/home/a/.local/share/larder");
	config_destroy(config);
	config = parse("store = \"\"");
	assert_string_equal(config->store, "/home/a/.local/share/larder");
	config_destroy(config);
	unsetenv("HOME");
	assert_null(config_parse(NULL, "", NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	setenv("LARDER_STORE", "", 1);
	setenv("XDG_DATA_HOME", "data",
	        1); /* wherever that may be: where larder was started is no place to keep anything */
	setenv("HOME", "home", 1);
	assert_null(config_parse(NULL, "", NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	unsetenv("LARDER_STORE");
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "/home/a", 1);
}

/* The file that is shipped says what is embedded. */
static void
test_shipped_file_holds_the_defaults(void **state)
{
	struct err err = ERR_NONE;
	struct config *shipped = config_load(PROJECT_DIR "/conf/larder.conf", NULL, 0, &err),
	              *embedded = parse("");
	AUTO_TEXT changed = TEXT_EMPTY;

	(void)state;
	if (shipped == NULL)
		fail_msg("%s", err.text);
	config_apply_changes(embedded, shipped, &changed);
	assert_string_equal(text_string(&changed), "");
	assert_int_equal(shipped->log.level, LOG_LEVEL_INFO);
	assert_int_equal(shipped->log.format, LOG_FORMAT_TEXT);
	config_destroy(shipped);
	config_destroy(embedded);
}

static void
test_changes_that_need_a_restart(void **state)
{
	struct config *before = parse("store = \"/a\" mirror \"m\" { url = \"https://m/{hash}\" }");
	struct config *after =
	        parse("store = \"/a\" listen = {\"127.0.0.1:1\"} fetch { allow_ports = {80} }\n"
	              "mirror \"m\" { url = \"https://n/{hash}\" } log { level = debug }");
	AUTO_TEXT changed = TEXT_EMPTY;

	(void)state;
	config_apply_changes(before, after, &changed);
	assert_string_equal(text_string(&changed), "listen, fetch.allow_ports, mirror");
	assert_int_equal(before->log.level, LOG_LEVEL_DEBUG);
	config_destroy(before);
	config_destroy(after);
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
}

static void
assert_restart(const char *old, const char *new, const char *told)
{
	struct config *before = parse(old), *after = parse(new);
	AUTO_TEXT changed = TEXT_EMPTY;

	config_apply_changes(before, after, &changed);
	assert_string_equal(text_string(&changed), told);
	config_destroy(before);
	config_destroy(after);
}

static void
test_changes_inside_of_titled_sections(void **state)
{
	(void)state;
	assert_restart("mirror \"m\" { url = \"https://m/{hash}\" digests = {md5, sha256} }",
	        "mirror \"m\" { url = \"https://m/{hash}\" digests = {sha256, md5} }", "mirror");
	assert_restart("mirror \"m\" { url = \"https://m/{hash}\" }",
	        "mirror \"n\" { url = \"https://m/{hash}\" }", "mirror");
	assert_restart("", "catalog \"c\" { source = \"/c\" }", "catalog");
	assert_restart("catalog \"c\" { source = \"/c\" }", "catalog \"c\" { source = \"/c\" refresh = 2h }",
	        "catalog");
	assert_restart("rewrite \"https://a/\" { to = \"https://b/\" }",
	        "rewrite \"https://a/\" { to = \"https://c/\" }", "rewrite");
	assert_restart("webhook \"w\" { url = \"https://w/\" secret_file = \"/s\" }",
	        "webhook \"w\" { url = \"https://w/\" secret_file = \"/t\" }", "webhook");
	assert_restart("fetch { allow_ports = {80, 443} }", "fetch { allow_ports = {443, 80} }",
	        "fetch.allow_ports");
	assert_restart("catalog \"c\" { source = \"/c\" } fetch { allow_ports = {80, 81} }",
	        "catalog \"c\" { source = \"/c\" } fetch { allow_ports = {80, 81} }", "");
}

/* The first of several mistakes is told, with its line, and not the last. */
static void
test_the_first_mistake_is_told(void **state)
{
	(void)state;
	assert_mistake("workers = 2\nfetch { transfers = 0 }\ncolour = red\n",
	        "conf:2: fetch.transfers: '0' is out of range; 1 to 4096 is possible");
	assert_mistake("colour = red\npaint = red\n",
	        "conf:1: no such option 'colour'; larder.conf(5) lists what there is");
}

static void
test_files_that_are_none(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_null(config_load("/nonexistent/larder.conf", NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	err = ERR_NONE;
	assert_null(config_load("/dev/zero", NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	err = ERR_NONE;
	assert_null(config_load("/bin/true", NULL, 0, &err));
	assert_int_equal(err.code, ERR_CONFIG);
}

/* Every option can be written as its own default, and its explanation is one line. */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *option = &config_options[i];
		struct err err = ERR_NONE;

		assert_ptr_equal(config_option_find(option->section, option->name), option);
		assert_true(strlen(option->explanation) > 0 && strchr(option->explanation, '\n') == NULL);
		if (option->default_text == NULL || config_option_is_list(option))
			continue;
		if (!config_option_set(option, NULL, option->default_text, &err))
			fail_msg("%s", err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_everything),
	        cmocka_unit_test(test_mistakes_have_a_line),
	        cmocka_unit_test(test_mistakes_of_titled_sections),
	        cmocka_unit_test(test_files_that_end_too_early),
	        cmocka_unit_test(test_default_mirrors),
	        cmocka_unit_test(test_overrides),
	        cmocka_unit_test(test_wrong_overrides),
	        cmocka_unit_test(test_store_from_the_environment),
	        cmocka_unit_test(test_shipped_file_holds_the_defaults),
	        cmocka_unit_test(test_changes_that_need_a_restart),
	        cmocka_unit_test(test_changes_inside_of_titled_sections),
	        cmocka_unit_test(test_the_first_mistake_is_told),
	        cmocka_unit_test(test_files_that_are_none),
	        cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
