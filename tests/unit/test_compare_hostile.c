/*
 * Comparing what somebody made to do harm, or what broke on the way: bombs, endless lists, names that lead
 * elsewhere or hold control characters, damage at every byte. Always an answer, within the limits.
 */
#include "tests/support/archives.h"

#include "storage/drift/unpack.h"

#define FILE_A                                                                                               \
	{                                                                                                    \
		.path = "a/a.ml", .content = "let a = 1\n"                                                   \
	}

/* The limits of the product, made small where a test needs it. */
static struct compare_limits
small(void)
{
	struct compare_limits limits = COMPARE_LIMITS;

	limits.bytes = 16 << 20;
	return limits;
}

static struct drift
expect_with(const struct compare_limits *limits, int promised, int came, const char *part)
{
	struct drift drift;

	compare_fds(promised, came, limits, &drift);
	assert_drift(&drift, DRIFT_UNKNOWN, part);
	close(promised);
	close(came);
	return drift;
}

static void
expect_limit(const struct compare_limits *limits, int came, const char *part)
{
	struct drift drift = expect_with(limits, TAR_GZ(FILE_A), came, part);

	assert_int_equal(drift.cause, ERR_TOO_LARGE);
	assert_int_equal(drift.n_files, 0);
}

static int
tar_of_zeros(size_t length, int format, int filter)
{
	AUTO_FREE char *zeros = xcalloc(1, length);
	int fd;
	struct archive *archive = writer_on(format, filter, &fd);
	struct archive_entry *entry = made_entry(&(const struct made){.path = "a/zeros"});

	archive_entry_set_size(entry, (la_int64_t)length);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, zeros, length), length);
	archive_entry_free(entry);
	writer_end(archive);
	return fd;
}

static void
stops_at_bombs(void **state)
{
	struct compare_limits limits = small();

	(void)state;
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP),
	        "what came cannot be compared: decompresses to more than 200 times its size");
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD),
	        "more than 200 times its size");
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_BZIP2),
	        "more than 200 times its size");
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE),
	        "holds files of more than 200 times its size");
	limits.ratio = 1 << 20;
	limits.bytes = 1 << 20;
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_XZ),
	        "decompresses to more than the 1048576 bytes allowed");
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE),
	        "decompresses to more than the 1048576 bytes allowed");
	expect_limit(&limits, tar_of_zeros(4 << 20, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE),
	        "holds more than the 1048576 bytes of files allowed");
	/* Below the first MiB the ratio does not matter. */
	limits = small();
	expect(tar_of_zeros(1 << 19, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP),
	        tar_of_zeros(1 << 19, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_XZ), DRIFT_RECOMPRESSED, "xz");
}

static void
stops_at_a_bomb_that_was_promised(void **state)
{
	struct compare_limits limits = small();
	struct drift drift = expect_with(&limits,
	        tar_of_zeros(4 << 20, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP), TAR_GZ(FILE_A),
	        "what was promised cannot be compared: decompresses to more than 200 times its size");

	(void)state;
	assert_int_equal(drift.cause, ERR_TOO_LARGE);
}

/* A hole of a terabyte takes no room in a tar. */
static void
stops_at_a_hole(void **state)
{
	static const char records[] =
	        "33 GNU.sparse.size=1099511627776\n36 GNU.sparse.map=1099511627264,512\n";
	struct compare_limits limits = small();
	AUTO_TEXT tar = TEXT_EMPTY;

	(void)state;
	add_header(&tar, "pax", 'x', strlen(records));
	add_blocks(&tar, records, strlen(records));
	add_header(&tar, "hole", '0', 512);
	add_blocks(&tar, "data", 4);
	limits.ratio = 1 << 20;
	expect_limit(&limits, memory_file(text_string(&tar), tar.length),
	        "what came cannot be compared: holds more than the 16777216 bytes of files allowed");
	limits = small();
	expect_limit(&limits, memory_file(text_string(&tar), tar.length),
	        "holds files of more than 200 times its size");
}

static void
stops_at_too_many_members(void **state)
{
	struct compare_limits limits = small();

	(void)state;
	limits.entries = 2;
	expect_limit(&limits, TAR_GZ(FILE_A, FILE_A, FILE_A), "holds more than the 2 members allowed");
	expect_limit(&limits, TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "1"}, {.path = "2"}, {.path = "3"}),
	        "its directory lists more than the 2 members allowed");
	limits = small();
	limits.table = 300;
	expect_limit(&limits, TAR_GZ(FILE_A, FILE_A, FILE_A, FILE_A),
	        "its list of files takes more than the 300 bytes of memory allowed");
	limits = small();
	limits.path = 5;
	expect_limit(&limits, TAR_GZ(FILE_A), "holds a name longer than the 5 bytes allowed");
	limits.path = 6;
	expect_limit(&limits, TAR_GZ({.path = "a", .link = "bbbbbbb", .type = AE_IFLNK}),
	        "a name longer than the 6 bytes");
}

