/*
 * What git writes: commits and answers, in whatever pieces they come; what cannot be read is told apart from
 * an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "storage/catalog/git_stream.h"

#define ID_A "0123456789abcdef0123456789abcdef01234567"
#define ID_B "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct bytes {
	const char *at;
	size_t left, piece;
};

static ssize_t
give(void *source, void *ret, size_t size, struct err *err)
{
	struct bytes *bytes = source;
	size_t count = bytes->left < bytes->piece ? bytes->left : bytes->piece;

	(void)err;
	if (count > size)
		count = size;
	memcpy(ret, bytes->at, count);
	bytes->at += count;
	bytes->left -= count;
	return (ssize_t)count;
}

static struct git_stream stream;
static struct bytes source;
static struct err err;

static void
start(const char *text, size_t piece)
{
	source = (struct bytes){.at = text, .left = strlen(text), .piece = piece};
	err = ERR_NONE;
	git_stream_start(&stream, give, &source);
}

static void
reads_commits(void **state)
{
	struct git_commit commit;

	(void)state;
	for (size_t piece = 1; piece < 100; piece += 7) {
		start("1400000000 " ID_A "\n1 " ID_B " " ID_A " " ID_B "\n0 " ID_A
		      "\n99999999999999999999 " ID_A "\n-5 " ID_A "\n9223372036854776 " ID_A "\n",
		        piece);
		assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_NEXT);
		assert_int_equal(commit.date_ms, 1400000000000);
		assert_string_equal(commit.id, ID_A);
		assert_null(commit.parent);
		assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_NEXT);
		assert_int_equal(commit.date_ms, 1000);
		assert_string_equal(commit.id, ID_B);
		assert_string_equal(commit.parent, ID_A);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_NEXT);
			assert_int_equal(commit.date_ms, 1);
		}
		assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_NEXT);
		assert_int_equal(commit.date_ms, INT64_MAX);
		assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_END);
	}
}

static void
wrong_commit(const char *text)
{
	struct git_commit commit;

	start(text, 1000);
	assert_int_equal(git_stream_commit(&stream, &commit, &err), GIT_WRONG);
	assert_int_equal(err.code, ERR_SYNTAX);
}

static void
reads_answers(void **state)
{
	struct git_answer answer;

	(void)state;
	for (size_t piece = 1; piece < 100; piece += 7) {
		start(ID_A " commit 7\n" ID_B "^{commit} missing\n" ID_B " tree 0\n", piece);
		assert_int_equal(git_stream_answer(&stream, &answer, &err), GIT_NEXT);
		assert_true(answer.is_commit);
		assert_string_equal(answer.id, ID_A);
		assert_int_equal(git_stream_answer(&stream, &answer, &err), GIT_NEXT);
		assert_false(answer.is_commit);
		assert_string_equal(answer.id, "");
		assert_int_equal(git_stream_answer(&stream, &answer, &err), GIT_NEXT);
		assert_false(answer.is_commit);
		assert_string_equal(answer.id, ID_B);
		assert_int_equal(git_stream_answer(&stream, &answer, &err), GIT_END);
	}
}

static void
wrong_answer(const char *text)
{
	struct git_answer answer;

	start(text, 1000);
	assert_int_equal(git_stream_answer(&stream, &answer, &err), GIT_WRONG);
	assert_int_equal(err.code, ERR_SYNTAX);
}

static void
tells_what_is_wrong(void **state)
{
	(void)state;
	wrong_commit("\n");
	wrong_commit("1\n");
	wrong_commit("1 123\n");
	wrong_commit("1 " ID_A " 123\n");
	wrong_commit("1 " ID_A);
	wrong_commit("1 " ID_A ID_B "\n");
	wrong_answer("\n");
	wrong_answer(ID_A "\n");
	wrong_answer(ID_A " blob\n");
	wrong_answer(ID_A " blob 1 2\n");
	wrong_answer("123 blob 1\n");
	wrong_answer(ID_A " blob 1");
}

static void
lines_have_a_length(void **state)
{
	char *line, *long_line = xmalloc(GIT_BUFFER + 2);

	(void)state;
	memset(long_line, 'x', GIT_BUFFER);
	memcpy(long_line + GIT_LINE_MAX, "\n", 2);
	start(long_line, 50000);
	assert_int_equal(git_stream_line(&stream, &line, &err), GIT_NEXT);
	assert_int_equal(strlen(line), GIT_LINE_MAX);
	memcpy(long_line + GIT_LINE_MAX, "x\n", 3);
	start(long_line, 50000);
	assert_int_equal(git_stream_line(&stream, &line, &err), GIT_WRONG);
	assert_non_null(strstr(err.text, "longer than allowed"));
	free(long_line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_commits),
	        cmocka_unit_test(reads_answers),
	        cmocka_unit_test(tells_what_is_wrong),
	        cmocka_unit_test(lines_have_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
