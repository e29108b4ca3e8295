/*
 * Opam repositories: what counts in an opam file, which path is which package, directories and archives,
 * honest and hostile.
 */
#include "tests/support/readers.h"

#include <sys/mman.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "storage/catalog/opam_repository.h"

#define URL_SECTION "url {\n  src: \"https://a/x.tgz\"\n  checksum: \"md5=" MD5_A "\"\n}\n"

static const struct opam_limits limits = {.bytes = 64 << 20, .ratio = 200, .entries = 1000, .file = 1 << 20};
static struct harvest *harvest;
static struct opam_parser *parser;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	parser = opam_parser_create();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(harvest);
	opam_parser_destroy(parser);
	return 0;
}

static void
read_file(const char *path, const char *text)
{
	opam_repository_read_package(parser, path, text, strlen(text), harvest);
}

static void
reads_every_archive_of_a_file(void **state)
{
	(void)state;
	read_file("packages/a/a.1.2/opam",
	        "opam-version: \"2.0\"\nurl {\n mirrors: [\"https://m/1\" \"http://m/2\"]\n src: "
	        "\"https://a/x.tgz\"\n"
	        " checksum: [\"md5=" MD5_A "\" \"sha256=" SHA256_A "\"] {true}\n}\n"
	        "extra-source \"p.patch\" { src: \"https://a/p\" checksum: \"sha256=" SHA256_B "\" }\n"
	        "extra-source \"q.patch\" { archive: \"https://a/q\" checksum: \"" MD5_B "\" }\n"
	        "other \"x\" { src: \"https://no/\" checksum: \"" MD5_B "\" }\n");
	assert_int_equal(harvest->sections, 3);
	assert_int_equal(harvest->n_entries, 3);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_string_equal(harvest->entries[0].package, "a.1.2");
	assert_int_equal(harvest->entries[0].n_urls, 3);
	assert_string_equal(harvest->entries[0].urls[0], "https://a/x.tgz");
	assert_string_equal(harvest->entries[0].urls[1], "https://m/1");
	assert_digests(&harvest->entries[0], MD5_A, "sha256=" SHA256_A);
	assert_digests(&harvest->entries[1], "sha256=" SHA256_B, NULL);
	assert_string_equal(harvest->entries[2].urls[0], "https://a/q");
	assert_digests(&harvest->entries[2], MD5_B, NULL);
}

static void
reads_the_older_forms(void **state)
{
	(void)state;
	read_file("packages/a/a.1/url", "archive: \"https://a/x\"\nchecksum: \"" MD5_A "\"\n");
	read_file("packages/a/a.2/url",
	        "http: \"https://a/y\" mirrors: [\"https://b/y\"] checksum: \"" MD5_B "\"");
	read_file("packages/a/a.3/url", "git: \"https://a/repo\"");
	read_file("packages/a/a.4/opam", "name: \"a\"\nsrc: \"https://a/z\"\nchecksum: \"" MD5_A "\"");
	assert_int_equal(harvest->n_entries, 3);
	assert_int_equal(harvest->not_archives, 1);
	assert_string_equal(harvest->entries[1].package, "a.2");
	assert_int_equal(harvest->entries[1].n_urls, 2);
	assert_digests(&harvest->entries[2], MD5_A, NULL);
}

static void
counts_what_cannot_be_kept(void **state)
{
	(void)state;
	read_file("packages/a/a.1/opam", "url { src: \"git+https://a/b.git#c\" }");
	read_file("packages/a/a.2/opam", "url { src: \"https://a/x\" }");
	read_file("packages/a/a.3/opam", "synopsis: \"no url\"");
	read_file("packages/a/a.4/opam", "");
	assert_int_equal(harvest->files, 4);
	assert_int_equal(harvest->not_archives, 1);
	assert_int_equal(harvest->without_digest, 1);
	assert_int_equal(harvest->problems_in_all, 0);
}

static void
tells_where_a_mistake_is(void **state)
{
	(void)state;
	read_file("packages/a/a.1/opam",
	        "url {\n  src: \"https://a/x\"\n  checksum: [\"md5=12\" \"sha256=" SHA256_A "\"]\n}");
	assert_problem(harvest, 0, "packages/a/a.1/opam", 3, 14, "32 hexadecimal digits");
	assert_digests(&harvest->entries[0], "sha256=" SHA256_A, NULL);
	read_file("packages/a/a.2/opam", "url {\n  src: [12]\n}");
	assert_problem(harvest, 1, "packages/a/a.2/opam", 2, 9, "expected a string");
	read_file("packages/a/a.3/opam", "x: true\n" URL_SECTION "]");
	assert_problem(harvest, 2, "packages/a/a.3/opam", 6, 1, "the file is skipped");
	assert_int_equal(harvest->n_entries, 1);
}

