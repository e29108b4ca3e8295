/*
 * The lexer of opam's syntax. It takes the longest word that can be one, as opam's own does, and never reads
 * past the end of the bytes it was given. Any thread, one at a time.
 */
#include "storage/catalog/opam_lexer.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "storage/base/text.h"

#define NUMBER_MAX (INT64_MAX >> 1) /* opam's own numbers have 63 bits */

void
opam_lexer_init(struct opam_lexer *lexer, const char *bytes, size_t length, struct arena *arena)
{
	*lexer = (struct opam_lexer){
	        .at = bytes, .end = bytes + length, .line_start = bytes, .line = 1, .arena = arena};
}

const char *
opam_token_name(enum opam_token token)
{
	switch (token) {
	case TOKEN_END:
		return "the end of the file";
	case TOKEN_STRING:
		return "a string";
	case TOKEN_IDENT:
		return "a name";
	case TOKEN_INT:
		return "a number";
	case TOKEN_BOOL:
		return "true or false";
	case TOKEN_COLON:
		return "':'";
	case TOKEN_LEFT_BRACE:
		return "'{'";
	case TOKEN_RIGHT_BRACE:
		return "'}'";
	case TOKEN_LEFT_BRACKET:
		return "'['";
	case TOKEN_RIGHT_BRACKET:
		return "']'";
	case TOKEN_LEFT_PAREN:
		return "'('";
	case TOKEN_RIGHT_PAREN:
		return "')'";
	case TOKEN_AND:
		return "'&'";
	case TOKEN_OR:
		return "'|'";
	case TOKEN_PREFIX:
		return "'!' or '?'";
	case TOKEN_RELATION:
		return "a comparison";
	case TOKEN_UPDATE:
		return "an environment update";
	}
	assert(!"no such token");
	return "";
}

/* The byte so many places ahead, 0 past the end (a real 0 is no part of any word outside strings). */
static char
peek(const struct opam_lexer *lexer, size_t ahead)
{
	return ahead < (size_t)(lexer->end - lexer->at) ? lexer->at[ahead] : '\0';
}

static bool
looking_at(const struct opam_lexer *lexer, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(lexer->end - lexer->at) >= length && memcmp(lexer->at, word, length) == 0;
}

static void
mark_place(struct opam_lexer *lexer)
{
	lexer->place =
	        (struct place){.line = lexer->line, .column = (unsigned)(lexer->at - lexer->line_start) + 1};
}

/* To be called with at behind the newline. */
static void
new_line(struct opam_lexer *lexer)
{
	lexer->line++;
	lexer->line_start = lexer->at;
}

static void
skip_line_comment(struct opam_lexer *lexer)
{
	const char *newline = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));

	lexer->at = newline != NULL ? newline : lexer->end;
}

/* (* … (* … *) … *): counted, not recursed into. */
static bool
skip_block_comment(struct opam_lexer *lexer, struct err *err)
{
	size_t depth = 0;

	mark_place(lexer);
	do {
		if (looking_at(lexer, "(*")) {
			depth++;
			lexer->at += 2;
		} else if (looking_at(lexer, "*)")) {
			depth--;
			lexer->at += 2;
		} else if (lexer->at == lexer->end) {
			return err_set(err, ERR_SYNTAX, "this comment is never closed");
		} else if (*lexer->at++ == '\n') {
			new_line(lexer);
		}
	} while (depth > 0);
	return true;
}

/* Blanks, newlines and comments. */
static bool
skip_space(struct opam_lexer *lexer, struct err *err)
{
	while (lexer->at < lexer->end) {
		char c = *lexer->at;

		if (c == ' ' || c == '\t' || (c == '\r' && peek(lexer, 1) == '\n')) {
			lexer->at++;
		} else if (c == '\n') {
			lexer->at++;
			new_line(lexer);
		} else if (c == '#') {
			skip_line_comment(lexer);
		} else if (looking_at(lexer, "(*")) {
			if (!skip_block_comment(lexer, err))
				return false;
		} else {
			break;
		}
	}
	return true;
}

static int
decimal_code(const struct opam_lexer *lexer)
{
	int code = 0;

	for (size_t i = 0; i < 3; i++) {
		char c = peek(lexer, i);

		if (c < '0' || c > '9')
			return -1;
		code = 10 * code + (c - '0');
	}
	return code <= 255 ? code : -1;
}

