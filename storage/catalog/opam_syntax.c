/*
 * The parser of opam's syntax: recursive descent over the lexer's words, its depth bounded by
 * OPAM_NESTING_MAX and its memory by OPAM_VALUES_MAX. Chains of & and | and rows of filters are flat, so
 * walking a tree is bounded as well. Any thread, one at a time; nothing here reads files or logs.
 */
#include "storage/catalog/opam_syntax.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/arena.h"
#include "storage/catalog/opam_lexer.h"

struct opam_parser {
	struct arena arena;
	struct opam_lexer lexer;
	unsigned depth;
	unsigned values;
	struct err *err;
};

static struct opam_value *parse_value(struct opam_parser *parser);

struct opam_parser *
opam_parser_create(void)
{
	return xcalloc(1, sizeof(struct opam_parser));
}

void
opam_parser_destroy(struct opam_parser *parser)
{
	if (parser == NULL)
		return;
	arena_finish(&parser->arena);
	free(parser);
}

static bool
advance(struct opam_parser *parser)
{
	return opam_lexer_next(&parser->lexer, parser->err);
}

static bool
wrong(struct opam_parser *parser, const char *expected)
{
	return err_set(parser->err, ERR_SYNTAX, "expected %s, found %s", expected,
	        opam_token_name(parser->lexer.token));
}

static bool
expect(struct opam_parser *parser, enum opam_token token)
{
	if (parser->lexer.token != token)
		return wrong(parser, opam_token_name(token));
	return advance(parser);
}

static bool
enter(struct opam_parser *parser)
{
	if (parser->depth == OPAM_NESTING_MAX)
		return err_set(parser->err, ERR_SYNTAX, "nested more than %d deep", OPAM_NESTING_MAX);
	parser->depth++;
	return true;
}

static void
leave(struct opam_parser *parser)
{
	parser->depth--;
}

static bool
count_one(struct opam_parser *parser)
{
	if (parser->values == OPAM_VALUES_MAX)
		return err_set(parser->err, ERR_SYNTAX, "more than %d values in one file", OPAM_VALUES_MAX);
	parser->values++;
	return true;
}

/* A value of the current word, with the word's text and number. */
static struct opam_value *
new_value(struct opam_parser *parser, enum opam_kind kind)
{
	const struct opam_lexer *lexer = &parser->lexer;
	struct opam_value *value;

	if (!count_one(parser))
		return NULL;
	value = arena_take(&parser->arena, sizeof *value);
	*value = (struct opam_value){.kind = kind,
	        .place = lexer->place,
	        .length = (uint32_t)lexer->length,
	        .text = lexer->text,
	        .number = lexer->number};
	return value;
}

/* A value that stands for others: it begins where the first of them does. */
static struct opam_value *
new_parent(struct opam_parser *parser, enum opam_kind kind, struct opam_value *first)
{
	struct opam_value *parent = new_value(parser, kind);

	if (parent == NULL)
		return NULL;
	parent->place = first->place;
	parent->first = first;
	return parent;
}

/* The values up to the closing word, which is read as well, below the parent. */
static bool
parse_values(struct opam_parser *parser, enum opam_token close, struct opam_value *parent)
{
	struct opam_value **tail = &parent->first;

	if (!enter(parser) || !advance(parser))
		return false;
	while (parser->lexer.token != close) {
		if (parser->lexer.token == TOKEN_END)
			return wrong(parser, opam_token_name(close));
		*tail = parse_value(parser);
		if (*tail == NULL)
			return false;
		tail = &(*tail)->next;
	}
	leave(parser);
	return advance(parser);
}

static struct opam_value *
parse_bracketed(struct opam_parser *parser, enum opam_kind kind, enum opam_token close)
{
	struct opam_value *value = new_value(parser, kind);

	if (value == NULL || !parse_values(parser, close, value))
		return NULL;
	return value;
}

static struct opam_value *
parse_atom(struct opam_parser *parser)
{
	static const struct {
		enum opam_token token;
		enum opam_kind kind;
	} atoms[] = {{TOKEN_STRING, OPAM_STRING}, {TOKEN_IDENT, OPAM_IDENT}, {TOKEN_INT, OPAM_INT},
	        {TOKEN_BOOL, OPAM_BOOL}};
	struct opam_value *value;

	for (size_t i = 0; i < COUNT_OF(atoms); i++) {
		if (parser->lexer.token != atoms[i].token)
			continue;
		value = new_value(parser, atoms[i].kind);
		if (value == NULL || !advance(parser))
			return NULL;
		return value;
	}
	wrong(parser, "a value");
	return NULL;
}

/* The operator and what is right of it; left is NULL in {>= "1"}. */
static struct opam_value *
parse_operator(struct opam_parser *parser, enum opam_kind kind, struct opam_value *left)
{
	struct opam_value *value = new_value(parser, kind);
	struct opam_value *right;

	if (value == NULL || !advance(parser))
		return NULL;
	right = parse_atom(parser);
	if (right == NULL)
		return NULL;
	value->first = left != NULL ? left : right;
	if (left != NULL)
		left->next = right;
	return value;
}

