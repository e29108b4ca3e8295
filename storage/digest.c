/*
 * Digests and their sets, and the only file that calls OpenSSL's digests. Values only, except for the
 * hashers, each of which belongs to one thread.
 */
#include "storage/digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

static const struct {
	const char *name;
	size_t size;
	size_t offset; /* in struct digests */
} algos[DIGEST_ALGOS] = {
        [DIGEST_MD5] = {"md5", 16, offsetof(struct digests, md5)},
        [DIGEST_SHA1] = {"sha1", 20, offsetof(struct digests, sha1)},
        [DIGEST_SHA256] = {"sha256", 32, offsetof(struct digests, sha256)},
        [DIGEST_SHA512] = {"sha512", 64, offsetof(struct digests, sha512)},
};

size_t
digest_size(enum digest_algo algo)
{
	return algos[algo].size;
}

const char *
digest_algo_name(enum digest_algo algo)
{
	return algos[algo].name;
}

bool
digest_algo_parse(const char *name, enum digest_algo *ret)
{
	for (int i = 0; i < DIGEST_ALGOS; i++) {
		if (strcasecmp(name, algos[i].name) != 0)
			continue;
		*ret = (enum digest_algo)i;
		return true;
	}
	return false;
}

bool
digest_is_strong(enum digest_algo algo)
{
	return algo == DIGEST_SHA256 || algo == DIGEST_SHA512;
}

bool
digest_parse(const char *algo, const char *hex, struct digest *ret, struct err *err)
{
	enum digest_algo parsed;

	if (!digest_algo_parse(algo, &parsed))
		return err_set(err, ERR_BAD_REQUEST,
		        "no digest algorithm is called '%.20s'; larder knows md5, sha1, sha256 and sha512",
		        algo);
	return digest_parse_hex(parsed, hex, ret, err);
}

bool
digest_parse_hex(enum digest_algo algo, const char *hex, struct digest *ret, struct err *err)
{
	struct digest digest = {.algo = algo};
	size_t length = strlen(hex);

	if (length != 2 * digest_size(digest.algo))
		return err_set(err, ERR_BAD_REQUEST, "a %s digest has %zu hexadecimal digits, not %zu",
		        digest_algo_name(digest.algo), 2 * digest_size(digest.algo), length);
	if (!text_unhex(hex, digest.bytes, digest_size(digest.algo)))
		return err_set(err, ERR_BAD_REQUEST, "a %s digest is made of hexadecimal digits only",
		        digest_algo_name(digest.algo));
	*ret = digest;
	return true;
}

bool
digest_parse_text(const char *text, struct digest *ret, struct err *err)
{
	size_t algo_length = strcspn(text, "=:");
	char algo[16];

	if (text[algo_length] == '\0' && algo_length == 32)
		return digest_parse_hex(DIGEST_MD5, text, ret, err);
	if (text[algo_length] == '\0' || algo_length >= sizeof algo)
		return err_set(err, ERR_BAD_REQUEST,
		        "'%.60s' is no digest: write algorithm:hex, such as sha256:…", text);
	memcpy(algo, text, algo_length);
	algo[algo_length] = '\0';
	return digest_parse(algo, text + algo_length + 1, ret, err);
}

int
digest_compare(const struct digest *a, const struct digest *b)
{
	if (a->algo != b->algo)
		return a->algo < b->algo ? -1 : 1;
	return memcmp(a->bytes, b->bytes, digest_size(a->algo));
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return digest_compare(a, b) == 0;
}

void
digest_hex(const struct digest *digest, char ret[DIGEST_HEX_MAX])
{
	text_hex(digest->bytes, digest_size(digest->algo), ret);
}

void
digest_text(const struct digest *digest, char ret[DIGEST_TEXT_MAX])
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	snprintf(ret, DIGEST_TEXT_MAX, "%s:%s", digest_algo_name(digest->algo), hex);
}

static uint8_t *
value_in(struct digests *set, enum digest_algo algo)
{
	return (uint8_t *)set + algos[algo].offset;
}

const uint8_t *
digests_bytes(const struct digests *set, enum digest_algo algo)
{
	if ((set->known & 1u << algo) == 0)
		return NULL;
	return (const uint8_t *)set + algos[algo].offset;
}

bool
digests_get(const struct digests *set, enum digest_algo algo, struct digest *ret)
{
	const uint8_t *bytes = digests_bytes(set, algo);

	if (bytes == NULL)
		return false;
	*ret = (struct digest){.algo = algo};
	memcpy(ret->bytes, bytes, digest_size(algo));
	return true;
}

void
digests_put(struct digests *set, const struct digest *digest)
{
	memcpy(value_in(set, digest->algo), digest->bytes, digest_size(digest->algo));
	set->known |= 1u << digest->algo;
}

void
digests_add(struct digests *set, const struct digests *others)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (digests_get(others, (enum digest_algo)algo, &digest))
			digests_put(set, &digest);
	}
}

bool
digests_have(const struct digests *set, const struct digest *digest)
{
	const uint8_t *bytes = digests_bytes(set, digest->algo);

	return bytes != NULL && memcmp(bytes, digest->bytes, digest_size(digest->algo)) == 0;
}

