/*
 * The configuration: defaults, file and command line put on top of each other. config_file.c reads the file's
 * form, config_option.c the values. Main thread only, at start and on a reload.
 */
#include "server/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/config_file.h"
#include "server/config_option.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

#define DEFAULT_MIRROR_NAME "opam.ocaml.org"
#define DEFAULT_MIRROR_URL  "https://opam.ocaml.org/cache/{algo}/{hash:2}/{hash}"
#define HERITAGE_NAME       "softwareheritage.org"
#define HERITAGE_URL        "https://archive.softwareheritage.org/api/1/content/sha256:{hash}/raw/"
#define WORKERS_MAX         64 /* when the number follows the processors */

/* Sections of which there are many, told apart by a title: arrays of structs that begin with that title. */
static const struct titled {
	const char *section;
	size_t items, count, size;
} titled[] = {
        {"mirror", offsetof(struct config, mirrors), offsetof(struct config, n_mirrors),
                sizeof(struct config_mirror)},
        {"catalog", offsetof(struct config, catalogs), offsetof(struct config, n_catalogs),
                sizeof(struct config_catalog)},
        {"rewrite", offsetof(struct config, rewrites), offsetof(struct config, n_rewrites),
                sizeof(struct config_rewrite)},
        {"webhook", offsetof(struct config, webhooks), offsetof(struct config, n_webhooks),
                sizeof(struct config_webhook)},
};

static bool set_value(const struct config_option *option, void *base, const char *text, struct err *err);
static bool apply_override(struct config *config, const struct config_override *override, struct err *err);
static bool finish(struct config *config, struct err *err);

struct config *
config_load(const char *path, const struct config_override *overrides, size_t n_overrides, struct err *err)
{
	AUTO_TEXT text = TEXT_EMPTY;

	if (path == NULL)
		return config_parse(NULL, "", overrides, n_overrides, err);
	if (!file_read_path(path, CONFIG_FILE_MAX, &text, err)) {
		err->code = ERR_CONFIG;
		err_wrap(err, "the configuration cannot be read");
		return NULL;
	}
	if (text.length > 0 && memchr(text.bytes, '\0', text.length) != NULL) {
		err_set(err, ERR_CONFIG, "%s is no configuration: it is a binary file", path);
		return NULL;
	}
	return config_parse(path, text_string(&text), overrides, n_overrides, err);
}

struct config *
config_parse(const char *name, const char *text, const struct config_override *overrides, size_t n_overrides,
        struct err *err)
{
	struct config *config = xcalloc(1, sizeof *config);

	config->path = name != NULL ? xstrdup(name) : NULL;
	if (!config_file_read(config, name != NULL ? name : "defaults", text, err))
		goto failed;
	for (size_t i = 0; i < n_overrides; i++)
		if (!apply_override(config, &overrides[i], err))
			goto failed;
	if (!finish(config, err))
		goto failed;
	return config;
failed:
	config_destroy(config);
	return NULL;
}

/* NULL: there is only one section of this name. */
static const struct titled *
find_titled(const char *section)
{
	for (size_t i = 0; i < COUNT_OF(titled); i++)
		if (strcmp(titled[i].section, section) == 0)
			return &titled[i];
	return NULL;
}

bool
config_section_is_titled(const char *section)
{
	return find_titled(section) != NULL;
}

static char **
titled_items(const struct titled *kind, struct config *config)
{
	return (char **)(void *)((char *)config + kind->items);
}

static size_t *
titled_count(const struct titled *kind, struct config *config)
{
	return (size_t *)(void *)((char *)config + kind->count);
}

/* Releases what config.def knows of one section of the struct at base. */
static void
clear_section(const char *section, void *base)
{
	for (size_t i = 0; i < config_n_options; i++)
		if (strcmp(config_options[i].section, section) == 0)
			config_option_clear(&config_options[i], base);
}

