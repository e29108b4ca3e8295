/*
 * X-Forwarded-For and X-Forwarded-Proto. Any thread; pure functions over bytes of a client.
 */
#include "server/http/forwarded.h"

#include <string.h>
#include <strings.h>

/*
 * The text between start and end, without the spaces around it, as an address. Ports and brackets are not
 * understood.
 */
static bool
parse_entry(const char *start, const char *end, struct address *ret)
{
	char text[ADDRESS_TEXT_MAX];

	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if ((size_t)(end - start) >= sizeof text)
		return false;
	memcpy(text, start, (size_t)(end - start));
	text[end - start] = '\0';
	return address_parse(text, ret);
}

struct address
forwarded_client(const char *header, const struct networks *trusted, const struct address *peer)
{
	struct address believed = *peer;
	const char *end;

	if (header == NULL)
		return believed;
	end = header + strlen(header);
	while (networks_have(trusted, &believed)) {
		const char *start = end;

		while (start > header && start[-1] != ',')
			start--;
		if (!parse_entry(start, end, &believed) || start == header)
			break;
		end = start - 1;
	}
	return believed;
}

const char *
forwarded_scheme(const char *header, const struct networks *trusted, const struct address *peer)
{
	const char *last;
	size_t length;

	if (header == NULL || !networks_have(trusted, peer))
		return "http";
	last = strrchr(header, ',');
	last = last != NULL ? last + 1 : header;
	last += strspn(last, " \t");
	length = strcspn(last, " \t");
	return length == strlen("https") && strncasecmp(last, "https", length) == 0 ? "https" : "http";
}
