/*
 * Edits of a text, told as a unified diff that patch(1) and git-apply(1) take. Pure.
 */
#ifndef STORAGE_BASE_EDITS_H
#define STORAGE_BASE_EDITS_H

#include <stddef.h>

#include "storage/base/text.h"

struct edit {
	size_t from, to; /* these bytes … */
	char *with;      /* … become this */
};

/* Start from EDITS_EMPTY, end with edits_finish. */
struct edits {
	struct edit *items;
	size_t count, capacity;
};
#define EDITS_EMPTY   ((struct edits){0})
#define EDITS_CONTEXT 3 /* lines around a change */

/* In any order; no two may overlap. */
void edits_add(struct edits *edits, size_t from, size_t to, const char *with);
void edits_finish(struct edits *edits);
/*
 * Adds the diff of a file with these bytes; nothing where the edits change nothing. The name stands in it as it is, for
 * `patch -p0` beside the file.
 */
void edits_diff(struct edits *edits, const char *name, const char *bytes, size_t length, struct text *ret);

#endif
