/*
 * Digests: what an archive is called. One digest is an algorithm and its value; all digests of one archive
 * are a set with at most one of each algorithm. Values, copied freely.
 */
#ifndef STORAGE_DIGEST_H
#define STORAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"

enum digest_algo { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };

#define DIGEST_ALGOS    4
#define DIGEST_MAX      64                   /* bytes of the longest value */
#define DIGEST_HEX_MAX  (2 * DIGEST_MAX + 1) /* room for its hexadecimal */
#define DIGEST_TEXT_MAX (DIGEST_HEX_MAX + 8) /* room for "sha512:<hex>" */

struct digest {
	enum digest_algo algo;
	uint8_t bytes[DIGEST_MAX]; /* digest_size(algo) of them count, the rest are 0 */
};

size_t digest_size(enum digest_algo algo);                       /* 16, 20, 32 or 64 bytes */
const char *digest_algo_name(enum digest_algo algo);             /* "sha256" */
bool digest_algo_parse(const char *name, enum digest_algo *ret); /* in either case: CMake writes SHA512 */
bool digest_is_strong(enum digest_algo algo); /* sha256 and sha512 prove; md5 and sha1 only name */

/* ERR_BAD_REQUEST says which of algorithm, length and characters is wrong. */
bool digest_parse(const char *algo, const char *hex, struct digest *ret, struct err *err) MUST_CHECK;
bool digest_parse_hex(enum digest_algo algo, const char *hex, struct digest *ret, struct err *err) MUST_CHECK;
/* "sha256=<hex>" as opam writes it or "sha256:<hex>"; bare hex of md5's length is md5, as in opam files. */
bool digest_parse_text(const char *text, struct digest *ret, struct err *err) MUST_CHECK;
bool digest_equal(const struct digest *a, const struct digest *b);
int digest_compare(const struct digest *a, const struct digest *b); /* an order, as memcmp */
void digest_hex(const struct digest *digest, char ret[DIGEST_HEX_MAX]);
void digest_text(const struct digest *digest, char ret[DIGEST_TEXT_MAX]); /* "sha256:<hex>" */

/* At most one digest of each algorithm, of one archive. All zero: the empty set. */
struct digests {
	unsigned known; /* bit 1 << algo: this one is in the set */
	uint8_t md5[16];
	uint8_t sha1[20];
	uint8_t sha256[32];
	uint8_t sha512[64];
};

bool digests_get(
        const struct digests *set, enum digest_algo algo, struct digest *ret); /* false: not in the set */
void digests_put(struct digests *set, const struct digest *digest);  /* replaces one of the same algorithm */
void digests_add(struct digests *set, const struct digests *others); /* each as digests_put */
bool digests_have(const struct digests *set, const struct digest *digest); /* this very value is in the set */
bool digests_agree(
        const struct digests *a, const struct digests *b); /* no algorithm is in both with different values */
/* Every digest of wanted is in set with the same value; an empty wanted is satisfied by anything. */
bool digests_satisfy(const struct digests *set, const struct digests *wanted);
bool digests_strong(const struct digests *set); /* holds a sha256 or sha512 */
int digests_count(const struct digests *set);
/* Those that prove come first; sha256 before sha512, since it is the name in the store. */
extern const enum digest_algo digests_best_first[DIGEST_ALGOS];
/* The digest to ask by: the best there is. All zero where the set is empty. */
struct digest digests_best(const struct digests *set);
void digests_best_text(const struct digests *set, char ret[DIGEST_TEXT_MAX]);   /* "sha256:<hex>" of it */
const uint8_t *digests_bytes(const struct digests *set, enum digest_algo algo); /* NULL: not in the set */

/* Computes all four digests of a stream of bytes. Owned by one thread at a time. */
struct hasher *hasher_create(void);
struct hasher *hasher_create_for(unsigned wanted); /* some of them: bits 1 << algo */
void hasher_add(struct hasher *hasher, const void *bytes, size_t length);
void hasher_digests(
        struct hasher *hasher, struct digests *ret); /* of all that was added; the hasher starts anew */
void hasher_destroy(struct hasher *hasher);

/*
 * The digests and the size of an open file from its start to its end. Reads with pread; blocks on the disk.
 */
bool digest_file(int fd, struct digests *ret, uint64_t *ret_size, struct err *err) MUST_CHECK;

/* One algorithm alone, for checking a blob against its name: several times faster than all four. */
struct sha256_hasher *sha256_hasher_create(void);
void sha256_hasher_add(struct sha256_hasher *hasher, const void *bytes, size_t length);
void sha256_hasher_value(struct sha256_hasher *hasher, uint8_t ret[32]);
void sha256_hasher_destroy(struct sha256_hasher *hasher);

/* HMAC-SHA256 (RFC 2104). */
void digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length, uint8_t ret[32]);

#endif
