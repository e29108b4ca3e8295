/*
 * S-expressions as dune writes them: atoms, "strings" with escapes, (lists), ; comments, and the line strings
 * "\| and "\>. Read into a tree in an arena. One thread.
 */
#ifndef STORAGE_CATALOG_SEXP_H
#define STORAGE_CATALOG_SEXP_H

#include <stddef.h>

#include "storage/base/err.h"
#include "storage/catalog/arena.h"
#include "storage/catalog/place.h"

#define SEXP_NESTING_MAX 100
#define SEXP_VALUES_MAX  1000000 /* atoms and lists of one file */

struct sexp {
	char *text; /* of an atom or string; NULL: a list */
	size_t length;
	struct place place;
	struct sexp *first; /* of a list; NULL: it is empty */
	struct sexp *next;  /* behind this one */
};

/* The expressions of a file, NULL for none. False: ERR_SYNTAX with what is wrong, and where. */
bool sexp_parse(struct arena *arena, const char *bytes, size_t length, const struct sexp **ret,
        struct place *ret_place, struct err *err) MUST_CHECK;

/* Whether this is a list that begins with the atom. */
bool sexp_is(const struct sexp *sexp, const char *head);

#endif
