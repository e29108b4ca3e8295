/*
 * How rows are asked for and written: a statement, its values in their order, and a walk over what it answers. For storage/index/ alone,
 * on the thread of whoever calls.
 *
 *	const struct value values[] = {value_text(name)};
 *	struct rows rows = rows_ask(index, SQL_RECEIVER_FIND, values, COUNT_OF(values), err);
 *
 *	if (rows_next(&rows, err))
 *		*ret_event = sqlite3_column_int64(rows.row, 0);
 *	return rows_end(&rows);
 */
#ifndef STORAGE_INDEX_ROWS_H
#define STORAGE_INDEX_ROWS_H

#include "storage/index/archive_rows.h"
#include "storage/index/db.h"
#include "storage/index/index.h"

/* One parameter of a statement; it borrows texts and bytes until that has ended. */
struct value {
	enum { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT, VALUE_BYTES } kind;
	int64_t number;
	const void *bytes;
	int size;
};

static inline struct value
value_number(int64_t number)
{
	return (struct value){.kind = VALUE_NUMBER, .number = number};
}

/* NULL is NULL. */
static inline struct value
value_text(const char *text)
{
	return (struct value){.kind = text != NULL ? VALUE_TEXT : VALUE_NULL, .bytes = text};
}

static inline struct value
value_bytes(const void *bytes, size_t size)
{
	return (struct value){.kind = VALUE_BYTES, .bytes = bytes, .size = (int)size};
}

static inline struct value
value_digest(const struct digest *digest)
{
	return value_bytes(digest->bytes, digest_size(digest->algo));
}

/* NULL: it is not in the set. */
static inline struct value
value_in(const struct digests *set, enum digest_algo algo)
{
	const uint8_t *bytes = digests_bytes(set, algo);

	return bytes != NULL ? value_bytes(bytes, digest_size(algo)) : (struct value){.kind = VALUE_NULL};
}

/* Its four columns, in the order of digest_algo. */
#define VALUES_IN(set)                                                                                       \
	value_in(set, DIGEST_MD5), value_in(set, DIGEST_SHA1), value_in(set, DIGEST_SHA256),                 \
	        value_in(set, DIGEST_SHA512)

/* In a chore: one that answers nothing. */
bool rows_write(struct writing *writing, enum statement which, const struct value *values, size_t count,
        struct err *err) MUST_CHECK;

/* A question under way. */
struct rows {
	struct index *index; /* NULL: in a chore */
	struct db *db;
	sqlite3_stmt *row; /* whose columns are to be read after rows_next */
	enum db_step step;
	bool found;
};

/* What fails here is answered by rows_next and rows_end; of the index it is remembered. */
struct rows rows_ask(
        struct index *index, enum statement which, const struct value *values, size_t count, struct err *err);
/* The same in a chore. */
struct rows rows_ask_in(struct writing *writing, enum statement which, const struct value *values,
        size_t count, struct err *err);
bool rows_next(struct rows *rows, struct err *err); /* true: a row */
/* Ends it, whether all was read or not. ROW_FOUND: there was a row at least. */
enum row_answer rows_end(struct rows *rows) MUST_CHECK;

#endif