/* Special headers without end, of which libarchive would take 32 MiB. */
static void
stops_at_endless_headers(void **state)
{
	struct compare_limits limits = small();
	AUTO_TEXT tar = TEXT_EMPTY;
	static const char block[1 << 20];

	(void)state;
	for (int i = 0; i < 8; i++) {
		add_header(&tar, "long", 'L', sizeof block);
		add_blocks(&tar, block, sizeof block);
	}
	expect_limit(&limits, memory_file(text_string(&tar), tar.length),
	        "has more than the 4194304 bytes of headers allowed for one file");
}

/* Compression below compression is not undone. */
static void
unpacks_only_once(void **state)
{
	int inner = TAR_GZ(FILE_A);
	size_t length;
	AUTO_FREE char *bytes = bytes_of(inner, &length);

	(void)state;
	expect(inner, gzip_of(bytes, length, 6, 0), DRIFT_NO_ARCHIVE, "binary data of ");
	expect(TAR_GZ(FILE_A), packed_of(bytes, length, ARCHIVE_FILTER_ZSTD), DRIFT_NO_ARCHIVE,
	        "(compressed by zstd)");
}

/* A dictionary of 4 GiB is asked for before the first byte comes out. */
static void
limits_the_memory_of_a_decompressor(void **state)
{
	static const char lzma[] = "\x5d\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0";
	struct compare_limits limits = small();

	(void)state;
	assert_int_equal(unpack_form_of(lzma, sizeof lzma), UNPACK_LZMA);
	expect_limit(
	        &limits, memory_file(lzma, sizeof lzma), "needs more than the 160 MiB of memory allowed");
}

static void
shows_names_escaped(void **state)
{
	struct drift drift = expect(TAR_GZ(FILE_A),
	        TAR_GZ(FILE_A, {.path = "../../etc/passwd", .content = "x"},
	                {.path = "/etc/shadow", .content = "x"}, {.path = "a/\x1b[2J\n\xff", .content = "x"}),
	        DRIFT_CONTENT,
	        "3 files differ: ../../etc/passwd added, /etc/shadow added, a/\\x1b[2J\\x0a\\xff added");

	(void)state;
	assert_string_equal(drift.files[2].path, "a/\\x1b[2J\\x0a\\xff");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "\x07/a.ml", .content = "let a = 1\n"}), DRIFT_METADATA,
	        "(\\x07 instead of a)");
	/* A name that leads out of the tree is another name, not the same one below another directory. */
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "../a.ml", .content = "let a = 1\n"}), DRIFT_CONTENT,
	        "2 files differ");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "/a/a.ml", .content = "let a = 1\n"}), DRIFT_CONTENT,
	        "2 files differ");
	expect(TAR_GZ(FILE_A), TAR_GZ({.path = "a/../a/a.ml", .content = "let a = 1\n"}), DRIFT_CONTENT,
	        "2 files differ");
}

static void
says_what_it_cannot_read(void **state)
{
	static const char *const others[] = {"7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "LZIP\1", "\x1f\x9d\x90",
	        "\x04\x22\x4d\x18", "070701", "070707", "!<arch>\n", "xar!", "MSCF"};
	struct compare_limits limits = small();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct drift drift = expect_with(&limits, TAR_GZ(FILE_A),
		        memory_file(others[i], strlen(others[i])), "what came cannot be compared: a");

		assert_int_equal(drift.cause, ERR_SYNTAX);
		assert_non_null(strstr(drift.detail, ", which larder does not read"));
	}
	expect_with(&limits, memory_file(others[0], 6), TAR_GZ(FILE_A),
	        "what was promised cannot be compared: a 7-Zip archive of 6 B, which larder does not read");
	expect_with(&limits, TAR_GZ(FILE_A), memory_file("PK\3\4 and no zip", 15),
	        "what came cannot be compared: damaged or cut off: the directory at the end of the zip is "
	        "missing");
}

/* Little-endian numbers of a zip. */
static void
add_number(struct text *zip, uint64_t value, size_t bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		text_add_bytes(zip, &(char){(char)(value & 0xff)}, 1);
}

struct zipped {
	const char *name; /* one byte */
	size_t packed, plain, offset;
	unsigned long crc;
};

/* What a local header and the directory have in common: 26 bytes, all of it deflated. */
static void
add_zip_fields(struct text *zip, const struct zipped *entry)
{
	add_number(zip, 20, 2);
	add_number(zip, 0, 2);
	add_number(zip, 8, 2);
	add_number(zip, 0, 4);
	add_number(zip, entry->crc, 4);
	add_number(zip, entry->packed, 4);
	add_number(zip, entry->plain, 4);
	add_number(zip, 1, 2);
	add_number(zip, 0, 2);
}

