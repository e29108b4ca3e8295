/*
 * Validators. Any thread; pure functions. Must never say that a client has what it does not have.
 */
#include "server/http/validators.h"

#include <string.h>

#include "storage/base/text.h"

void
etag_of(const struct digests *digests, char ret[ETAG_MAX])
{
	static const char start[] = "\"sha256:";
	const size_t start_length = sizeof start - 1, hex_length = 2 * sizeof digests->sha256;

	memcpy(ret, start, start_length);
	text_hex(digests->sha256, sizeof digests->sha256, ret + start_length);
	memcpy(ret + start_length + hex_length, "\"", sizeof "\"");
}

static const char *
skip_separators(const char *at)
{
	return at + strspn(at, " \t,");
}

/* The end of the tag that begins here with its opening quote; NULL when it is none. */
static const char *
tag_end(const char *at)
{
	const char *close;

	if (*at != '"')
		return NULL;
	close = strchr(at + 1, '"');
	return close != NULL ? close + 1 : NULL;
}

bool
etag_listed(const char *if_none_match, const char *etag)
{
	const char *at = if_none_match;
	size_t length = strlen(etag);

	if (at == NULL)
		return false;
	at = skip_separators(at);
	if (*at == '*')
		return *skip_separators(at + 1) == '\0';
	while (*at != '\0') {
		const char *end;

		if (text_starts_with(at, "W/"))
			at += 2;
		end = tag_end(at);
		if (end == NULL)
			return false;
		if ((size_t)(end - at) == length && memcmp(at, etag, length) == 0)
			return true;
		at = skip_separators(end);
	}
	return false;
}

bool
etag_allows_range(const char *if_range, const char *etag)
{
	return if_range == NULL || strcmp(if_range, etag) == 0;
}

/* RFC 4648, section 4. ret has room for 4 * ((length + 2) / 3) + 1. */
static void
base64(const uint8_t *bytes, size_t length, char *ret)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < length)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < length)
			group |= bytes[i + 2];
		*ret++ = letters[group >> 18];
		*ret++ = letters[group >> 12 & 63];
		*ret++ = i + 1 < length ? letters[group >> 6 & 63] : '=';
		*ret++ = i + 2 < length ? letters[group & 63] : '=';
	}
	*ret = '\0';
}

void
repr_digest(const struct digests *digests, char ret[REPR_DIGEST_MAX])
{
	static const char start[] = "sha-256=:";
	const size_t start_length = sizeof start - 1;
	const size_t encoded_length = 4 * ((sizeof digests->sha256 + 2) / 3);

	memcpy(ret, start, start_length);
	base64(digests->sha256, sizeof digests->sha256, ret + start_length);
	memcpy(ret + start_length + encoded_length, ":", sizeof ":");
}
