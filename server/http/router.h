/*
 * The router: from a path to who answers it. Archives have a grammar, everything else is a row of a fixed table. No file name is ever
 * built from what the client wrote.
 *
 *   archive = ["/cache"] "/" algo "/" [shard "/"] hash ["/" name]      algo and hash in either case; shard: the hash's first two digits
 */
#ifndef SERVER_HTTP_ROUTER_H
#define SERVER_HTTP_ROUTER_H

#include "server/http/body.h"
#include "server/http/desk.h"
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

/*
 * A row of the table: a method and a path, who may use it, and who answers. In the path {digest} stands for
 * "<algo>/<hex>", which goes to request->digest, and {id} for a number, which goes to request->id. A row for
 * GET answers HEAD too. Of handler and api exactly one is set.
 */
struct route {
	enum request_method method;
	const char *path;
	enum request_kind kind;
	unsigned access;              /* server/admin/auth.h: ACCESS_ANYONE, or who may */
	handler_fn *handler;          /* on the worker's thread: must not block */
	api_fn *api;                  /* on a clerk's: may block, answers JSON */
	const struct body_kind *body; /* NULL: takes none */
};

/* All rows (routes.c), for the test that holds the description of the API against them. */
extern const struct route routes[];
extern const size_t n_routes;
/* The paths of archives; their grammar is path_parse's. */
extern const struct route archive_routes[];
extern const size_t n_archive_routes;

/* What a path says, besides who answers it. */
struct route_values {
	struct digest digest;
	int64_t id;
	unsigned methods; /* 1 << METHOD_GET …: those that this path answers */
};

/*
 * The row of the table for this path and method. NULL, err says why: ERR_NOT_FOUND; ERR_BAD_REQUEST: the digest in it
 * is wrong; ERR_METHOD: ret->methods has others. A pure function.
 */
const struct route *route_find(
        enum request_method method, const char *path, struct route_values *ret, struct err *err) MUST_CHECK;

/*
 * Who answers this request: sets request->kind, and digest and id where the path has them. NULL, err says why:
 * ERR_NOT_FOUND, ERR_BAD_REQUEST, or ERR_METHOD (request->allowed is then "GET, HEAD, PUT": what is answered there).
 */
const struct route *router_find(struct request *request, struct err *err) MUST_CHECK;

#endif
