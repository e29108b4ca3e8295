/*
 * What `check` prints for people. Main thread.
 */
#ifndef SERVER_COMMANDS_CHECK_TEXT_H
#define SERVER_COMMANDS_CHECK_TEXT_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Prints a report of report_check: the verdict in a line; what to do, for whom, by site; then each archive that is not
 * stored with its origins, and a line of figures. argument: what was checked, for `larder fetch` too; NULL: the catalog.
 */
void check_text_print(const json_t *report, const char *argument);

#define CHECK_SITES_SHOWN   8  /* of one group */
#define CHECK_NAMES_SHOWN   8  /* of one site */
#define CHECK_DETAILS_SHOWN 20 /* archives, where the output is a terminal; to a file or pipe go all */

/* Something is named, all of it is stored, and all of the lockfile could be read and can be kept. */
bool check_is_safe(const json_t *report);

#endif
