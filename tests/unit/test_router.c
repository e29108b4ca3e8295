/*
 * The router: every spelling of an archive's path, and everything that only looks like one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/http/router.h"
#include "storage/base/text.h"

#define MD5    "d41d8cd98f00b204e9800998ecf8427e"
#define SHA1   "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA512                                                                                               \
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63" \
	"b931bd47417a81"                                                                                     \
	"a538327af927da3e"

static void
every_spelling_is_the_archive(void **state)
{
	static const struct {
		const char *path, *text;
	} rows[] = {
	        {"/md5/d4/" MD5, "md5:" MD5},
	        {"/md5/" MD5, "md5:" MD5},
	        {"/sha1/" SHA1, "sha1:" SHA1},
	        {"/cache/sha256/e3/" SHA256, "sha256:" SHA256},
	        {"/cache/sha256/" SHA256, "sha256:" SHA256},
	        {"/SHA512/" SHA512, "sha512:" SHA512},
	        {"/Sha512/cf/" SHA512, "sha512:" SHA512},
	        {"/sha256/E3/" SHA256, "sha256:" SHA256},
	        {"/md5/D4/D41D8CD98F00B204E9800998ECF8427E", "md5:" MD5},
	        {"/sha256/" SHA256 "/rosa.0.2.0.tar.gz", "sha256:" SHA256},
	        {"/sha256/e3/" SHA256 "/a file", "sha256:" SHA256},
	        {"/sha256/" SHA256 "/..", "sha256:" SHA256},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct digest digest;
		struct err err = ERR_NONE;
		char text[DIGEST_TEXT_MAX];

		assert_int_equal(path_parse(rows[i].path, &digest, &err), PATH_ARCHIVE);
		digest_text(&digest, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void
what_was_meant_for_an_archive_is_told_what_is_wrong(void **state)
{
	static const char *const paths[] = {"/sha256/ff/" SHA256, "/sha256/zz/" SHA256, "/sha256/" MD5,
	        "/md5/" SHA256, "/sha256/" SHA256 "0",
	        "/sha256/x3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "/sha3/" SHA256,
	        "/blake3/e3/" SHA256, "/sha256/e3", "/sha256/e3/", "/sha256/short", "/sha256/",
	        "/sha512/" SHA512 SHA512, "/cache/sha224/" SHA256, "/e3/" SHA256};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct digest digest;
		struct err err = ERR_NONE;

		assert_int_equal(path_parse(paths[i], &digest, &err), PATH_WRONG);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_true(strlen(err.text) > 0);
	}
}

static void
the_rest_is_no_archive(void **state)
{
	static const char *const paths[] = {"", "/", "//", "/cache", "/cache/", "/sha256", "/nix-cache-info",
	        "/sha3/abc", "/favicon.ico", "/" SHA256, "/sha256/%65/" SHA256, "/sha256/" SHA256 "/a%20b",
	        "/%73ha256/" SHA256, "/sha256/" SHA256 "/", "/sha256/" SHA256 "/a/b", "//sha256/" SHA256,
	        "/cache/cache/sha256/" SHA256, "/../sha256/" SHA256, "/api/v1/archives"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct digest digest;
		struct err err = ERR_NONE;

		assert_int_equal(path_parse(paths[i], &digest, &err), PATH_OTHER);
	}
}

static const struct route *
found(enum request_method method, const char *path)
{
	struct route_values values;
	struct err err = ERR_NONE;

	return route_find(method, path, &values, &err);
}

static void
pages_are_found_by_their_exact_path(void **state)
{
	(void)state;
	assert_non_null(found(METHOD_GET, "/"));
	assert_int_equal(found(METHOD_GET, "/")->kind, KIND_PAGE);
	assert_int_equal(found(METHOD_HEAD, "/metrics")->kind, KIND_OPERATING);
	assert_null(found(METHOD_GET, "/metrics/"));
	assert_null(found(METHOD_GET, "/Metrics"));
	assert_null(found(METHOD_GET, ""));
}

/* Digest and number stand at the end of a row's path, and each row has one way to be answered. */
static void
every_row_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_routes + n_archive_routes; i++) {
		const struct route *row = i < n_routes ? &routes[i] : &archive_routes[i - n_routes];
		const char *brace = strchr(row->path, '{');

		assert_int_equal(row->path[0], '/');
		assert_true((row->handler != NULL) != (row->api != NULL));
		assert_true(row->method != METHOD_HEAD && row->method != METHOD_OTHER);
		assert_true(row->method != METHOD_GET || row->body == NULL);
		if (brace != NULL)
			assert_true(strcmp(brace, "{digest}") == 0 || strcmp(brace, "{id}") == 0);
	}
}

