/*
 * Any request, as lines "METHOD TARGET VERSION" and "Name:Value": what the guard lets through has one
 * framing, and GET no body. And the same bytes as a head that comes from the network: what is said of its
 * beginning stays true with more, and one that is clean has neither a NUL nor a line without a name.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/guard.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The field whose line begins here. */
static struct guard_field
field_at(const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	size_t name_length = colon != NULL ? (size_t)(colon - line) : length;
	size_t skip = colon != NULL ? name_length + 1 : length;

	return (struct guard_field){line, line + skip, name_length, length - skip};
}

static size_t
named(const struct guard_request *request, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < request->count; i++)
		if (request->fields[i].name_length >= strlen(name) &&
		        strncasecmp(request->fields[i].name, name, strlen(name)) == 0)
			count++;
	return count;
}

static void
check(const struct guard_request *request)
{
	size_t framings = named(request, "Content-Length") + named(request, "Transfer-Encoding");

	if (framings > 1 || request->target[0] != '/')
		abort();
	if (named(request, "Transfer-Encoding") > 0 && strcmp(request->method, "GET") == 0)
		abort();
}

static enum guard_bytes
bytes_are(const char *bytes, size_t length)
{
	struct err err = ERR_NONE;
	enum guard_bytes are = guard_check_bytes(bytes, length, &err);

	if ((are == GUARD_UNCLEAN) != (err.code != ERR_OK))
		abort();
	return are;
}

/* As byte after byte comes: the first that is decided is what is said of all. */
static void
check_bytes(const char *bytes, size_t length)
{
	enum guard_bytes whole = bytes_are(bytes, length);
	size_t decided = 0; /* how many bytes were enough */

	while (decided < length && bytes_are(bytes, decided) == GUARD_UNFINISHED)
		decided++;
	if (bytes_are(bytes, decided) != whole)
		abort();
	if (whole == GUARD_CLEAN && (decided < 2 || memchr(bytes, '\0', decided) != NULL || bytes[0] == ':' ||
	                                    memmem(bytes, decided, "\n:", 2) != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AUTO_FREE char *copy = xstrndup((const char *)bytes, length);
	struct guard_field fields[GUARD_FIELDS_MAX + 1];
	struct guard_request request = {.fields = fields};
	char *end = copy + length, *rest = copy;
	char *line = strsep(&rest, "\n");
	struct err err = ERR_NONE;

	request.method = strsep(&line, " ");
	request.target = line != NULL ? strsep(&line, " ") : "";
	request.version = line != NULL ? line : "";
	while (rest != NULL && rest < end && request.count < COUNT_OF(fields)) {
		char *newline = memchr(rest, '\n', (size_t)(end - rest));
		size_t line_length = (size_t)((newline != NULL ? newline : end) - rest);

		fields[request.count++] = field_at(rest, line_length);
		rest = newline != NULL ? newline + 1 : NULL;
	}
	if (guard_check(&request, &err))
		check(&request);
	check_bytes((const char *)bytes, length);
	return 0;
}
