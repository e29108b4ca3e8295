/*
 * Any bytes as the body of POST /api/v1/tokens: what is read is a wish whose rights there are, and whose end is to come; what is
 * not is refused with a sentence.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/admin/manage.h"

#define NOW_MS INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *wish = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct token_wish token;
	struct err err = ERR_NONE;

	if (manage_token_wish(wish, NOW_MS, &token, &err)) {
		assert(strlen(token.name) == json_string_length(json_object_get(wish, "name")));
		assert((token.rights & ~(unsigned)RIGHTS_ALL) == 0);
		assert(token.expires_at_ms == 0 ||
		        (token.expires_at_ms > NOW_MS && token.expires_at_ms <= NOW_MS + TOKEN_LIFE_MAX_MS));
	} else {
		assert(err.code == ERR_BAD_REQUEST && err.text[0] != '\0');
	}
	json_decref(wish);
	return 0;
}
