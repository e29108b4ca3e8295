/*
 * Who may change this larder: tokens and their rights. A token is shown once, when it is made; its SHA-256 is
 * kept. Whoever comes through the control socket may do everything.
 */
#ifndef SERVER_ADMIN_AUTH_H
#define SERVER_ADMIN_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/index/token_rows.h"

struct config;
struct larder;
struct metrics;
struct request;

/* Kept in the index: the numbers stay. */
enum right { RIGHT_UPLOAD = 1 << 0, RIGHT_REMOVE = 1 << 1, RIGHT_CATALOG = 1 << 2, RIGHT_FETCH = 1 << 3 };
#define RIGHTS_ALL (RIGHT_UPLOAD | RIGHT_REMOVE | RIGHT_CATALOG | RIGHT_FETCH)

/*
 * Who may use a route: anyone; or whoever has one of the rights; or any valid token; or only the control socket.
 * ACCESS_DONATION beside rights: without a token too, where donations are open (server/admin/upload.c decides
 * about each).
 */
#define ACCESS_ANYONE   0u
#define ACCESS_TOKEN    ((unsigned)RIGHTS_ALL)
#define ACCESS_CONTROL  (1u << 30)
#define ACCESS_DONATION (1u << 29)

enum caller_kind { CALLER_UNKNOWN, CALLER_TOKEN, CALLER_CONTROL };

struct caller {
	enum caller_kind kind;
	unsigned rights;
	char who[WHO_MAX];  /* "token laptop", "uid 1000 (anil)", "anybody": for the audit */
	char from[WHO_MAX]; /* the address, "control socket" */
};

/* Who runs this process, "uid 1000 (anil)", from the "command line": of a command that does it itself. */
void caller_of_process(struct caller *ret);

struct auth;
struct auth *auth_create(struct larder *larder); /* borrows */
void auth_destroy(struct auth *auth);            /* NULL is nothing */

/*
 * Looks at who asks and whether he may: fills request->caller. False: ERR_UNAUTHORIZED (no token, or none that is
 * valid: wrong, expired, revoked, malformed), ERR_FORBIDDEN (the token lacks the right; or the request has an
 * Origin header and would change something), ERR_TOO_MANY (too many wrong tokens from this address in the last
 * minute: uploads.failures), or ERR_NOT_FOUND (ACCESS_CONTROL from elsewhere: as if there were no such page). Whoever
 * only reads what anyone may read is "anybody", and nothing more is looked at. The worker's thread; reads the index.
 */
bool auth_admit(struct request *request, unsigned access, struct err *err) MUST_CHECK;

#define TOKEN_TEXT_MAX 48 /* "larder_" and 32 hexadecimal digits, with the terminator */

/*
 * A new token: 128 random bits. Its text is in ret_text and nowhere else. ERR_BAD_REQUEST: the name is empty,
 * too long or has a character that is not a letter, digit or one of ._@- ; ERR_TAKEN; ERR_LIMIT. Blocks.
 */
struct token_wish {
	const char *name;
	unsigned rights;
	int64_t expires_at_ms; /* since 1970; 0: never */
};
/* Only the name. */
bool token_name_check(const char *name, struct err *err) MUST_CHECK;
bool token_make(struct index *index, const struct token_wish *wish, char ret_text[TOKEN_TEXT_MAX],
        struct err *err) MUST_CHECK;

/* "upload,remove" → bits; ERR_BAD_REQUEST names what is no right. */
bool rights_parse(const char *text, unsigned *ret, struct err *err) MUST_CHECK;
#define RIGHTS_TEXT_MAX 32
void rights_text(unsigned rights, char ret[RIGHTS_TEXT_MAX]);

/*
 * One line of the audit, to the log and the table of events: what was done ("upload"), to what ("sha256:…"), by
 * whom and from where (request->caller), with which result. Any thread; returns at once.
 */
struct audit {
	const char *what, *subject, *result;
	const char *detail; /* "" where there is none */
};
void audit_note(struct larder *larder, const struct caller *caller, const struct audit *audit);

#endif