static void
add_local_header(struct text *zip, const struct zipped *entry)
{
	text_add(zip, "PK\3\4");
	add_zip_fields(zip, entry);
	text_add(zip, entry->name);
}

static void
add_directory(struct text *zip, const struct zipped *entries, size_t count)
{
	size_t start = zip->length, length;

	for (size_t i = 0; i < count; i++) {
		text_add(zip, "PK\1\2");
		add_number(zip, 20, 2);
		add_zip_fields(zip, &entries[i]);
		add_number(zip, 0, 10); /* comment, disk, two kinds of attributes */
		add_number(zip, entries[i].offset, 4);
		text_add(zip, entries[i].name);
	}
	length = zip->length - start;
	text_add(zip, "PK\5\6");
	add_number(zip, 0, 4);
	add_number(zip, count, 2);
	add_number(zip, count, 2);
	add_number(zip, length, 4);
	add_number(zip, start, 4);
	add_number(zip, 0, 2);
}

/*
 * Two entries of a zip that share what is packed, and of which next to nothing comes out: no limit on what is
 * unpacked would notice that the same bytes are read again and again.
 */
static void
stops_at_entries_that_overlap(void **state)
{
	AUTO_TEXT zip = TEXT_EMPTY, inner = TEXT_EMPTY, nothing = TEXT_EMPTY;
	struct zipped entries[2] = {{.name = "a"}, {.name = "b", .offset = 36}};
	struct compare_limits limits = small();

	(void)state;
	for (int i = 0; i < 100000; i++)
		text_add_bytes(&nothing, "\0\0\0\xff\xff", 5);
	text_add_bytes(&nothing, "\1\0\0\xff\xff", 5);
	entries[1].packed = nothing.length;
	add_local_header(&inner, &entries[1]);
	entries[0].packed = 5 + inner.length + nothing.length;
	entries[0].plain = inner.length;
	entries[0].crc = crc32(0, (const Bytef *)inner.bytes, (uInt)inner.length);
	add_local_header(&zip, &entries[0]);
	text_add_bytes(&zip, "\0\x1f\0\xe0\xff", 5); /* a stored block of 31 bytes: the second header */
	text_add_bytes(&zip, inner.bytes, inner.length);
	text_add_bytes(&zip, nothing.bytes, nothing.length);
	add_directory(&zip, entries, 2);
	expect(memory_file(zip.bytes, zip.length), TAR_GZ({.path = "a", .content = ""}), DRIFT_CONTENT,
	        "2 files differ: a changed, b removed");
	limits.bytes = zip.length;
	expect_limit(&limits, memory_file(zip.bytes, zip.length), "makes larder read more than the ");
}

static void
says_what_is_wrong_with_a_zip(void **state)
{
	int fd = TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "a/a", .content = "some content"});
	size_t length;
	AUTO_FREE char *bytes = bytes_of(fd, &length);
	char *directory = memmem(bytes, length, "PK\1\2", 4);
	size_t content = 30 + 3 + (unsigned char)bytes[28]; /* behind the name and the extra field */
	struct compare_limits limits = small();

	(void)state;
	close(fd);
	assert_non_null(directory);
	expect_with(&limits, TAR_GZ(FILE_A), memory_file(bytes, length - 23),
	        "damaged or cut off: the directory at the end of the zip is missing");
	bytes[content] ^= 1;
	expect_with(&limits, TAR_GZ(FILE_A), memory_file(bytes, length),
	        "what came cannot be compared: damaged: ");
	bytes[content] ^= 1;
	bytes[8] = directory[10] = 12;
	expect_with(&limits, TAR_GZ(FILE_A), memory_file(bytes, length),
	        "holds files compressed in a way larder does not read: ZIP 2.0 (bzip)");
}

/*
 * Cut anywhere, or with any byte wrong: an answer, and never that the files are the same when they are not.
 */
static void
survives_damage(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
	        ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_ZSTD};
	int tar = TAR_AS(ARCHIVE_FORMAT_TAR_USTAR, FILE_A);
	size_t length, packed_length;
	AUTO_FREE char *bytes = bytes_of(tar, &length);
	struct compare_limits limits = small();
	struct drift drift;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		int packed = packed_of(bytes, length, filters[i]);
		AUTO_FREE char *copy = bytes_of(packed, &packed_length);

		for (size_t at = 14; at < packed_length; at++) {
			int cut = memory_file(copy, at), wrong;

			compare_fds(tar, cut, &limits, &drift);
			if (filters[i] != ARCHIVE_FILTER_LZMA && drift.kind != DRIFT_UNKNOWN)
				fail_msg("cut at %zu: %s", at, drift.detail);
			copy[at] ^= 0x10;
			wrong = memory_file(copy, packed_length);
			compare_fds(tar, wrong, &limits, &drift);
			copy[at] ^= 0x10;
			close(cut);
			close(wrong);
		}
		close(packed);
	}
	close(tar);
}

