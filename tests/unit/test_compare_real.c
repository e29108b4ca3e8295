/*
 * Comparing on real archives, where they are at hand: each with itself compressed anew, packed anew, edited,
 * and replaced by a page. Skipped without them.
 */
#include "tests/support/archives.h"

#include <dirent.h>

#define SMALL_MAX (200u << 10) /* bytes of a tar that is compared in all ways, to be quick */

/* The tar inside, to be freed; NULL for a zip. */
static char *
tar_inside(int fd, size_t *ret_length)
{
	AUTO_TEXT tar = TEXT_EMPTY;
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	char chunk[65536];
	la_ssize_t count;

	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_format_raw(archive);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(archive_read_open_fd(archive, fd, 65536), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	while ((count = archive_read_data(archive, chunk, sizeof chunk)) > 0)
		text_add_bytes(&tar, chunk, (size_t)count);
	assert_int_equal(count, 0);
	archive_read_free(archive);
	lseek(fd, 0, SEEK_SET);
	*ret_length = tar.length;
	return text_take(&tar);
}

enum edit { EDIT_NOTHING, EDIT_LAST_FILE };

/* Changes the headers of an entry as another tar program on another machine would. */
static void
change_headers(struct archive_entry *entry)
{
	archive_entry_set_mtime(entry, 1234567890, 0);
	archive_entry_set_uid(entry, 4321);
	archive_entry_set_uname(entry, "somebody");
}

static void
copy_data(struct archive *from, struct archive *to, la_int64_t size, enum edit edit)
{
	char *data = xmalloc((size_t)size);

	assert_int_equal(archive_read_data(from, data, (size_t)size), size);
	if (edit == EDIT_LAST_FILE)
		data[size - 1] ^= 1;
	assert_int_equal(archive_write_data(to, data, (size_t)size), size);
	free(data);
}

/* Every member read and written again; the number of files, and which of them has content last. */
static int
pack_anew(int fd, unsigned edited_file, enum edit edit, unsigned *ret_files)
{
	struct archive *from = archive_read_new(), *to;
	struct archive_entry *entry;
	unsigned files = 0;
	int made, answer;

	archive_read_support_filter_all(from);
	archive_read_support_format_tar(from);
	archive_read_support_format_zip(from);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(archive_read_open_fd(from, fd, 65536), ARCHIVE_OK);
	to = writer_on(ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_NONE, &made);
	while ((answer = archive_read_next_header(from, &entry)) == ARCHIVE_OK || answer == ARCHIVE_WARN) {
		la_int64_t size = archive_entry_size(entry);

		change_headers(entry);
		assert_true(archive_write_header(to, entry) >= ARCHIVE_WARN);
		if (size == 0)
			continue;
		files++;
		copy_data(from, to, size, files == edited_file ? edit : EDIT_NOTHING);
	}
	assert_int_equal(answer, ARCHIVE_EOF);
	archive_read_free(from);
	writer_end(to);
	lseek(fd, 0, SEEK_SET);
	*ret_files = files;
	return made;
}

static void
try_recompressed(int fd)
{
	static const int filters[] = {ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_BZIP2};
	size_t length; /* of the tar */
	AUTO_FREE char *tar = tar_inside(fd, &length);

	expect(dup(fd), gzip_of(tar, length, 1, 1700000000), DRIFT_RECOMPRESSED, "the same tar");
	for (size_t i = 0; i < COUNT_OF(filters) && length < SMALL_MAX; i++)
		expect(dup(fd), packed_of(tar, length, filters[i]), DRIFT_RECOMPRESSED, "the same tar");
}

static void
try_others(int fd)
{
	static const char page[] = "<!DOCTYPE html><html><head><title>404: not found</title></head></html>";
	unsigned files;
	struct drift drift;

	expect(dup(fd), pack_anew(fd, 0, EDIT_NOTHING, &files), DRIFT_METADATA, "other times, other owners");
	drift = expect(
	        dup(fd), pack_anew(fd, files, EDIT_LAST_FILE, &files), DRIFT_CONTENT, "1 file differs: ");
	assert_int_equal(drift.n_named, 1);
	assert_int_equal(drift.files[0].change, DRIFT_CHANGED);
	expect(dup(fd), memory_file(page, strlen(page)), DRIFT_NO_ARCHIVE, ": 404: not found");
}

static void
judges_real_archives(void **state)
{
	DIR *directory = opendir(REAL_DATA "/archives");
	const struct dirent *entry;
	unsigned archives = 0;

	(void)state;
	if (directory == NULL)
		skip();
	while ((entry = readdir(directory)) != NULL) {
		AUTO_FD fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);

		if (entry->d_name[0] == '.')
			continue;
		if (!text_ends_with(entry->d_name, ".zip"))
			try_recompressed(fd);
		try_others(fd);
		archives++;
	}
	closedir(directory);
	assert_int_equal(archives, 79);
}

/* Two releases of one program, which differ in much, and whose directories have other names. */
static void
judges_two_releases(void **state)
{
	int older = open(REAL_DATA "/archives/exenum-0.82.0.tar.gz", O_RDONLY | O_CLOEXEC);
	int newer = open(REAL_DATA "/archives/exenum-0.86.tar.gz", O_RDONLY | O_CLOEXEC);
	struct drift drift;

	(void)state;
	if (older < 0 || newer < 0)
		skip();
	drift = expect(older, newer, DRIFT_CONTENT, "(ocaml-exenum-0.86 instead of ocaml-exenum-0.82.0)");
	assert_true(drift.n_files > 1);
	assert_non_null(strstr(drift.detail, "; another commit (27679f10fc2e instead of 410c23cb83cc)"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(judges_real_archives),
	        cmocka_unit_test(judges_two_releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
