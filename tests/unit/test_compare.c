/*
 * Comparing what came with what was promised: every verdict, and what it says, on archives made here.
 */
#include <locale.h>

#include "tests/support/archives.h"

#define TOP                                                                                                  \
	{                                                                                                    \
		.path = "rosa-1/", .type = AE_IFDIR, .mode = 0755                                            \
	}
#define FILE_A                                                                                               \
	{                                                                                                    \
		.path = "rosa-1/a.ml", .content = "let a = 1\n"                                              \
	}
#define FILE_B                                                                                               \
	{                                                                                                    \
		.path = "rosa-1/src/b.ml", .content = "let b = 2\n"                                          \
	}
#define SYMLINK                                                                                              \
	{                                                                                                    \
		.path = "rosa-1/link", .link = "a.ml", .type = AE_IFLNK                                      \
	}
#define ORIGINAL TAR_GZ(TOP, FILE_A, FILE_B, SYMLINK)

static char *
original_tar(size_t *ret_length)
{
	int fd = TAR_AS(ARCHIVE_FORMAT_TAR_USTAR, TOP, FILE_A, FILE_B, SYMLINK);
	char *tar = bytes_of(fd, ret_length);

	close(fd);
	return tar;
}

static void
knows_the_same_tar(void **state)
{
	size_t length;
	AUTO_FREE char *tar = original_tar(&length);
	static const int filters[] = {ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_ZSTD,
	        ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_NONE};
	static const char *const names[] = {"xz", "bzip2", "zstd", "lzma", "no compression"};

	(void)state;
	expect(gzip_of(tar, length, 1, 0), gzip_of(tar, length, 9, 0), DRIFT_RECOMPRESSED,
	        "the same tar, compressed by gzip in another way");
	expect(gzip_of(tar, length, 6, 0), gzip_of(tar, length, 6, 1700000000), DRIFT_RECOMPRESSED, "gzip");
	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		AUTO_TEXT said = TEXT_EMPTY;

		text_addf(&said, "the same tar with %s instead of gzip", names[i]);
		expect(ORIGINAL, packed_of(tar, length, filters[i]), DRIFT_RECOMPRESSED, text_string(&said));
	}
	expect(memory_file(tar, length), memory_file(tar, length), DRIFT_RECOMPRESSED, "the same bytes");
}

static void
knows_other_headers(void **state)
{
	(void)state;
	expect(TAR_GZ(FILE_A, FILE_B),
	        TAR_GZ({.path = "rosa-1/a.ml", .content = "let a = 1\n", .mtime = 1600000000}, FILE_B),
	        DRIFT_METADATA, "the same 2 files with other times");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "rosa-1/a.ml", .content = "let a = 1\n", .uid = 1000}),
	        DRIFT_METADATA, "the same 1 file with other owners");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "rosa-1/a.ml", .content = "let a = 1\n", .user = "anne"}),
	        DRIFT_METADATA, "with other owners");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "rosa-1/a.ml", .content = "let a = 1\n", .mode = 0755}),
	        DRIFT_METADATA, "with other modes");
	expect(ORIGINAL, TAR_GZ(TOP, FILE_B, FILE_A, SYMLINK), DRIFT_METADATA,
	        "the same 3 files with another order");
	expect(ORIGINAL, TAR_GZ(FILE_A, FILE_B, SYMLINK), DRIFT_METADATA, "other entries for directories");
	expect(TAR_GZ({.path = "./rosa-1//a.ml", .content = "let a = 1\n"}), TAR_GZ(FILE_A), DRIFT_METADATA,
	        "the same 1 file with other headers or padding");
}

