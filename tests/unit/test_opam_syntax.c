/*
 * The lexer and parser of opam's syntax: every kind of word and value, every limit, every mistake with its
 * place.
 */
#include "tests/support/readers.h"

#include "storage/catalog/opam_syntax.h"

static struct opam_parser *parser;

static int
set_up(void **state)
{
	(void)state;
	parser = opam_parser_create();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	opam_parser_destroy(parser);
	return 0;
}

/* Writes a value so that its tree can be seen: "(& a (opt b {(>= \"1\")}))". */
static void
show(struct text *text, const struct opam_value *value)
{
	static const char *const opening[] = {[OPAM_LIST] = "[",
	        [OPAM_GROUP] = "(",
	        [OPAM_OPTION] = "(opt",
	        [OPAM_AND] = "(&",
	        [OPAM_OR] = "(|"};
	const char *close = value->kind == OPAM_LIST ? "]" : ")";

	switch (value->kind) {
	case OPAM_STRING:
		text_addf(text, "'%s'", value->text);
		return;
	case OPAM_IDENT:
		text_add(text, value->text);
		return;
	case OPAM_INT:
		text_addf(text, "%lld", (long long)value->number);
		return;
	case OPAM_BOOL:
		text_addf(text, "#%lld", (long long)value->number);
		return;
	case OPAM_LIST:
	case OPAM_GROUP:
	case OPAM_OPTION:
	case OPAM_AND:
	case OPAM_OR:
		text_add(text, opening[value->kind]);
		break;
	case OPAM_PREFIX:
	case OPAM_RELATION:
	case OPAM_UPDATE:
		text_addf(text, "(%s", value->text);
	}
	for (const struct opam_value *below = value->first; below != NULL; below = below->next) {
		text_add(text, " ");
		show(text, below);
	}
	text_add(text, close);
}

static const struct opam_item *
parsed_bytes(const char *source, size_t length)
{
	struct err err = ERR_NONE;
	const struct opam_item *items = NULL;
	struct place place;

	if (!opam_parse(parser, source, length, &items, &place, &err))
		fail_msg("%u:%u: %s", place.line, place.column, err.text);
	return items;
}

static const struct opam_item *
parsed(const char *source)
{
	return parsed_bytes(source, strlen(source));
}

static void
assert_value(const char *source, const char *wanted)
{
	AUTO_TEXT field = TEXT_EMPTY, shown = TEXT_EMPTY;

	text_addf(&field, "x: %s", source);
	show(&shown, opam_field(parsed(text_string(&field)), "x"));
	assert_string_equal(text_string(&shown), wanted);
}

