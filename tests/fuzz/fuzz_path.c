/*
 * Any path: what the router takes for an archive really names its digest, and nothing else gets through.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/router.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Whatever the table finds in a path really stands there. */
static void
check_table(const char *path)
{
	struct route_values values = {0};
	struct err err = ERR_NONE;
	char hex[DIGEST_HEX_MAX], id[32];
	const struct route *route = route_find(METHOD_GET, path, &values, &err);

	if (route == NULL) {
		if (err.code != ERR_NOT_FOUND && err.code != ERR_BAD_REQUEST && err.code != ERR_METHOD)
			abort();
		if ((err.code == ERR_METHOD) != (values.methods != 0 && err.code != ERR_BAD_REQUEST))
			abort();
		return;
	}
	digest_hex(&values.digest, hex);
	snprintf(id, sizeof id, "%" PRId64, values.id);
	if (strstr(route->path, "{digest}") != NULL && strcasestr(path, hex) == NULL)
		abort();
	if (strstr(route->path, "{id}") != NULL && strstr(path, id) == NULL)
		abort();
	if (strchr(route->path, '{') == NULL && strcmp(path, route->path) != 0)
		abort();
}

/*
 * Asked with every method: who is found answers it, and where only the method is wrong the answer says which
 * are right.
 */
static void
check_methods(const char *path)
{
	static const enum request_method methods[] = {
	        METHOD_GET, METHOD_HEAD, METHOD_PUT, METHOD_POST, METHOD_DELETE, METHOD_OTHER};

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct request request = {.method = methods[i], .path = path};
		struct err err = ERR_NONE;
		const struct route *route = router_find(&request, &err);

		if (route != NULL && (methods[i] == METHOD_OTHER || request.kind != route->kind))
			abort();
		if ((route == NULL) != (err.code != ERR_OK))
			abort();
		if (err.code == ERR_METHOD && request.allowed[0] == '\0')
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AUTO_FREE char *path = xstrndup((const char *)bytes, length);
	struct digest digest;
	struct err err = ERR_NONE;
	char hex[DIGEST_HEX_MAX];

	check_methods(path);
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
		check_table(path);
		break;
	}
	return 0;
}
