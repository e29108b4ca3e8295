/*
 * Reads the text of a configuration file into a struct config: the half of config.c that knows libconfuse.
 */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include <stdbool.h>

#include "server/config.h"
#include "storage/base/err.h"

/*
 * Sets every option: to what the text says, else to its default. ERR_CONFIG begins with "name:line:". Main
 * thread.
 */
bool config_file_read(struct config *config, const char *name, const char *text, struct err *err) MUST_CHECK;

/*
 * Of config.c: where the options of a section live. A titled one is made, at its defaults, when there is none
 * of that title yet.
 */
void *config_section(struct config *config, const char *section, const char *title);
bool config_section_is_titled(const char *section);

#endif
