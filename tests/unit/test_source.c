/*
 * The door to the importers: every form is told apart, everything else is refused with a sentence, and where
 * the real data lies beside the checkout, all of it is read. The figures were counted with regular
 * expressions over the unpacked files.
 */
#include "tests/support/readers.h"

#include <unistd.h>

#include "storage/catalog/source.h"

#define LIST_LINE "https://h/a md5=" MD5_A " a.1\n"

static struct harvest *harvest;
static char *root;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	root = temp_make();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harvest_destroy(harvest);
	temp_remove(root);
	return 0;
}

static bool
read_named(const char *name, enum source_form *ret_form, struct err *err)
{
	AUTO_FREE char *path = path_in(root, name);

	return source_read(path, harvest, ret_form, err);
}

static void
assert_form(const char *name, const char *text, enum source_form wanted)
{
	struct err err = ERR_NONE;
	enum source_form form;

	put_file(root, name, text);
	if (!read_named(name, &form, &err))
		fail_msg("%s", err.text);
	assert_string_equal(source_form_name(form), source_form_name(wanted));
}

static void
assert_refused(const char *name, enum err_code code, const char *part)
{
	struct err err = ERR_NONE;
	enum source_form form;

	assert_false(read_named(name, &form, &err));
	assert_error(&err, code, part);
}

static void
tells_files_apart(void **state)
{
	(void)state;
	assert_form("a", LIST_LINE, SOURCE_LIST);
	assert_form("b", "# comment\n\n" LIST_LINE, SOURCE_LIST);
	assert_form("c", "# only a comment", SOURCE_LIST);
	assert_form("d.list", "nonsense", SOURCE_LIST);
	assert_form("e", "git+https://h/a md5=" MD5_A, SOURCE_LIST);
	assert_form("f", "opam-version: \"2.0\"", SOURCE_OPAM_LOCK);
	assert_form("g", "# comment\nurl { src: \"https://h/a\" }", SOURCE_OPAM_LOCK);
	assert_form("h", "(* comment *) a: 1", SOURCE_OPAM_LOCK);
	assert_form("i.opam.locked", "# nothing", SOURCE_OPAM_LOCK);
	assert_form("opam", "extra-source \"a\" { }", SOURCE_OPAM_LOCK);
	assert_form("a.pkg", "(source (fetch (url https://h/a) (checksum " MD5_A ")))", SOURCE_DUNE_LOCK);
	assert_int_equal(harvest->n_entries, 3);
}

static void
tells_directories_apart(void **state)
{
	enum source_form form;
	struct err err = ERR_NONE;

	(void)state;
	put_file(root, "repository/packages/a/a.1/opam", "");
	assert_true(read_named("repository", &form, &err));
	assert_int_equal(form, SOURCE_OPAM_REPOSITORY);
	put_file(root, "dune.lock/lock.dune", "(lang package 0.1)");
	assert_true(read_named("dune.lock", &form, &err));
	assert_int_equal(form, SOURCE_DUNE_LOCK);
	put_file(root, "packages-alone/a.pkg", "");
	assert_true(read_named("packages-alone", &form, &err));
	assert_int_equal(form, SOURCE_DUNE_LOCK);
	put_file(root, "neither/a", "");
	assert_refused("neither", ERR_SYNTAX, "neither an opam repository");
	put_file(root, "empty/repo", "");
	assert_refused("empty", ERR_SYNTAX, "holds no packages/");
}

