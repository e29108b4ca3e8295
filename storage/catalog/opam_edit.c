/*
 * Finds where an archive is named in a file of opam's syntax, and what is to be written there instead. What is written is what the
 * parser said it is: places come from its tree, ends from its lexer. One thread.
 */
#include "storage/catalog/opam_edit.h"

#include <string.h>

#include "storage/catalog/arena.h"
#include "storage/catalog/opam_lexer.h"
#include "storage/catalog/opam_syntax.h"

const enum digest_algo opam_checksums[OPAM_CHECKSUMS] = {DIGEST_SHA256, DIGEST_SHA512, DIGEST_MD5};

struct editing {
	const char *bytes;
	size_t length;
	size_t *lines; /* where each begins */
	struct opam_wish *wishes;
	size_t n_wishes;
	const struct opam_value *pins; /* the elements of pin-depends */
	struct arena arena;
	struct edits *edits;
};

/* --- writing --- */

void
opam_add_string(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (const char *at = string; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			text_add(text, "\\");
		text_add_bytes(text, at, 1);
	}
	text_add(text, "\"");
}

void
opam_add_checksums(struct text *text, const struct digests *digests, const char *before, const char *after)
{
	for (size_t i = 0; i < OPAM_CHECKSUMS; i++) {
		struct digest digest;
		char hex[DIGEST_HEX_MAX];

		if (!digests_get(digests, opam_checksums[i], &digest))
			continue;
		digest_hex(&digest, hex);
		text_addf(text, "%s\"%s=%s\"%s", before, digest_algo_name(digest.algo), hex, after);
	}
}

size_t
opam_count_checksums(const struct digests *digests)
{
	struct digest digest;
	size_t count = 0;

	for (size_t i = 0; i < OPAM_CHECKSUMS; i++)
		count += digests_get(digests, opam_checksums[i], &digest);
	return count;
}

/* The blanks that the line of this byte begins with. */
static void
add_indent(const struct editing *editing, size_t at, struct text *text)
{
	size_t start = at, end;

	while (start > 0 && editing->bytes[start - 1] != '\n')
		start--;
	for (end = start; end < at && (editing->bytes[end] == ' ' || editing->bytes[end] == '\t');)
		end++;
	text_add_bytes(text, editing->bytes + start, end - start);
}

/* In the form that the value has: over several lines or in one. */
static void
add_list(const struct editing *editing, size_t from, size_t to, const struct digests *digests,
        struct text *text)
{
	AUTO_TEXT before = TEXT_EMPTY;

	if (memchr(editing->bytes + from, '\n', to - from) == NULL) {
		text_add(text, "[");
		opam_add_checksums(text, digests, " ", "");
		text_add(text, " ]");
		return;
	}
	text_add(&before, "\n");
	add_indent(editing, from, &before);
	text_add(text, "[");
	text_add(&before, "  ");
	opam_add_checksums(text, digests, text_string(&before), "");
	text_add_bytes(text, before.bytes, before.length - 2);
	text_add(text, "]");
}

/* --- places --- */

static void
find_lines(struct editing *editing)
{
	size_t count = 1;

	for (size_t i = 0; i < editing->length; i++)
		count += editing->bytes[i] == '\n';
	editing->lines = xcalloc(count, sizeof *editing->lines);
	count = 1;
	for (size_t i = 0; i < editing->length; i++)
		if (editing->bytes[i] == '\n')
			editing->lines[count++] = i + 1;
}

static size_t
start_of(const struct editing *editing, const struct opam_value *value)
{
	return editing->lines[value->place.line - 1] + value->place.column - 1;
}

/* Behind the string or the list that begins there; what was parsed before has an end. */
static size_t
end_of(struct editing *editing, const struct opam_value *value)
{
	size_t from = start_of(editing, value), depth = 0;
	struct opam_lexer lexer;
	struct err err = ERR_NONE;

	opam_lexer_init(&lexer, editing->bytes + from, editing->length - from, &editing->arena);
	do {
		if (!opam_lexer_next(&lexer, &err) || lexer.token == TOKEN_END)
			break;
		depth += lexer.token == TOKEN_LEFT_BRACKET;
		depth -= lexer.token == TOKEN_RIGHT_BRACKET;
	} while (depth > 0);
	return (size_t)(lexer.at - editing->bytes);
}

