/*
 * The guard: is this request clean HTTP? libmicrohttpd lets forms through by which one client can slip a
 * request into the connection of another behind a shared proxy; every one of them is refused here, before
 * anything else looks at the request.
 */
#ifndef SERVER_HTTP_GUARD_H
#define SERVER_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"

/* A header field as the parser gives it; borrowed, lengths in bytes without a terminator. */
struct guard_field {
	const char *name, *value;
	size_t name_length, value_length;
};

#define GUARD_FIELDS_MAX 100 /* header fields of a request */

struct guard_request {
	const char *method, *target, *version; /* "GET", "/sha256/…" without its query, "HTTP/1.1" */
	const struct guard_field *fields;
	size_t count;
};

/*
 * False: ERR_BAD_REQUEST with a sentence, and the connection has to be closed after the answer, since nobody
 * knows where the next request begins (RFC 9112, sections 2.2, 3.2, 5.1 and 6.3). A pure function.
 */
bool guard_check(const struct guard_request *request, struct err *err) MUST_CHECK;
/*
 * The bytes of a head as they came, as many as there are, for what a parser of C strings does not show: what stands behind a NUL, and a line
 * without a name (RFC 9110, section 5.5; RFC 9112, section 5). GUARD_UNCLEAN: err says so; GUARD_UNFINISHED: it is clean so far, and does
 * not end yet. What follows the head is not looked at.
 */
enum guard_bytes { GUARD_CLEAN, GUARD_UNCLEAN, GUARD_UNFINISHED };
enum guard_bytes guard_check_bytes(const char *bytes, size_t length, struct err *err) MUST_CHECK;
/* The part of it that is about the request line; the fields are judged by themselves but for the version and whether the method reads. */
bool guard_check_line(const struct guard_request *request, struct err *err) MUST_CHECK;

#endif
