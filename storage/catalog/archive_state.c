/*
 * The words for how an archive is. Pure; any thread.
 */
#include "storage/catalog/archive_state.h"

static const char *const names[ARCHIVE_STATES] = {
        [ARCHIVE_IS_REACHABLE] = "reachable",
        [ARCHIVE_IS_UNTRIED] = "untried",
        [ARCHIVE_IS_FAILING] = "failing",
        [ARCHIVE_IS_VANISHED] = "vanished",
        [ARCHIVE_IS_CHANGED] = "changed",
        [ARCHIVE_IS_UNKNOWN] = "unknown",
        [ARCHIVE_IS_REMOVED] = "removed",
        [ARCHIVE_IS_STORED] = "stored",
};

const char *
archive_state_name(enum archive_state state)
{
	return names[state];
}
