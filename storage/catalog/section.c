/*
 * Sections. One thread, the importer's; strings are borrowed from it until the section ends.
 */
#include "storage/catalog/section.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REFUSAL_MAX 256 /* bytes of the sentence; the rest is cut */

/* Notes what is wrong with one thing that is named here. */
static void refuse(struct section *section, struct place place, const char *format, ...) PRINTF_LIKE(3, 4);

void
section_start(struct section *section, struct harvest *harvest, const char *file, struct place place)
{
	section->harvest = harvest;
	section->file = file;
	section->place = place;
	section->digests = (struct digests){0};
	section->n_urls = 0;
	section->n_elsewhere = 0;
	section->elsewhere = "";
	section->wrong = false;
}

bool
section_is_web_url(const char *text)
{
	static const char *const schemes[] = {"https://", "http://", "ftp://"};

	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

/* Blanks and control characters have no place in a URL, and would split a line of HTTP. */
static bool
is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static bool
ends_with_git(const char *url, size_t length)
{
	return length >= 4 && strcmp(url + length - 4, ".git") == 0;
}

static void
refuse(struct section *section, struct place place, const char *format, ...)
{
	char why[REFUSAL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	section->wrong = true;
	harvest_problem(section->harvest, section->file, place.line, place.column, "%s; skipped", why);
}

void
section_url(struct section *section, char *url, size_t length, struct place place)
{
	if (length == 0)
		return refuse(section, place, "an empty URL");
	if (!is_printable(url, length))
		return refuse(section, place, "a URL with a blank or a control character");
	if (length > HARVEST_URL_MAX)
		return refuse(
		        section, place, "a URL that is longer than the %d bytes allowed", HARVEST_URL_MAX);
	length = strcspn(url, "#");
	url[length] = '\0';
	if (!section_is_web_url(url) || ends_with_git(url, length)) {
		section->n_elsewhere++;
		section->elsewhere = section->elsewhere[0] != '\0' ? section->elsewhere : url;
		return;
	}
	if (section->n_urls == HARVEST_URLS_MAX)
		return refuse(
		        section, place, "more than the %d URLs allowed for one archive", HARVEST_URLS_MAX);
	section->urls[section->n_urls++] = url;
}

void
section_elsewhere(struct section *section)
{
	section->n_elsewhere++;
}

void
section_checksum(struct section *section, const char *text, size_t length, struct place place)
{
	struct err err = ERR_NONE;
	struct digest digest;

	if (strlen(text) != length)
		return refuse(section, place, "a checksum with a NUL byte");
	if (!digest_parse_text(text, &digest, &err))
		return refuse(section, place, "%s", err.text);
	if (digests_have(&section->digests, &digest))
		return;
	if (digests_bytes(&section->digests, digest.algo) != NULL)
		return refuse(section, place, "a second checksum of the same algorithm, with another value");
	digests_put(&section->digests, &digest);
}

void
section_end(struct section *section, const char *const *packages, size_t n_packages)
{
	struct harvest *harvest = section->harvest;
	struct harvest_entry entry = {
	        .digests = section->digests, .urls = section->urls, .n_urls = section->n_urls};

	harvest->sections++;
	if (section->n_urls == 0 && section->n_elsewhere > 0) {
		harvest_add_unkept(harvest, &(struct harvest_unkept){.lack = HARVEST_NO_ARCHIVE,
		                                    .package = n_packages > 0 ? packages[0] : "",
		                                    .url = section->elsewhere});
		return;
	}
	if (section->n_urls == 0) {
		if (!section->wrong)
			refuse(section, section->place, "a source without a URL");
		return;
	}
	if (digests_count(&section->digests) == 0) {
		harvest_add_unkept(harvest, &(struct harvest_unkept){.lack = HARVEST_NO_DIGEST,
		                                    .package = n_packages > 0 ? packages[0] : "",
		                                    .url = section->urls[0]});
		return;
	}
	for (size_t i = 0; i < n_packages; i++) {
		entry.package = packages[i];
		if (!harvest_add(harvest, &entry, section->file, section->place.line))
			return;
	}
}