static void
tells_paths_apart(void **state)
{
	(void)state;
	assert_int_equal(opam_repository_path("packages/a/a.1/opam"), OPAM_PATH_PACKAGE);
	assert_int_equal(opam_repository_path("packages/a.1/opam"), OPAM_PATH_PACKAGE);
	assert_int_equal(opam_repository_path("./x/packages/a/a.1/url"), OPAM_PATH_PACKAGE);
	assert_int_equal(opam_repository_path("repo"), OPAM_PATH_REPO);
	assert_int_equal(opam_repository_path("x/repo"), OPAM_PATH_REPO);
	assert_int_equal(opam_repository_path("packages/opam"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path("opam"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path("a/a.1/opam"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path("packages/a/a.1/files/opam"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path("packages/a/a.1/descr"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path("xpackages/a/a.1/opam"), OPAM_PATH_OTHER);
	assert_int_equal(opam_repository_path(""), OPAM_PATH_OTHER);
}

static void
finds_the_package(void **state)
{
	static const struct {
		const char *path, *fields, *package;
	} cases[] = {
	        {"packages/a/a.1+b~2/opam", "name: \"x\" version: \"9\"", "a.1+b~2"},
	        {"packages/a.1/opam", "", "a.1"},
	        {"packages/plain/opam", "name: \"x\" version: \"9\"", "x.9"},
	        {"packages/plain/opam", "name: \"x\"", "x"},
	        {"packages/plain/opam", "version: \"9\"", ""},
	        {"packages/a/a 1.2/opam", "name: \"x\" version: \"9\"", "x.9"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO_TEXT text = TEXT_EMPTY;

		text_addf(&text, "%s\n" URL_SECTION, cases[i].fields);
		read_file(cases[i].path, text_string(&text));
		assert_string_equal(harvest->entries[i].package, cases[i].package);
	}
}

static bool
read_tree(const char *root, const struct opam_limits *bounds, struct err *err)
{
	AUTO_FD fd = file_open_directory(root, err);

	assert_true(fd >= 0);
	return opam_repository_read_directory(fd, "the tree", bounds, harvest, err);
}

static void
reads_a_directory(void **state)
{
	char *root = temp_make();
	AUTO_FREE char *loop = path_in(root, "packages/loop");
	AUTO_FREE char *link = path_in(root, "packages/d/d.1/opam");
	struct err err = ERR_NONE;

	(void)state;
	put_file(root, "repo", "opam-version: \"2.0\"");
	put_file(root, "packages/b/b.1/opam", URL_SECTION);
	put_file(root, "packages/a/a.1/opam", URL_SECTION);
	put_file(root, "packages/a/a.1/files/opam", "]");
	put_file(root, "packages/c.1/opam", "]");
	put_file(root, "packages/d/d.1/other", "]");
	put_file(root, "packages/1/2/3/4/5/6/7/8/9/a.1/opam", URL_SECTION);
	assert_int_equal(symlink("..", loop), 0);
	assert_int_equal(symlink("../../a/a.1/opam", link), 0);
	assert_true(read_tree(root, &limits, &err));
	assert_int_equal(harvest->files, 3);
	assert_int_equal(harvest->n_entries, 2);
	assert_string_equal(harvest->entries[0].package, "a.1");
	assert_string_equal(harvest->entries[1].package, "b.1");
	assert_int_equal(harvest->problems_in_all, 3);
	assert_problem(harvest, 0, "packages/1/2/3/4/5/6/7/8/9", 0, 0, "too deep");
	assert_problem(harvest, 1, "packages/c.1/opam", 1, 1, "the file is skipped");
	assert_problem(harvest, 2, "packages/d/d.1/opam", 0, 0, "symbolic link");
	temp_remove(root);
}

static void
bounds_a_directory(void **state)
{
	char *root = temp_make();
	struct opam_limits small = limits;
	struct err err = ERR_NONE;

	(void)state;
	assert_false(read_tree(root, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "holds no packages/");
	put_file(root, "packages/a/a.1/opam", URL_SECTION);
	put_file(root, "packages/a/a.2/opam", URL_SECTION);
	small.entries = 4;
	assert_false(read_tree(root, &small, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 4 entries");
	small.entries = 1000;
	small.bytes = 100;
	assert_false(read_tree(root, &small, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 100 bytes");
	small.bytes = limits.bytes;
	small.file = 10;
	assert_false(read_tree(root, &small, &err));
	assert_problem(
	        harvest, harvest->n_problems - 1, "packages/a/a.2/opam", 0, 0, "larger than the 10 bytes");
	temp_remove(root);
}

/* An archive in memory. */
struct tar {
	struct archive *archive;
	char bytes[1 << 20];
	size_t length;
};

static void
tar_start(struct tar *tar)
{
	tar->archive = archive_write_new();
	archive_write_set_format_pax_restricted(tar->archive);
	archive_write_add_filter_gzip(tar->archive);
	assert_int_equal(archive_write_open_memory(tar->archive, tar->bytes, sizeof tar->bytes, &tar->length),
	        ARCHIVE_OK);
}

static void
tar_add_of_type(
        struct tar *tar, const char *path, unsigned type, const char *target, const char *data, size_t length)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)length);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(entry, target);
	else if (target != NULL)
		archive_entry_set_hardlink(entry, target);
	assert_int_equal(archive_write_header(tar->archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(tar->archive, data, length), length);
	archive_entry_free(entry);
}

static void
tar_add(struct tar *tar, const char *path, const char *data)
{
	tar_add_of_type(tar, path, AE_IFREG, NULL, data, strlen(data));
}

static void
tar_end(struct tar *tar)
{
	assert_int_equal(archive_write_close(tar->archive), ARCHIVE_OK);
	archive_write_free(tar->archive);
}

static bool
read_bytes(const void *bytes, size_t length, const struct opam_limits *bounds, struct err *err)
{
	AUTO_FD fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, length, err));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return opam_repository_read_archive(fd, "x.tar.gz", bounds, harvest, err);
}

static void
reads_an_archive(void **state)
{
	AUTO_FREE char *long_name = repeated("packages/", 400, "a/a.3/opam");
	static struct tar tar;
	struct err err = ERR_NONE;

	(void)state;
	tar_start(&tar);
	tar_add(&tar, "repo", "opam-version: ]");
	tar_add_of_type(&tar, "packages/", AE_IFDIR, NULL, "", 0);
	tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_add(&tar, "packages/a/a.1/files/big", "data");
	tar_add(&tar, "./lead/packages/a/a.2/opam", URL_SECTION);
	tar_add(&tar, "packages/b/b.1/opam", "binary \x01");
	tar_add(&tar, long_name, URL_SECTION);
	tar_end(&tar);
	assert_true(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_int_equal(harvest->files, 4);
	assert_int_equal(harvest->n_entries, 3);
	assert_string_equal(harvest->entries[1].package, "a.2");
	assert_string_equal(harvest->entries[2].package, "a.3");
	assert_int_equal(harvest->problems_in_all, 2);
	assert_problem(harvest, 0, "repo", 1, 15, "expected a value");
	assert_problem(harvest, 1, "packages/b/b.1/opam", 1, 8, "0x01");
}

static void
skips_absurd_entries(void **state)
{
	static struct tar tar;
	struct err err = ERR_NONE;

	(void)state;
	tar_start(&tar);
	tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_add(&tar, "../packages/a/a.2/opam", URL_SECTION);
	tar_add(&tar, "/packages/a/a.3/opam", URL_SECTION);
	tar_add(&tar, "packages/../../packages/a/a.4/opam", URL_SECTION);
	tar_add_of_type(&tar, "packages/a/a.5/opam", AE_IFLNK, "/etc/passwd", "", 0);
	tar_add_of_type(&tar, "packages/a/a.6/opam", AE_IFREG, "packages/a/a.1/opam", "", 0);
	tar_add_of_type(&tar, "packages/a/a.7/opam", AE_IFIFO, NULL, "", 0);
	tar_add_of_type(&tar, "packages/a/a.8/opam", AE_IFDIR, NULL, "", 0);
	tar_end(&tar);
	assert_true(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_int_equal(harvest->files, 1);
	assert_int_equal(harvest->problems_in_all, 5);
	assert_problem(harvest, 0, "../packages/a/a.2/opam", 0, 0, "leaves the archive");
	assert_problem(harvest, 3, "packages/a/a.5/opam", 0, 0, "a link");
	assert_problem(harvest, 4, "packages/a/a.6/opam", 0, 0, "a link");
}

static void
refuses_an_archive_that_is_cut_off(void **state)
{
	static struct tar tar;
	struct err err;

	(void)state;
	tar_start(&tar);
	for (int i = 0; i < 100; i++)
		tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_end(&tar);
	for (size_t length = 0; length < tar.length; length += 7) {
		err = ERR_NONE;
		assert_false(read_bytes(tar.bytes, length, &limits, &err));
		assert_string_equal(err_name(err.code), "SYNTAX");
	}
	err = ERR_NONE;
	assert_false(read_bytes(tar.bytes, tar.length - 1, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "x.tar.gz: cut off");
	assert_true(read_bytes(tar.bytes, tar.length, &limits, &err));
}

/* libarchive alone would not notice: the sum at the end of the gzip tells. */
static void
refuses_an_archive_that_is_damaged(void **state)
{
	static struct tar tar;
	struct err err = ERR_NONE;

	(void)state;
	tar_start(&tar);
	tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_end(&tar);
	tar.bytes[tar.length - 6] ^= 1;
	assert_false(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "x.tar.gz: damaged");
	tar.bytes[tar.length - 6] ^= 1;
	memcpy(tar.bytes + tar.length, "garbage", 7);
	assert_false(read_bytes(tar.bytes, tar.length + 7, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "x.tar.gz: damaged");
	memset(tar.bytes + tar.length, 0, 700);
	assert_true(read_bytes(tar.bytes, tar.length + 700, &limits, &err));
}

/* gzip lets files be put behind each other; a tar may come without any. */
static void
reads_members_and_plain_tars(void **state)
{
	static struct tar tar;
	struct err err = ERR_NONE;
	AUTO_TEXT members = TEXT_EMPTY;
	AUTO_FD directory = -1;

	(void)state;
	tar_start(&tar);
	tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_end(&tar);
	text_add_bytes(&members, tar.bytes, tar.length);
	text_add_bytes(&members, "\0\0\0", 3);
	text_add_bytes(&members, tar.bytes, tar.length);
	assert_true(read_bytes(members.bytes, members.length, &limits, &err));
	assert_int_equal(harvest->n_entries, 1); /* the tar ends with its first end */
	assert_false(read_bytes(members.bytes, members.length - 1, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "cut off");

	tar.archive = archive_write_new();
	archive_write_set_format_ustar(tar.archive);
	assert_int_equal(
	        archive_write_open_memory(tar.archive, tar.bytes, sizeof tar.bytes, &tar.length), ARCHIVE_OK);
	tar_add(&tar, "packages/a/a.2/opam", URL_SECTION);
	tar_end(&tar);
	assert_true(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_string_equal(harvest->entries[harvest->n_entries - 1].package, "a.2");
	assert_false(read_bytes(tar.bytes, 520, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "not a tar archive");

	directory = file_open_directory("/", &err);
	assert_false(opam_repository_read_archive(directory, "x", &limits, harvest, &err));
	assert_error(&err, ERR_IO, "x: reading");
}

static void
refuses_what_is_no_archive(void **state)
{
	static const char text[] =
	        "this is no archive at all, but some text that is long enough to be looked at";
	static struct tar tar;
	struct err err = ERR_NONE;

	(void)state;
	assert_false(read_bytes(text, sizeof text, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "x.tar.gz: not a tar archive");
	tar_start(&tar);
	tar_add(&tar, "README", "hello");
	tar_end(&tar);
	assert_false(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_error(&err, ERR_SYNTAX, "holds no packages/");
}

static void
bounds_an_archive(void **state)
{
	AUTO_FREE char *zeros = xcalloc(8, 1 << 20);
	struct opam_limits small = limits;
	static struct tar tar;
	struct err err = ERR_NONE;

	(void)state;
	tar_start(&tar);
	tar_add(&tar, "packages/a/a.1/opam", URL_SECTION);
	tar_add(&tar, "packages/a/a.2/opam", URL_SECTION);
	tar_add_of_type(&tar, "packages/a/a.3/opam", AE_IFREG, NULL, zeros, 2 << 20);
	tar_add_of_type(&tar, "zeros", AE_IFREG, NULL, zeros, 8 << 20);
	tar_end(&tar);
	assert_false(read_bytes(tar.bytes, tar.length, &limits, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than 200 times its size");
	small.ratio = 10000;
	small.entries = 3;
	assert_false(read_bytes(tar.bytes, tar.length, &small, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 3 entries");
	small.entries = 4;
	small.bytes = 4 << 20;
	assert_false(read_bytes(tar.bytes, tar.length, &small, &err));
	assert_error(&err, ERR_TOO_LARGE, "decompresses to more than the 4194304 bytes");
	small.bytes = 1000;
	assert_false(read_bytes(tar.bytes, tar.length, &small, &err));
	assert_error(&err, ERR_TOO_LARGE, "larger than the 1000 bytes");
	small.bytes = limits.bytes;
	assert_true(read_bytes(tar.bytes, tar.length, &small, &err));
	assert_problem(
	        harvest, harvest->n_problems - 1, "packages/a/a.3/opam", 0, 0, "larger than one file may be");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(reads_every_archive_of_a_file, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_the_older_forms, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counts_what_cannot_be_kept, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_where_a_mistake_is, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_paths_apart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(finds_the_package, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_a_directory, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_a_directory, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_an_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(skips_absurd_entries, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_an_archive_that_is_cut_off, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_an_archive_that_is_damaged, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_members_and_plain_tars, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_what_is_no_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_an_archive, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
