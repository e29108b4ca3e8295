/*
 * Replays fuzzing corpora without libFuzzer: gives every file of the directories named as arguments to the
 * target, once, in the order of names. A directory that is missing or empty is a failure, since it would
 * prove nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/file.h"

#define INPUT_MAX (64u << 20) /* bytes of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool
replay_file(const char *directory, const char *name)
{
	AUTO_TEXT path = TEXT_EMPTY, bytes = TEXT_EMPTY;
	struct err err = ERR_NONE;
	uint8_t *exact;

	text_addf(&path, "%s/%s", directory, name);
	if (!file_read_path(text_string(&path), INPUT_MAX, &bytes, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	/* In memory of its very size, so that a sanitizer sees a byte read behind it. */
	exact = xmalloc(bytes.length);
	memcpy(exact, text_string(&bytes), bytes.length);
	LLVMFuzzerTestOneInput(exact, bytes.length);
	free(exact);
	return true;
}

static bool
replay_directory(const char *directory)
{
	struct dirent **names;
	int count = scandir(directory, &names, is_visible, alphasort);
	bool right = count > 0;

	if (count <= 0)
		fprintf(stderr, "%s: no corpus to replay\n", directory);
	for (int i = 0; i < count; i++) {
		right = replay_file(directory, names[i]->d_name) && right;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (right)
		printf("%s: %d inputs\n", directory, count);
	return right;
}

int
main(int argc, char **argv)
{
	bool right = argc > 1;

	for (int i = 1; i < argc; i++)
		right = replay_directory(argv[i]) && right;
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