void
config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config_n_options; i++)
		if (find_titled(config_options[i].section) == NULL)
			config_option_clear(&config_options[i], config);
	for (size_t i = 0; i < COUNT_OF(titled); i++) {
		char *items = *titled_items(&titled[i], config);

		for (size_t n = 0; n < *titled_count(&titled[i], config); n++) {
			clear_section(titled[i].section, items + n * titled[i].size);
			free(*(char **)(void *)(items + n * titled[i].size));
		}
		free(items);
	}
	free(config->path);
	free(config);
}

/* A new section with this title, its options at their defaults. */
static void *
add_titled(const struct titled *kind, struct config *config, const char *title)
{
	char **items = titled_items(kind, config), *base;
	size_t *count = titled_count(kind, config);
	struct err err = ERR_NONE;

	*items = xrealloc(*items, (*count + 1) * kind->size);
	base = *items + (*count)++ * kind->size;
	memset(base, 0, kind->size);
	*(char **)(void *)base = xstrdup(title);
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *option = &config_options[i];

		if (strcmp(option->section, kind->section) == 0 && option->default_text != NULL &&
		        !set_value(option, base, option->default_text, &err))
			abort(); /* config.def is wrong: no test would have passed */
	}
	return base;
}

/* Where the options of this section live; a titled one is made when there is none of that title yet. */
void *
config_section(struct config *config, const char *section, const char *title)
{
	const struct titled *kind = find_titled(section);

	if (kind == NULL)
		return config;
	for (size_t i = 0; i < *titled_count(kind, config); i++) {
		char *base = *titled_items(kind, config) + i * kind->size;

		if (strcmp(*(char **)(void *)base, title) == 0)
			return base;
	}
	return add_titled(kind, config, title);
}

/* --- the command line --- */

/*
 * A scalar, or a list as the file writes it ({"a", "b"}) or as is handy on a command line (a,b). Replaces
 * what was there.
 */
static bool
set_value(const struct config_option *option, void *base, const char *text, struct err *err)
{
	static const char between[] = " ,{}\"";

	if (!config_option_is_list(option))
		return config_option_set(option, base, text, err);
	config_option_clear(option, base);
	for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
		size_t length = strcspn(text, between);
		AUTO_FREE char *item = xstrndup(text, length);

		if (!config_option_set(option, base, item, err))
			return false;
		text += length;
	}
	return true;
}

/* NAME, SECTION.NAME or SECTION.TITLE.NAME, where the title may have dots of its own. */
static bool
apply_override(struct config *config, const struct config_override *override, struct err *err)
{
	const char *first = strchr(override->name, '.'), *last = strrchr(override->name, '.');
	AUTO_FREE char *section =
	        first != NULL ? xstrndup(override->name, (size_t)(first - override->name)) : xstrdup("");
	AUTO_FREE char *title = first != last ? xstrndup(first + 1, (size_t)(last - first - 1)) : xstrdup("");
	const struct config_option *option =
	        config_option_find(section, last != NULL ? last + 1 : override->name);
	void *base;

	if (option == NULL || (*title != '\0' && find_titled(section) == NULL))
		return err_set(err, ERR_CONFIG,
		        "-o %.80s: there is no such option; larder.conf(5) lists what there is",
		        override->name);
	if (find_titled(section) != NULL && *title == '\0')
		return err_set(err, ERR_CONFIG, "-o %s: which %s? write %s.TITLE.%s", override->name, section,
		        section, option->name);
	base = config_section(config, section, title);
	if (!set_value(option, base, override->value, err))
		return err_wrap(err, "-o");
	return true;
}

/* --- all of it together --- */

