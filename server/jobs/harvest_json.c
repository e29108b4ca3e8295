/*
 * A harvest as JSON. One thread; the reader trusts nothing: it comes from whoever may teach the catalog.
 */
#include "server/jobs/harvest_json.h"

#include <string.h>

#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/catalog/section.h"

#define READ_BYTES 65536
#define FORM_NAMES 6

/* --- writing --- */

static void
add_line(struct text *ret, json_t *value)
{
	char *line = json_dumps(value, JSON_COMPACT);

	text_add(ret, line);
	text_add(ret, "\n");
	free(line);
	json_decref(value);
}

static json_t *
heading(const struct harvest *harvest, const json_t *asked)
{
	json_t *value = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "harvest", 1, "source",
	        json_text_of(asked, "source"), "form", json_text_of(asked, "form"), "files",
	        (json_int_t)harvest->files, "sections", (json_int_t)harvest->sections, "without_digest",
	        (json_int_t)harvest->without_digest, "not_archives", (json_int_t)harvest->not_archives,
	        "problems", (json_int_t)harvest->problems_in_all);

	if (harvest->tip != NULL) {
		json_object_set_new(value, "tip", json_text(harvest->tip));
		json_object_set_new(value, "commits", json_integer((json_int_t)harvest->commits));
	}
	return value;
}

/*
 * JSON is UTF-8, and a URL in a list may hold other bytes: percent-encoded it is the same resource, where escaped as in a message it
 * would be another. All else stays as it is: it is a URL, and encoded where it has to be.
 */
static json_t *
url_json(const char *url)
{
	json_t *value = json_string(url);
	AUTO_TEXT encoded = TEXT_EMPTY;

	if (value != NULL)
		return value;
	for (; *url != '\0'; url++)
		if ((unsigned char)*url < 0x80)
			text_add_bytes(&encoded, url, 1);
		else
			text_addf(&encoded, "%%%02X", (unsigned)(unsigned char)*url);
	return json_string(text_string(&encoded));
}

/* One with other bytes is no package of opam's, but a word for messages: no longer than it may be. */
static json_t *
package_json(const char *package)
{
	json_t *value = json_string(package);
	char escaped[HARVEST_PACKAGE_MAX + 1];

	if (value != NULL)
		return value;
	text_escape(package, escaped, sizeof escaped);
	return json_string(escaped);
}

json_t *
harvest_entry_json(const struct harvest_entry *entry)
{
	json_t *urls = json_array(), *value;

	for (size_t i = 0; i < entry->n_urls; i++)
		json_array_append_new(urls, url_json(entry->urls[i]));
	value = json_pack("{s:o, s:o, s:o}", "digests", json_digests(&entry->digests), "package",
	        package_json(entry->package), "urls", urls);
	if (entry->first_ms != 0 || entry->last_ms != 0) {
		json_object_set_new(value, "first", json_integer(entry->first_ms));
		json_object_set_new(value, "last", json_integer(entry->last_ms));
	}
	if (entry->past)
		json_object_set_new(value, "past", json_true());
	return value;
}

void
harvest_json_add(struct text *ret, const struct harvest *harvest, const json_t *asked)
{
	add_line(ret, heading(harvest, asked));
	for (size_t i = 0; i < harvest->n_entries; i++)
		add_line(ret, harvest_entry_json(&harvest->entries[i]));
	for (size_t i = 0; i < harvest->n_problems; i++) {
		const struct harvest_problem *problem = &harvest->problems[i];

		add_line(ret, json_pack("{s:o, s:I, s:I, s:o}", "file", json_text(problem->file), "line",
		                      (json_int_t)problem->line, "column", (json_int_t)problem->column,
		                      "text", json_text(problem->text)));
	}
	add_line(ret,
	        json_pack("{s:I}", "end", (json_int_t)harvest->n_entries + (json_int_t)harvest->n_problems));
}

/* --- reading --- */

struct harvest_reader {
	struct harvest *harvest;
	enum source_form form;
	char *name; /* NULL: the heading is still to come */
	uint64_t problems_in_all, values, line;
	bool ended;
};

static bool
not_so(const struct harvest_reader *reader, struct err *err, const char *what)
{
	return err_set(
	        err, ERR_SYNTAX, "line %llu of the harvest: %s", (unsigned long long)reader->line, what);
}

