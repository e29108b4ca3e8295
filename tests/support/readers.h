/*
 * For the tests of the catalog's readers: what a harvest holds, checked in a line, and small files to read.
 * One thread; each check fails the running cmocka test.
 */
#ifndef TESTS_SUPPORT_READERS_H
#define TESTS_SUPPORT_READERS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/file.h"
#include "storage/catalog/harvest.h"
#include "tests/support/temp.h"

#define MD5_A    "0123456789abcdef0123456789abcdef"
#define MD5_B    "ffffffffffffffffffffffffffffffff"
#define SHA256_A "00000000000000000000000000000000000000000000000000000000000000aa"
#define SHA256_B "00000000000000000000000000000000000000000000000000000000000000bb"

static inline void
assert_digests(const struct harvest_entry *entry, const char *first, const char *second)
{
	const char *const wanted[] = {first, second};
	struct err err = ERR_NONE;
	struct digest digest;

	assert_int_equal(digests_count(&entry->digests), second != NULL ? 2 : 1);
	for (size_t i = 0; i < COUNT_OF(wanted) && wanted[i] != NULL; i++) {
		assert_true(digest_parse_text(wanted[i], &digest, &err));
		assert_true(digests_have(&entry->digests, &digest));
	}
}

static inline void
assert_problem(const struct harvest *harvest, size_t number, const char *file, unsigned line, unsigned column,
        const char *part)
{
	const struct harvest_problem *problem = &harvest->problems[number];

	assert_true(number < harvest->n_problems);
	assert_string_equal(problem->file, file);
	assert_int_equal(problem->line, line);
	assert_int_equal(problem->column, column);
	if (strstr(problem->text, part) == NULL)
		fail_msg("'%s' does not say '%s'", problem->text, part);
	if (strstr(problem->text, "skipped") == NULL)
		fail_msg("'%s' does not say what happens next", problem->text);
}

static inline void
assert_error(const struct err *err, enum err_code code, const char *part)
{
	assert_string_equal(err_name(err->code), err_name(code));
	if (strstr(err->text, part) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, part);
}

/* "root/name" in a buffer of its own. */
static inline char *
path_in(const char *root, const char *name)
{
	struct text path = TEXT_EMPTY;

	text_addf(&path, "%s/%s", root, name);
	return text_take(&path);
}

static inline void
put_bytes(const char *root, const char *name, const void *bytes, size_t length)
{
	AUTO_FREE char *path = path_in(root, name);
	AUTO_FREE char *directory = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct err err = ERR_NONE;
	AUTO_FD fd = -1;

	assert_true(file_make_directories(directory, &err));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, length, &err));
}

static inline void
put_file(const char *root, const char *name, const char *text)
{
	put_bytes(root, name, text, strlen(text));
}

/* So many copies of a word, and a tail. */
static inline char *
repeated(const char *word, size_t count, const char *tail)
{
	struct text text = TEXT_EMPTY;

	for (size_t i = 0; i < count; i++)
		text_add(&text, word);
	text_add(&text, tail);
	return text_take(&text);
}

#endif