/* --- what is named --- */

/* The digests of a string or of a list of strings; what is none is nothing. */
static struct digests
checksums_of(const struct opam_value *value)
{
	const struct opam_value *first = value->kind == OPAM_LIST ? value->first : value;
	struct digests digests = {0};
	struct digest digest;

	for (; first != NULL; first = first->next) {
		const struct opam_value *plain = opam_plain(first);
		struct err err = ERR_NONE;

		if (plain->kind == OPAM_STRING && digest_parse_text(plain->text, &digest, &err))
			digests_put(&digests, &digest);
		if (value->kind != OPAM_LIST)
			break;
	}
	return digests;
}

/* As far as the fragment, which only version control has a use for. */
static bool
is_url(const struct opam_value *value, const char *url)
{
	size_t length = strlen(url);

	return value->kind == OPAM_STRING && strncmp(value->text, url, length) == 0 &&
	       (value->text[length] == '\0' || value->text[length] == '#');
}

static struct opam_wish *
find_wish(const struct editing *editing, const struct opam_value *url, const struct digests *digests)
{
	for (size_t i = 0; i < editing->n_wishes; i++) {
		struct opam_wish *wish = &editing->wishes[i];

		for (size_t n = 0; n < wish->n_urls; n++)
			if (is_url(url, wish->urls[n]) && digests_count(digests) > 0 &&
			        digests_agree(digests, &wish->digests))
				return wish;
	}
	return NULL;
}

/* --- changing it --- */

static bool
is_changed(const struct editing *editing, size_t from)
{
	for (size_t i = 0; i < editing->edits->count; i++)
		if (editing->edits->items[i].from == from)
			return true;
	return false;
}

/* A pin of two directories is changed once. */
static void
change_url(struct editing *editing, const struct opam_value *value, const char *url)
{
	size_t from = start_of(editing, value);
	AUTO_TEXT with = TEXT_EMPTY;

	if (is_url(value, url) || is_changed(editing, from))
		return;
	opam_add_string(&with, url);
	edits_add(editing->edits, from, end_of(editing, value), text_string(&with));
}

/* Those that opam knows. */
static struct digests
for_opam(const struct digests *digests)
{
	struct digests chosen = {0};
	struct digest digest;

	for (size_t i = 0; i < OPAM_CHECKSUMS; i++)
		if (digests_get(digests, opam_checksums[i], &digest))
			digests_put(&chosen, &digest);
	return chosen;
}

static void
change_checksums(struct editing *editing, const struct opam_value *value, const struct digests *digests)
{
	struct digests were = checksums_of(value), are = for_opam(digests);
	size_t from = start_of(editing, value), to = end_of(editing, value);
	AUTO_TEXT with = TEXT_EMPTY;

	if (were.known == are.known && digests_agree(&were, &are))
		return;
	add_list(editing, from, to, &are, &with);
	edits_add(editing->edits, from, to, text_string(&with));
}

/* ["rosa.0.2.0" "https://…"], given its first element, if it is of the same URL, word for word. */
static void
change_pin(struct editing *editing, const struct opam_value *package, const struct opam_value *was,
        const char *url)
{
	const struct opam_value *pinned = package != NULL ? package->next : NULL;

	if (pinned != NULL && pinned->kind == OPAM_STRING && strcmp(pinned->text, was->text) == 0)
		change_url(editing, pinned, url);
}

