/*
 * The router. Runs on the worker's thread; the grammar is a pure function over bytes of a client, so it
 * copies segments into buffers of fixed size and compares, and does nothing else with them.
 */
#include "server/http/router.h"

#include <stdio.h>
#include <string.h>

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
	if (!digest_parse_hex(algo, hex, &digest, err))
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

/* --- the table --- */

/* "<algo>/<hex>" to the end of the path: one spelling, since only larder's own clients write it. */
static enum path_answer
digest_of_path(const char *rest, struct digest *ret, struct err *err)
{
	struct segment name = {rest, strcspn(rest, "/")}, hash;
	const char *at = rest + name.length;
	enum digest_algo algo;

	hash = next_segment(&at);
	if (name.length == 0 || hash.bytes == NULL || *at != '\0')
		return PATH_OTHER;
	if (algo_parse(name, &algo))
		return parse_hash(algo, (struct segment){0}, hash, ret, err);
	err_set(err, ERR_BAD_REQUEST, "no such algorithm; larder knows md5, sha1, sha256 and sha512");
	return PATH_WRONG;
}

static enum path_answer
id_of_path(const char *rest, int64_t *ret)
{
	uint64_t number;

	if (!text_parse_number(rest, &number))
		return PATH_OTHER;
	*ret = (int64_t)number;
	return PATH_ARCHIVE;
}

/* PATH_ARCHIVE: the path is this row's. What a row has in braces is the end of it. */
static enum path_answer
match(const struct route *route, const char *path, struct route_values *ret, struct err *err)
{
	size_t literal = strcspn(route->path, "{");

	if (route->path[literal] == '\0')
		return strcmp(path, route->path) == 0 ? PATH_ARCHIVE : PATH_OTHER;
	if (strncmp(path, route->path, literal) != 0)
		return PATH_OTHER;
	if (strcmp(route->path + literal, "{id}") == 0)
		return id_of_path(path + literal, &ret->id);
	return digest_of_path(path + literal, &ret->digest, err);
}

/* A row for GET answers HEAD too. */
static bool
answers(const struct route *route, enum request_method method)
{
	return route->method == method || (route->method == METHOD_GET && method == METHOD_HEAD);
}

static const struct route *
no_route(const struct route_values *found, struct err *err)
{
	if (found->methods == 0)
		err_set(err, ERR_NOT_FOUND, "no such page; archives are at /<algorithm>/<hash>");
	else
		err_set(err, ERR_METHOD, "this path is not for that method");
	return NULL;
}

const struct route *
route_find(enum request_method method, const char *path, struct route_values *ret, struct err *err)
{
	ret->methods = 0;
	for (size_t i = 0; i < n_routes; i++) {
		switch (match(&routes[i], path, ret, err)) {
		case PATH_ARCHIVE:
			if (answers(&routes[i], method))
				return &routes[i];
			ret->methods |= 1u << routes[i].method;
			break;
		case PATH_WRONG:
			return NULL;
		case PATH_OTHER:
			break;
		}
	}
	return no_route(ret, err);
}

static const struct route *
find_archive_route(enum request_method method, struct route_values *ret, struct err *err)
{
	ret->methods = 0;
	for (size_t i = 0; i < n_archive_routes; i++) {
		if (answers(&archive_routes[i], method))
			return &archive_routes[i];
		ret->methods |= 1u << archive_routes[i].method;
	}
	return no_route(ret, err);
}

/* "GET, HEAD, PUT": RFC 9110, section 10.2.1. */
static void
write_allowed(unsigned methods, char ret[ALLOWED_MAX])
{
	static const struct {
		enum request_method method;
		const char *name;
	} names[] = {{METHOD_GET, "GET, HEAD"}, {METHOD_PUT, "PUT"}, {METHOD_POST, "POST"},
	        {METHOD_DELETE, "DELETE"}};
	size_t length = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if ((methods & 1u << names[i].method) != 0)
			length += (size_t)snprintf(ret + length, ALLOWED_MAX - length, "%s%s",
			        length > 0 ? ", " : "", names[i].name);
}

/* The path is no archive's: a row of the table has it, or nobody. */
static const struct route *
find_in_table(struct request *request, struct err *err)
{
	struct route_values values = {0};
	const struct route *route = route_find(request->method, request->path, &values, err);

	if (route != NULL) {
		request->kind = route->kind;
		request->digest = values.digest;
		request->id = values.id;
		return route;
	}
	request->kind = KIND_OTHER;
	write_allowed(values.methods, request->allowed);
	return NULL;
}

const struct route *
router_find(struct request *request, struct err *err)
{
	const struct route *route;
	struct route_values values;

	request->kind = KIND_ARCHIVE;
	switch (path_parse(request->path, &request->digest, err)) {
	case PATH_ARCHIVE:
		route = find_archive_route(request->method, &values, err);
		if (route != NULL)
			request->kind = route->kind;
		else
			write_allowed(values.methods, request->allowed);
		return route;
	case PATH_WRONG:
		return NULL;
	case PATH_OTHER:
		break;
	}
	return find_in_table(request, err);
}
