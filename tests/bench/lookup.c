/*
 * What a question to the index costs: the archive of a digest, each in a transaction of its own and all
 * inside one.
 *
 *     lookup INDEX <DIGESTS          "ALGO:HEX", which are there
 *     lookup --bare TABLE <DIGESTS   the same of SQLite alone: a database with nothing but
 *                                    name (digest BLOB PRIMARY KEY, archive INTEGER) WITHOUT ROWID
 *
 * Prints two lines: nanoseconds a question, own transaction and inside one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

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

typedef void find_fn(void *where, const struct digest *digest);

static void
find_in_index(void *where, const struct digest *digest)
{
	struct archive_row row;
	struct err err = ERR_NONE;

	err_set(&err, ERR_NOT_FOUND, "a digest is not in the index");
	must(archive_row_find(where, digest, &row, &err) == ROW_FOUND, &err);
}

static void
find_in_table(void *where, const struct digest *digest)
{
	sqlite3_stmt *statement = where;
	struct err err = ERR_NONE;

	err_set(&err, ERR_NOT_FOUND, "a digest is not in the table");
	sqlite3_bind_blob(statement, 1, digest->bytes, (int)digest_size(digest->algo), SQLITE_STATIC);
	must(sqlite3_step(statement) == SQLITE_ROW, &err);
	sqlite3_reset(statement);
}

/* Nanoseconds a question. */
static int64_t
ask_all(find_fn *find, void *where)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (size_t i = 0; i < n_digests; i++)
		find(where, &digests[i]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec) / (int64_t)n_digests;
}

static void
measure_index(const char *path)
{
	struct index_opening opening;
	struct err err = ERR_NONE;
	struct index *index = index_open(path, INDEX_READ_ALONE, &opening, &err);

	must(index != NULL, &err);
	ask_all(find_in_index, index); /* what is read first comes from the disk */
	printf("%" PRId64 "\n", ask_all(find_in_index, index));
	must(index_hold(index, &err), &err);
	printf("%" PRId64 "\n", ask_all(find_in_index, index));
	index_let_go(index);
	index_close(index, WRITER_ENDS_UNCLEAN);
}

static void
measure_bare(const char *path)
{
	struct err err = ERR_NONE;
	sqlite3 *table;
	sqlite3_stmt *statement;

	err_set(&err, ERR_IO, "%s cannot be read as a table", path);
	must(sqlite3_open_v2(path, &table, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK, &err);
	must(sqlite3_prepare_v2(table, "SELECT archive FROM name WHERE digest = ?", -1, &statement, NULL) ==
	                SQLITE_OK,
	        &err);
	ask_all(find_in_table, statement);
	printf("%" PRId64 "\n", ask_all(find_in_table, statement));
	must(sqlite3_exec(table, "BEGIN", NULL, NULL, NULL) == SQLITE_OK, &err);
	printf("%" PRId64 "\n", ask_all(find_in_table, statement));
	sqlite3_finalize(statement);
	sqlite3_close(table);
}

int
main(int argc, char **argv)
{
	bool bare = argc == 3 && strcmp(argv[1], "--bare") == 0;

	if (argc != 2 && !bare)
		return 2;
	read_digests();
	if (n_digests == 0)
		return 2;
	if (bare)
		measure_bare(argv[2]);
	else
		measure_index(argv[1]);
	free(digests);
	return 0;
}