static void
change_pins(struct editing *editing, const struct opam_value *was, const char *url)
{
	if (editing->pins != NULL &&
	        editing->pins->kind == OPAM_STRING) { /* a lone pair without the outer list */
		change_pin(editing, editing->pins, was, url);
		return;
	}
	for (const struct opam_value *pin = editing->pins; pin != NULL; pin = pin->next) {
		const struct opam_value *pair = opam_plain(pin);

		change_pin(editing, pair->kind == OPAM_LIST ? pair->first : NULL, was, url);
	}
}

/* ["URL" "directory" ["sha256=…" …]] */
static void
change_directory(struct editing *editing, const struct opam_value *element)
{
	const struct opam_value *url = element->kind == OPAM_LIST ? element->first : NULL;
	const struct opam_value *directory = url != NULL ? url->next : NULL;
	const struct opam_value *checksums = directory != NULL ? directory->next : NULL;
	struct digests digests;
	struct opam_wish *wish;

	if (checksums == NULL)
		return;
	digests = checksums_of(opam_plain(checksums));
	wish = find_wish(editing, url, &digests);
	if (wish == NULL)
		return;
	wish->found++;
	if (wish->url == NULL)
		return;
	change_pins(editing, url, wish->url);
	change_url(editing, url, wish->url);
	change_checksums(editing, opam_plain(checksums), &wish->checksums);
}

static void
change_directories(struct editing *editing, const struct opam_item *items)
{
	const struct opam_value *list = opam_field(items, "x-opam-monorepo-duniverse-dirs");

	if (list == NULL || opam_plain(list)->kind != OPAM_LIST)
		return;
	for (const struct opam_value *element = opam_plain(list)->first; element != NULL;
	        element = element->next)
		change_directory(editing, opam_plain(element));
}

/* The first URL of a string or list. */
static const struct opam_value *
first_string(const struct opam_value *value)
{
	value = opam_plain(value);
	if (value->kind == OPAM_LIST && value->first != NULL)
		value = opam_plain(value->first);
	return value;
}

static void
change_section(struct editing *editing, const struct opam_item *section)
{
	const struct opam_value *source = opam_field(section->items, "src");
	const struct opam_value *checksums = opam_field(section->items, "checksum");
	struct digests digests;
	struct opam_wish *wish;

	if (source == NULL)
		source = opam_field(section->items, "archive");
	if (source == NULL || checksums == NULL)
		return;
	source = first_string(source);
	digests = checksums_of(opam_plain(checksums));
	wish = find_wish(editing, source, &digests);
	if (wish == NULL)
		return;
	wish->found++;
	if (wish->title == NULL && strcmp(section->name, "extra-source") == 0 && section->title != NULL)
		wish->title = xstrdup(section->title);
	if (wish->url == NULL)
		return;
	change_url(editing, source, wish->url);
	change_checksums(editing, opam_plain(checksums), &wish->checksums);
}

static void
change_all(struct editing *editing, const struct opam_item *items)
{
	const struct opam_value *pins = opam_field(items, "pin-depends");

	if (pins != NULL && opam_plain(pins)->kind == OPAM_LIST)
		editing->pins = opam_plain(pins)->first;
	find_lines(editing);
	change_directories(editing, items);
	for (const struct opam_item *item = items; item != NULL; item = item->next)
		if (item->value == NULL &&
		        (strcmp(item->name, "url") == 0 || strcmp(item->name, "extra-source") == 0))
			change_section(editing, item);
	free(editing->lines);
	arena_finish(&editing->arena);
}

bool
opam_edit(const char *bytes, size_t length, struct opam_wish *wishes, size_t n_wishes, struct edits *ret,
        struct err *err)
{
	struct opam_parser *parser = opam_parser_create();
	struct editing editing = {
	        .bytes = bytes, .length = length, .wishes = wishes, .n_wishes = n_wishes, .edits = ret};
	const struct opam_item *items;
	struct place place;
	bool parsed = opam_parse(parser, bytes, length, &items, &place, err);

	if (parsed)
		change_all(&editing, items);
	else
		err_wrap(err, "%u:%u", place.line, place.column);
	opam_parser_destroy(parser);
	return parsed;
}
