/*
 * From a URL to its site. Pure; any thread.
 */
#include "storage/catalog/site.h"

#include <ctype.h>
#include <stdio.h>
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

/* --- providers --- */

/* Registered names of one and the same provider. */
static const struct {
	const char *name, *provider;
} aliases[] = {
        {"bitbucket.io", "bitbucket.org"},
        {"cloudfront.net", "amazonaws.com"},
        {"github.io", "github.com"},
        {"githubusercontent.com", "github.com"},
        {"gitlab.io", "gitlab.com"},
        {"googleapis.com", "google.com"},
        {"googlecode.com", "google.com"},
        {"sf.net", "sourceforge.net"},
        {"sourceforge.io", "sourceforge.net"},
};

/* What stands before a country's name in suffixes that everybody registers under: "co.uk", "ac.jp", "gouv.fr". */
static const char *const second_levels[] = {
        "ac", "asso", "co", "com", "edu", "go", "gob", "gouv", "gov", "ne", "net", "nom", "or", "org"};

static bool
is_second_level(const char *label, size_t length)
{
	for (size_t i = 0; i < sizeof second_levels / sizeof *second_levels; i++)
		if (strlen(second_levels[i]) == length && memcmp(second_levels[i], label, length) == 0)
			return true;
	return false;
}

/* Where the label before this one begins; start: there is none before. */
static const char *
label_before(const char *start, const char *label)
{
	if (label == start)
		return start;
	for (label--; label > start && label[-1] != '.'; label--)
		continue;
	return label;
}

/* Of a name, not of an address: the last two labels, or three where the last but one is of everybody. */
static const char *
registered_name(const char *name)
{
	const char *last = label_before(name, name + strlen(name)), *second, *third;

	second = label_before(name, last);
	third = label_before(name, second);
	if (strlen(last) == 2 && second != last && is_second_level(second, (size_t)(last - 1 - second)))
		return third;
	return second;
}

static bool
is_address(const char *host)
{
	const char *dot = strrchr(host, '.');

	return host[0] == '[' || (dot != NULL && isdigit((unsigned char)dot[1]));
}

void
site_provider(const char *host, char ret[SITE_MAX])
{
	size_t length = host[0] == '[' ? strcspn(host, "]/") + 1 : strcspn(host, ":/");
	char name[SITE_MAX];
	const char *provider;

	snprintf(name, sizeof name, "%.*s", (int)length, host);
	length = strlen(name);
	if (length > 1 && name[length - 1] == '.')
		name[length - 1] = '\0';
	provider = is_address(name) ? name : registered_name(name);
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].name, provider) == 0)
			provider = aliases[i].provider;
	snprintf(ret, SITE_MAX, "%s", provider);
}
