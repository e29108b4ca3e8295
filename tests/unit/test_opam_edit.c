/*
 * Other URLs and checksums in opam files and lockfiles: everything that names the archive is changed, nothing
 * else, in the form that stands there.
 */
#include "tests/support/stores.h"

#include "storage/catalog/opam_edit.h"

#define OLD "https://old.example/a.tgz"
#define NEW "https://new.example/a.tgz"

static char md5[DIGEST_HEX_MAX], sha256[DIGEST_HEX_MAX], sha512[DIGEST_HEX_MAX];
static struct digests all;
static const char *urls[] = {"https://other.example/a.tgz", OLD};

static int
set_up(void **state)
{
	struct digest digest;

	(void)state;
	all = digests_of("a", 1);
	digests_get(&all, DIGEST_MD5, &digest);
	digest_hex(&digest, md5);
	digests_get(&all, DIGEST_SHA256, &digest);
	digest_hex(&digest, sha256);
	digests_get(&all, DIGEST_SHA512, &digest);
	digest_hex(&digest, sha512);
	return 0;
}

/* The text with $5, $2 and $1 as the digests, in opam's form. */
static char *
fill(const char *template)
{
	struct text text = TEXT_EMPTY;

	for (const char *at = template; *at != '\0'; at++) {
		if (text_starts_with(at, "$5"))
			text_addf(&text, "\"md5=%s\"", md5);
		else if (text_starts_with(at, "$2"))
			text_addf(&text, "\"sha256=%s\"", sha256);
		else if (text_starts_with(at, "$1"))
			text_addf(&text, "\"sha512=%s\"", sha512);
		else
			text_add_bytes(&text, at, 1);
		at += *at == '$';
	}
	return text_take(&text);
}

static struct opam_wish
wish(void)
{
	return (struct opam_wish){
	        .urls = urls, .n_urls = COUNT_OF(urls), .digests = all, .url = NEW, .checksums = all};
}

static int
compare(const void *a, const void *b)
{
	const struct edit *left = a, *right = b;

	return (left->from > right->from) - (left->from < right->from);
}

/* The text as it is with the edits. */
static char *
apply(struct edits *edits, const char *bytes)
{
	struct text text = TEXT_EMPTY;
	size_t done = 0;

	if (edits->count > 0)
		qsort(edits->items, edits->count, sizeof *edits->items, compare);
	for (size_t i = 0; i < edits->count; i++) {
		assert_true(edits->items[i].from >= done);
		text_add_bytes(&text, bytes + done, edits->items[i].from - done);
		text_add(&text, edits->items[i].with);
		done = edits->items[i].to;
	}
	text_add(&text, bytes + done);
	return text_take(&text);
}

static void
assert_edited(struct opam_wish *wishes, size_t n_wishes, const char *was, const char *wanted)
{
	AUTO_FREE char *before = fill(was);
	AUTO_FREE char *after = fill(wanted);
	AUTO_FREE char *edited = NULL;
	struct edits edits = EDITS_EMPTY;
	struct err err = ERR_NONE;

	if (!opam_edit(before, strlen(before), wishes, n_wishes, &edits, &err))
		fail_msg("%s", err.text);
	edited = apply(&edits, before);
	assert_string_equal(edited, after);
	edits_finish(&edits);
}

static void
a_lockfile(void **state)
{
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1,
	        "opam-version: \"2.0\"\n"
	        "pin-depends: [\n"
	        "  [\"a.1\" \"" OLD "\"]\n"
	        "  [\n    \"b.1\"\n    \"" OLD "\" # the same\n  ]\n"
	        "  [\"c.1\" \"https://c.example/c.tgz\"]\n"
	        "]\n"
	        "x-opam-monorepo-duniverse-dirs: [\n"
	        "  [\"https://c.example/c.tgz\" \"c\" [\"md5=00000000000000000000000000000000\"]]\n"
	        "  [\n    \"" OLD "\"\n    \"a\"\n    [\n      $5\n    ]\n  ]\n"
	        "]\n",
	        "opam-version: \"2.0\"\n"
	        "pin-depends: [\n"
	        "  [\"a.1\" \"" NEW "\"]\n"
	        "  [\n    \"b.1\"\n    \"" NEW "\" # the same\n  ]\n"
	        "  [\"c.1\" \"https://c.example/c.tgz\"]\n"
	        "]\n"
	        "x-opam-monorepo-duniverse-dirs: [\n"
	        "  [\"https://c.example/c.tgz\" \"c\" [\"md5=00000000000000000000000000000000\"]]\n"
	        "  [\n    \"" NEW "\"\n    \"a\"\n    [\n      $2\n      $1\n      $5\n    ]\n  ]\n"
	        "]\n");
	assert_int_equal(one.found, 1);
	assert_null(one.title);
}