static bool
form_parse(const char *name, enum source_form *ret)
{
	static const enum source_form forms[FORM_NAMES] = {SOURCE_OPAM_REPOSITORY, SOURCE_OPAM_ARCHIVE,
	        SOURCE_OPAM_LOCK, SOURCE_DUNE_LOCK, SOURCE_LIST, SOURCE_HISTORY};

	for (size_t i = 0; i < FORM_NAMES; i++) {
		if (strcmp(name, source_form_name(forms[i])) != 0)
			continue;
		*ret = forms[i];
		return true;
	}
	return false;
}

/* Identities of commits with a blank between them. */
static bool
is_tip(const char *tip)
{
	for (;;) {
		size_t length = strspn(tip, "0123456789abcdef");

		if (length != 40 && length != 64)
			return false;
		tip += length;
		if (*tip == '\0')
			return true;
		if (*tip++ != ' ')
			return false;
	}
}

/* Of a history there is one, of everything else none. */
static bool
read_tip(struct harvest_reader *reader, const json_t *value, struct err *err)
{
	const char *tip = json_text_of(value, "tip");

	if (reader->form != SOURCE_HISTORY)
		return json_object_get(value, "tip") == NULL ||
		       not_so(reader, err, "only a history has a tip");
	if (!is_tip(tip))
		return not_so(reader, err, "its tip is no list of commits");
	harvest_put_tip(reader->harvest, tip);
	return true;
}

static bool
read_heading(struct harvest_reader *reader, const json_t *value, struct err *err)
{
	struct harvest *harvest = reader->harvest;

	if (json_count_of(value, "harvest") != 1 || !form_parse(json_text_of(value, "form"), &reader->form))
		return not_so(reader, err, "this is no harvest of a form larder knows");
	harvest->files = json_count_of(value, "files");
	harvest->sections = json_count_of(value, "sections");
	harvest->without_digest = json_count_of(value, "without_digest");
	harvest->not_archives = json_count_of(value, "not_archives");
	harvest->commits = json_count_of(value, "commits");
	reader->problems_in_all = json_count_of(value, "problems");
	reader->name = xstrdup(json_text_of(value, "source"));
	return read_tip(reader, value, err);
}