/* A backslash, a newline and the blanks that follow: nothing. False when it is not that. */
static bool
skip_continuation(struct opam_lexer *lexer)
{
	size_t length = peek(lexer, 0) == '\r' ? 1 : 0;

	if (peek(lexer, length) != '\n')
		return false;
	lexer->at += length + 1;
	new_line(lexer);
	while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t')
		lexer->at++;
	return true;
}

/* What one letter behind a backslash stands for; 0: it stands for nothing. */
static char
letter_escape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'r':
		return '\r';
	case '\\':
	case '"':
	case '\'':
	case ' ':
		return c;
	default:
		return '\0';
	}
}

/* Decodes the escape behind a backslash; *out grows by at most one byte. */
static bool
read_escape(struct opam_lexer *lexer, char **out, struct err *err)
{
	char letter = letter_escape(peek(lexer, 0));
	int code = decimal_code(lexer), high, low;

	if (skip_continuation(lexer))
		return true;
	if (letter != '\0') {
		*(*out)++ = letter;
		lexer->at++;
		return true;
	}
	if (code >= 0) {
		*(*out)++ = (char)code;
		lexer->at += 3;
		return true;
	}
	high = peek(lexer, 0) == 'x' ? text_hex_digit(peek(lexer, 1)) : -1;
	low = high >= 0 ? text_hex_digit(peek(lexer, 2)) : -1;
	if (low >= 0) {
		*(*out)++ = (char)(high << 4 | low);
		lexer->at += 3;
		return true;
	}
	lexer->at--;
	mark_place(lexer);
	return err_set(err, ERR_SYNTAX, "a backslash that begins no escape");
}

/* The end of the string that begins at at, without looking into it: NULL when it is never closed. */
static const char *
closing_quote(const struct opam_lexer *lexer, const char *quote)
{
	size_t length = strlen(quote);
	const char *last = lexer->end - length; /* a quote as long as this one was opened before at */

	for (const char *at = lexer->at; at <= last; at++) {
		if (*at == '\\')
			at++;
		else if (*at == '"' && memcmp(at, quote, length) == 0)
			return at;
	}
	return NULL;
}

/* What comes before the next backslash, or before the end, as it stands. */
static void
copy_plain(struct opam_lexer *lexer, const char *end, char **out)
{
	const char *from = lexer->at, *backslash = memchr(from, '\\', (size_t)(end - from));
	const char *to = backslash != NULL ? backslash : end;

	assert(from <= end); /* no escape has a quote in it that closes the string */
	memcpy(*out, from, (size_t)(to - from));
	*out += to - from;
	while ((lexer->at = memchr(lexer->at, '\n', (size_t)(to - lexer->at))) != NULL) {
		lexer->at++;
		new_line(lexer);
	}
	lexer->at = to;
}

