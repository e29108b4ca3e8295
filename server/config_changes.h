/*
 * What a reload changes: the difference between the configuration in use and a fresh one.
 */
#ifndef SERVER_CONFIG_CHANGES_H
#define SERVER_CONFIG_CHANGES_H

#include "server/config.h"
#include "storage/base/text.h"

/*
 * Applies what can change while larder runs (log.level, log.format) and lists the other options that differ:
 * "listen, mirror". Main thread.
 */
void config_apply_changes(struct config *current, const struct config *fresh, struct text *ret_restart);

#endif
