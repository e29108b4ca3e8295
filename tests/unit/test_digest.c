/*
 * Digests: parsing and printing, sets and how they compare, the hashers against published values.
 */
#include "tests/support/stores.h"

static const char *const abc[DIGEST_ALGOS] = {
        [DIGEST_MD5] = "900150983cd24fb0d6963f7d28e17f72",
        [DIGEST_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",
        [DIGEST_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        [DIGEST_SHA512] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

static void
computes_published_values(void **state)
{
	struct digests digests = digests_of("abc", 3);
	struct sha256_hasher *hasher = sha256_hasher_create();
	uint8_t value[32];

	(void)state;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		char hex[DIGEST_HEX_MAX];

		assert_true(digests_get(&digests, (enum digest_algo)algo, &digest));
		digest_hex(&digest, hex);
		assert_string_equal(hex, abc[algo]);
	}
	sha256_hasher_add(hasher, "a", 1);
	sha256_hasher_add(hasher, "bc", 2);
	sha256_hasher_value(hasher, value);
	assert_memory_equal(value, digests.sha256, 32);
	sha256_hasher_value(hasher, value); /* which started anew */
	digests = digests_of("", 0);
	assert_memory_equal(value, digests.sha256, 32);
	sha256_hasher_destroy(hasher);
	sha256_hasher_destroy(NULL);
	hasher_destroy(NULL);
}

static void
parses_what_it_prints(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest = digest_of("abc", (enum digest_algo)algo), parsed;
		char text[DIGEST_TEXT_MAX];

		digest_text(&digest, text);
		assert_true(digest_parse_text(text, &parsed, &err));
		assert_true(digest_equal(&digest, &parsed));
		*strchr(text, ':') = '=';
		assert_true(digest_parse_text(text, &parsed, &err));
		assert_true(digest_parse(digest_algo_name(digest.algo), abc[algo], &parsed, &err));
		assert_true(digest_equal(&digest, &parsed));
	}
}

static void
reads_other_spellings(void **state)
{
	struct digest digest, lower = digest_of("abc", DIGEST_MD5);
	struct err err = ERR_NONE;

	(void)state;
	assert_true(digest_parse_text(abc[DIGEST_MD5], &digest, &err)); /* opam's bare md5 */
	assert_true(digest_equal(&digest, &lower));
	assert_true(digest_parse("MD5", "900150983CD24FB0D6963F7D28E17F72", &digest, &err));
	assert_true(digest_equal(&digest, &lower));
}

static void
refuses_what_is_no_digest(void **state)
{
	static const struct {
		const char *text, *part;
	} wrong[] = {
	        {"", "is no digest"},
	        {"abc", "is no digest"},
	        {"sha256", "is no digest"},
	        {"sha3=00", "no digest algorithm"},
	        {"an-algorithm-with-a-long-name=00", "is no digest"},
	        {"md5=", "32 hexadecimal digits, not 0"},
	        {"md5=900150983cd24fb0d6963f7d28e17f7", "not 31"},
	        {"md5=900150983cd24fb0d6963f7d28e17f72a", "not 33"},
	        {"md5=900150983cd24fb0d6963f7d28e17f7g", "hexadecimal digits only"},
	        {"md5=900150983cd24fb0d6963f7d28e17f/2", "hexadecimal digits only"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct digest digest;
		struct err err = ERR_NONE;

		assert_false(digest_parse_text(wrong[i].text, &digest, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		if (strstr(err.text, wrong[i].part) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, wrong[i].part);
	}
}

static void
compares_sets(void **state)
{
	struct digests all = digests_of("abc", 3), none = {0}, one = {0}, other = {0};
	struct digest digest = digest_of("abc", DIGEST_MD5), wrong = digest_of("xyz", DIGEST_MD5);

	(void)state;
	digests_put(&one, &digest);
	digests_put(&other, &wrong);
	assert_int_equal(digests_count(&none), 0);
	assert_int_equal(digests_count(&one), 1);
	assert_int_equal(digests_count(&all), DIGEST_ALGOS);
	assert_true(
	        digests_have(&all, &digest) && !digests_have(&all, &wrong) && !digests_have(&none, &digest));
	assert_true(digests_agree(&all, &one) && digests_agree(&none, &one) && !digests_agree(&one, &other));
	assert_true(digests_satisfy(&all, &one) && digests_satisfy(&one, &none));
	assert_false(
	        digests_satisfy(&one, &all) || digests_satisfy(&none, &one) || digests_satisfy(&all, &other));
	assert_true(digests_strong(&all) && !digests_strong(&one) && !digests_strong(&none));
	assert_int_equal(digests_best(&all).algo, DIGEST_SHA256);
	assert_int_equal(digests_best(&one).algo, digest.algo);
	assert_null(digests_bytes(&one, DIGEST_SHA256));
	assert_memory_equal(digests_bytes(&one, DIGEST_MD5), all.md5, 16);
	assert_true(digest_compare(&digest, &wrong) != 0 &&
	            digest_compare(&digest, &wrong) == -digest_compare(&wrong, &digest));
	digests_put(&one, &wrong);
	assert_int_equal(digests_count(&one), 1);
	assert_true(digests_have(&one, &wrong));
}

static void
reads_a_file_to_its_end(void **state)
{
	enum { LENGTH = 700001 };
	static char bytes[LENGTH];
	char *directory = temp_make();
	AUTO_FREE char *path = path_below(directory, "file");
	struct digests whole, read;
	uint64_t size;
	struct err err = ERR_NONE;
	AUTO_FD fd = -1;

	(void)state;
	for (size_t i = 0; i < LENGTH; i++)
		bytes[i] = (char)(i * 31 + i / 1000);
	whole = digests_of(bytes, LENGTH);
	write_file(path, bytes, LENGTH);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(digest_file(fd, &read, &size, &err));
	assert_int_equal(size, LENGTH);
	assert_true(digests_satisfy(&read, &whole));
	assert_false(digest_file(-1, &read, &size, &err));
	assert_int_equal(err.code, ERR_IO);
	temp_remove(directory);
}

/* RFC 4231, section 4.3: test case 2, and 4.7: a key longer than a block. */
static void
signs(void **state)
{
	uint8_t long_key[131], value[32];
	char hex[65];
	const char *data = "Test Using Larger Than Block-Size Key - Hash Key First";

	(void)state;
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, value);
	text_hex(value, sizeof value, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, sizeof long_key);
	digest_hmac(long_key, sizeof long_key, data, strlen(data), value);
	text_hex(value, sizeof value, hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(signs),
	        cmocka_unit_test(computes_published_values),
	        cmocka_unit_test(parses_what_it_prints),
	        cmocka_unit_test(reads_other_spellings),
	        cmocka_unit_test(refuses_what_is_no_digest),
	        cmocka_unit_test(compares_sets),
	        cmocka_unit_test(reads_a_file_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
