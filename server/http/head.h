/*
 * The head of a plain request: GET or HEAD by HTTP/1.1, in the one form that clients write when nothing is special. Whatever else comes
 * is not wrong, only not plain, and libmicrohttpd's to read.
 */
#ifndef SERVER_HTTP_HEAD_H
#define SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "server/http/request.h"
#include "storage/digest.h"

#define HEAD_MAX        8192 /* bytes of a plain one */
#define HEAD_FIELDS_MAX 32   /* header fields of a plain one */

/* Its strings are borrowed from the bytes that were read, or from the memory. */
struct head {
	enum request_method method;             /* METHOD_GET or METHOD_HEAD */
	const char *path;                       /* begins with /, and there was no query */
	bool is_archive;                        /* it is the path of one */
	struct digest digest;                   /* of that */
	const char *user_agent, *forwarded_for; /* NULL: not sent */
	bool closes;                            /* Connection: close */
	size_t length;                          /* bytes, the empty line among them; a body there is not */
};

#define HEAD_REMEMBERED_MAX 1024 /* bytes of fields */
#define HEAD_LINE_MAX       160  /* bytes of a line: as tools write one with a sha512 */
#define HEAD_LINES          2048 /* a power of two */

/* The first line of a plain head that asks for an archive. */
struct head_line {
	size_t length; /* bytes, its end among them; 0: nothing is remembered */
	char sent[HEAD_LINE_MAX];
	enum request_method method;
	struct digest digest;
};

/*
 * What was read before, for one thread. A client sends the same fields with each request, and a crowd of the same clients does: those of the
 * last plain head. Whoever asks for an archive that is often asked for writes it as the others do: the lines of many.
 */
struct head_memory {
	size_t length; /* bytes; 0: nothing is remembered */
	char sent[HEAD_REMEMBERED_MAX], parsed[HEAD_REMEMBERED_MAX];
	struct head found; /* what they meant: nothing of the line before them */
	struct head_line lines[HEAD_LINES];
};

/*
 * True: the bytes begin with the complete head of a plain request that the guard lets through and that asks for nothing special: no part,
 * no condition, no body, no expectation. The bytes are written to: what ret points to is terminated. A pure function: what is remembered
 * (memory is NULL: nothing is) is not looked at again, and nothing else comes of it.
 */
bool head_is_plain(char *bytes, size_t length, struct head_memory *memory, struct head *ret);

#endif
