/*
 * Tokens: making them, reading them from a request, and their rights. Pure functions but for token_make, which
 * blocks on the index writer. The text of a token exists in the answer to whoever asked for it and nowhere else.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "server/admin/auth_parts.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define NAME_CHARACTERS                                                                                      \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-" /* nothing that a query would decode */
#define TOKEN_LENGTH (sizeof TOKEN_PREFIX - 1 + 2 * TOKEN_BYTES)

static const struct {
	enum right right;
	const char *name;
} rights[] = {{RIGHT_UPLOAD, "upload"}, {RIGHT_REMOVE, "remove"}, {RIGHT_CATALOG, "catalog"},
        {RIGHT_FETCH, "fetch"}};

/* --- making --- */

bool
token_name_check(const char *name, struct err *err)
{
	size_t length = strlen(name);

	if (length == 0 || length >= TOKEN_NAME_MAX)
		return err_set(err, ERR_BAD_REQUEST,
		        "the name of a token has 1 to %d characters, this one has %zu", TOKEN_NAME_MAX - 1,
		        length);
	if (strspn(name, NAME_CHARACTERS) != length)
		return err_set(err, ERR_BAD_REQUEST,
		        "the name of a token is made of letters, digits and ._@- alone");
	return true;
}

static bool
check_wish(const struct token_wish *wish, int64_t now_ms, struct err *err)
{
	if (!token_name_check(wish->name, err))
		return false;
	if (wish->rights == 0 || (wish->rights & ~(unsigned)RIGHTS_ALL) != 0)
		return err_set(err, ERR_BAD_REQUEST,
		        "a token needs at least one right: upload, remove, catalog or fetch");
	if (wish->expires_at_ms != 0 && wish->expires_at_ms <= now_ms)
		return err_set(
		        err, ERR_BAD_REQUEST, "the token would have expired already; nothing was made");
	return true;
}

static bool
random_text(char ret[TOKEN_TEXT_MAX], struct err *err)
{
	uint8_t bytes[TOKEN_BYTES];
	char hex[2 * TOKEN_BYTES + 1];
	ssize_t got;

	do
		got = getrandom(bytes, sizeof bytes, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof bytes)
		return err_errno(err, "asking the system for %zu random bytes", sizeof bytes);
	text_hex(bytes, sizeof bytes, hex);
	snprintf(ret, TOKEN_TEXT_MAX, "%s%s", TOKEN_PREFIX, hex);
	return true;
}

bool
token_make(struct index *index, const struct token_wish *wish, char ret_text[TOKEN_TEXT_MAX], struct err *err)
{
	struct token_row row = {.rights = wish->rights,
	        .created_at_ms = clock_wall_ms(),
	        .expires_at_ms = wish->expires_at_ms};
	char text[TOKEN_TEXT_MAX];

	if (!check_wish(wish, row.created_at_ms, err) || !random_text(text, err))
		return false;
	snprintf(row.name, sizeof row.name, "%s", wish->name);
	token_hash(text, row.hash);
	if (!token_row_add(index, &row, err))
		return false;
	memcpy(ret_text, text, sizeof text);
	return true;
}

/* --- reading --- */

void
token_hash(const char *token, uint8_t ret[32])
{
	struct sha256_hasher *hasher = sha256_hasher_create();

	sha256_hasher_add(hasher, token, strlen(token));
	sha256_hasher_value(hasher, ret);
	sha256_hasher_destroy(hasher);
}

bool
token_hash_bearer(const char *authorization, uint8_t ret[32])
{
	static const char scheme[] = "Bearer ";
	char token[TOKEN_LENGTH + 1];
	size_t length;

	if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return false;
	authorization += sizeof scheme - 1;
	authorization += strspn(authorization, " ");
	length = strcspn(authorization, " \t");
	if (length != TOKEN_LENGTH || authorization[length + strspn(authorization + length, " \t")] != '\0' ||
	        !text_starts_with(authorization, TOKEN_PREFIX))
		return false;
	memcpy(token, authorization, length);
	token[length] = '\0';
	if (strspn(token + sizeof TOKEN_PREFIX - 1, "0123456789abcdef") != 2 * TOKEN_BYTES)
		return false;
	token_hash(token, ret);
	return true;
}

/* --- rights --- */

static bool
add_right(const char *name, size_t length, unsigned *ret, struct err *err)
{
	char said[64];

	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		if (length != strlen(rights[i].name) || memcmp(name, rights[i].name, length) != 0)
			continue;
		*ret |= (unsigned)rights[i].right;
		return true;
	}
	snprintf(said, sizeof said, "%.*s", length < sizeof said ? (int)length : (int)sizeof said - 1, name);
	return err_set(err, ERR_BAD_REQUEST,
	        "'%s' is no right; a token may upload, remove, catalog or fetch, several with commas between",
	        said);
}

bool
rights_parse(const char *text, unsigned *ret, struct err *err)
{
	unsigned parsed = 0;

	for (;;) {
		size_t length = strcspn(text, ",");

		if (!add_right(text, length, &parsed, err))
			return false;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	*ret = parsed;
	return true;
}

void
rights_text(unsigned bits, char ret[RIGHTS_TEXT_MAX])
{
	size_t length = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(rights); i++)
		if ((bits & (unsigned)rights[i].right) != 0)
			length += (size_t)snprintf(ret + length, RIGHTS_TEXT_MAX - length, "%s%s",
			        length > 0 ? "," : "", rights[i].name);
}
