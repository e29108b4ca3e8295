/*
 * One option of the configuration: where it lives, how its text is read, and what is wrong with a text that
 * cannot be. Used for the file and for -o alike, so that both say the same about the same mistake. Any
 * thread.
 */
#ifndef SERVER_CONFIG_OPTION_H
#define SERVER_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"

/* Scalars first; from CONFIG_ADDRESSES on each text is one item of a list. */
enum config_type {
	CONFIG_TEXT,
	CONFIG_NUMBER,
	CONFIG_SIZE,
	CONFIG_DURATION,
	CONFIG_YES_NO,
	CONFIG_URL,
	CONFIG_URL_OR_NONE,
	CONFIG_MIRROR_URL,
	CONFIG_LEVEL,
	CONFIG_FORMAT,
	CONFIG_EVENT_LEVEL,
	CONFIG_ADDRESSES,
	CONFIG_NETWORKS,
	CONFIG_PORTS,
	CONFIG_DIGESTS,
};

struct config_option {
	const char *section; /* "" for the top level */
	const char *name;
	enum config_type type;
	size_t offset;            /* in struct config, or in the struct of its titled section */
	const char *default_text; /* as written in the file; NULL: must be given */
	const char *lowest, *highest;
	const char *explanation;
};

/* Every option, in the order of config.def. */
extern const struct config_option config_options[];
extern const size_t config_n_options;

/* NULL: no such option. */
const struct config_option *config_option_find(const char *section, const char *name);
bool config_option_is_list(const struct config_option *option);

/*
 * Reads the text into the option's place in the struct at base; a list grows by one item. base NULL: only
 * looks whether it could. ERR_CONFIG says what is wrong and what would be right: "fetch.min_rate: '1KB' is no
 * size; write …".
 */
bool config_option_set(
        const struct config_option *option, void *base, const char *text, struct err *err) MUST_CHECK;
/* The option has the same value in both structs. */
bool config_option_equal(const struct config_option *option, const void *a, const void *b);
/* Empties a list, releases a string. */
void config_option_clear(const struct config_option *option, void *base);

#endif
