/*
 * Decompression: forms told apart, any size of piece, the limits to the byte.
 */
#include "tests/support/archives.h"

#include "storage/drift/unpack.h"

#define WORDS "0123456789abcdefghijklmnopqrstuvwxyz\n"

static const int filters[] = {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2,
        ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_ZSTD};
static const enum unpack_form forms[] = {
        UNPACK_PLAIN, UNPACK_GZIP, UNPACK_BZIP2, UNPACK_XZ, UNPACK_LZMA, UNPACK_ZSTD};
static const struct unpack_limits wide = {.bytes = 1 << 30, .ratio = 1000, .ratio_free = 1 << 30};

static struct text
some_bytes(size_t lines)
{
	struct text text = TEXT_EMPTY;

	for (size_t i = 0; i < lines; i++)
		text_addf(&text, "%zu %s", i, WORDS);
	return text;
}

/* All of it, asked for so many bytes at a time; -1 when that failed. */
static ssize_t
unpack_all(struct unpack *unpack, size_t at_a_time, struct text *ret, struct err *err)
{
	AUTO_FREE char *room = xmalloc(at_a_time);
	ssize_t count;

	while ((count = unpack_read(unpack, room, at_a_time, err)) > 0)
		text_add_bytes(ret, room, (size_t)count);
	return count;
}

static void
gives_back_what_was_packed(void **state)
{
	static const size_t pieces[] = {1, 7, 4096, 0};
	AUTO_TEXT bytes = some_bytes(2000);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		AUTO_FD fd = packed_of(bytes.bytes, bytes.length, filters[i]);

		for (size_t j = 0; j < COUNT_OF(pieces); j++) {
			struct unpack_limits limits = wide;
			struct unpack *unpack;
			AUTO_TEXT found = TEXT_EMPTY;
			struct err err = ERR_NONE;

			/* The form is told by the first piece, which must hold it. */
			limits.piece = pieces[j] > 0 && pieces[j] < UNPACK_FORM_BYTES ? UNPACK_FORM_BYTES
			                                                              : pieces[j];
			unpack = unpack_create(fd, size_of(fd), &limits);
			if (unpack_all(unpack, pieces[j] > 0 ? pieces[j] : 100000, &found, &err) != 0)
				fail_msg("%s: %s", unpack_form_name(forms[i]), err.text);
			assert_int_equal(unpack_form(unpack), forms[i]);
			assert_int_equal(found.length, bytes.length);
			assert_memory_equal(found.bytes, bytes.bytes, bytes.length);
			assert_int_equal(unpack_read(unpack, &(char){0}, 1, &err), 0);
			unpack_destroy(unpack);
		}
	}
	unpack_destroy(NULL);
}

static enum err_code
outcome_of(int fd, uint64_t size, const struct unpack_limits *limits, size_t *ret_length)
{
	struct unpack *unpack = unpack_create(fd, size, limits);
	AUTO_TEXT found = TEXT_EMPTY;
	struct err err = ERR_NONE;

	unpack_all(unpack, 64, &found, &err);
	unpack_destroy(unpack);
	*ret_length = found.length;
	return err.code;
}

static void
keeps_the_limits(void **state)
{
	AUTO_TEXT bytes = some_bytes(200);
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		AUTO_FD fd = packed_of(bytes.bytes, bytes.length, filters[i]);
		struct unpack_limits limits = wide;

		limits.bytes = bytes.length;
		assert_int_equal(outcome_of(fd, size_of(fd), &limits, &length), ERR_OK);
		limits.bytes = bytes.length - 1;
		assert_int_equal(outcome_of(fd, size_of(fd), &limits, &length), ERR_TOO_LARGE);
		assert_true(length <= limits.bytes);
		limits = wide;
		limits.ratio = 2;
		limits.ratio_free = 2 * size_of(fd);
		assert_int_equal(outcome_of(fd, size_of(fd), &limits, &length),
		        filters[i] == ARCHIVE_FILTER_NONE ? ERR_OK : ERR_TOO_LARGE);
	}
}

/* A file that is shorter than was said ends where it ends; of one that is longer no more is read. */
static void
ends_where_the_file_does(void **state)
{
	AUTO_FD fd = memory_file(WORDS, strlen(WORDS));
	size_t length;

	(void)state;
	assert_int_equal(outcome_of(fd, 1000, &wide, &length), ERR_OK);
	assert_int_equal(length, strlen(WORDS));
	assert_int_equal(outcome_of(fd, 10, &wide, &length), ERR_OK);
	assert_int_equal(length, 10);
	assert_int_equal(outcome_of(-1, 10, &wide, &length), ERR_IO);
}

static void
tells_forms_apart(void **state)
{
	static const struct {
		size_t length;
		const char *bytes;
	} plain[] = {{0, ""}, {2, "\x1f\x8b"}, {3, "\x1f\x8b\x07"}, {3, "BZh"}, {10, "BZh9 is it"},
	        {10, "BZh0\x31\x41\x59\x26\x53\x59"},
	        {6, "\xfd"
	            "7zXZ "},
	        {3, "\x28\xb5\x2f"}, {13, "]\0\0\x80\0 a list of "}, {13, "]\0\0\x50\0\0\0\0\0\0\0\0\0"},
	        {12, "]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		assert_int_equal(unpack_form_of(plain[i].bytes, plain[i].length), UNPACK_PLAIN);
	assert_int_equal(unpack_form_of("]\0\0\x80\0\0\1\0\0\0\0\0\0", 13), UNPACK_LZMA);
	assert_int_equal(unpack_form_of("]\0\0\xc0\0\xff\xff\xff\xff\xff\xff\xff\xff", 13), UNPACK_LZMA);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(gives_back_what_was_packed),
	        cmocka_unit_test(keeps_the_limits),
	        cmocka_unit_test(ends_where_the_file_does),
	        cmocka_unit_test(tells_forms_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
