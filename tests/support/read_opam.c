/*
 * read_opam: reads the opam files whose paths stand on standard input, a line each, and writes what larder
 * makes of every one: its tree, one item a line, and the archives it names. real_opam.ml writes the same of
 * opam's own parser, so that the two can be compared.
 *
 *	F path                          the file
 *	E                               it cannot be read
 *	src: "https://…"                a field; sections end with a '}' of their own
 *	A package urls digests          an archive
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/file.h"
#include "storage/catalog/opam_repository.h"

#define FILE_MAX (16u << 20)

static void print_value(const struct opam_value *value);

static void
print_string(const char *text, size_t length)
{
	putchar('"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void
print_all(const struct opam_value *value, const char *open, const char *close)
{
	fputs(open, stdout);
	for (; value != NULL; value = value->next) {
		print_value(value);
		if (value->next != NULL)
			putchar(' ');
	}
	fputs(close, stdout);
}

/* The operator, then all that stands below it. The real parser tells ~ as >=. */
static void
print_operator(const struct opam_value *value)
{
	printf("(%s ", strcmp(value->text, "~") == 0 ? ">=" : value->text);
	print_all(value->first, "", ")");
}

/* a & b & c as ((a & b) & c), a {b} {c} likewise. */
static void
print_chain(const struct opam_value *first, const char *open, const char *close)
{
	for (const struct opam_value *rest = first->next; rest != NULL; rest = rest->next)
		fputs(open, stdout);
	print_value(first);
	for (const struct opam_value *rest = first->next; rest != NULL; rest = rest->next) {
		putchar(' ');
		print_value(rest);
		fputs(close, stdout);
	}
}

static void
print_value(const struct opam_value *value)
{
	switch (value->kind) {
	case OPAM_STRING:
		print_string(value->text, value->length);
		return;
	case OPAM_IDENT:
		fputs(value->text, stdout);
		return;
	case OPAM_INT:
		printf("%" PRId64, value->number);
		return;
	case OPAM_BOOL:
		fputs(value->number != 0 ? "true" : "false", stdout);
		return;
	case OPAM_LIST:
		print_all(value->first, "[", "]");
		return;
	case OPAM_GROUP:
		print_all(value->first, "(", ")");
		return;
	case OPAM_OPTION:
		print_chain(value->first, "{", "}");
		return;
	case OPAM_AND:
		print_chain(value->first, "(& ", ")");
		return;
	case OPAM_OR:
		print_chain(value->first, "(| ", ")");
		return;
	case OPAM_PREFIX:
	case OPAM_RELATION:
	case OPAM_UPDATE:
		print_operator(value);
		return;
	}
}

static void
print_items(const struct opam_item *items)
{
	for (const struct opam_item *item = items; item != NULL; item = item->next) {
		fputs(item->name, stdout);
		if (item->value != NULL) {
			fputs(": ", stdout);
			print_value(item->value);
			putchar('\n');
			continue;
		}
		putchar(' ');
		if (item->title != NULL)
			print_string(item->title, strlen(item->title));
		puts("{");
		print_items(item->items);
		puts("}");
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
print_entry(const struct harvest_entry *entry)
{
	const char *urls[HARVEST_URLS_MAX];

	memcpy(urls, entry->urls, entry->n_urls * sizeof *urls);
	qsort(urls, entry->n_urls, sizeof *urls, by_text);
	printf("A %s", entry->package);
	for (size_t i = 0; i < entry->n_urls; i++)
		if (i == 0 || strcmp(urls[i], urls[i - 1]) != 0)
			printf(" %s", urls[i]);
	for (enum digest_algo algo = 0; algo < DIGEST_ALGOS; algo++) {
		const uint8_t *bytes = digests_bytes(&entry->digests, algo);
		struct digest digest = {.algo = algo};
		char text[DIGEST_TEXT_MAX];

		if (bytes == NULL)
			continue;
		memcpy(digest.bytes, bytes, digest_size(algo));
		digest_text(&digest, text);
		printf(" %s", text);
	}
	putchar('\n');
}

static void
print_archives(struct opam_parser *parser, const char *path, const struct text *bytes)
{
	struct harvest *harvest = harvest_create();

	opam_repository_read_package(parser, path, bytes->bytes, bytes->length, harvest);
	for (size_t i = 0; i < harvest->n_entries; i++)
		print_entry(&harvest->entries[i]);
	harvest_destroy(harvest);
}

static bool
print_file(struct opam_parser *parser, const char *path, struct text *bytes, struct err *err)
{
	const struct opam_item *items;
	struct place place;
	struct err wrong = ERR_NONE;

	text_clear(bytes);
	if (!file_read_path(path, FILE_MAX, bytes, err))
		return false;
	printf("F %s\n", path);
	if (!opam_parse(parser, text_string(bytes), bytes->length, &items, &place, &wrong)) {
		puts("E");
		return true;
	}
	print_items(items);
	print_archives(parser, path, bytes);
	return true;
}

int
main(void)
{
	struct opam_parser *parser = opam_parser_create();
	AUTO_TEXT bytes = TEXT_EMPTY;
	struct err err = ERR_NONE;
	bool read = true;
	char path[4096];

	while (read && fgets(path, sizeof path, stdin) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		read = print_file(parser, path, &bytes, &err);
	}
	if (!read)
		fprintf(stderr, "%s\n", err.text);
	opam_parser_destroy(parser);
	return read ? EXIT_SUCCESS : EXIT_FAILURE;
}