static void
refuses_what_it_cannot_read(void **state)
{
	AUTO_FREE char *fifo = path_in(root, "fifo");

	(void)state;
	assert_refused("missing", ERR_IO, "No such file");
	put_file(root, "empty", "");
	assert_refused("empty", ERR_SYNTAX, "is empty");
	put_bytes(root, "binary",
	        "\x7f"
	        "ELF\0\0",
	        6);
	assert_refused("binary", ERR_SYNTAX, "is binary");
	put_file(root, "text", "Dear reader,\nthis is no list.\n");
	assert_refused("text", ERR_SYNTAX, "text of another kind");
	put_file(root, "cut.opam.locked", "a: [");
	assert_refused("cut.opam.locked", ERR_SYNTAX, "cut.opam.locked:1:5: expected ']'");
	put_bytes(root, "cut.tar.gz", "\x1f\x8b\x08\0\0\0", 6);
	assert_refused("cut.tar.gz", ERR_SYNTAX, "cut off");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_refused("fifo", ERR_USAGE, "neither a file nor a directory");
}

static void
grow(const char *name, off_t size)
{
	AUTO_FREE char *path = path_in(root, name);

	assert_int_equal(truncate(path, size), 0);
}

/* Zeros, as a hole: they would take minutes to read and are refused at once. */
static void
refuses_what_is_too_large(void **state)
{
	AUTO_TEXT long_comment = TEXT_EMPTY;

	(void)state;
	put_file(root, "zeros", "");
	grow("zeros", 2LL << 30);
	assert_refused("zeros", ERR_TOO_LARGE, "larger than the 1073741824 bytes");
	grow("zeros", 1LL << 30);
	assert_refused("zeros", ERR_SYNTAX, "is binary");
	while (long_comment.length <= 8192)
		text_add(&long_comment, "# a comment\n");
	put_file(root, "large.opam.locked", long_comment.bytes);
	grow("large.opam.locked", SOURCE_FILE_MAX + 1);
	assert_refused("large.opam.locked", ERR_TOO_LARGE, "larger than the 16777216 bytes");
}

static bool
read_real(const char *name, enum source_form wanted)
{
	AUTO_FREE char *path = path_in(REAL_DATA, name);
	struct err err = ERR_NONE;
	enum source_form form;

	if (access(path, R_OK) != 0)
		return false;
	if (!source_read(path, harvest, &form, &err))
		fail_msg("%s", err.text);
	assert_int_equal(form, wanted);
	assert_int_equal(harvest->problems_in_all, 0);
	return true;
}

static int
compare_digests(const void *left, const void *right)
{
	return digest_compare(left, right);
}

static size_t
count_digests(void)
{
	struct digest *digests = xcalloc(DIGEST_ALGOS * harvest->n_entries, sizeof *digests);
	size_t count = 0, distinct = 0;

	for (size_t i = 0; i < harvest->n_entries; i++)
		for (int algo = 0; algo < DIGEST_ALGOS; algo++)
			count += digests_get(
			        &harvest->entries[i].digests, (enum digest_algo)algo, &digests[count]);
	qsort(digests, count, sizeof *digests, compare_digests);
	for (size_t i = 0; i < count; i++)
		distinct += i == 0 || !digest_equal(&digests[i], &digests[i - 1]);
	free(digests);
	return distinct;
}

static void
reads_the_real_repository(void **state)
{
	size_t archives;

	(void)state;
	if (!read_real("opam-repository.tar.gz", SOURCE_OPAM_ARCHIVE))
		skip();
	free(harvest_archives(harvest, &archives));
	assert_int_equal(harvest->files, 18793);
	assert_int_equal(harvest->sections, 18932);
	assert_int_equal(harvest->without_digest, 15);
	assert_int_equal(harvest->not_archives, 4);
	assert_int_equal(count_digests(), 21753);
	assert_int_equal(archives, 11503);
}

static void
reads_the_real_lockfile(void **state)
{
	size_t archives;

	(void)state;
	if (!read_real("monorepo-bench.opam.locked", SOURCE_OPAM_LOCK))
		skip();
	free(harvest_archives(harvest, &archives));
	assert_int_equal(harvest->sections, 1245);
	assert_int_equal(archives, 1245);
	assert_int_equal(harvest->n_entries, 1731);
	assert_int_equal(count_digests(), 2166);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(tells_files_apart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(tells_directories_apart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_read, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_what_is_too_large, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_the_real_repository, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(reads_the_real_lockfile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
