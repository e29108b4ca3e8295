/*
 * What `repair` prints for people, and for opam files and lockfiles. Main thread.
 */
#ifndef SERVER_COMMANDS_REPAIR_TEXT_H
#define SERVER_COMMANDS_REPAIR_TEXT_H

#include <jansson.h>

#include "storage/base/text.h"

/* Stands in a section for the address that a rescued file will have. */
#define REPAIR_RESCUE "https://RESCUE/"

/*
 * The section of an opam file for a repair of report_repair; "extra_source" in it is the title of the section it is, or else it
 * is url.
 */
void repair_section(const json_t *repair, struct text *ret);
/* The directory and the pin of an opam-monorepo lockfile; nothing where the package is not known. */
void repair_lock_lines(const json_t *repair, struct text *ret);

/* Why, what to do, and the section; every line that is none of a file begins with #. */
enum repair_lines { REPAIR_SECTION, REPAIR_SECTION_AND_LOCK };
void repair_print(const json_t *repair, enum repair_lines lines);

#endif
