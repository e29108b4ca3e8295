/*
 * The reload's half of the configuration. Main thread only. Must change nothing that other threads hold
 * pointers to.
 */
#include "server/config_changes.h"

#include <string.h>

#include "server/config_file.h"
#include "server/config_option.h"
#include "storage/base/log.h"

static void
name_change(struct text *changes, const char *section, const char *name)
{
	text_addf(changes, "%s%s%s%s", changes->length > 0 ? ", " : "", section, *section != '\0' ? "." : "",
	        name);
}

static void
apply_log(struct config *current, const struct config *fresh)
{
	current->log.level = fresh->log.level;
	current->log.format = fresh->log.format;
	log_configure(fresh->log.level, fresh->log.format);
}

/* The options of one section of the structs at a and b are all the same. */
static bool
same_section(const char *section, const void *a, const void *b)
{
	for (size_t i = 0; i < config_n_options; i++)
		if (strcmp(config_options[i].section, section) == 0 &&
		        !config_option_equal(&config_options[i], a, b))
			return false;
	return true;
}

/* Arrays of one titled kind: each struct begins with its title. */
static bool
same_titled(const char *section, const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++) {
		const char *left = (const char *)a + i * size, *right = (const char *)b + i * size;

		if (strcmp(*(char *const *)(const void *)left, *(char *const *)(const void *)right) != 0 ||
		        !same_section(section, left, right))
			return false;
	}
	return true;
}

void
config_apply_changes(struct config *current, const struct config *fresh, struct text *ret_restart)
{
	apply_log(current, fresh);
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *option = &config_options[i];

		if (!config_section_is_titled(option->section) &&
		        !config_option_equal(option, current, fresh))
			name_change(ret_restart, option->section, option->name);
	}
	if (!same_titled("mirror", current->mirrors, current->n_mirrors, fresh->mirrors, fresh->n_mirrors,
	            sizeof current->mirrors[0]))
		name_change(ret_restart, "", "mirror");
	if (!same_titled("catalog", current->catalogs, current->n_catalogs, fresh->catalogs,
	            fresh->n_catalogs, sizeof current->catalogs[0]))
		name_change(ret_restart, "", "catalog");
	if (!same_titled("rewrite", current->rewrites, current->n_rewrites, fresh->rewrites,
	            fresh->n_rewrites, sizeof current->rewrites[0]))
		name_change(ret_restart, "", "rewrite");
	if (!same_titled("webhook", current->webhooks, current->n_webhooks, fresh->webhooks,
	            fresh->n_webhooks, sizeof current->webhooks[0]))
		name_change(ret_restart, "", "webhook");
}
