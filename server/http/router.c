/*
 * The router. Runs on the worker's thread; the grammar is a pure function over bytes of a client, so it
 * copies segments into buffers of fixed size and compares, and does nothing else with them.
 */
#include "server/http/router.h"

#include <string.h>

#include "server/archive/archive.h"
#include "storage/base/text.h"

#define LOOKS_LIKE_HASH 32 /* hexadecimal digits: the shortest algorithm's, md5 */
#define SHARD_LENGTH    2
#define ALGO_NAME_MAX   16

/* A piece of the path between slashes; bytes NULL: the path ended before it. */
struct segment {
	const char *bytes;
	size_t length;
};

static struct segment
next_segment(const char **at)
{
	struct segment segment = {0};

	if (**at != '/')
		return segment;
	segment.bytes = *at + 1;
	segment.length = strcspn(segment.bytes, "/");
	*at = segment.bytes + segment.length;
	return segment;
}

static bool
is_hex(struct segment segment)
{
	return segment.bytes != NULL && strspn(segment.bytes, "0123456789abcdefABCDEF") >= segment.length;
}

static bool
segment_is(struct segment segment, const char *string)
{
	return segment.bytes != NULL && segment.length == strlen(string) &&
	       memcmp(segment.bytes, string, segment.length) == 0;
}

/* The name of an algorithm; false: there is none of that name. */
static bool
algo_parse(struct segment segment, enum digest_algo *ret)
{
	char name[ALGO_NAME_MAX];

	if (segment.bytes == NULL || segment.length >= sizeof name)
		return false;
	memcpy(name, segment.bytes, segment.length);
	name[segment.length] = '\0';
	return digest_algo_parse(name, ret);
}

/* Digits of the hash, and of the shard when there is one, into a digest. */
static enum path_answer
parse_hash(
        enum digest_algo algo, struct segment shard, struct segment hash, struct digest *ret, struct err *err)
{
	char hex[DIGEST_HEX_MAX];
	uint8_t first;
	char shard_hex[SHARD_LENGTH + 1] = {0};
	struct digest digest;

	if (hash.bytes == NULL || hash.length >= sizeof hex) {
		err_set(err, ERR_BAD_REQUEST, "a %s has %zu hexadecimal digits", digest_algo_name(algo),
		        2 * digest_size(algo));
		return PATH_WRONG;
	}
	memcpy(hex, hash.bytes, hash.length);
	hex[hash.length] = '\0';
	if (!digest_parse(digest_algo_name(algo), hex, &digest, err))
		return PATH_WRONG;
	if (shard.bytes != NULL) {
		memcpy(shard_hex, shard.bytes, SHARD_LENGTH);
		if (!text_unhex(shard_hex, &first, 1) || first != digest.bytes[0]) {
			err_set(err, ERR_BAD_REQUEST, "the two digits before the hash are not its first two");
			return PATH_WRONG;
		}
	}
	*ret = digest;
	return PATH_ARCHIVE;
}

/* Under no known algorithm: does it still look as if an archive was meant? */
static enum path_answer
parse_unknown(struct segment second, struct segment third, struct err *err)
{
	struct segment hash = second.length == SHARD_LENGTH ? third : second;

	if (!is_hex(second) || !is_hex(hash) || hash.length < LOOKS_LIKE_HASH)
		return PATH_OTHER;
	err_set(err, ERR_BAD_REQUEST, "no such algorithm; larder knows md5, sha1, sha256 and sha512");
	return PATH_WRONG;
}

enum path_answer
path_parse(const char *path, struct digest *ret, struct err *err)
{
	const char *at = path;
	struct segment first, shard = {0}, hash, name;
	enum digest_algo algo;

	if (strchr(path, '%') != NULL)
		return PATH_OTHER;
	first = next_segment(&at);
	if (segment_is(first, "cache"))
		first = next_segment(&at);
	hash = next_segment(&at);
	if (first.bytes == NULL || hash.bytes == NULL)
		return PATH_OTHER;
	if (!algo_parse(first, &algo))
		return parse_unknown(hash, next_segment(&at), err);
	if (hash.length == SHARD_LENGTH) {
		shard = hash;
		hash = next_segment(&at);
	}
	if (*at == '/') {
		name = next_segment(&at);
		if (name.length == 0 || *at != '\0')
			return PATH_OTHER;
	}
	return parse_hash(algo, shard, hash, ret, err);
}

/* GET and HEAD of an archive. */
static const struct route archive_route = {
        METHOD_GET, "/{digest}", KIND_ARCHIVE, ACCESS_ANYONE, archive_get, NULL, NULL};

const struct route *
route_find(const char *path)
{
	for (size_t i = 0; i < n_routes; i++)
		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
	return NULL;
}

const struct route *
router_find(struct request *request, const char **ret_allowed, struct err *err)
{
	const struct route *route;

	*ret_allowed = "GET, HEAD";
	switch (path_parse(request->path, &request->digest, err)) {
	case PATH_ARCHIVE:
		request->kind = KIND_ARCHIVE;
		return &archive_route;
	case PATH_WRONG:
		request->kind = KIND_ARCHIVE;
		return NULL;
	case PATH_OTHER:
		break;
	}
	route = route_find(request->path);
	if (route == NULL) {
		request->kind = KIND_OTHER;
		err_set(err, ERR_NOT_FOUND, "no such page; archives are at /<algorithm>/<hash>");
		return NULL;
	}
	request->kind = route->kind;
	return route;
}
