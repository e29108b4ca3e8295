/*
 * A local source, read for a command: a lockfile, a list, a repository. Main thread.
 */
#ifndef SERVER_COMMANDS_READING_H
#define SERVER_COMMANDS_READING_H

#include "storage/catalog/harvest.h"
#include "storage/catalog/source.h"

#define PROBLEMS_SHOWN 20

/*
 * The harvest of a path, the caller's; what could not be read of it is said on standard error, the first
 * PROBLEMS_SHOWN of it. NULL: none of it could be read.
 */
struct harvest *reading_source(const char *path, enum source_form *ret_form, struct err *err) MUST_CHECK;
/* The same of what was read elsewhere. */
void reading_say_problems(const struct harvest *harvest);

#endif
