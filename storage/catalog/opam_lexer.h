/*
 * The words of opam's syntax (the opam manual, "Common file format"): strings, identifiers, numbers, brackets
 * and operators, each with its place. Used by opam_syntax and opam_edit.
 */
#ifndef STORAGE_CATALOG_OPAM_LEXER_H
#define STORAGE_CATALOG_OPAM_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/arena.h"
#include "storage/catalog/place.h"

enum opam_token {
	TOKEN_END,
	TOKEN_STRING,
	TOKEN_IDENT,
	TOKEN_INT,
	TOKEN_BOOL,
	TOKEN_COLON,
	TOKEN_LEFT_BRACE,
	TOKEN_RIGHT_BRACE,
	TOKEN_LEFT_BRACKET,
	TOKEN_RIGHT_BRACKET,
	TOKEN_LEFT_PAREN,
	TOKEN_RIGHT_PAREN,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_PREFIX,   /* ! ? */
	TOKEN_RELATION, /* = != < <= > >= ~ */
	TOKEN_UPDATE    /* += =+ =+= := =: */
};

/* The current word is in token, place, text, length and number. */
struct opam_lexer {
	const char *at, *end, *line_start;
	unsigned line;
	struct arena *arena; /* where strings and identifiers go */
	enum opam_token token;
	struct place place;
	char *text; /* of a string (decoded), identifier or operator; ended by a 0, which a string may hold as well */
	size_t length;
	int64_t number; /* of an int; of a bool 0 or 1 */
};

void opam_lexer_init(struct opam_lexer *lexer, const char *bytes, size_t length, struct arena *arena);
/* Goes on to the next word, TOKEN_END at the end; place is where the mistake is when it fails. */
bool opam_lexer_next(struct opam_lexer *lexer, struct err *err) MUST_CHECK;
/* "a string", "'{'": for messages. */
const char *opam_token_name(enum opam_token token);

#endif
