/*
 * Any bytes of a client: what is taken for a plain head lies within them, ends with an empty line and is one
 * that the guard lets through.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/head.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AUTO_FREE char *copy = xmalloc(length > 0 ? length : 1);
	struct head head;

	memcpy(copy, bytes, length);
	if (!head_is_plain(copy, length, &head))
		return 0;
	if (head.length > length || memcmp(bytes + head.length - 4, "\r\n\r\n", 4) != 0)
		abort();
	if (memmem(bytes, head.length - 1, "\r\n\r\n", 4) != NULL || memchr(bytes, '\0', head.length) != NULL)
		abort();
	if (head.path[0] != '/' || strlen(head.path) >= head.length ||
	        (head.method != METHOD_GET && head.method != METHOD_HEAD))
		abort();
	return 0;
}
