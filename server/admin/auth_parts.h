/*
 * What the parts of auth share: a request as it is judged, and the text of tokens. For auth.c, token.c and their
 * tests.
 */
#ifndef SERVER_ADMIN_AUTH_PARTS_H
#define SERVER_ADMIN_AUTH_PARTS_H

#include <sys/types.h>

#include "server/admin/auth.h"
#include "server/http/request.h"
#include "server/net.h"

/* All that decides; borrowed for the call. */
struct asking {
	enum request_method method;
	unsigned access;
	const char *authorization, *origin; /* the header fields; NULL: not sent */
	struct address address;             /* behind a trusted proxy the one it forwards */
	const char *control;     /* the peer at the control socket, as in who; NULL: it came over TCP */
	int64_t now_ms, wall_ms; /* clock_ms, clock_wall_ms */
};

/* auth_admit without a request. Any thread. */
bool auth_judge(
        struct auth *auth, const struct asking *asking, struct caller *ret, struct err *err) MUST_CHECK;

#define TOKEN_PREFIX "larder_"
#define TOKEN_BYTES  16 /* random ones */

/*
 * The SHA-256 of the token in an Authorization header (RFC 6750, section 2.1). False: that is no bearer token, or
 * none that larder ever made.
 */
bool token_hash_bearer(const char *authorization, uint8_t ret[32]);
/* Of a token's text. */
void token_hash(const char *token, uint8_t ret[32]);

/* "uid 1000 (anil)", or "uid 1000" where it has no name. May ask the system's user database. */
void who_of_uid(uid_t uid, char ret[WHO_MAX]);

#endif
