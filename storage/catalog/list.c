/*
 * Lists. One thread; blocks on the disk in list_read.
 */
#include "storage/catalog/list.h"

#include <errno.h>
#include <string.h>

#include "storage/catalog/section.h"

void
list_start(struct list_reader *reader, const char *name, struct harvest *harvest)
{
	reader->harvest = harvest;
	reader->name = name;
	reader->line = 1;
	reader->length = 0;
	harvest->files++;
}

/* The next word of a line, ended by a 0, and its column; NULL: there is none. */
static char *
next_word(char **rest, const char *line, struct place *place)
{
	char *word = *rest + strspn(*rest, " \t");
	size_t length = strcspn(word, " \t");

	if (length == 0)
		return NULL;
	*rest = word + length + (word[length] != '\0' ? 1 : 0);
	word[length] = '\0';
	place->column = (unsigned)(word - line) + 1;
	return word;
}

/*
 * A checksum has a '=' or, as larder writes it itself, a ':' behind the algorithm; a package name has
 * neither.
 */
static bool
is_checksum(const char *word)
{
	return strpbrk(word, "=:") != NULL;
}

static void
read_words(struct section *section, char *url, char *rest, const char *line, struct place place)
{
	const char *package = "";
	char *word;

	section_url(section, url, strlen(url), place);
	while ((word = next_word(&rest, line, &place)) != NULL) {
		if (is_checksum(word))
			section_checksum(section, word, strlen(word), place);
		else if (package[0] == '\0')
			package = word;
		else
			harvest_problem(section->harvest, section->file, place.line, place.column,
			        "a second package name, '%.80s'; skipped", word);
	}
	section_end(section, &package, 1);
}

static void
read_line(struct list_reader *reader)
{
	struct place place = {.line = reader->line, .column = 1};
	char *line = reader->bytes, *rest = line, *url;
	struct section section;

	if (reader->length > 0 && line[reader->length - 1] == '\r')
		reader->length--;
	line[reader->length] = '\0';
	if (strlen(line) != reader->length) {
		harvest_problem(reader->harvest, reader->name, place.line, (unsigned)strlen(line) + 1,
		        "a line with a NUL byte; skipped");
		return;
	}
	url = next_word(&rest, line, &place);
	if (url == NULL || url[0] == '#')
		return;
	section_start(&section, reader->harvest, reader->name, place);
	read_words(&section, url, rest, line, place);
}

static void
end_line(struct list_reader *reader)
{
	if (reader->length > LIST_LINE_MAX)
		harvest_problem(reader->harvest, reader->name, reader->line, 0,
		        "a line longer than the %d bytes allowed; skipped", LIST_LINE_MAX);
	else
		read_line(reader);
	reader->length = 0;
}

/* Adds to the line in hand; one that gets too long is only measured. */
static void
add_to_line(struct list_reader *reader, const char *bytes, size_t length)
{
	if (reader->length + length <= LIST_LINE_MAX)
		memcpy(reader->bytes + reader->length, bytes, length);
	reader->length += length;
}

void
list_feed(struct list_reader *reader, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));

		if (newline == NULL) {
			add_to_line(reader, bytes, (size_t)(end - bytes));
			return;
		}
		add_to_line(reader, bytes, (size_t)(newline - bytes));
		end_line(reader);
		reader->line++;
		bytes = newline + 1;
	}
}

void
list_end(struct list_reader *reader)
{
	if (reader->length > 0)
		end_line(reader);
}

bool
list_read(int fd, uint64_t bytes_max, const char *name, struct harvest *harvest, struct err *err)
{
	struct list_reader reader;
	char chunk[65536];
	uint64_t total = 0;
	ssize_t got;

	list_start(&reader, name, harvest);
	for (;;) {
		got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "reading %s", name);
		if (got == 0)
			break;
		total += (uint64_t)got;
		if (total > bytes_max)
			return err_set(err, ERR_TOO_LARGE,
			        "%s: larger than the %llu bytes allowed for one source", name,
			        (unsigned long long)bytes_max);
		list_feed(&reader, chunk, (size_t)got);
	}
	list_end(&reader);
	return true;
}
