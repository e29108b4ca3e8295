/*
 * Names of files. Any thread.
 */
#include "server/jobs/archive_name.h"

#include <string.h>

enum form { FORM_OTHER, FORM_GZIP, FORM_BZIP2, FORM_XZ, FORM_ZSTD, FORM_LZIP, FORM_ZIP, FORM_TAR };

/* Of each form the one that is given comes first; of two that end alike the longer does. */
static const struct {
	const char *ending;
	enum form form;
} endings[] = {
        {".tar.gz", FORM_GZIP},
        {".tgz", FORM_GZIP},
        {".tbz", FORM_BZIP2},
        {".tar.bz2", FORM_BZIP2},
        {".tbz2", FORM_BZIP2},
        {".tar.xz", FORM_XZ},
        {".txz", FORM_XZ},
        {".tar.zst", FORM_ZSTD},
        {".tar.lz", FORM_LZIP},
        {".zip", FORM_ZIP},
        {".tar", FORM_TAR},
};

#define TAR_MAGIC_AT 257

static enum form
form_of_bytes(const struct archive_naming *naming)
{
	static const struct {
		const char *magic;
		size_t at, length;
		enum form form;
	} magics[] = {
	        {"\x1f\x8b", 0, 2, FORM_GZIP},
	        {"BZh", 0, 3, FORM_BZIP2},
	        {"\xfd"
	         "7zXZ",
	                0, 5, FORM_XZ},
	        {"\x28\xb5\x2f\xfd", 0, 4, FORM_ZSTD},
	        {"LZIP", 0, 4, FORM_LZIP},
	        {"PK\x03\x04", 0, 4, FORM_ZIP},
	        {"ustar", TAR_MAGIC_AT, 5, FORM_TAR},
	};

	for (size_t i = 0; naming->start != NULL && i < COUNT_OF(magics); i++)
		if (naming->n_start >= magics[i].at + magics[i].length &&
		        memcmp(naming->start + magics[i].at, magics[i].magic, magics[i].length) == 0)
			return magics[i].form;
	return FORM_OTHER;
}

/* The last part of the URL's path, without what stands behind it; its length in ret_length. */
static const char *
base_name(const char *url, size_t *ret_length)
{
	const char *scheme = strstr(url, "://"), *path = scheme != NULL ? scheme + 3 : url, *base;
	size_t length = strcspn(path, "?#");

	for (base = path + length; base > path && base[-1] != '/';)
		base--;
	*ret_length = base > path ? (size_t)(path + length - base) : 0; /* a host alone names no file */
	return base;
}

/* The entry of endings that the name has; COUNT_OF(endings): none. */
static size_t
find_ending(const char *name, size_t length)
{
	size_t i = 0;

	while (i < COUNT_OF(endings)) {
		size_t n = strlen(endings[i].ending);

		if (length > n && strncmp(name + length - n, endings[i].ending, n) == 0)
			break;
		i++;
	}
	return i;
}

static void
add_safe(struct text *text, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		            strchr("._+~-", c) != NULL;

		text_add_bytes(text, good ? &c : "_", 1);
	}
}

/* "rosa-0.2.0": a package's name holds no dot. */
static void
add_package(struct text *text, const char *package)
{
	size_t name = strcspn(package, ".");

	add_safe(text, package, name);
	if (package[name] == '\0')
		return;
	text_add(text, "-");
	add_safe(text, package + name + 1, strlen(package + name + 1));
}

static void
add_suffix(struct text *text, const struct archive_naming *naming)
{
	if (naming->suffix[0] == '\0')
		return;
	text_add(text, "-");
	add_safe(text, naming->suffix, strlen(naming->suffix));
}

void
archive_name(const struct archive_naming *naming, struct text *ret)
{
	enum form form = form_of_bytes(naming);
	size_t length, ending, stem;
	const char *base = base_name(naming->url, &length);

	ending = find_ending(base, length);
	stem = length - (ending < COUNT_OF(endings) ? strlen(endings[ending].ending) : 0);
	if (form != FORM_OTHER && (ending == COUNT_OF(endings) || endings[ending].form != form))
		for (ending = 0; endings[ending].form != form;)
			ending++;
	if (naming->package[0] != '\0')
		add_package(ret, naming->package);
	else if (length > 0)
		add_safe(ret, base, stem);
	else
		text_add(ret, "archive");
	if (ending == COUNT_OF(endings) && naming->package[0] != '\0' && length > 0) {
		text_add(ret, "-");
		add_safe(ret, base, length);
		return;
	}
	add_suffix(ret, naming);
	if (ending < COUNT_OF(endings))
		text_add(ret, endings[ending].ending);
}