static void
checksums_that_are_all_there_stay_as_they_are(void **state)
{
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1,
	        "x-opam-monorepo-duniverse-dirs: [[\"" OLD
	        "#v1\" \"a\" [$5   $1 $2]]]\npin-depends: [\"a.1\" \"" OLD "#v1\"]\n",
	        "x-opam-monorepo-duniverse-dirs: [[\"" NEW
	        "\" \"a\" [$5   $1 $2]]]\npin-depends: [\"a.1\" \"" NEW "\"]\n");
}

static void
other_bytes_under_the_same_url_are_left_alone(void **state)
{
	static const char file[] =
	        "x-opam-monorepo-duniverse-dirs: [\n"
	        "  [\"" OLD "\" \"a\" [\"md5=00000000000000000000000000000000\"]]\n"
	        "  [\"" OLD "\" \"b\" []]\n"
	        "  [\"" OLD "\" \"c\"]\n"
	        "]\n"
	        "url { src: \"" OLD "\" checksum: \"md5=00000000000000000000000000000000\" }\n"
	        "url { src: \"" OLD "\" }\n"
	        "url { src: [] checksum: [] }\n";
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1, file, file);
	assert_int_equal(one.found, 0);
}

static void
two_directories_of_one_pin(void **state)
{
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1,
	        "pin-depends: [[\"a.1\" \"" OLD "\"]]\nx-opam-monorepo-duniverse-dirs: [[\"" OLD
	        "\" \"a\" [$5 $1 $2]] [\"" OLD "\" \"b\" [$5 $1 $2]]]\n",
	        "pin-depends: [[\"a.1\" \"" NEW "\"]]\nx-opam-monorepo-duniverse-dirs: [[\"" NEW
	        "\" \"a\" [$5 $1 $2]] [\"" NEW "\" \"b\" [$5 $1 $2]]]\n");
	assert_int_equal(one.found, 2);
}

static void
an_opam_file(void **state)
{
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1,
	        "synopsis: \"ä\" url {\n  src:\n    \"" OLD
	        "\"\n  mirrors: \"https://m.example/a.tgz\"\n  checksum: [\n"
	        "    $5\n  ]\n}\n",
	        "synopsis: \"ä\" url {\n  src:\n    \"" NEW
	        "\"\n  mirrors: \"https://m.example/a.tgz\"\n  checksum: [\n"
	        "    $2\n    $1\n    $5\n  ]\n}\n");
	assert_null(one.title);
	assert_edited(&one, 1, "extra-source \"a\\\"b.tgz\" {\n\tsrc: \"" OLD "\" checksum: $5 }\n",
	        "extra-source \"a\\\"b.tgz\" {\n\tsrc: \"" NEW "\" checksum: [ $2 $1 $5 ] }\n");
	assert_string_equal(one.title, "a\"b.tgz");
	free(one.title);
}

static void
corrected_checksums_replace_all(void **state)
{
	struct digest corrected = digest_of("b", DIGEST_MD5);
	struct opam_wish one = wish();
	char hex[DIGEST_HEX_MAX];
	AUTO_TEXT wanted = TEXT_EMPTY;

	(void)state;
	one.url = OLD;
	one.checksums = (struct digests){0};
	digests_put(&one.checksums, &corrected);
	digest_hex(&corrected, hex);
	text_addf(&wanted, "url {\r\n  src: \"" OLD "\"\r\n  checksum: [ \"md5=%s\" ]\r\n}\r\n", hex);
	assert_edited(
	        &one, 1, "url {\r\n  src: \"" OLD "\"\r\n  checksum: [$2 $1]\r\n}\r\n", text_string(&wanted));
}