bool
digests_agree(const struct digests *a, const struct digests *b)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		const uint8_t *left = digests_bytes(a, algo), *right = digests_bytes(b, algo);

		if (left != NULL && right != NULL && memcmp(left, right, digest_size(algo)) != 0)
			return false;
	}
	return true;
}

bool
digests_satisfy(const struct digests *set, const struct digests *wanted)
{
	return (set->known & wanted->known) == wanted->known && digests_agree(set, wanted);
}

bool
digests_strong(const struct digests *set)
{
	return (set->known & (1u << DIGEST_SHA256 | 1u << DIGEST_SHA512)) != 0;
}

int
digests_count(const struct digests *set)
{
	return __builtin_popcount(set->known);
}

const enum digest_algo digests_best_first[DIGEST_ALGOS] = {
        DIGEST_SHA256, DIGEST_SHA512, DIGEST_SHA1, DIGEST_MD5};

struct digest
digests_best(const struct digests *set)
{
	struct digest digest = {0};

	for (int i = 0; i < DIGEST_ALGOS; i++)
		if (digests_get(set, digests_best_first[i], &digest))
			break;
	return digest;
}

void
digests_best_text(const struct digests *set, char ret[DIGEST_TEXT_MAX])
{
	struct digest best = digests_best(set);

	digest_text(&best, ret);
}

struct hasher {
	EVP_MD_CTX *contexts[DIGEST_ALGOS];
};

static const EVP_MD *
openssl_algo(enum digest_algo algo)
{
	switch (algo) {
	case DIGEST_MD5:
		return EVP_md5();
	case DIGEST_SHA1:
		return EVP_sha1();
	case DIGEST_SHA256:
		return EVP_sha256();
	case DIGEST_SHA512:
		return EVP_sha512();
	}
	assert(!"no such algorithm");
	return NULL;
}

/*
 * OpenSSL fails here only when memory is out or the algorithm is switched off: nothing larder does is
 * possible then.
 */
static void
must(int openssl_result)
{
	if (openssl_result == 1)
		return;
	fputs("larder: OpenSSL cannot compute a digest; stopping\n", stderr);
	abort();
}

static EVP_MD_CTX *
context_create(enum digest_algo algo)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	must(context != NULL && EVP_DigestInit_ex(context, openssl_algo(algo), NULL));
	return context;
}

static void
context_value(EVP_MD_CTX *context, enum digest_algo algo, uint8_t *ret)
{
	must(EVP_DigestFinal_ex(context, ret, NULL));
	must(EVP_DigestInit_ex(context, openssl_algo(algo), NULL));
}

struct hasher *
hasher_create_for(unsigned wanted)
{
	struct hasher *hasher = xcalloc(1, sizeof *hasher);

	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		if ((wanted & 1u << algo) != 0)
			hasher->contexts[algo] = context_create(algo);
	return hasher;
}

struct hasher *
hasher_create(void)
{
	return hasher_create_for((1u << DIGEST_ALGOS) - 1);
}

void
hasher_add(struct hasher *hasher, const void *bytes, size_t length)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		if (hasher->contexts[algo] != NULL)
			must(EVP_DigestUpdate(hasher->contexts[algo], bytes, length));
}

void
hasher_digests(struct hasher *hasher, struct digests *ret)
{
	ret->known = 0;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		if (hasher->contexts[algo] == NULL)
			continue;
		context_value(hasher->contexts[algo], algo, value_in(ret, algo));
		ret->known |= 1u << algo;
	}
}

void
hasher_destroy(struct hasher *hasher)
{
	if (hasher == NULL)
		return;
	for (int algo = 0; algo < DIGEST_ALGOS; algo++)
		EVP_MD_CTX_free(hasher->contexts[algo]);
	free(hasher);
}

bool
digest_file(int fd, struct digests *ret, uint64_t *ret_size, struct err *err)
{
	struct hasher *hasher = hasher_create();
	AUTO_FREE char *chunk = xmalloc(1 << 18);
	uint64_t size = 0;
	ssize_t got;

	while ((got = file_pread(fd, chunk, 1 << 18, size, err)) > 0) {
		hasher_add(hasher, chunk, (size_t)got);
		size += (uint64_t)got;
	}
	if (got == 0) {
		hasher_digests(hasher, ret);
		*ret_size = size;
	}
	hasher_destroy(hasher);
	return got == 0;
}

struct sha256_hasher {
	EVP_MD_CTX *context;
};

struct sha256_hasher *
sha256_hasher_create(void)
{
	struct sha256_hasher *hasher = xcalloc(1, sizeof *hasher);

	hasher->context = context_create(DIGEST_SHA256);
	return hasher;
}

void
sha256_hasher_add(struct sha256_hasher *hasher, const void *bytes, size_t length)
{
	must(EVP_DigestUpdate(hasher->context, bytes, length));
}

void
sha256_hasher_value(struct sha256_hasher *hasher, uint8_t ret[32])
{
	context_value(hasher->context, DIGEST_SHA256, ret);
}

void
sha256_hasher_destroy(struct sha256_hasher *hasher)
{
	if (hasher == NULL)
		return;
	EVP_MD_CTX_free(hasher->context);
	free(hasher);
}

void
digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length, uint8_t ret[32])
{
	must(HMAC(EVP_sha256(), key, (int)key_length, bytes, length, ret, NULL) != NULL);
}
