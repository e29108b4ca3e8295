/*
 * Any text as an Authorization header, as a list of rights and as the name of a token: what is read as a
 * token is the one that stands there, rights that are read are the same when written and read again, and a
 * name that is taken needs no escape anywhere.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/admin/auth_parts.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_header(const char *text)
{
	uint8_t hash[32], again[32];
	const char *token = strstr(text, TOKEN_PREFIX);
	AUTO_FREE char *alone = NULL;

	if (!token_hash_bearer(text, hash))
		return;
	assert(token != NULL);
	alone = xstrndup(token, strcspn(token, " \t"));
	assert(strlen(alone) == sizeof TOKEN_PREFIX - 1 + 2 * TOKEN_BYTES);
	token_hash(alone, again);
	assert(memcmp(hash, again, sizeof hash) == 0);
}

static void
as_rights(const char *text)
{
	char written[RIGHTS_TEXT_MAX];
	unsigned rights, again;
	struct err err = ERR_NONE;

	if (!rights_parse(text, &rights, &err))
		return;
	assert(rights != 0 && (rights & ~(unsigned)RIGHTS_ALL) == 0);
	rights_text(rights, written);
	assert(rights_parse(written, &again, &err) && again == rights);
}

static void
as_name(const char *text)
{
	char escaped[2 * TOKEN_NAME_MAX];
	struct err err = ERR_NONE;

	if (!token_name_check(text, &err))
		return;
	text_escape(text, escaped, sizeof escaped);
	assert(strcmp(text, escaped) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);

	as_header(text);
	as_rights(text);
	as_name(text);
	return 0;
}
