/*
 * Lists: words, comments, line ends, wrong lines, and the same result however the bytes are cut into pieces.
 */
#include "tests/support/readers.h"

#include <sys/mman.h>

#include "storage/catalog/list.h"

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
read_pieces(const char *bytes, size_t length, size_t piece)
{
	struct list_reader reader;

	list_start(&reader, "x.list", harvest);
	for (size_t at = 0; at < length; at += piece)
		list_feed(&reader, bytes + at, length - at < piece ? length - at : piece);
	list_end(&reader);
}

static void
read_list(const char *text)
{
	read_pieces(text, strlen(text), SIZE_MAX);
}

static void
reads_lines(void **state)
{
	(void)state;
	read_list("# a comment\n\n   \t\n"
	          "https://h/a md5=" MD5_A " sha256=" SHA256_A " a.1\r\n"
	          "  https://h/b\tsha256:" SHA256_B "  \n"
	          "https://h/c b.1 md5=" MD5_B);
	assert_int_equal(harvest->files, 1);
	assert_int_equal(harvest->sections, 3);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_int_equal(harvest->n_entries, 3);
	assert_string_equal(harvest->entries[0].package, "a.1");
	assert_string_equal(harvest->entries[0].urls[0], "https://h/a");
	assert_digests(&harvest->entries[0], MD5_A, "sha256=" SHA256_A);
	assert_string_equal(harvest->entries[1].package, "");
	assert_digests(&harvest->entries[1], "sha256=" SHA256_B, NULL);
	assert_string_equal(harvest->entries[2].package, "b.1");
	assert_digests(&harvest->entries[2], MD5_B, NULL);
}

static void
goes_on_behind_a_wrong_line(void **state)
{
	static const char nul[] = "https://h/a\0 md5=" MD5_A "\n";

	(void)state;
	read_list("https://h/a md5=12 sha256=" SHA256_A "\n"
	          "https://h/b a.1 a.2 md5=" MD5_A "\n"
	          "https://h/c\n"
	          "git+https://h/d md5=" MD5_A "\n");
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(harvest->without_digest, 1);
	assert_int_equal(harvest->not_archives, 1);
	assert_problem(harvest, 0, "x.list", 1, 13, "32 hexadecimal digits");
	assert_problem(harvest, 1, "x.list", 2, 17, "second package name, 'a.2'");
	read_pieces(nul, sizeof nul - 1, SIZE_MAX);
	assert_problem(harvest, 2, "x.list", 1, 12, "NUL byte");
	assert_int_equal(harvest->n_entries, 2);
}

static void
bounds_a_line(void **state)
{
	AUTO_FREE char *words = repeated("md5=" MD5_A " ", LIST_LINE_MAX / 37 + 1, "\n");
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	text_addf(&text, "https://h/a %shttps://h/b md5=" MD5_A, words);
	for (size_t piece = 1; piece < text.length; piece *= 7)
		read_pieces(text.bytes, text.length, piece);
	assert_int_equal(harvest->n_entries, harvest->files);
	assert_int_equal(harvest->problems_in_all, harvest->files);
	assert_problem(harvest, 0, "x.list", 1, 0, "longer than the 8192 bytes");
	assert_string_equal(harvest->entries[0].urls[0], "https://h/b");
}

static void
reads_the_longest_line(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	text_add(&text, "https://h/a md5=" MD5_A);
	while (text.length < LIST_LINE_MAX)
		text_add(&text, " ");
	text_add(&text, "\n");
	read_list(text.bytes);
	assert_int_equal(harvest->n_entries, 1);
	assert_int_equal(harvest->problems_in_all, 0);
}

static void
reads_a_file_within_its_limit(void **state)
{
	static const char text[] = "https://h/a md5=" MD5_A "\n";
	AUTO_FD fd = memfd_create("list", MFD_CLOEXEC);
	struct err err = ERR_NONE;

	(void)state;
	assert_true(file_write(fd, text, strlen(text), &err));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(list_read(fd, strlen(text), "x.list", harvest, &err));
	assert_int_equal(harvest->n_entries, 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_false(list_read(fd, strlen(text) - 1, "x.list", harvest, &err));
	assert_error(&err, ERR_TOO_LARGE, "larger than the 48 bytes");
	assert_false(list_read(-1, 10, "x.list", harvest, &err));
	assert_error(&err, ERR_IO, "reading x.list");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(reads_lines, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(goes_on_behind_a_wrong_line, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_a_line, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_the_longest_line, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_file_within_its_limit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
