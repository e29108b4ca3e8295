/*
 * Opam's syntax, read into a tree: the format of opam files, `repo`, lockfiles and the `url` files of opam 1.2. A parser is
 * used for one file after another and keeps its memory; the tree is valid until the next one. One thread.
 *
 *	name: value                      a field
 *	name "title" { items }           a section
 *	"a" {filter} & !b | c >= "1"     operators; & binds closer than |, a filter closer than both
 */
#ifndef STORAGE_CATALOG_OPAM_SYNTAX_H
#define STORAGE_CATALOG_OPAM_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/place.h"

#define OPAM_NESTING_MAX 100     /* brackets, filters, sections and prefix operators inside each other */
#define OPAM_VALUES_MAX  1000000 /* values and items of one file */

enum opam_kind {
	OPAM_STRING,
	OPAM_IDENT,
	OPAM_INT,
	OPAM_BOOL,
	OPAM_LIST,     /* [ … ]: the elements are below it */
	OPAM_GROUP,    /* ( … ) */
	OPAM_OPTION,   /* value {…} {…}: the value, then a group for each filter */
	OPAM_AND,      /* two or more below it */
	OPAM_OR,       /* two or more */
	OPAM_PREFIX,   /* ! or ?, one below it */
	OPAM_RELATION, /* = != < <= > >= ~: two below it, or one as in {>= "1"} */
	OPAM_UPDATE    /* += =+ =+= := =: in env updates, two below it */
};

struct opam_value {
	enum opam_kind kind;
	struct place place;
	uint32_t length; /* of text */
	char *text;      /* of strings, identifiers and operators; a string may hold a 0 before its end */
	int64_t number;  /* of ints; of bools 0 or 1 */
	struct opam_value *first; /* below this one */
	struct opam_value *next;  /* behind this one */
};

struct opam_item {
	const char *name;
	const char *title; /* of a section, NULL: none */
	struct place place;
	const struct opam_value *value; /* of a field; NULL: it is a section */
	struct opam_item *items;        /* of a section */
	struct opam_item *next;
};

struct opam_parser *opam_parser_create(void);
void opam_parser_destroy(struct opam_parser *parser);
/*
 * The items of a file, NULL for an empty one. The bytes need not end with a 0. False: ERR_SYNTAX with what is
 * wrong, and where.
 */
bool opam_parse(struct opam_parser *parser, const char *bytes, size_t length,
        const struct opam_item **ret_items, struct place *ret_place, struct err *err) MUST_CHECK;

/* The value without the filters around it. */
const struct opam_value *opam_plain(const struct opam_value *value);
/* The first field of this name among the items; NULL: none. */
const struct opam_value *opam_field(const struct opam_item *items, const char *name);

#endif
