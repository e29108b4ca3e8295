/*
 * Archives for which the same is to be done, gathered and then printed by site: "  github.com/kodwx: rosa.0.2.0,
 * lucid.0.1.5". Main thread.
 */
#ifndef SERVER_COMMANDS_CHECK_GROUPS_H
#define SERVER_COMMANDS_CHECK_GROUPS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/text.h"

struct check_grouped {
	const char *site; /* borrowed from the report */
	char *label;      /* the package; where none is known the digest, or else the URL */
};

/* Start from zero, end with check_group_finish. */
struct check_group {
	struct check_grouped *items;
	size_t count, capacity;
};

/* An archive of the report, which has to outlive the group. */
void check_group_add(struct check_group *group, const json_t *archive);
/* The sites with the most first; long lists are cut, and say how much is missing. */
void check_group_print(struct check_group *group);
void check_group_finish(struct check_group *group);

#endif
