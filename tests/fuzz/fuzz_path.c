/*
 * Any path: what the router takes for an archive really names its digest, and nothing else gets through.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/router.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AUTO_FREE char *path = xstrndup((const char *)bytes, length);
	struct digest digest;
	struct err err = ERR_NONE;
	char hex[DIGEST_HEX_MAX];

	switch (path_parse(path, &digest, &err)) {
	case PATH_ARCHIVE:
		digest_hex(&digest, hex);
		if (strcasestr(path, hex) == NULL || strcasestr(path, digest_algo_name(digest.algo)) == NULL)
			abort();
		if (strchr(path, '%') != NULL || path[0] != '/')
			abort();
		break;
	case PATH_WRONG:
		if (err.code != ERR_BAD_REQUEST || err.text[0] == '\0')
			abort();
		break;
	case PATH_OTHER:
		route_find(path);
		break;
	}
	return 0;
}
