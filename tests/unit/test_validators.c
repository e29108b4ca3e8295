/*
 * Validators: the tag of an archive, and what clients say about tags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "server/http/validators.h"
#include "storage/base/text.h"

#define EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TAG       "\"sha256:" EMPTY_HEX "\""

static struct digests
of_nothing(void)
{
	struct digests digests = {0};

	assert_true(text_unhex(EMPTY_HEX, digests.sha256, sizeof digests.sha256));
	digests.known = 1u << DIGEST_SHA256;
	return digests;
}

static void
an_archive_has_one_tag(void **state)
{
	struct digests digests = of_nothing();
	char etag[ETAG_MAX], digest[REPR_DIGEST_MAX];

	(void)state;
	etag_of(&digests, etag);
	assert_string_equal(etag, TAG);
	repr_digest(&digests, digest);
	assert_string_equal(digest, "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
}

static void
if_none_match_compares_weakly(void **state)
{
	static const char *const matching[] = {"*", " * ", TAG, "W/" TAG, "\"a\", " TAG,
	        "\"a\",W/\"b\"," TAG ",\"c\"", ", ," TAG, "\"a, b\", " TAG};
	static const char *const others[] = {"", "\"a\"", EMPTY_HEX, "sha256:" EMPTY_HEX, "w/" TAG, "*x",
	        "\"a", "\"", "\"x" EMPTY_HEX "\"", "garbage, " TAG, "W/"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(matching); i++)
		assert_true(etag_listed(matching[i], TAG));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(etag_listed(others[i], TAG));
	assert_false(etag_listed(NULL, TAG));
}

static void
if_range_compares_strongly(void **state)
{
	(void)state;
	assert_true(etag_allows_range(NULL, TAG));
	assert_true(etag_allows_range(TAG, TAG));
	assert_false(etag_allows_range("W/" TAG, TAG));
	assert_false(etag_allows_range("\"a\"", TAG));
	assert_false(etag_allows_range("Tue, 12 Sep 2023 00:00:00 GMT", TAG));
	assert_false(etag_allows_range("", TAG));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_archive_has_one_tag),
	        cmocka_unit_test(if_none_match_compares_weakly),
	        cmocka_unit_test(if_range_compares_strongly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