/* What text_escape wrote as \xNN is a byte again, since harvest_problem escapes once more. */
static void
unescape(char *text)
{
	char *to = text;
	uint8_t byte;

	for (const char *from = text; *from != '\0'; to++) {
		char hex[3] = {0};

		if (from[0] == '\\' && from[1] == 'x' && from[2] != '\0')
			memcpy(hex, from + 2, 2);
		if (text_unhex(hex, &byte, 1) && byte != '\0') {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static void
read_problem(struct harvest_reader *reader, const json_t *value)
{
	AUTO_FREE char *file = xstrdup(json_text_of(value, "file"));
	AUTO_FREE char *text = xstrdup(json_text_of(value, "text"));

	unescape(file);
	unescape(text);
	harvest_problem(reader->harvest, file, (unsigned)json_count_of(value, "line"),
	        (unsigned)json_count_of(value, "column"), "%s", text);
}

/* A URL as a source's own reader would have taken it. */
static bool
is_good_url(const char *url)
{
	for (const char *c = url; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return section_is_web_url(url);
}

/* What a history says of when it was named; of all else nothing. */
static bool
read_dates(const json_t *value, struct harvest_entry *entry, struct err *err)
{
	const json_t *first = json_object_get(value, "first"), *last = json_object_get(value, "last");
	int64_t now_ms = clock_wall_ms();

	entry->past = json_flag_of(value, "past");
	if (first == NULL && last == NULL && !entry->past)
		return true;
	entry->first_ms = json_integer_value(first);
	entry->last_ms = json_integer_value(last);
	if (entry->first_ms < 1 || entry->last_ms < entry->first_ms)
		return err_set(err, ERR_SYNTAX, "its dates are none: \"first\" is from 1 to \"last\"");
	/* Of a clock that went back since, too. */
	if (entry->last_ms > now_ms)
		entry->last_ms = now_ms;
	if (entry->first_ms > now_ms)
		entry->first_ms = now_ms;
	return true;
}

bool
harvest_entry_read(
        const json_t *value, struct harvest *harvest, const char *file, unsigned line, struct err *err)
{
	const json_t *urls = json_object_get(value, "urls");
	const char *strings[HARVEST_URLS_MAX + 1]; /* one too many, for harvest_add to refuse */
	struct harvest_entry entry = {.package = json_text_of(value, "package"), .urls = strings};

	if (!json_digests_read(json_object_get(value, "digests"), &entry.digests, err))
		return false;
	if (json_array_size(urls) == 0)
		return err_set(err, ERR_SYNTAX, "an entry has \"urls\", at least one");
	for (; entry.n_urls < json_array_size(urls) && entry.n_urls < COUNT_OF(strings); entry.n_urls++) {
		const char *url = json_string_value(json_array_get(urls, entry.n_urls));

		if (url == NULL || !is_good_url(url))
			return err_set(err, ERR_SYNTAX, "one of its URLs is no http, https or ftp URL");
		strings[entry.n_urls] = url;
	}
	if (!read_dates(value, &entry, err))
		return false;
	harvest_add(harvest, &entry, file, line);
	return true;
}

static bool
read_value(struct harvest_reader *reader, const json_t *value, struct err *err)
{
	if (reader->ended)
		return not_so(reader, err, "something stands behind its end");
	if (reader->name == NULL)
		return read_heading(reader, value, err);
	if (json_object_get(value, "end") != NULL) {
		reader->ended = json_count_of(value, "end") == reader->values;
		return reader->ended || not_so(reader, err, "entries are missing before its end");
	}
	reader->values++;
	if (json_object_get(value, "digests") == NULL) {
		read_problem(reader, value);
		return true;
	}
	if (harvest_entry_read(value, reader->harvest, reader->name, (unsigned)reader->line, err))
		return true;
	return err_wrap(err, "line %llu of the harvest", (unsigned long long)reader->line);
}

static bool
read_line(struct harvest_reader *reader, const char *line, size_t length, struct err *err)
{
	json_error_t wrong;
	json_t *value;
	bool read;

	reader->line++;
	if (length > HARVEST_LINE_MAX)
		return not_so(reader, err, "it is longer than allowed");
	value = json_loadb(line, length, JSON_REJECT_DUPLICATES, &wrong);
	if (value == NULL)
		return not_so(reader, err, "it is no JSON");
	read = json_is_object(value) ? read_value(reader, value, err)
	                             : not_so(reader, err, "it is no object");
	json_decref(value);
	return read;
}

/* The whole lines of what was read so far; the beginning of the next one stays. */
static bool
read_lines(struct harvest_reader *reader, struct text *pending, struct err *err)
{
	char *start = pending->bytes, *end = pending->bytes + pending->length, *newline;

	for (newline = memchr(start, '\n', (size_t)(end - start)); newline != NULL;
	        newline = memchr(start, '\n', (size_t)(end - start))) {
		if (!read_line(reader, start, (size_t)(newline - start), err))
			return false;
		start = newline + 1;
	}
	pending->length = (size_t)(end - start);
	memmove(pending->bytes, start, pending->length);
	if (pending->length <= HARVEST_LINE_MAX)
		return true;
	reader->line++;
	return not_so(reader, err, "it is longer than allowed");
}

static bool
read_all(struct harvest_reader *reader, int fd, struct err *err)
{
	AUTO_TEXT pending = TEXT_EMPTY;
	AUTO_FREE char *chunk = xmalloc(READ_BYTES);
	uint64_t position = 0;

	for (;;) {
		ssize_t got = file_pread(fd, chunk, READ_BYTES, position, err);

		if (got < 0)
			return false;
		if (got == 0)
			break;
		position += (uint64_t)got;
		text_add_bytes(&pending, chunk, (size_t)got);
		if (!read_lines(reader, &pending, err))
			return false;
	}
	if (pending.length > 0 || !reader->ended)
		return err_set(err, ERR_SYNTAX, "the harvest was cut short behind line %llu",
		        (unsigned long long)reader->line);
	return true;
}

bool
harvest_json_read(
        int fd, struct harvest *harvest, enum source_form *ret_form, char **ret_name, struct err *err)
{
	struct harvest_reader reader = {.harvest = harvest};

	if (!read_all(&reader, fd, err)) {
		free(reader.name);
		return false;
	}
	/* Those that were not kept count too. */
	if (harvest->problems_in_all < reader.problems_in_all)
		harvest->problems_in_all = reader.problems_in_all;
	*ret_form = reader.form;
	*ret_name = reader.name;
	return true;
}
