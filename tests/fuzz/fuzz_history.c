/*
 * Any bytes as what git writes, as commits, answers and trees. The first byte says which. Pieces must give
 * what the whole gives, and an index made with the help of another tree be the one made without.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "storage/catalog/git_stream.h"
#include "storage/catalog/git_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *at;
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
	if (count > 0)
		memcpy(ret, bytes->at, count);
	bytes->at += count;
	bytes->left -= count;
	return (ssize_t)count;
}

static unsigned
mix(unsigned sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length-- > 0)
		sum = sum * 31 + *at++;
	return sum;
}

static unsigned
read_commits(struct git_stream *stream)
{
	struct err err = ERR_NONE;
	struct git_commit commit;
	enum git_next next;
	unsigned sum = 0;

	while ((next = git_stream_commit(stream, &commit, &err)) == GIT_NEXT) {
		assert(commit.date_ms >= 1);
		assert(git_is_id(commit.id));
		sum = mix(sum, commit.id, strlen(commit.id));
	}
	assert((next == GIT_WRONG) == (err.code != ERR_OK));
	return sum * 2 + (next == GIT_END);
}

static unsigned
read_answers(struct git_stream *stream)
{
	struct err err = ERR_NONE;
	struct git_answer answer;
	enum git_next next;
	unsigned sum = 0;

	while ((next = git_stream_answer(stream, &answer, &err)) == GIT_NEXT) {
		assert(answer.id[0] == '\0' ? !answer.is_commit : git_is_id(answer.id));
		sum = mix(sum, answer.id, strlen(answer.id)) + answer.is_commit;
	}
	assert((next == GIT_WRONG) == (err.code != ERR_OK));
	return sum * 2 + (next == GIT_END);
}

static unsigned
read_stream(const uint8_t *data, size_t size, size_t piece, unsigned (*read)(struct git_stream *stream))
{
	static struct git_stream stream;
	struct bytes bytes = {.at = data, .left = size, .piece = piece};

	git_stream_start(&stream, give, &bytes);
	return read(&stream);
}

static void
note(void *context, const char *name, size_t length, const struct git_side *old, const struct git_side *new)
{
	unsigned *sum = context;

	*sum = mix(*sum, name, length) + (unsigned)old->mode * 7 + (unsigned)new->mode;
	if (old->mode != GIT_MODE_NONE)
		*sum = mix(*sum, old->id, GIT_ID_SIZE);
	if (new->mode != GIT_MODE_NONE)
		*sum = mix(*sum, new->id, GIT_ID_SIZE);
}

/* The first half as one tree, the second half as another. */
static void
compare_trees(const uint8_t *data, size_t size)
{
	static const struct git_tree empty;
	static const struct git_common nothing;
	struct git_tree a = {0}, b = {0}, plain = {0};
	size_t half = size / 2;
	struct git_common common;
	unsigned sum = 0;

	if (git_tree_index(&a, data, half, &empty, &common)) {
		bool good = git_tree_index(&plain, data + half, size - half, &empty, &common);

		assert(git_tree_index(&b, data + half, size - half, &a, &common) == good);
		if (good) {
			assert(b.count == plain.count);
			assert(b.count == 0 ||
			        memcmp(b.starts, plain.starts, b.count * sizeof *b.starts) == 0);
			git_tree_compare(&b, &a, &nothing, note, &sum);
			git_tree_compare(&b, &a, &common, note, &sum);
		}
	}
	git_tree_finish(&a);
	git_tree_finish(&b);
	git_tree_finish(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		assert(read_stream(data + 1, size - 1, SIZE_MAX, read_commits) ==
		        read_stream(data + 1, size - 1, 7, read_commits));
		break;
	case 1:
		assert(read_stream(data + 1, size - 1, SIZE_MAX, read_answers) ==
		        read_stream(data + 1, size - 1, 7, read_answers));
		break;
	default:
		compare_trees(data + 1, size - 1);
	}
	return 0;
}