static void
assert_mistake(const char *source, unsigned line, unsigned column, const char *part)
{
	const struct opam_item *items = NULL;
	struct err err = ERR_NONE;
	struct place place = {0};

	if (opam_parse(parser, source, strlen(source), &items, &place, &err))
		fail_msg("read without a mistake: %.60s", source);
	assert_error(&err, ERR_SYNTAX, part);
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void
reads_strings(void **state)
{
	(void)state;
	assert_value("\"plain\"", "'plain'");
	assert_value("\"\"", "''");
	assert_value("\"a\\n\\t\\b\\r\\\\\\\"\\'\\ b\"", "'a\n\t\b\r\\\"' b'");
	assert_value("\"\\065\\x42\\xfF\"", "'AB\xff'");
	assert_value("\"one\\\n   two\\\r\n\tthree\"", "'onetwothree'");
	assert_value("\"two\nlines\"", "'two\nlines'");
	assert_value("\"# no (* comment\"", "'# no (* comment'");
	assert_value("\"\"\"a \"quoted\" \"\"b\\\"\"\"\"", "'a \"quoted\" \"\"b\"'");
	assert_value("\"\"\"\"\"\"", "''");
}

static void
keeps_a_nul_in_a_string(void **state)
{
	const struct opam_value *value;

	(void)state;
	value = opam_field(parsed("x: \"a\\000b\""), "x");
	assert_int_equal(value->length, 3);
	assert_memory_equal(value->text, "a\0b", 4);
	value = opam_field(parsed_bytes("x: \"a\0b\"", 8), "x");
	assert_int_equal(value->length, 3);
}

static void
reads_words(void **state)
{
	(void)state;
	assert_value("[a a-b a_b 1a -a _a]", "[ a a-b a_b 1a -a _a]");
	assert_value("[dune:version a+b:installed _+_+doc]", "[ dune:version a+b:installed _+_+doc]");
	assert_value("[true false truer]", "[ #1 #0 truer]");
	assert_value("[0 12 -3 1_000]", "[ 0 12 -3 1000]");
	assert_value("[]", "[]");
	assert_value("[[\"a\"] [b []]]", "[ [ 'a'] [ b []]]");
}

static void
reads_operators(void **state)
{
	(void)state;
	assert_value("a & b | c & d", "(| (& a b) (& c d))");
	assert_value("a & b & c", "(& a b c)");
	assert_value("(a | b) & c", "(& ( (| a b)) c)");
	assert_value("!a & ?b", "(& (! a) (? b))");
	assert_value("!!a {b}", "(! (! (opt a ( b))))");
	assert_value("a = \"1\" & b != c", "(& (= a '1') (!= b c))");
	assert_value("\"p\" {>= \"1\" & < \"2\" | ~ \"3\"}", "(opt 'p' ( (| (& (>= '1') (< '2')) (~ '3'))))");
	assert_value("\"p\" {a} {b}", "(opt 'p' ( a) ( b))");
	assert_value("[a<=1 b>2]", "[ (<= a 1) (> b 2)]");
}

static void
reads_updates(void **state)
{
	(void)state;
	assert_value("[[PATH += \"a\"] [B =+ \"b\"] [C := \"c\"]]",
	        "[ [ (+= PATH 'a')] [ (=+ B 'b')] [ (:= C 'c')]]");
	assert_value("[[PATH+=\"a\"] [D =: \"d\"] [E =+= \"e\"] [F = \"f\"]]",
	        "[ [ (+= PATH 'a')] [ (=: D 'd')] [ (=+= E 'e')] [ (= F 'f')]]");
}

static void
reads_items(void **state)
{
	const struct opam_item *items = parsed("# a comment\na: 1\n(* one (* two *) \n*) url { src: \"s\" "
	                                       "inner { } }\nextra-source \"t\" { b: 2 }");

	(void)state;
	assert_string_equal(items->name, "a");
	assert_int_equal(items->place.line, 2);
	items = items->next;
	assert_string_equal(items->name, "url");
	assert_null(items->value);
	assert_null(items->title);
	assert_int_equal(items->place.line, 4);
	assert_int_equal(items->place.column, 4);
	assert_string_equal(items->items->name, "src");
	assert_string_equal(items->items->next->name, "inner");
	items = items->next;
	assert_string_equal(items->title, "t");
	assert_int_equal(opam_field(items->items, "b")->number, 2);
	assert_null(items->next);
	assert_null(parsed(""));
	assert_null(parsed(" \r\n # only a comment"));
}

static void
tells_mistakes(void **state)
{
	(void)state;
	assert_mistake("a: \"never\nclosed", 1, 4, "never closed");
	assert_mistake("a: \"\"\"never\"\"", 1, 4, "never closed");
	assert_mistake("a: 1\n (* never *", 2, 2, "never closed");
	assert_mistake("a: \"x\n \\q\"", 2, 2, "backslash");
	assert_mistake("a: \"\\256\"", 1, 5, "backslash");
	assert_mistake("a: \"\\x4\"", 1, 5, "backslash");
	assert_mistake("a: [1 2", 1, 8, "expected ']'");
	assert_mistake("a: [1 }", 1, 7, "expected a value, found '}'");
	assert_mistake("a: (1 ]", 1, 7, "expected a value");
	assert_mistake("a: b {c", 1, 8, "expected '}'");
	assert_mistake("a:", 1, 3, "found the end of the file");
	assert_mistake("a", 1, 2, "':' or '{'");
	assert_mistake("a \"t\" x", 1, 7, "expected '{'");
	assert_mistake("a { b: 1", 1, 9, "name of a field");
	assert_mistake("a: 1 }", 1, 6, "name of a field");
	assert_mistake("\"a\": 1", 1, 1, "name of a field");
	assert_mistake("a: b = [c]", 1, 8, "expected a value");
	assert_mistake("a: b &", 1, 7, "expected a value");
	assert_mistake("a: !", 1, 5, "expected a value");
	assert_mistake("a: 99999999999999999999", 1, 4, "too large");
	assert_mistake("a: 4611686018427387904", 1, 4, "too large");
	assert_mistake("a: -4611686018427387905", 1, 4, "too large");
	assert_mistake("a: -", 1, 4, "'-' begins no number");
	assert_mistake("a: _1", 1, 4, "'_' begins no number");
	assert_mistake("a: _", 1, 4, "'_' begins no number");
	assert_mistake("a: $", 1, 4, "'$' begins nothing");
	assert_mistake("a: \r1", 1, 4, "0x0d");
	assert_mistake("\x7f"
	               "ELF\x02",
	        1, 1, "0x7f");
}

static void
names_what_it_found(void **state)
{
	static const struct {
		const char *source, *found;
	} cases[] = {{"12: 1", "a number"}, {"true: 1", "true or false"}, {": 1", "':'"}, {"{", "'{'"},
	        {"[", "'['"}, {"]", "']'"}, {"(", "'('"}, {")", "')'"}, {"&", "'&'"}, {"|", "'|'"},
	        {"?", "'!' or '?'"}, {">= 1", "a comparison"}, {"+= 1", "an environment update"},
	        {"\"a\"", "a string"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO_TEXT found = TEXT_EMPTY;

		text_addf(&found, "found %s", cases[i].found);
		assert_mistake(cases[i].source, 1, 1, text_string(&found));
	}
}

static void
stops_at_every_cut(void **state)
{
	static const char whole[] = "a: [\"x\" {b & !c = \"\\065\"}] s \"t\" { d: \"\"\"e\"\"\" (* f *) }";

	(void)state;
	for (size_t length = 0; length < sizeof whole; length++) {
		/* In memory of its very size, so that the sanitizer sees a byte read behind it. */
		AUTO_FREE char *cut = xmalloc(length);
		const struct opam_item *items;
		struct err err = ERR_NONE;
		struct place place;

		memcpy(cut, whole, length);
		if (!opam_parse(parser, cut, length, &items, &place, &err))
			assert_int_equal(place.line, 1);
	}
}

/* 10,000 deep in every way there is. */
static void
bounds_the_nesting(void **state)
{
	static const struct {
		const char *head, *word;
	} ways[] = {{"x: ", "["}, {"x: ", "("}, {"x: ", "!"}, {"x: a", "{a"}, {"", "s {"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		AUTO_FREE char *words = repeated(ways[i].word, 10000, "");
		AUTO_TEXT source = TEXT_EMPTY;
		const struct opam_item *items;
		struct err err = ERR_NONE;
		struct place place;

		text_addf(&source, "%s%s", ways[i].head, words);
		assert_false(opam_parse(parser, source.bytes, source.length, &items, &place, &err));
		assert_error(&err, ERR_SYNTAX, "nested more than 100 deep");
	}
}

static void
allows_the_nesting_limit(void **state)
{
	AUTO_FREE char *open = repeated("[", OPAM_NESTING_MAX, "");
	AUTO_FREE char *close = repeated("]", OPAM_NESTING_MAX, "");
	AUTO_TEXT source = TEXT_EMPTY;

	(void)state;
	text_addf(&source, "x: %s%s", open, close);
	assert_non_null(parsed(text_string(&source)));
}

static void
keeps_chains_flat(void **state)
{
	AUTO_FREE char *chain = repeated("a & ", 10000, "a");
	AUTO_FREE char *filters = repeated("{a}", 10000, "");
	AUTO_TEXT source = TEXT_EMPTY;

	(void)state;
	text_addf(&source, "x: %s y: b %s", chain, filters);
	assert_int_equal(opam_field(parsed(text_string(&source)), "x")->kind, OPAM_AND);
}

static void
bounds_the_values(void **state)
{
	AUTO_FREE char *values = repeated("1 ", OPAM_VALUES_MAX, "]");
	AUTO_TEXT source = TEXT_EMPTY;
	const struct opam_item *items;
	struct err err = ERR_NONE;
	struct place place;

	(void)state;
	text_addf(&source, "x: [%s", values);
	assert_false(opam_parse(parser, source.bytes, source.length, &items, &place, &err));
	assert_error(&err, ERR_SYNTAX, "more than 1000000 values");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(reads_strings, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_a_nul_in_a_string, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_words, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_operators, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_updates, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_items, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_mistakes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(names_what_it_found, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(stops_at_every_cut, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_the_nesting, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(allows_the_nesting_limit, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_chains_flat, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_the_values, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
