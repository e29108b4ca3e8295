/*
 * Any Range, If-None-Match and If-Range against any size (the first 8 bytes): what is to be sent lies inside
 * the archive.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/range.h"
#include "server/http/validators.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char etag[] =
	        "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
	AUTO_FREE char *header = NULL;
	char content[RANGE_TEXT_MAX];
	struct range range;
	uint64_t size;

	if (length < sizeof size)
		return 0;
	memcpy(&size, bytes, sizeof size);
	header = xstrndup((const char *)bytes + sizeof size, length - sizeof size);
	if (range_parse(header, size, &range) == RANGE_PART) {
		if (range.length == 0 || range.first >= size || range.length > size - range.first)
			abort();
		range_content(&range, size, content);
	}
	if (etag_listed(header, etag) && strchr(header, '*') == NULL && strstr(header, etag) == NULL)
		abort();
	if (etag_allows_range(header, etag) && strcmp(header, etag) != 0)
		abort();
	return 0;
}
