/*
 * The names of drift. Any thread.
 */
#include "storage/drift/drift.h"

#include <string.h>

static const char *const kind_names[DRIFT_KINDS] = {
        [DRIFT_RECOMPRESSED] = "recompressed",
        [DRIFT_METADATA] = "metadata",
        [DRIFT_CONTENT] = "content",
        [DRIFT_NO_ARCHIVE] = "no archive",
        [DRIFT_UNKNOWN] = "unknown",
};

const char *
drift_kind_name(enum drift_kind kind)
{
	return kind_names[kind];
}

enum drift_kind
drift_kind_find(const char *name)
{
	for (int kind = 0; kind < DRIFT_KINDS; kind++)
		if (strcmp(name, kind_names[kind]) == 0)
			return (enum drift_kind)kind;
	return DRIFT_UNKNOWN;
}

const char *
drift_change_name(enum drift_change change)
{
	static const char *const names[] = {
	        [DRIFT_ADDED] = "added", [DRIFT_REMOVED] = "removed", [DRIFT_CHANGED] = "changed"};

	return names[change];
}
