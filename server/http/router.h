/*
 * The router: from a path to who answers it. Archives have a grammar, everything else is a row of a fixed table. No file name is ever
 * built from what the client wrote.
 *
 *   archive = ["/cache"] "/" algo "/" [shard "/"] hash ["/" name]      algo and hash in either case; shard: the hash's first two digits
 */
#ifndef SERVER_HTTP_ROUTER_H
#define SERVER_HTTP_ROUTER_H

#include "server/http/request.h"
#include "storage/base/err.h"
#include "storage/digest.h"

/*
 * PATH_OTHER: not the path of an archive at all (404 where the table has no such page either); every path
 * with a "%" is one. PATH_WRONG: meant for an archive, ERR_BAD_REQUEST says what is wrong: shard and hash
 * disagree, wrong length, not hexadecimal; or something that looks like a hash (32 hexadecimal digits or
 * more) stands under a name that is no algorithm.
 */
enum path_answer { PATH_ARCHIVE, PATH_WRONG, PATH_OTHER };

/* A pure function. Sets *ret for PATH_ARCHIVE and err for PATH_WRONG only. */
enum path_answer path_parse(const char *path, struct digest *ret, struct err *err) MUST_CHECK;

struct route {
	const char *path;
	enum request_kind kind;
	handler_fn *handler;
};

/* The row of the table for this path (routes.c); NULL: none. */
const struct route *route_find(const char *path);

/*
 * Who answers request->path: sets kind and, for an archive, digest. NULL: nobody, err says why
 * (ERR_NOT_FOUND, ERR_BAD_REQUEST).
 */
handler_fn *router_find(struct request *request, struct err *err) MUST_CHECK;

#endif