/* What titled sections must have, wherever they come from. */
static bool
complete_titled(struct config *config, struct err *err)
{
	for (size_t i = 0; i < config->n_mirrors; i++) {
		if (config->mirrors[i].url == NULL)
			return err_set(err, ERR_CONFIG, "mirror \"%s\" has no url, which is needed",
			        config->mirrors[i].name);
		if (config->mirrors[i].n_digests == 0)
			return err_set(err, ERR_CONFIG,
			        "mirror \"%s\" serves by no digest; write digests = {\"sha256\"}",
			        config->mirrors[i].name);
	}
	for (size_t i = 0; i < config->n_catalogs; i++)
		if (config->catalogs[i].source == NULL)
			return err_set(err, ERR_CONFIG, "catalog \"%s\" has no source, which is needed",
			        config->catalogs[i].name);
	for (size_t i = 0; i < config->n_webhooks; i++)
		if (config->webhooks[i].url == NULL)
			return err_set(err, ERR_CONFIG, "webhook \"%s\" has no url, which is needed",
			        config->webhooks[i].name);
	for (size_t i = 0; i < config->n_rewrites; i++) /* to is all that a rewrite has */
		if (!text_starts_with(config->rewrites[i].from, "http://") &&
		        !text_starts_with(config->rewrites[i].from, "https://"))
			return err_set(err, ERR_CONFIG,
			        "rewrite \"%s\": the title is no prefix of http:// or https:// URLs",
			        config->rewrites[i].from);
	return true;
}

/* Longest first, so that the first that fits is the one that wins. */
static int
by_length(const void *a, const void *b)
{
	size_t left = strlen(((const struct config_rewrite *)a)->from);
	size_t right = strlen(((const struct config_rewrite *)b)->from);

	return left > right   ? -1
	       : left < right ? 1
	                      : strcmp(((const struct config_rewrite *)a)->from,
	                                ((const struct config_rewrite *)b)->from);
}

static bool
choose_store(struct config *config, struct err *err)
{
	const char *larder_store = getenv("LARDER_STORE"), *data = getenv("XDG_DATA_HOME"),
	           *home = getenv("HOME");
	struct text path = TEXT_EMPTY;

	if (config->store != NULL && config->store[0] != '\0')
		return true;
	if (larder_store != NULL && larder_store[0] != '\0')
		text_add(&path, larder_store);
	else if (data != NULL && data[0] == '/')
		text_addf(&path, "%s/larder", data);
	else if (home != NULL && home[0] == '/')
		text_addf(&path, "%s/.local/share/larder", home);
	else
		return err_set(err, ERR_CONFIG,
		        "no store is named and there is no $HOME to put one into; give -s DIR, or store = "
		        "\"DIR\"");
	free(config->store);
	config->store = text_take(&path);
	return true;
}

static bool
has_mirror(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_mirrors; i++)
		if (strcmp(config->mirrors[i].name, name) == 0)
			return true;
	return false;
}

static bool
add_mirror(struct config *config, const struct config_override *options, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!apply_override(config, &options[i], err))
			return false;
	config->mirrors[config->n_mirrors - 1].built_in = true;
	return true;
}

/*
 * The public opam cache stands in for mirrors that nobody configured; Software Heritage, which keeps what all
 * others lost, comes behind whatever there is.
 */
static bool
add_default_mirrors(struct config *config, struct err *err)
{
	static const struct config_override opam[] = {
	        {"mirror." DEFAULT_MIRROR_NAME ".url", DEFAULT_MIRROR_URL},
	};
	static const struct config_override heritage[] = {
	        {"mirror." HERITAGE_NAME ".url", HERITAGE_URL},
	        {"mirror." HERITAGE_NAME ".digests", "sha256"},
	};

	if (!config->default_mirrors)
		return true;
	if (config->n_mirrors == 0 && !add_mirror(config, opam, COUNT_OF(opam), err))
		return false;
	if (!config->software_heritage || has_mirror(config, HERITAGE_NAME))
		return true;
	return add_mirror(config, heritage, COUNT_OF(heritage), err);
}

static bool
finish(struct config *config, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->listen.count == 0)
		return err_set(
		        err, ERR_CONFIG, "listen: there must be an address; write {\"127.0.0.1:8080\"}");
	if (config->fetch.n_allow_ports == 0)
		return err_set(err, ERR_CONFIG, "fetch.allow_ports: there must be a port; write {80, 443}");
	if (!choose_store(config, err) || !add_default_mirrors(config, err) || !complete_titled(config, err))
		return false;
	if (config->workers == 0)
		config->workers = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : processors;
	if (config->n_rewrites > 1)
		qsort(config->rewrites, config->n_rewrites, sizeof config->rewrites[0], by_length);
	return true;
}