static void
tells_cut_off_from_damaged(void **state)
{
	int packed = TAR_GZ(FILE_A, {.path = "a/b", .content = "0123456789"});
	size_t length;
	AUTO_FREE char *bytes = bytes_of(packed, &length);
	struct compare_limits limits = small();
	struct drift drift = expect_with(&limits, dup(packed), memory_file(bytes, length - 20),
	        "what came cannot be compared: cut off: the compressed data end too early");

	(void)state;
	assert_int_equal(drift.cause, ERR_SYNTAX);
	bytes[length - 5] ^= 1;
	expect_with(&limits, dup(packed), memory_file(bytes, length),
	        "damaged: the compressed data are wrong (incorrect data check)");
	bytes[length - 5] ^= 1;
	bytes[length - 1] ^= 1;
	expect_with(&limits, dup(packed), memory_file(bytes, length),
	        "damaged: the compressed data are wrong (incorrect length check)");
	close(packed);
}

/* Padding and garbage behind the last gzip member, which every gzip ignores; and several members. */
static void
reads_gzip_as_gzip_does(void **state)
{
	int tar = TAR_AS(ARCHIVE_FORMAT_TAR_USTAR, FILE_A);
	size_t length, half_length;
	AUTO_FREE char *bytes = bytes_of(tar, &length);
	struct err err = ERR_NONE;
	int came = gzip_of(bytes, 700, 6, 0), second = gzip_of(bytes + 700, length - 700, 6, 0);
	AUTO_FREE char *half = bytes_of(second, &half_length);
	static const char padding[100000];

	(void)state;
	assert_true(file_write(came, padding, sizeof padding, &err));
	assert_true(file_write(came, half, half_length, &err));
	expect(dup(tar), dup(came), DRIFT_RECOMPRESSED, "gzip");
	assert_true(file_write(came, "garbage", 7, &err));
	expect(tar, came, DRIFT_RECOMPRESSED, "gzip");
	close(second);
}

static bool
count_down(void *context)
{
	int *left = context;

	return (*left)-- <= 0;
}

static void
stops_when_told(void **state)
{
	const struct compare_limits limits = COMPARE_LIMITS;
	int promised = tar_of_zeros(1 << 18, ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE);
	const struct compare_file left = {promised, size_of(promised)};
	unsigned stopped = 0;
	struct drift drift = {.kind = DRIFT_UNKNOWN};

	(void)state;
	for (int calls = 0; drift.kind == DRIFT_UNKNOWN; calls++) {
		int remaining = calls;
		const struct compare_stop stop = {count_down, &remaining};

		compare_archives(&left, &left, &limits, &stop, &drift);
		if (drift.kind != DRIFT_UNKNOWN)
			break;
		assert_int_equal(drift.cause, ERR_CANCELLED);
		assert_non_null(strstr(drift.detail, "stopped"));
		stopped++;
	}
	assert_int_equal(drift.kind, DRIFT_RECOMPRESSED);
	assert_true(stopped > 10);
	close(promised);
}

static void
tells_when_the_file_cannot_be_read(void **state)
{
	const struct compare_limits limits = COMPARE_LIMITS;
	int fd = TAR_GZ(FILE_A);
	const struct compare_file there = {fd, size_of(fd)}, gone = {-1, 100};
	struct drift drift;

	(void)state;
	compare_archives(&there, &gone, &limits, &(const struct compare_stop){NULL, NULL}, &drift);
	assert_drift(&drift, DRIFT_UNKNOWN, "what came cannot be compared");
	assert_int_equal(drift.cause, ERR_IO);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(stops_at_bombs),
	        cmocka_unit_test(stops_at_a_bomb_that_was_promised),
	        cmocka_unit_test(stops_at_a_hole),
	        cmocka_unit_test(stops_at_too_many_members),
	        cmocka_unit_test(stops_at_endless_headers),
	        cmocka_unit_test(unpacks_only_once),
	        cmocka_unit_test(limits_the_memory_of_a_decompressor),
	        cmocka_unit_test(shows_names_escaped),
	        cmocka_unit_test(says_what_it_cannot_read),
	        cmocka_unit_test(stops_at_entries_that_overlap),
	        cmocka_unit_test(says_what_is_wrong_with_a_zip),
	        cmocka_unit_test(survives_damage),
	        cmocka_unit_test(tells_cut_off_from_damaged),
	        cmocka_unit_test(reads_gzip_as_gzip_does),
	        cmocka_unit_test(stops_when_told),
	        cmocka_unit_test(tells_when_the_file_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