/* An atom, a comparison of two, or something in brackets. */
static struct opam_value *
parse_operand(struct opam_parser *parser)
{
	struct opam_value *atom;

	if (parser->lexer.token == TOKEN_LEFT_BRACKET)
		return parse_bracketed(parser, OPAM_LIST, TOKEN_RIGHT_BRACKET);
	if (parser->lexer.token == TOKEN_LEFT_PAREN)
		return parse_bracketed(parser, OPAM_GROUP, TOKEN_RIGHT_PAREN);
	if (parser->lexer.token == TOKEN_RELATION)
		return parse_operator(parser, OPAM_RELATION, NULL);
	atom = parse_atom(parser);
	if (atom == NULL)
		return NULL;
	if (parser->lexer.token == TOKEN_RELATION)
		return parse_operator(parser, OPAM_RELATION, atom);
	if (parser->lexer.token == TOKEN_UPDATE)
		return parse_operator(parser, OPAM_UPDATE, atom);
	return atom;
}

static struct opam_value *
parse_filtered(struct opam_parser *parser)
{
	struct opam_value *value = parse_operand(parser);
	struct opam_value *option, *last = value;

	if (value == NULL || parser->lexer.token != TOKEN_LEFT_BRACE)
		return value;
	option = new_parent(parser, OPAM_OPTION, value);
	if (option == NULL)
		return NULL;
	while (parser->lexer.token == TOKEN_LEFT_BRACE) {
		last->next = parse_bracketed(parser, OPAM_GROUP, TOKEN_RIGHT_BRACE);
		if (last->next == NULL)
			return NULL;
		last = last->next;
	}
	return option;
}

static struct opam_value *
parse_prefixed(struct opam_parser *parser)
{
	struct opam_value *value;

	if (parser->lexer.token != TOKEN_PREFIX)
		return parse_filtered(parser);
	value = new_value(parser, OPAM_PREFIX);
	if (value == NULL || !enter(parser) || !advance(parser))
		return NULL;
	value->first = parse_prefixed(parser);
	if (value->first == NULL)
		return NULL;
	leave(parser);
	return value;
}

typedef struct opam_value *parse_fn(struct opam_parser *parser);

/* One operand, or several with the operator between them below one parent. */
static struct opam_value *
parse_chain(struct opam_parser *parser, enum opam_token operator, enum opam_kind kind, parse_fn *parse_next)
{
	struct opam_value *first = parse_next(parser);
	struct opam_value *parent, *last = first;

	if (first == NULL || parser->lexer.token != operator)
		return first;
	parent = new_parent(parser, kind, first);
	if (parent == NULL)
		return NULL;
	while (parser->lexer.token == operator) {
		if (!advance(parser))
			return NULL;
		last->next = parse_next(parser);
		if (last->next == NULL)
			return NULL;
		last = last->next;
	}
	return parent;
}

static struct opam_value *
parse_conjunction(struct opam_parser *parser)
{
	return parse_chain(parser, TOKEN_AND, OPAM_AND, parse_prefixed);
}

static struct opam_value *
parse_value(struct opam_parser *parser)
{
	return parse_chain(parser, TOKEN_OR, OPAM_OR, parse_conjunction);
}

static bool parse_items(struct opam_parser *parser, enum opam_token close, struct opam_item **ret);

static bool
parse_section(struct opam_parser *parser, struct opam_item *item)
{
	if (parser->lexer.token == TOKEN_STRING) {
		item->title = parser->lexer.text;
		if (!advance(parser))
			return false;
	}
	if (parser->lexer.token != TOKEN_LEFT_BRACE)
		return wrong(parser, item->title != NULL ? "'{'" : "':' or '{'");
	if (!enter(parser) || !advance(parser))
		return false;
	if (!parse_items(parser, TOKEN_RIGHT_BRACE, &item->items))
		return false;
	leave(parser);
	return expect(parser, TOKEN_RIGHT_BRACE);
}

static bool
parse_item(struct opam_parser *parser, struct opam_item **ret)
{
	struct opam_item *item;

	if (parser->lexer.token != TOKEN_IDENT)
		return wrong(parser, "the name of a field or section");
	if (!count_one(parser))
		return false;
	item = *ret = arena_take(&parser->arena, sizeof *item);
	*item = (struct opam_item){.name = parser->lexer.text, .place = parser->lexer.place};
	if (!advance(parser))
		return false;
	if (parser->lexer.token != TOKEN_COLON)
		return parse_section(parser, item);
	if (!advance(parser))
		return false;
	item->value = parse_value(parser);
	return item->value != NULL;
}

static bool
parse_items(struct opam_parser *parser, enum opam_token close, struct opam_item **ret)
{
	struct opam_item **tail = ret;

	*ret = NULL;
	while (parser->lexer.token != close) {
		if (!parse_item(parser, tail))
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

bool
opam_parse(struct opam_parser *parser, const char *bytes, size_t length, const struct opam_item **ret_items,
        struct place *ret_place, struct err *err)
{
	struct opam_item *items;

	arena_clear(&parser->arena);
	opam_lexer_init(&parser->lexer, bytes, length, &parser->arena);
	parser->depth = 0;
	parser->values = 0;
	parser->err = err;
	if (!advance(parser) || !parse_items(parser, TOKEN_END, &items)) {
		*ret_place = parser->lexer.place;
		return false;
	}
	*ret_items = items;
	return true;
}

const struct opam_value *
opam_plain(const struct opam_value *value)
{
	while (value->kind == OPAM_OPTION)
		value = value->first;
	return value;
}

const struct opam_value *
opam_field(const struct opam_item *items, const char *name)
{
	for (; items != NULL; items = items->next)
		if (items->value != NULL && strcmp(items->name, name) == 0)
			return items->value;
	return NULL;
}
