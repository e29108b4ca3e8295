/*
 * Any bytes as a configuration file, and behind a 0 each as "NAME=VALUE" of the command line: a configuration
 * or a mistake with its place, never a crash. What is read twice is the same twice.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/config.h"
#include "server/config_file.h"
#include "server/config_option.h"
#include "storage/base/text.h"

#define OVERRIDES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The overrides that stand behind the first 0 of the text, whose bytes they borrow. */
static size_t
take_overrides(char *text, const char *end, struct config_override ret[OVERRIDES_MAX])
{
	size_t count = 0;

	for (char *at = text + strlen(text) + 1; at < end && count < OVERRIDES_MAX; at += strlen(at) + 1) {
		char *equals = strchr(at, '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		ret[count++] = (struct config_override){at, equals + 1};
		at = equals + 1;
	}
	return count;
}

/* Whether the options of one section are the same in both, which begin there. */
static bool
same_section(const char *section, const void *a, const void *b)
{
	bool same = true;

	for (size_t i = 0; i < config_n_options; i++)
		if (strcmp(config_options[i].section, section) == 0)
			same = config_option_equal(&config_options[i], a, b) && same;
	return same;
}

static bool
same(const struct config *a, const struct config *b)
{
	bool all = a->n_mirrors == b->n_mirrors;

	for (size_t i = 0; i < config_n_options; i++)
		if (!config_section_is_titled(config_options[i].section))
			all = config_option_equal(&config_options[i], a, b) && all;
	for (size_t i = 0; i < a->n_mirrors && i < b->n_mirrors; i++)
		all = same_section("mirror", &a->mirrors[i], &b->mirrors[i]) && all;
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xcalloc(1, size + 2);
	struct config_override overrides[OVERRIDES_MAX];
	struct config *config, *again, *defaults;
	struct err err = ERR_NONE;
	size_t count;

	memcpy(text, data, size);
	count = take_overrides(text, text + size, overrides);
	config = config_parse("fuzz", text, overrides, count, &err);
	assert((config == NULL) == (err.code == ERR_CONFIG));
	if (config == NULL)
		return 0;
	assert(config->listen.count > 0 && config->workers > 0 && config->store[0] != '\0');
	again = config_parse("fuzz", text, overrides, count, &err);
	defaults = config_parse(NULL, "", NULL, 0, &err);
	assert(again != NULL && same(config, again));
	assert(defaults != NULL && same(config, defaults) == same(defaults, config));
	config_destroy(config);
	config_destroy(again);
	config_destroy(defaults);
	return 0;
}
