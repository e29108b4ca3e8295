/*
 * The names of drift. Any thread.
 */
#include "storage/drift/drift.h"

#include <assert.h>

const char *
drift_kind_name(enum drift_kind kind)
{
	switch (kind) {
	case DRIFT_RECOMPRESSED:
		return "recompressed";
	case DRIFT_METADATA:
		return "metadata";
	case DRIFT_CONTENT:
		return "content";
	case DRIFT_NO_ARCHIVE:
		return "no archive";
	case DRIFT_UNKNOWN:
		return "unknown";
	}
	assert(!"no such kind");
	return "";
}

const char *
drift_change_name(enum drift_change change)
{
	switch (change) {
	case DRIFT_ADDED:
		return "added";
	case DRIFT_REMOVED:
		return "removed";
	case DRIFT_CHANGED:
		return "changed";
	}
	assert(!"no such change");
	return "";
}
