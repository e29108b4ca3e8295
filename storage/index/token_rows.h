/*
 * Tokens as they are kept: never themselves, only their SHA-256. What the rights mean is the server's.
 */
#ifndef STORAGE_INDEX_TOKEN_ROWS_H
#define STORAGE_INDEX_TOKEN_ROWS_H

#include <stdint.h>

#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

#define TOKEN_NAME_MAX 64     /* bytes with the terminator */
#define TOKENS_MAX     100000 /* in one store */

struct token_row {
	int64_t id; /* of one that was read */
	char name[TOKEN_NAME_MAX];
	uint8_t hash[32];
	unsigned rights;
	int64_t created_at_ms, expires_at_ms, used_at_ms; /* since 1970; 0: never */
};

/* The one with this hash, compared in constant time. Any thread. */
enum row_answer token_row_find(
        struct index *index, const uint8_t hash[32], struct token_row *ret, struct err *err) MUST_CHECK;
/* Durable when it returns. ERR_TAKEN: the name; ERR_LIMIT: TOKENS_MAX. Blocks. */
bool token_row_add(struct index *index, const struct token_row *token, struct err *err) MUST_CHECK;
/* From its return on the token is found no more. Blocks. */
enum row_answer token_row_remove(struct index *index, const char *name, struct err *err) MUST_CHECK;
/* By name. False from the visitor ends the walk. */
typedef bool token_row_visit_fn(void *context, const struct token_row *token);
bool token_rows_walk(
        struct index *index, token_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

#define TOKEN_USED_MS 60000 /* a use is written down at most this often */
/* Remembers that it was used now. Returns at once; written later with others, and only when it is due. */
void token_row_used(struct index *index, const struct token_row *token, int64_t now_ms);

#endif
