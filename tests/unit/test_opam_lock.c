/*
 * opam-monorepo lockfiles: directories, the packages pinned to them, and what older versions wrote.
 */
#include "tests/support/readers.h"

#include "storage/catalog/opam_lock.h"

static struct harvest *harvest;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(harvest);
	return 0;
}

static void
read_lock(const char *text)
{
	struct err err = ERR_NONE;

	if (!opam_lock_read(text, strlen(text), "x.opam.locked", harvest, &err))
		fail_msg("%s", err.text);
}

static void
names_the_packages_of_each_archive(void **state)
{
	size_t count;

	(void)state;
	read_lock("opam-version: \"2.0\"\n"
	          "pin-depends: [\n [\"b.1\" \"https://h/b\"]\n [\"a-lwt.1\" \"https://h/a\"]\n [\"a.1\" "
	          "\"https://h/a\"]\n]\n"
	          "x-opam-monorepo-duniverse-dirs: [\n"
	          " [\"https://h/a\" \"a\" [\"md5=" MD5_A "\" \"sha256=" SHA256_A "\"]]\n"
	          " [\"https://h/b\" \"b\" [\"sha256=" SHA256_B "\"]]\n"
	          " [\"https://h/c\" \"c\" \"md5=" MD5_B "\"]\n]\n"
	          "x-opam-monorepo-version: \"0.3\"\n");
	assert_int_equal(harvest->files, 1);
	assert_int_equal(harvest->sections, 3);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_int_equal(harvest->n_entries, 4);
	assert_string_equal(harvest->entries[0].package, "a-lwt.1");
	assert_string_equal(harvest->entries[1].package, "a.1");
	assert_string_equal(harvest->entries[2].package, "b.1");
	assert_string_equal(harvest->entries[3].package, "");
	assert_digests(&harvest->entries[1], MD5_A, "sha256=" SHA256_A);
	assert_string_equal(harvest->entries[1].urls[0], "https://h/a");
	free(harvest_archives(harvest, &count));
	assert_int_equal(count, 3);
}

static void
counts_what_has_no_checksum(void **state)
{
	(void)state;
	read_lock("x-opam-monorepo-duniverse-dirs: [\n"
	          " [\"git+https://h/a.git#0123\" \"a\"]\n [\"https://h/b\" \"b\"]\n [\"https://h/c\" \"c\" "
	          "[]]\n]\n"
	          "pin-depends: [[\"a.1\" \"git+https://h/a.git#0123\"] [\"d.1\" \"git+https://h/d\"] "
	          "[\"e.1\" \"https://h/e\"]]");
	assert_int_equal(harvest->sections, 5);
	assert_int_equal(harvest->not_archives, 2);
	assert_int_equal(harvest->without_digest, 3);
	assert_int_equal(harvest->n_entries, 0);
	assert_int_equal(harvest->problems_in_all, 0);
}

static void
reads_a_lone_pin_and_a_fragment(void **state)
{
	(void)state;
	read_lock("pin-depends: [\"a.1\" \"https://h/a#f\"]\n"
	          "x-opam-monorepo-duniverse-dirs: [[\"https://h/a#f\" \"a\" [\"" MD5_A "\"]]]");
	assert_int_equal(harvest->n_entries, 1);
	assert_string_equal(harvest->entries[0].package, "a.1");
	assert_string_equal(harvest->entries[0].urls[0], "https://h/a");
}

static void
reads_the_sections_of_an_opam_file(void **state)
{
	(void)state;
	read_lock("name: \"a\" version: \"1\" url { src: \"https://h/a\" checksum: \"" MD5_A "\" }\n"
	          "extra-source \"p\" { src: \"https://h/p\" checksum: \"" MD5_B "\" }");
	assert_int_equal(harvest->n_entries, 2);
	assert_string_equal(harvest->entries[1].package, "a.1");
}

static void
goes_on_behind_a_wrong_entry(void **state)
{
	(void)state;
	read_lock("pin-depends: [\n [\"a.1\"]\n 12\n]\n"
	          "x-opam-monorepo-duniverse-dirs: [\n [\"https://h/a\"]\n x\n [\"https://h/b\" \"b\" "
	          "[\"md5=12\" \"" MD5_A "\"]]\n]");
	assert_int_equal(harvest->problems_in_all, 5);
	assert_problem(harvest, 0, "x.opam.locked", 2, 2, "a pin is");
	assert_problem(harvest, 1, "x.opam.locked", 3, 2, "a pin is");
	assert_problem(harvest, 2, "x.opam.locked", 6, 2, "a directory is");
	assert_problem(harvest, 3, "x.opam.locked", 7, 2, "a directory is");
	assert_problem(harvest, 4, "x.opam.locked", 8, 22, "32 hexadecimal digits");
	assert_int_equal(harvest->n_entries, 1);
	read_lock("pin-depends: true");
	assert_problem(harvest, 5, "x.opam.locked", 1, 14, "expected a list");
}

static void
refuses_half_a_lockfile(void **state)
{
	static const char text[] =
	        "x-opam-monorepo-duniverse-dirs: [\n [\"https://h/a\" \"a\" [\"" MD5_A "\"]]\n";
	struct err err = ERR_NONE;

	(void)state;
	assert_false(opam_lock_read(text, strlen(text), "x.opam.locked", harvest, &err));
	assert_error(&err, ERR_SYNTAX, "x.opam.locked:3:1: expected ']'");
	assert_int_equal(harvest->n_entries, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(names_the_packages_of_each_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_what_has_no_checksum, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_lone_pin_and_a_fragment, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_the_sections_of_an_opam_file, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(goes_on_behind_a_wrong_entry, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_half_a_lockfile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
