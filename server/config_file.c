/*
 * The form of the configuration file, through libconfuse: sections, titles, lists, comments, and the line of
 * every mistake. Main thread only: libconfuse's lexer is not made for more.
 */
#include "server/config_file.h"

#include <assert.h>
#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/config_option.h"
#include "storage/base/text.h"

#define END_OF_FILE  "end-of-file"
#define SECTIONS_MAX 16 /* that config.def may name */
#define OPTIONS_MAX  64 /* in one of them */

/*
 * Where libconfuse's callbacks, which carry no context, put what went wrong. Only while config_file_read
 * runs, and a thread's own, so that nobody else can meet it.
 */
static _Thread_local struct reading {
	const char *name;
	struct err *err;
} * reading;

static void
complain(const cfg_t *cfg, const char *what)
{
	if (reading->err->code == ERR_OK)
		err_set(reading->err, ERR_CONFIG, "%s:%d: %s", reading->name, cfg->line, what);
}

static void PRINTF_LIKE(2, 0) note_mistake(cfg_t *cfg, const char *format, va_list args)
{
	char text[160];

	if (reading->err->code != ERR_OK)
		return;
	vsnprintf(text, sizeof text, format, args);
	if (strstr(text, "'" END_OF_FILE "'") != NULL)
		snprintf(text, sizeof text, "a section is not closed with }");
	err_set(reading->err, ERR_CONFIG, "%s:%d: %s; larder.conf(5) lists what there is", reading->name,
	        cfg->line, text);
}

/* Called for every value of every option as it is read, so that a mistake is told with its line. */
static int
check_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const char *section = strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg);
	const struct config_option *option = config_option_find(section, cfg_opt_name(opt));

	*(const char **)result = value;
	if (option != NULL && config_option_set(option, NULL, value, reading->err))
		return 0;
	err_wrap(reading->err, "%s:%d", reading->name, cfg->line);
	return -1;
}

static cfg_opt_t
describe_option(const struct config_option *option)
{
	cfg_opt_t described = {
	        .name = option->name,
	        .type = CFGT_STR,
	        .flags = config_option_is_list(option) ? CFGF_LIST : CFGF_NONE,
	        .parsecb = check_value,
	};

	if (config_option_is_list(option))
		described.def.parsed = (char *)option->default_text;
	else
		described.def.string = option->default_text;
	if (option->default_text == NULL)
		described.flags |= CFGF_NODEFAULT;
	return described;
}

/* The shape of the file, as libconfuse wants it told. It copies all of it. */
struct shape {
	cfg_opt_t top[OPTIONS_MAX + SECTIONS_MAX]; /* the last but one is END_OF_FILE */
	cfg_opt_t inside[SECTIONS_MAX][OPTIONS_MAX];
	size_t n_top, n_sections, n_inside;
};

static void
open_section(struct shape *shape, const char *section)
{
	cfg_flag_t flags =
	        config_section_is_titled(section) ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;

	assert(shape->n_sections < SECTIONS_MAX && shape->n_top < COUNT_OF(shape->top));
	shape->n_inside = 0;
	shape->top[shape->n_top++] = (cfg_opt_t)CFG_SEC(section, shape->inside[shape->n_sections++], flags);
}

static void
describe_file(struct shape *shape)
{
	const cfg_opt_t end = CFG_END();
	const char *section = "";

	memset(shape, 0, sizeof *shape);
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *option = &config_options[i];

		if (strcmp(option->section, section) != 0)
			open_section(shape, option->section);
		section = option->section;
		if (*section == '\0') {
			shape->top[shape->n_top++] = describe_option(option);
			continue;
		}
		assert(shape->n_inside + 1 < OPTIONS_MAX);
		shape->inside[shape->n_sections - 1][shape->n_inside++] = describe_option(option);
		shape->inside[shape->n_sections - 1][shape->n_inside] = end;
	}
	shape->top[shape->n_top++] = (cfg_opt_t)CFG_STR(END_OF_FILE, NULL, CFGF_NODEFAULT);
	shape->top[shape->n_top] = end;
}

