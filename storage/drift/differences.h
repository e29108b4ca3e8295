/*
 * What differs between the members of two archives: files that were added, removed or changed, and in which
 * of their headers the others differ. Pure; any thread.
 */
#ifndef STORAGE_DRIFT_DIFFERENCES_H
#define STORAGE_DRIFT_DIFFERENCES_H

#include "storage/base/text.h"
#include "storage/drift/drift.h"
#include "storage/drift/members.h"

/* In what members with the same content differ; bits of traits. */
enum {
	TRAIT_TIMES = 1,
	TRAIT_OWNERS = 2,
	TRAIT_MODES = 4,
	TRAIT_ORDER = 8,
	TRAIT_DIRECTORIES = 16, /* which are listed */
	TRAIT_HARD_LINKS = 32,
	TRAIT_REPEATED = 64, /* members that a later one of the same name replaces */
	TRAIT_FORM = 128,    /* tar or zip, ustar or pax */
	TRAIT_TOP = 256      /* the name of the top-level directory; names were compared without it */
};

struct differences {
	uint64_t same; /* files, not directories */
	uint64_t differ;
	size_t n_named;
	struct drift_file named[DRIFT_NAMED_MAX];
	unsigned traits;
};

void differences_find(const struct members *promised, const struct members *came, struct differences *ret);
/* "other times, another order": nothing for no traits. */
void differences_describe_traits(const struct members *promised, const struct members *came,
        const struct differences *differences, struct text *text);

#endif
