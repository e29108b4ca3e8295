/*
 * Looks at the first bytes of what should have been an archive. Any thread; reads nothing but what it is
 * given, and whatever it repeats of that is escaped.
 */
#include "storage/drift/looks.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 100 /* of a title or a first line, escaped */

static const struct {
	size_t length;
	const char *magic, *name;
} archives[] = {
        {6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
        {6, "Rar!\x1a\x07", "a RAR archive"},
        {4, "LZIP", "an lzip file"},
        {2, "\x1f\x9d", "a file of compress"},
        {4, "\x04\x22\x4d\x18", "an LZ4 file"},
        {6, "070701", "a cpio archive"},
        {6, "070707", "a cpio archive"},
        {8, "!<arch>\n", "an ar archive"},
        {4, "xar!", "a xar archive"},
        {4, "MSCF", "a cabinet"},
};

/* The name of the form, or NULL. */
static const char *
other_archive(const char *start, size_t length)
{
	for (size_t i = 0; i < COUNT_OF(archives); i++)
		if (length >= archives[i].length && memcmp(start, archives[i].magic, archives[i].length) == 0)
			return archives[i].name;
	return NULL;
}

static bool
is_text(const char *start, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)start[i];

		if (c == 0x7f || (c < 0x20 && strchr("\t\n\f\r\x1b", c) == NULL) || c == '\0')
			return false;
	}
	return true;
}

static const char *
find_words(const char *start, size_t length, const char *words)
{
	size_t wanted = strlen(words);

	for (size_t i = 0; i + wanted <= length; i++)
		if (strncasecmp(start + i, words, wanted) == 0)
			return start + i;
	return NULL;
}

/* Behind a byte order mark and white space. */
static size_t
first_word(const char *start, size_t length)
{
	size_t at = length >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (at < length && start[at] != '\0' && strchr(" \t\r\n", start[at]) != NULL)
		at++;
	return at;
}

static bool
is_html(const char *start, size_t length)
{
	size_t at = first_word(start, length);

	if (at == length || start[at] != '<')
		return false;
	return find_words(start, length, "<!doctype html") != NULL ||
	       find_words(start, length, "<html") != NULL || find_words(start, length, "<head") != NULL ||
	       find_words(start, length, "<title") != NULL;
}

enum looks
looks_of(const char *start, size_t length)
{
	if (length == 0)
		return LOOKS_EMPTY;
	if (other_archive(start, length) != NULL)
		return LOOKS_ARCHIVE;
	if (!is_text(start, length))
		return LOOKS_BINARY;
	return is_html(start, length) ? LOOKS_HTML : LOOKS_TEXT;
}

/* ": " and the words between two places, white space made one blank; nothing when there are none. */
static void
add_words(const char *from, const char *to, struct text *text)
{
	char raw[4 * WORDS_MAX] = "", escaped[WORDS_MAX];
	size_t used = 0;

	for (; from < to && used + 1 < sizeof raw; from++) {
		bool blank = strchr(" \t\r\n\f", *from) != NULL;

		if (!blank)
			raw[used++] = *from;
		else if (used > 0 && raw[used - 1] != ' ')
			raw[used++] = ' ';
	}
	if (used > 0 && raw[used - 1] == ' ')
		used--;
	raw[used] = '\0';
	text_escape(raw, escaped, sizeof escaped);
	if (used > 0)
		text_addf(text, ": %s", escaped);
}

static void
add_title(const char *start, size_t length, struct text *text)
{
	const char *end = start + length;
	const char *title = find_words(start, length, "<title");
	const char *from = title == NULL ? NULL : memchr(title, '>', (size_t)(end - title));
	const char *to = from == NULL ? NULL : memchr(from, '<', (size_t)(end - from));

	if (from != NULL)
		add_words(from + 1, to != NULL ? to : end, text);
}

static void
add_first_line(const char *start, size_t length, struct text *text)
{
	const char *from = start + first_word(start, length);
	const char *to = memchr(from, '\n', (size_t)(start + length - from));

	add_words(from, to != NULL ? to : start + length, text);
}

void
looks_describe(const char *start, size_t length, uint64_t size_bytes, struct text *text)
{
	char size[TEXT_SIZE_MAX], hex[9];

	text_size(size_bytes, size);
	switch (looks_of(start, length)) {
	case LOOKS_EMPTY:
		text_add(text, "nothing, 0 bytes");
		return;
	case LOOKS_HTML:
		text_addf(text, "an HTML page of %s", size);
		add_title(start, length, text);
		return;
	case LOOKS_TEXT:
		text_addf(text, "text of %s", size);
		add_first_line(start, length, text);
		return;
	case LOOKS_BINARY:
		text_hex((const uint8_t *)start, length < 4 ? length : 4, hex);
		text_addf(text, "binary data of %s that begin with %s", size, hex);
		return;
	case LOOKS_ARCHIVE:
		text_addf(text, "%s of %s", other_archive(start, length), size);
		return;
	}
	assert(!"nothing looks like that");
}