/* libconfuse looks at none of its allocations: what is not there, though it always is, there was no memory for. */
static bool
lacks_memory(struct err *err)
{
	return err_set(err, ERR_IO, "%s cannot be read for want of memory", reading->name);
}

static bool
take_option(void *base, const struct config_option *option, cfg_t *cfg, struct err *err)
{
	cfg_opt_t *opt = cfg_getopt(cfg, option->name);
	unsigned values = 0;

	config_option_clear(option, base);
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *value = cfg_opt_getnstr(opt, i);

		if (value != NULL && !config_option_set(option, base, value, err))
			return err_wrap(err, "%s:%d", reading->name, cfg->line);
		values += value != NULL;
	}
	return values > 0 || option->default_text == NULL || config_option_is_list(option) ||
	       lacks_memory(err);
}

/* The values of one section as libconfuse read them, into ours. */
static bool
take_section(struct config *config, const char *section, cfg_t *cfg, struct err *err)
{
	const char *title = cfg_title(cfg);
	void *base = config_section(config, section, title != NULL ? title : "");

	if (strcmp(section, "webhook") == 0)
		((struct config_webhook *)base)->line = cfg->line;
	if (strcmp(section, "mirror") == 0)
		((struct config_mirror *)base)->line = cfg->line;
	for (size_t i = 0; i < config_n_options; i++) {
		if (strcmp(config_options[i].section, section) != 0)
			continue;
		if (!take_option(base, &config_options[i], cfg, err))
			return false;
		if (config_options[i].default_text == NULL &&
		        *(char **)((char *)base + config_options[i].offset) == NULL)
			return err_set(err, ERR_CONFIG, "%s:%d: %s \"%s\" has no %s, which is needed",
			        reading->name, cfg->line, section, title, config_options[i].name);
	}
	return true;
}

static bool
take_file(struct config *config, cfg_t *cfg, struct err *err)
{
	const char *section = "";

	if (!take_section(config, "", cfg, err))
		return false;
	for (size_t i = 0; i < config_n_options; i++) {
		if (strcmp(config_options[i].section, section) == 0)
			continue;
		section = config_options[i].section;
		if (cfg_size(cfg, section) == 0 && !config_section_is_titled(section))
			return lacks_memory(err);
		for (unsigned n = 0; n < cfg_size(cfg, section); n++)
			if (!take_section(config, section, cfg_getnsec(cfg, section, n), err))
				return false;
	}
	return true;
}

bool
config_file_read(struct config *config, const char *name, const char *text, struct err *err)
{
	struct reading now = {.name = name, .err = err};
	struct shape *shape = xmalloc(sizeof *shape);
	AUTO_TEXT closed = TEXT_EMPTY;
	bool done = false;
	cfg_t *cfg;

	/*
	 * libconfuse takes a file that ends inside a section; an option that only the top level has does not.
	 */
	text_addf(&closed, "%s\n" END_OF_FILE " = reached\n", text);
	*err = ERR_NONE;
	reading = &now;
	describe_file(shape);
	cfg = cfg_init(shape->top, CFGF_NONE);
	if (cfg != NULL) {
		cfg_set_error_function(cfg, note_mistake);
		if (cfg_parse_buf(cfg, text_string(&closed)) != CFG_SUCCESS || err->code != ERR_OK)
			complain(cfg, "this is no configuration larder can read");
		else if (cfg_getstr(cfg, END_OF_FILE) == NULL)
			complain(cfg, "a comment is not closed with */");
		else
			done = take_file(config, cfg, err);
		cfg_free(cfg);
	}
	if (!done && err->code == ERR_OK)
		lacks_memory(err);
	free(shape);
	reading = NULL;
	return done;
}
