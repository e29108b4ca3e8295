/*
 * What counts in an opam file. It looks at fields by name and leaves everything else alone. One thread, the
 * importer's.
 */
#include "storage/catalog/opam_file.h"

#include <stdio.h>
#include <string.h>

typedef void take_fn(struct section *section, const struct opam_value *string);

static void
take_url(struct section *section, const struct opam_value *string)
{
	section_url(section, string->text, string->length, string->place);
}

static void
take_checksum(struct section *section, const struct opam_value *string)
{
	section_checksum(section, string->text, string->length, string->place);
}

static void
refuse(struct section *section, const struct opam_value *value)
{
	section->wrong = true;
	harvest_problem(section->harvest, section->file, value->place.line, value->place.column,
	        "expected a string or a list of strings; skipped");
}

static void
take_strings(struct section *section, const struct opam_value *value, take_fn *take)
{
	value = opam_plain(value);
	if (value->kind == OPAM_STRING)
		return take(section, value);
	if (value->kind != OPAM_LIST)
		return refuse(section, value);
	for (const struct opam_value *element = value->first; element != NULL; element = element->next) {
		const struct opam_value *plain = opam_plain(element);

		if (plain->kind == OPAM_STRING)
			take(section, plain);
		else
			refuse(section, plain);
	}
}

void
opam_file_checksums(struct section *section, const struct opam_value *value)
{
	take_strings(section, value, take_checksum);
}

void
opam_file_urls(struct section *section, const struct opam_value *value)
{
	take_strings(section, value, take_url);
}

static bool
is_one_of(const char *name, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
names_a_source(const char *name)
{
	static const char *const names[] = {"src", "archive", "http"};

	return is_one_of(name, names, COUNT_OF(names));
}

/* Fields of opam 1.2 for what is no archive. */
static bool
names_a_repository(const char *name)
{
	static const char *const names[] = {"git", "hg", "darcs", "local", "rsync"};

	return is_one_of(name, names, COUNT_OF(names));
}

/* The archive that src, mirrors and checksum among these items describe. */
static void
harvest_items(const struct opam_item *items, struct place place, const char *package, const char *file,
        struct harvest *harvest)
{
	struct section section;

	section_start(&section, harvest, file, place);
	/* The source goes before its mirrors, wherever they stand. */
	for (const struct opam_item *item = items; item != NULL; item = item->next)
		if (item->value != NULL && names_a_source(item->name))
			opam_file_urls(&section, item->value);
	for (const struct opam_item *item = items; item != NULL; item = item->next) {
		if (item->value == NULL)
			continue;
		if (strcmp(item->name, "mirrors") == 0)
			opam_file_urls(&section, item->value);
		else if (strcmp(item->name, "checksum") == 0)
			opam_file_checksums(&section, item->value);
		else if (names_a_repository(item->name))
			section_elsewhere(&section);
	}
	section_end(&section, &package, 1);
}

/* The first field that names a source without a section around it; NULL: there is none. */
static const struct opam_item *
bare_source(const struct opam_item *items)
{
	for (; items != NULL; items = items->next)
		if (items->value != NULL && (names_a_source(items->name) || names_a_repository(items->name)))
			return items;
	return NULL;
}

void
opam_file_harvest(
        const struct opam_item *items, const char *package, const char *file, struct harvest *harvest)
{
	const struct opam_item *bare = bare_source(items);

	if (bare != NULL)
		harvest_items(items, bare->place, package, file, harvest);
	for (const struct opam_item *item = items; item != NULL; item = item->next)
		if (item->value == NULL &&
		        (strcmp(item->name, "url") == 0 || strcmp(item->name, "extra-source") == 0))
			harvest_items(item->items, item->place, package, file, harvest);
}

static const char *
string_field(const struct opam_item *items, const char *name)
{
	const struct opam_value *value = opam_field(items, name);

	if (value == NULL || opam_plain(value)->kind != OPAM_STRING)
		return "";
	return opam_plain(value)->text;
}

void
opam_file_package(const struct opam_item *items, char ret[HARVEST_PACKAGE_MAX + 1])
{
	const char *name = string_field(items, "name");
	const char *version = string_field(items, "version");

	ret[0] = '\0';
	if (strlen(name) + 1 + strlen(version) > HARVEST_PACKAGE_MAX || name[0] == '\0')
		return;
	snprintf(ret, HARVEST_PACKAGE_MAX + 1, "%s%s%s", name, version[0] != '\0' ? "." : "", version);
}
