/*
 * What a question to the index costs: the archive of a digest, each in a transaction of its own and all
 * inside one.
 *
 *     lookup INDEX <DIGESTS       "ALGO:HEX", which are there
 *
 * Prints two lines: nanoseconds a question, own transaction and inside one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/base/text.h"
#include "storage/index/archive_rows.h"

static struct digest *digests;
static size_t n_digests;

static void
must(bool done, const struct err *err)
{
	if (done)
		return;
	fprintf(stderr, "lookup: %s\n", err->text);
	exit(1);
}

static void
read_digests(void)
{
	char line[DIGEST_TEXT_MAX];
	struct err err = ERR_NONE;

	while (scanf("%136s", line) == 1) {
		digests = xrealloc(digests, (n_digests + 1) * sizeof *digests);
		must(digest_parse_text(line, &digests[n_digests++], &err), &err);
	}
}

/* Nanoseconds a question. */
static int64_t
ask_all(struct index *index)
{
	struct timespec begin, end;
	struct archive_row row;
	struct err err = ERR_NONE;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (size_t i = 0; i < n_digests; i++) {
		err_set(&err, ERR_NOT_FOUND, "a digest is not in the index");
		must(archive_row_find(index, &digests[i], &row, &err) == ROW_FOUND, &err);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec) / (int64_t)n_digests;
}

int
main(int argc, char **argv)
{
	struct index_opening opening;
	struct err err = ERR_NONE;
	struct index *index = argc == 2 ? index_open(argv[1], INDEX_READ_ALONE, &opening, &err) : NULL;

	must(index != NULL, &err);
	read_digests();
	if (n_digests == 0)
		return 2;
	ask_all(index); /* what is read first comes from the disk */
	printf("%" PRId64 "\n", ask_all(index));
	must(index_hold(index, &err), &err);
	printf("%" PRId64 "\n", ask_all(index));
	index_let_go(index);
	index_close(index, WRITER_ENDS_UNCLEAN);
	free(digests);
	return 0;
}
