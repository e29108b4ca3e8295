/*
 * The head of a plain request: GET or HEAD by HTTP/1.1, in the one form that clients write when nothing is special. Whatever else comes
 * is not wrong, only not plain, and libmicrohttpd's to read.
 */
#ifndef SERVER_HTTP_HEAD_H
#define SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "server/http/request.h"

#define HEAD_MAX        8192 /* bytes of a plain one */
#define HEAD_FIELDS_MAX 32   /* header fields of a plain one */

/* Everything in it is borrowed from the bytes that were read, or from the memory. */
struct head {
	enum request_method method;             /* METHOD_GET or METHOD_HEAD */
	const char *path;                       /* begins with /, and there was no query */
	const char *user_agent, *forwarded_for; /* NULL: not sent */
	bool closes;                            /* Connection: close */
	size_t length;                          /* bytes, the empty line among them; a body there is not */
};

#define HEAD_REMEMBERED_MAX 1024 /* bytes */

/* The fields of the last plain head, for one thread. A client sends the same with each request, and a crowd of the same clients does. */
struct head_memory {
	size_t length; /* bytes; 0: nothing is remembered */
	char sent[HEAD_REMEMBERED_MAX], parsed[HEAD_REMEMBERED_MAX];
	struct head found; /* what they meant: nothing of the line before them */
};

/*
 * True: the bytes begin with the complete head of a plain request that the guard lets through and that asks for nothing special: no part,
 * no condition, no body, no expectation. The bytes are written to: what ret points to is terminated. A pure function: fields
 * that are remembered are not looked at again, and nothing else comes of it.
 */
bool head_is_plain(char *bytes, size_t length, struct head_memory *memory, struct head *ret);

#endif