static void
knows_other_forms(void **state)
{
	(void)state;
	expect(TAR_AS(ARCHIVE_FORMAT_TAR_USTAR, FILE_A), TAR_AS(ARCHIVE_FORMAT_TAR_GNUTAR, FILE_A),
	        DRIFT_METADATA, "another form (GNU tar instead of ustar tar)");
	expect(ORIGINAL, TAR_AS(ARCHIVE_FORMAT_ZIP, TOP, FILE_A, FILE_B, SYMLINK), DRIFT_METADATA,
	        "another form (zip instead of ustar tar)");
	expect(TAR_AS(ARCHIVE_FORMAT_ZIP, FILE_A, FILE_B), TAR_GZ(FILE_A, FILE_B), DRIFT_METADATA,
	        "another form (ustar tar instead of zip)");
	expect(TAR_AS(ARCHIVE_FORMAT_ZIP, FILE_A, FILE_B), TAR_AS(ARCHIVE_FORMAT_ZIP, FILE_B, FILE_A),
	        DRIFT_METADATA, "another order");
}

static void
knows_pax_from_ustar(void **state)
{
	(void)state;
	expect(TAR_AS(ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
	               {.path = "rosa-1/a.ml", .content = "let a = 1\n", .uid = 3000000}),
	        TAR_GZ(FILE_A), DRIFT_METADATA, "another form (ustar tar instead of pax tar), other owners");
}

/* Names in UTF-8 are compared as they are, in a tar as in a zip, whatever the locale of the daemon. */
static void
reads_names_in_utf8(void **state)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = uselocale(utf8);
	int zip = TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "\xc3\xa9.ml", .content = "1"});
	int other = TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "\xc3\xa8.ml", .content = "1"});
	int pax = TAR_AS(ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, {.path = "\xc3\xa9.ml", .content = "1"});

	(void)state;
	uselocale(before);
	freelocale(utf8);
	expect(dup(zip), pax, DRIFT_METADATA, "another form (pax tar instead of zip)");
	expect(zip, other, DRIFT_CONTENT, "2 files differ: \xc3\xa8.ml added, \xc3\xa9.ml removed");
}

static void
knows_a_renamed_directory(void **state)
{
	struct drift drift;

	(void)state;
	expect(ORIGINAL,
	        TAR_GZ({.path = "lucid-2/", .type = AE_IFDIR, .mode = 0755},
	                {.path = "lucid-2/a.ml", .content = "let a = 1\n"},
	                {.path = "lucid-2/src/b.ml", .content = "let b = 2\n"},
	                {.path = "lucid-2/link", .link = "a.ml", .type = AE_IFLNK}),
	        DRIFT_METADATA,
	        "the same 3 files with another top-level directory (lucid-2 instead of rosa-1)");
	expect(TAR_GZ(FILE_A, FILE_B),
	        TAR_GZ({.path = "a.ml", .content = "let a = 1\n"},
	                {.path = "src/b.ml", .content = "let b = 2\n"}),
	        DRIFT_METADATA, "another top-level directory (none instead of rosa-1)");
	drift = expect(TAR_GZ(FILE_A, FILE_B),
	        TAR_GZ({.path = "lucid-2/a.ml", .content = "let a = 1\n"},
	                {.path = "lucid-2/src/b.ml", .content = "changed\n"}),
	        DRIFT_CONTENT,
	        "1 file differs: rosa-1/src/b.ml changed; 1 is the same; another top-level directory "
	        "(lucid-2 instead of rosa-1)");
	assert_int_equal(drift.n_files, 1);
	/* A file beside the directory: nothing moved. */
	expect(TAR_GZ(FILE_A, FILE_B), TAR_GZ(FILE_A, FILE_B, {.path = "README", .content = "x"}),
	        DRIFT_CONTENT, "1 file differs: README added; 2 are the same");
}

static void
names_files_that_differ(void **state)
{
	struct drift drift = expect(TAR_GZ(FILE_A, FILE_B, SYMLINK),
	        TAR_GZ({.path = "rosa-1/a.ml", .content = "let a = 2\n"}, SYMLINK,
	                {.path = "rosa-1/new.ml", .content = ""}),
	        DRIFT_CONTENT,
	        "3 files differ: rosa-1/a.ml changed, rosa-1/new.ml added, rosa-1/src/b.ml removed; 1 is the "
	        "same");

	(void)state;
	assert_int_equal(drift.n_files, 3);
	assert_int_equal(drift.n_named, 3);
	assert_int_equal(drift.files[0].change, DRIFT_CHANGED);
	assert_int_equal(drift.files[1].change, DRIFT_ADDED);
	assert_int_equal(drift.files[2].change, DRIFT_REMOVED);
	assert_string_equal(drift.files[2].path, "rosa-1/src/b.ml");
	assert_string_equal(drift_change_name(DRIFT_REMOVED), "removed");
}

