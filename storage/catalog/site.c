/*
 * From a URL to its site. Pure; any thread.
 */
#include "storage/catalog/site.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct scheme {
	const char *start, *port;
};

static const struct scheme schemes[] = {{"https://", ":443"}, {"http://", ":80"}};

static const struct scheme *
scheme_of(const char *url)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncasecmp(url, schemes[i].start, strlen(schemes[i].start)) == 0)
			return &schemes[i];
	return NULL;
}

/* Without a user name, and without the scheme's own port. False: there is none, or it is too long. */
static bool
read_host(const struct scheme *scheme, const char *start, const char *end, char ret[SITE_MAX])
{
	const char *at = memchr(start, '@', (size_t)(end - start));
	const char *host = at != NULL ? at + 1 : start;
	size_t length = (size_t)(end - host), port = strlen(scheme->port);

	if (length > port && memcmp(end - port, scheme->port, port) == 0)
		length -= port;
	if (length == 0 || length >= SITE_MAX || *host == ':')
		return false;
	for (size_t i = 0; i < length; i++)
		ret[i] = (char)tolower((unsigned char)host[i]);
	ret[length] = '\0';
	return true;
}

bool
site_of(const char *url, struct site *ret)
{
	const struct scheme *scheme = scheme_of(url);
	const char *host, *end, *part;
	size_t length, part_length;

	*ret = (struct site){0};
	if (scheme == NULL)
		return false;
	host = url + strlen(scheme->start);
	end = host + strcspn(host, "/?#");
	if (!read_host(scheme, host, end, ret->host))
		return false;
	part = *end == '/' ? end + 1 : end;
	part_length = *end == '/' ? strcspn(part, "/?#") : 0;
	length = strlen(ret->host);
	if (length + 1 + part_length >= SITE_MAX) {
		*ret = (struct site){0};
		return false;
	}
	memcpy(ret->text, ret->host, length);
	ret->text[length] = '/';
	memcpy(ret->text + length + 1, part, part_length);
	return true;
}

size_t
site_host_length(const char *text)
{
	return strcspn(text, "/");
}