static bool
read_string(struct opam_lexer *lexer, struct err *err)
{
	const char *quote = looking_at(lexer, "\"\"\"") ? "\"\"\"" : "\"";
	const char *close;
	char *out;

	lexer->at += strlen(quote);
	close = closing_quote(lexer, quote);
	if (close == NULL)
		return err_set(err, ERR_SYNTAX, "this string is never closed");
	lexer->text = out = arena_take(lexer->arena, (size_t)(close - lexer->at) + 1);
	for (copy_plain(lexer, close, &out); lexer->at < close; copy_plain(lexer, close, &out)) {
		lexer->at++; /* the backslash */
		if (!read_escape(lexer, &out, err))
			return false;
	}
	*out = '\0';
	lexer->length = (size_t)(out - lexer->text);
	lexer->at = close + strlen(quote);
	lexer->token = TOKEN_STRING;
	return true;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

/*
 * The length of the part of a name that begins so far ahead: name characters with a letter among them; 0:
 * none.
 */
static size_t
name_part(const struct opam_lexer *lexer, size_t ahead)
{
	size_t length = 0;
	bool letter = false;

	for (; is_name_char(peek(lexer, ahead + length)); length++)
		letter = letter || isalpha((unsigned char)peek(lexer, ahead + length));
	return letter ? length : 0;
}

/* The same, but a lone underscore is a part as well: "_+_+doc". */
static size_t
name_part_or_blank(const struct opam_lexer *lexer, size_t ahead)
{
	size_t length = name_part(lexer, ahead);

	if (length == 0 && peek(lexer, ahead) == '_' && !is_name_char(peek(lexer, ahead + 1)))
		return 1;
	return length;
}

/* part('+'part)*(':'part)?, as in "dune+configurator:version"; a lone underscore and nothing more is no name. */
static size_t
name_length(const struct opam_lexer *lexer)
{
	size_t length = name_part_or_blank(lexer, 0);
	size_t part = length;

	if (length == 0)
		return 0;
	while (part > 0 && peek(lexer, length) == '+') {
		part = name_part_or_blank(lexer, length + 1);
		length += part > 0 ? part + 1 : 0;
	}
	part = peek(lexer, length) == ':' ? name_part(lexer, length + 1) : 0;
	if (part > 0)
		return length + part + 1;
	return length == 1 && *lexer->at == '_' ? 0 : length;
}

static void
read_name(struct opam_lexer *lexer, size_t length)
{
	lexer->text = arena_copy(lexer->arena, lexer->at, length);
	lexer->length = length;
	lexer->at += length;
	lexer->token = TOKEN_IDENT;
	lexer->number = strcmp(lexer->text, "true") == 0;
	if (lexer->number == 1 || strcmp(lexer->text, "false") == 0)
		lexer->token = TOKEN_BOOL;
}

/* -?[0-9][0-9_]*; beyond the 63 bits of opam's own numbers it is a mistake. */
static bool
read_number(struct opam_lexer *lexer, struct err *err)
{
	size_t sign = *lexer->at == '-' ? 1 : 0, length = sign;
	int64_t highest = NUMBER_MAX + (int64_t)sign, value = 0;

	if (!isdigit((unsigned char)peek(lexer, sign)))
		return err_set(err, ERR_SYNTAX, "'%c' begins no number here", *lexer->at);
	for (; isdigit((unsigned char)peek(lexer, length)) || peek(lexer, length) == '_'; length++) {
		int digit = peek(lexer, length) - '0';

		if (peek(lexer, length) == '_')
			continue;
		if (value > (highest - digit) / 10)
			return err_set(err, ERR_SYNTAX, "a number that is too large");
		value = 10 * value + digit;
	}
	lexer->number = sign != 0 ? -value : value;
	lexer->at += length;
	lexer->token = TOKEN_INT;
	return true;
}

/* Brackets, which are most, and operators; of two that begin alike the longer comes first. */
static const struct {
	const char *word;
	enum opam_token token;
} marks[] = {
        {"{", TOKEN_LEFT_BRACE},
        {"}", TOKEN_RIGHT_BRACE},
        {"[", TOKEN_LEFT_BRACKET},
        {"]", TOKEN_RIGHT_BRACKET},
        {":=", TOKEN_UPDATE},
        {":", TOKEN_COLON},
        {">=", TOKEN_RELATION},
        {"<=", TOKEN_RELATION},
        {"!=", TOKEN_RELATION},
        {"=+=", TOKEN_UPDATE},
        {"=+", TOKEN_UPDATE},
        {"=:", TOKEN_UPDATE},
        {"=", TOKEN_RELATION},
        {"<", TOKEN_RELATION},
        {">", TOKEN_RELATION},
        {"&", TOKEN_AND},
        {"|", TOKEN_OR},
        {"(", TOKEN_LEFT_PAREN},
        {")", TOKEN_RIGHT_PAREN},
        {"~", TOKEN_RELATION},
        {"+=", TOKEN_UPDATE},
        {"!", TOKEN_PREFIX},
        {"?", TOKEN_PREFIX},
};

static bool
read_mark(struct opam_lexer *lexer, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		if (*lexer->at != *marks[i].word || !looking_at(lexer, marks[i].word))
			continue;
		lexer->token = marks[i].token;
		lexer->length = strlen(marks[i].word);
		lexer->text = arena_copy(lexer->arena, lexer->at, lexer->length);
		lexer->at += lexer->length;
		return true;
	}
	if (isgraph((unsigned char)*lexer->at))
		return err_set(err, ERR_SYNTAX, "'%c' begins nothing in this syntax", *lexer->at);
	return err_set(
	        err, ERR_SYNTAX, "the byte 0x%02x begins nothing in this syntax", (unsigned char)*lexer->at);
}

bool
opam_lexer_next(struct opam_lexer *lexer, struct err *err)
{
	size_t name;

	if (!skip_space(lexer, err))
		return false;
	mark_place(lexer);
	if (lexer->at == lexer->end) {
		lexer->token = TOKEN_END;
		return true;
	}
	if (*lexer->at == '"')
		return read_string(lexer, err);
	name = name_length(lexer);
	if (name > 0) {
		read_name(lexer, name);
		return true;
	}
	if (is_name_char(*lexer->at))
		return read_number(lexer, err);
	return read_mark(lexer, err);
}