static void
names_no_more_than_it_has_room_for(void **state)
{
	struct made members[30];
	char paths[30][300];
	struct drift drift;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		memset(paths[i], 'x', sizeof paths[i]);
		snprintf(paths[i], sizeof paths[i], "%02zu/%0*d", i, (int)(i % 2) * 200 + 20, 7);
		members[i] = (struct made){.path = paths[i], .content = "x"};
	}
	drift = expect(TAR_GZ({.path = "zz", .content = ""}),
	        archive_of(
	                members, COUNT_OF(members), ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FILTER_NONE),
	        DRIFT_CONTENT, "31 files differ: 00/00000000000000000007 added, …");
	assert_non_null(strstr(drift.detail, ", and 28 more; 0 are the same"));
	assert_int_equal(drift.n_files, 31);
	assert_int_equal(drift.n_named, DRIFT_NAMED_MAX);
	assert_true(strlen(drift.files[1].path) > 200);
}

static void
knows_types_apart(void **state)
{
	(void)state;
	expect(TAR_GZ(FILE_A, FILE_B),
	        TAR_GZ(FILE_A, {.path = "rosa-1/src/b.ml", .link = "../a.ml", .type = AE_IFLNK}),
	        DRIFT_CONTENT, "1 file differs: rosa-1/src/b.ml changed");
	expect(TAR_GZ(FILE_A, SYMLINK),
	        TAR_GZ(FILE_A, {.path = "rosa-1/link", .link = "b", .type = AE_IFLNK}), DRIFT_CONTENT,
	        "rosa-1/link changed");
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/x", .content = ""}),
	        TAR_GZ(FILE_A, {.path = "rosa-1/x", .type = AE_IFDIR}), DRIFT_CONTENT, "rosa-1/x changed");
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/x", .content = ""}),
	        TAR_GZ(FILE_A, {.path = "rosa-1/x", .type = AE_IFIFO}), DRIFT_CONTENT, "rosa-1/x changed");
}

static void
looks_through_hard_links(void **state)
{
	(void)state;
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/b", .link = "rosa-1/a.ml"},
	               {.path = "rosa-1/c", .link = "rosa-1/b"}),
	        TAR_GZ(FILE_A, {.path = "rosa-1/b", .content = "let a = 1\n"},
	                {.path = "rosa-1/c", .content = "let a = 1\n"}),
	        DRIFT_METADATA, "the same 3 files with other hard links");
	expect(TAR_GZ(FILE_A, FILE_B, {.path = "rosa-1/c", .link = "rosa-1/a.ml"}),
	        TAR_GZ(FILE_A, FILE_B, {.path = "rosa-1/c", .link = "rosa-1/src/b.ml"}), DRIFT_CONTENT,
	        "1 file differs: rosa-1/c changed");
	/* To nothing, and to what comes only later. */
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/c", .link = "rosa-1/none"}),
	        TAR_GZ(FILE_A, {.path = "rosa-1/c", .link = "rosa-1/nothing"}), DRIFT_CONTENT,
	        "rosa-1/c changed");
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/c", .link = "rosa-1/src/b.ml"}, FILE_B),
	        TAR_GZ(FILE_A, {.path = "rosa-1/c", .content = "let b = 2\n"}, FILE_B), DRIFT_CONTENT,
	        "rosa-1/c changed");
	/* A link with a renamed directory above it. */
	expect(TAR_GZ(FILE_A, {.path = "rosa-1/c", .link = "rosa-1/a.ml"}),
	        TAR_GZ({.path = "b/a.ml", .content = "let a = 1\n"}, {.path = "b/c", .link = "b/a.ml"}),
	        DRIFT_METADATA, "(b instead of rosa-1)");
}

