/*
 * Lockfiles. The pins are sorted by URL, so that each directory finds the packages it provides. One thread.
 */
#include "storage/catalog/opam_lock.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/opam_file.h"
#include "storage/catalog/opam_syntax.h"

/* ["rosa.0.2.0" "https://…"] of pin-depends. */
struct pin {
	const char *package;
	const struct opam_value *url;
	bool used; /* a directory has this URL */
};

struct lock {
	struct harvest *harvest;
	const char *file;
	struct pin *pins; /* sorted by URL */
	size_t n_pins;
};

static void
note(const struct lock *lock, struct place place, const char *what)
{
	harvest_problem(lock->harvest, lock->file, place.line, place.column, "%s; skipped", what);
}

static bool
is_string(const struct opam_value *value)
{
	return value != NULL && value->kind == OPAM_STRING;
}

/* The elements of a list field; NULL where the field is missing, empty or, with a problem noted, no list. */
static const struct opam_value *
list_field(const struct lock *lock, const struct opam_item *items, const char *name)
{
	const struct opam_value *value = opam_field(items, name);

	if (value == NULL)
		return NULL;
	value = opam_plain(value);
	if (value->kind == OPAM_LIST)
		return value->first;
	note(lock, value->place, "expected a list");
	return NULL;
}

static int
compare_pins(const void *left, const void *right)
{
	const struct pin *a = left, *b = right;
	int order = strcmp(a->url->text, b->url->text);

	if (order != 0)
		return order;
	return strcmp(a->package, b->package);
}

/* One ["package" "url"], given its first element. */
static void
add_pin(struct lock *lock, const struct opam_value *package, struct place place)
{
	const struct opam_value *url = package != NULL ? package->next : NULL;

	if (!is_string(package) || !is_string(url)) {
		note(lock, place, "a pin is [\"package.version\" \"URL\"]");
		return;
	}
	lock->pins[lock->n_pins++] = (struct pin){.package = package->text, .url = url};
}

static void
collect_pins(struct lock *lock, const struct opam_item *items)
{
	const struct opam_value *first = list_field(lock, items, "pin-depends");
	size_t count = 0;

	for (const struct opam_value *element = first; element != NULL; element = element->next)
		count++;
	lock->pins = xcalloc(count, sizeof *lock->pins);
	if (is_string(first)) { /* opam lets a lone pair stand without the outer list */
		add_pin(lock, first, first->place);
		return;
	}
	for (const struct opam_value *element = first; element != NULL; element = element->next) {
		const struct opam_value *pair = opam_plain(element);

		add_pin(lock, pair->kind == OPAM_LIST ? pair->first : NULL, pair->place);
	}
	qsort(lock->pins, lock->n_pins, sizeof *lock->pins, compare_pins);
}

/* The first pin of this URL, or where it would be. */
static size_t
find_pin(const struct lock *lock, const char *url)
{
	size_t low = 0, high = lock->n_pins;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(lock->pins[middle].url->text, url) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ends the section with an entry for each package that is pinned to this URL. */
static void
end_with_packages(struct lock *lock, struct section *section, const char *url)
{
	size_t first = find_pin(lock, url), count = 0;
	const char **packages = xmalloc((lock->n_pins - first + 1) * sizeof *packages);

	packages[0] = "";
	while (first + count < lock->n_pins && strcmp(lock->pins[first + count].url->text, url) == 0) {
		packages[count] = lock->pins[first + count].package;
		lock->pins[first + count].used = true;
		count++;
	}
	section_end(section, packages, count > 0 ? count : 1);
	free(packages);
}

/* One ["URL" "directory" ["sha256=…" …]]; without checksums the last is missing. */
static void
read_directory(struct lock *lock, const struct opam_value *element)
{
	const struct opam_value *url = element->kind == OPAM_LIST ? element->first : NULL;
	const struct opam_value *directory = url != NULL ? url->next : NULL;
	AUTO_FREE char *address = NULL;
	struct section section;

	if (!is_string(url) || !is_string(directory)) {
		note(lock, element->place, "a directory is [\"URL\" \"name\" [checksums]]");
		return;
	}
	section_start(&section, lock->harvest, lock->file, element->place);
	address = xstrndup(
	        url->text, url->length); /* section_url cuts it at a fragment; the pins have it whole */
	section_url(&section, address, url->length, url->place);
	if (directory->next != NULL)
		opam_file_checksums(&section, directory->next);
	end_with_packages(lock, &section, url->text);
}

/* Pins that no directory has: sources without a checksum. */
static void
count_loose_pins(struct lock *lock)
{
	for (size_t i = 0; i < lock->n_pins; i++) {
		const struct opam_value *url = lock->pins[i].url;
		struct section section;

		if (lock->pins[i].used)
			continue;
		section_start(&section, lock->harvest, lock->file, url->place);
		section_url(&section, url->text, url->length, url->place);
		section_end(&section, &lock->pins[i].package, 1);
	}
}

bool
opam_lock_read(const char *bytes, size_t length, const char *name, struct harvest *harvest, struct err *err)
{
	struct opam_parser *parser = opam_parser_create();
	struct lock lock = {.harvest = harvest, .file = name};
	const struct opam_item *items;
	struct place place;
	char package[HARVEST_PACKAGE_MAX + 1];

	if (!opam_parse(parser, bytes, length, &items, &place, err)) {
		opam_parser_destroy(parser);
		return err_wrap(err, "%s:%u:%u", name, place.line, place.column);
	}
	harvest->files++;
	collect_pins(&lock, items);
	for (const struct opam_value *element = list_field(&lock, items, "x-opam-monorepo-duniverse-dirs");
	        element != NULL; element = element->next)
		read_directory(&lock, opam_plain(element));
	count_loose_pins(&lock);
	opam_file_package(items, package);
	opam_file_harvest(items, package, name, harvest);
	free(lock.pins);
	opam_parser_destroy(parser);
	return true;
}