static void
without_a_url_nothing_is_changed_but_the_title_is_told(void **state)
{
	static const char file[] = "extra-source \"x\" { src: \"" OLD "\" checksum: [ $5 ] }\n"
	                           "x-opam-monorepo-duniverse-dirs: [[\"" OLD "\" \"a\" [$5]]]\n";
	struct opam_wish one = wish();

	(void)state;
	one.url = NULL;
	assert_edited(&one, 1, file, file);
	assert_int_equal(one.found, 2);
	assert_string_equal(one.title, "x");
	free(one.title);
}

static void
a_file_of_another_syntax(void **state)
{
	static const char file[] = "opam-version: \"2.0\"\nurl { src: \"";
	struct opam_wish one = wish();
	struct edits edits = EDITS_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_false(opam_edit(file, strlen(file), &one, 1, &edits, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_true(text_starts_with(err.text, "2:"));
	assert_int_equal(edits.count, 0);
}

/* A person may have written anything; what is right beside it is changed all the same. */
static void
of_odd_shapes_what_is_right_is_changed(void **state)
{
	struct opam_wish one = wish();

	(void)state;
	assert_edited(&one, 1,
	        "pin-depends: [ 3 [] [\"a.1\"] [\"b.1\" 5] [\"c.1\" \"" OLD "#v2\"] [\"d.1\" \"" OLD
	        "\" \"more\"] ]\n"
	        "x-opam-monorepo-duniverse-dirs: [ 3 [] [\"x\"] [3 \"d\" [$5]] [\"" OLD "\" \"a\" $5] "
	        "[\"" OLD "\" \"b\" [3 $5 \"none\"]] [\"" OLD "\" \"c\" 3] ]\n",
	        "pin-depends: [ 3 [] [\"a.1\"] [\"b.1\" 5] [\"c.1\" \"" OLD "#v2\"] [\"d.1\" \"" NEW
	        "\" \"more\"] ]\n"
	        "x-opam-monorepo-duniverse-dirs: [ 3 [] [\"x\"] [3 \"d\" [$5]] [\"" NEW
	        "\" \"a\" [ $2 $1 $5 ]] "
	        "[\"" NEW "\" \"b\" [ $2 $1 $5 ]] [\"" OLD "\" \"c\" 3] ]\n");
	assert_int_equal(one.found, 2);
	one = wish();
	assert_edited(&one, 1,
	        "x-opam-monorepo-duniverse-dirs: \"" OLD "\"\npin-depends: 3\n"
	        "other \"x\" { src: \"" OLD
	        "\" checksum: $5 }\nurl { checksum: $5 }\nurl { src: 3 checksum: $5 }\n"
	        "url { archive: [\"" OLD "\"] checksum: $5 }\nextra-source { src: \"" OLD
	        "\" checksum: $5 }\n",
	        "x-opam-monorepo-duniverse-dirs: \"" OLD "\"\npin-depends: 3\n"
	        "other \"x\" { src: \"" OLD
	        "\" checksum: $5 }\nurl { checksum: $5 }\nurl { src: 3 checksum: $5 }\n"
	        "url { archive: [\"" NEW "\"] checksum: [ $2 $1 $5 ] }\nextra-source { src: \"" NEW
	        "\" checksum: [ $2 $1 $5 ] }\n");
	assert_int_equal(one.found, 2);
	assert_null(one.title); /* it has none */
}

static void
strings_are_escaped(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	opam_add_string(&text, "a\"b\\c");
	assert_string_equal(text_string(&text), "\"a\\\"b\\\\c\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_lockfile),
	        cmocka_unit_test(checksums_that_are_all_there_stay_as_they_are),
	        cmocka_unit_test(other_bytes_under_the_same_url_are_left_alone),
	        cmocka_unit_test(two_directories_of_one_pin),
	        cmocka_unit_test(an_opam_file),
	        cmocka_unit_test(corrected_checksums_replace_all),
	        cmocka_unit_test(without_a_url_nothing_is_changed_but_the_title_is_told),
	        cmocka_unit_test(a_file_of_another_syntax),
	        cmocka_unit_test(of_odd_shapes_what_is_right_is_changed),
	        cmocka_unit_test(strings_are_escaped),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