static void
takes_the_last_of_one_name(void **state)
{
	(void)state;
	expect(TAR_GZ(FILE_A, FILE_B), TAR_GZ({.path = "rosa-1/a.ml", .content = "old"}, FILE_B, FILE_A),
	        DRIFT_METADATA, "the same 2 files with another order, other repeated entries");
	expect(TAR_GZ(FILE_A, FILE_B), TAR_GZ(FILE_A, FILE_B, {.path = "rosa-1/./a.ml", .content = "new"}),
	        DRIFT_CONTENT, "1 file differs: rosa-1/a.ml changed");
}

static void
reads_sparse_files(void **state)
{
	int fds[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static char content[1 << 16];
		struct archive *archive =
		        writer_on(i == 0 ? ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE : ARCHIVE_FORMAT_TAR_USTAR,
		                ARCHIVE_FILTER_NONE, &fds[i]);
		struct archive_entry *entry = made_entry(&(const struct made){.path = "holes"});

		memcpy(content + 40960, "data", 4);
		archive_entry_set_size(entry, sizeof content);
		if (i == 0)
			archive_entry_sparse_add_entry(entry, 40960, 4096);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		archive_write_data(archive, content, sizeof content);
		archive_entry_free(entry);
		writer_end(archive);
	}
	assert_true(size_of(fds[0]) < size_of(fds[1]));
	expect(fds[0], fds[1], DRIFT_METADATA, "the same 1 file");
}

static void
tells_the_commit(void **state)
{
	static const char *const commits[] = {
	        "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"};
	int fds[2], plain = TAR_AS(ARCHIVE_FORMAT_TAR_USTAR, FILE_A);
	size_t length;
	AUTO_FREE char *tar = bytes_of(plain, &length);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char head[1024] = "pax_global_header";
		unsigned sum = 0;
		struct err err = ERR_NONE;

		memcpy(head + 124, "00000000064", 12);
		memcpy(head + 148, "        ", 8);
		head[156] = 'g';
		memcpy(head + 257, "ustar\00000", 8);
		for (size_t j = 0; j < 512; j++)
			sum += (unsigned char)head[j];
		snprintf(head + 148, 8, "%07o", sum);
		snprintf(head + 512, 512, "52 comment=%s\n", commits[i]);
		fds[i] = memory_file(head, sizeof head);
		assert_true(file_write(fds[i], tar, length, &err));
	}
	expect(fds[0], dup(plain), DRIFT_METADATA, "; another commit (none instead of 0123456789ab)");
	expect(fds[1], plain, DRIFT_METADATA, "; another commit (none instead of fedcba987654)");
}

static void
knows_what_is_no_archive(void **state)
{
	static const char page[] =
	        "\xef\xbb\xbf \n<!DOCTYPE html>\n<html><head><TITLE lang=en>\n Not\tFound \x1b[2J"
	        "&amp; more\n</title></head></html>";
	static const char xhtml[] = "<?xml version=\"1.0\"?>\n<html xmlns=\"x\"><body>Gone</body></html>";

	(void)state;
	expect(ORIGINAL, memory_file(page, strlen(page)), DRIFT_NO_ARCHIVE,
	        "what came is an HTML page of 97 B: Not Found \\x1b[2J&amp; more");
	expect(ORIGINAL, memory_file(xhtml, strlen(xhtml)), DRIFT_NO_ARCHIVE, "an HTML page of 62 B");
	expect(ORIGINAL, gzip_of(page, strlen(page), 6, 0), DRIFT_NO_ARCHIVE,
	        "an HTML page of 97 B: Not Found \\x1b[2J&amp; more (compressed by gzip)");
	expect(ORIGINAL, memory_file("", 0), DRIFT_NO_ARCHIVE, "what came is nothing, 0 bytes");
	expect(ORIGINAL, gzip_of("", 0, 6, 0), DRIFT_NO_ARCHIVE, "nothing, 0 bytes (compressed by gzip)");
	expect(ORIGINAL, memory_file("\nrepository not found\nx", 23), DRIFT_NO_ARCHIVE,
	        "text of 23 B: repository not found");
	expect(ORIGINAL,
	        memory_file("\x7f"
	                    "ELF\0\0",
	                6),
	        DRIFT_NO_ARCHIVE, "binary data of 6 B that begin with 7f454c46");
	expect(ORIGINAL, memory_file("\x80", 1), DRIFT_NO_ARCHIVE, "text of 1 B: \\x80");
	expect(ORIGINAL, TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "x", .type = AE_IFDIR}), DRIFT_CONTENT,
	        "3 files differ");
	expect(ORIGINAL, archive_of(NULL, 0, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP), DRIFT_NO_ARCHIVE,
	        "an archive that holds nothing");
	expect(ORIGINAL, archive_of(NULL, 0, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE), DRIFT_NO_ARCHIVE,
	        "an archive that holds nothing");
	/* Even where what was promised cannot be read. */
	expect(memory_file("\x1f\x8b\x08", 3), memory_file(page, strlen(page)), DRIFT_NO_ARCHIVE, "HTML");
}