/* /api/v1/…/<algo>/<hex>: one spelling, and what is wrong with it. */
static void
a_digest_in_the_api_is_read(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
	} rows[] = {
	        {"/api/v1/pins/sha256/" SHA256, ERR_OK},
	        {"/api/v1/pins/SHA1/DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", ERR_OK},
	        {"/api/v1/pins/sha256/" MD5, ERR_BAD_REQUEST},
	        {"/api/v1/pins/sha256/", ERR_BAD_REQUEST},
	        {"/api/v1/pins/sha3/" SHA256, ERR_BAD_REQUEST},
	        {"/api/v1/pins/sha256/%65" SHA256, ERR_BAD_REQUEST},
	        {"/api/v1/pins/sha256/e3/" SHA256, ERR_NOT_FOUND},
	        {"/api/v1/pins/sha256/" SHA256 "/name", ERR_NOT_FOUND},
	        {"/api/v1/pins/sha256", ERR_NOT_FOUND},
	        {"/api/v1/pins//" SHA256, ERR_NOT_FOUND},
	        {"/api/v1/pins/", ERR_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route_values values;
		struct err err = ERR_NONE;
		const struct route *route = route_find(METHOD_PUT, rows[i].path, &values, &err);

		assert_int_equal(err.code, rows[i].code);
		assert_true((route != NULL) == (rows[i].code == ERR_OK));
		if (route != NULL)
			assert_int_equal(route->kind, KIND_API);
	}
}

/* Among the routes that have a number at their end, if there are any. */
static void
a_number_in_the_api_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_routes; i++) {
		struct route_values values;
		struct err err = ERR_NONE;
		size_t literal = strcspn(routes[i].path, "{");
		char path[128];

		if (strcmp(routes[i].path + literal, "{id}") != 0)
			continue;
		snprintf(path, sizeof path, "%.*s9223372036854775807", (int)literal, routes[i].path);
		assert_ptr_equal(route_find(routes[i].method, path, &values, &err), &routes[i]);
		assert_true(values.id == INT64_MAX);
		snprintf(path, sizeof path, "%.*s9223372036854775808", (int)literal, routes[i].path);
		assert_null(route_find(routes[i].method, path, &values, &err));
		snprintf(path, sizeof path, "%.*s-1", (int)literal, routes[i].path);
		assert_null(route_find(routes[i].method, path, &values, &err));
	}
}

static enum err_code
refusal(const char *method, const char *path, char ret_allowed[ALLOWED_MAX])
{
	struct request request = {.path = path, .method = METHOD_OTHER};
	struct err err = ERR_NONE;

	if (strcmp(method, "POST") == 0)
		request.method = METHOD_POST;
	if (strcmp(method, "DELETE") == 0)
		request.method = METHOD_DELETE;
	assert_null(router_find(&request, &err));
	memcpy(ret_allowed, request.allowed, ALLOWED_MAX);
	return err.code;
}

static void
another_method_is_told_which_there_are(void **state)
{
	char allowed[ALLOWED_MAX];

	(void)state;
	assert_int_equal(refusal("DELETE", "/metrics", allowed), ERR_METHOD);
	assert_string_equal(allowed, "GET, HEAD");
	assert_int_equal(refusal("POST", "/sha256/" SHA256, allowed), ERR_METHOD);
	assert_true(strncmp(allowed, "GET, HEAD", 9) == 0);
	assert_int_equal(refusal("PATCH", "/cache/sha256/e3/" SHA256, allowed), ERR_METHOD);
	assert_int_equal(refusal("PATCH", "/nothing", allowed), ERR_NOT_FOUND);
	assert_int_equal(refusal("POST", "/sha256/" MD5, allowed), ERR_BAD_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_spelling_is_the_archive),
	        cmocka_unit_test(what_was_meant_for_an_archive_is_told_what_is_wrong),
	        cmocka_unit_test(the_rest_is_no_archive),
	        cmocka_unit_test(pages_are_found_by_their_exact_path),
	        cmocka_unit_test(every_row_is_sound),
	        cmocka_unit_test(a_digest_in_the_api_is_read),
	        cmocka_unit_test(a_number_in_the_api_is_read),
	        cmocka_unit_test(another_method_is_told_which_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