/* A long title is cut, and never inside a character. */
static void
caps_a_title(void **state)
{
	AUTO_TEXT page = TEXT_EMPTY;
	struct drift drift;
	size_t length;

	(void)state;
	text_add(&page, "<html><title>x");
	for (int i = 0; i < 6000; i++)
		text_add(&page, "\xc3\xa9");
	drift = expect(ORIGINAL, memory_file(text_string(&page), page.length), DRIFT_NO_ARCHIVE,
	        "an HTML page of 12 KiB: x\xc3\xa9");
	length = strlen(drift.detail);
	assert_true(length < 200);
	assert_string_equal(drift.detail + length - 2, "\xc3\xa9");
}

static void
compares_what_never_was_an_archive(void **state)
{
	static const char patch[] = "--- a\n+++ b\n", other[] = "--- a\n+++ c\n";

	(void)state;
	expect(memory_file(patch, 12), memory_file(other, 12), DRIFT_CONTENT,
	        "what was promised is a single file, text of 12 B: --- a; what came is text of 12 B: --- a");
	expect(memory_file(patch, 12), gzip_of(patch, 12, 6, 0), DRIFT_RECOMPRESSED,
	        "the same file with gzip instead of no compression");
	expect(memory_file(patch, 12), memory_file("<html>", 6), DRIFT_NO_ARCHIVE, "an HTML page of 6 B");
	expect(memory_file(patch, 12), memory_file("", 0), DRIFT_NO_ARCHIVE, "nothing");
	expect(memory_file("<html>", 6), memory_file("<html> ", 7), DRIFT_CONTENT, "single file");
	expect(memory_file(patch, 12), ORIGINAL, DRIFT_CONTENT, "what came is an archive of 4 members");
}

static void
names_the_kinds(void **state)
{
	(void)state;
	assert_string_equal(drift_kind_name(DRIFT_RECOMPRESSED), "recompressed");
	assert_string_equal(drift_kind_name(DRIFT_METADATA), "metadata");
	assert_string_equal(drift_kind_name(DRIFT_CONTENT), "content");
	assert_string_equal(drift_kind_name(DRIFT_NO_ARCHIVE), "no archive");
	assert_string_equal(drift_kind_name(DRIFT_UNKNOWN), "unknown");
	assert_string_equal(drift_change_name(DRIFT_ADDED), "added");
	assert_string_equal(drift_change_name(DRIFT_CHANGED), "changed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(knows_the_same_tar),
	        cmocka_unit_test(knows_other_headers),
	        cmocka_unit_test(knows_other_forms),
	        cmocka_unit_test(knows_pax_from_ustar),
	        cmocka_unit_test(reads_names_in_utf8),
	        cmocka_unit_test(knows_a_renamed_directory),
	        cmocka_unit_test(names_files_that_differ),
	        cmocka_unit_test(names_no_more_than_it_has_room_for),
	        cmocka_unit_test(knows_types_apart),
	        cmocka_unit_test(looks_through_hard_links),
	        cmocka_unit_test(takes_the_last_of_one_name),
	        cmocka_unit_test(reads_sparse_files),
	        cmocka_unit_test(tells_the_commit),
	        cmocka_unit_test(knows_what_is_no_archive),
	        cmocka_unit_test(caps_a_title),
	        cmocka_unit_test(compares_what_never_was_an_archive),
	        cmocka_unit_test(names_the_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
