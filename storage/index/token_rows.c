/*
 * The rows of tokens. Questions run on any thread, changes as chores on the index writer's. A token itself
 * never comes here, only its SHA-256.
 */
#include "storage/index/token_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/rows.h"

#define WALK_STEP 128 /* rows read at once */
#define NEAR_SIZE 8   /* bytes of a hash that the database may compare */

static bool
read_token(sqlite3_stmt *statement, struct token_row *ret, struct err *err)
{
	ret->id = sqlite3_column_int64(statement, 0);
	snprintf(ret->name, sizeof ret->name, "%s", db_column_text(statement, 1));
	if (!db_column_bytes(statement, 2, ret->hash, sizeof ret->hash))
		return err_set(
		        err, ERR_CORRUPT, "the token %lld of the index has no hash", (long long)ret->id);
	ret->rights = (unsigned)sqlite3_column_int64(statement, 3);
	ret->created_at_ms = sqlite3_column_int64(statement, 4);
	ret->expires_at_ms = sqlite3_column_int64(statement, 5);
	ret->used_at_ms = sqlite3_column_int64(statement, 6);
	return true;
}

/* Looks at every byte, whatever the first ones say, so that the time it takes tells nothing. */
static bool
equal_in_constant_time(const uint8_t a[32], const uint8_t b[32])
{
	volatile uint8_t difference = 0;

	for (size_t i = 0; i < 32; i++)
		difference |= (uint8_t)(a[i] ^ b[i]);
	return difference == 0;
}

/*
 * The database compares the first bytes only, which leave one candidate; how long that takes may tell a bit
 * of a hash, from which nobody comes back to a token. The rest is compared here.
 */
enum row_answer
token_row_find(struct index *index, const uint8_t hash[32], struct token_row *ret, struct err *err)
{
	uint8_t beyond[33];
	const struct value values[] = {value_bytes(hash, NEAR_SIZE), value_bytes(beyond, sizeof beyond)};
	enum row_answer answer = ROW_NONE;
	struct token_row token;
	struct rows rows;

	memcpy(beyond, hash, NEAR_SIZE);
	memset(beyond + NEAR_SIZE, 0xff, sizeof beyond - NEAR_SIZE);
	rows = rows_ask(index, SQL_TOKENS_NEAR, values, COUNT_OF(values), err);
	while (answer != ROW_FAILED && rows_next(&rows, err)) {
		if (!read_token(rows.row, &token, err)) {
			index_failed(index, err);
			answer = ROW_FAILED;
		} else if (equal_in_constant_time(token.hash, hash)) {
			*ret = token;
			answer = ROW_FOUND;
		}
	}
	return rows_end(&rows) == ROW_FAILED ? ROW_FAILED : answer;
}

struct token_change {
	struct chore chore;
	const struct token_row *token; /* to be added */
	const char *name;              /* to be removed */
	bool removed;                  /* the answer */
};

/* Neither its name nor its hash is in use, and there is room for one more. */
static enum chore_result
check_new(struct writing *writing, const struct token_row *token, struct err *err)
{
	const struct value values[] = {value_text(token->name), value_bytes(token->hash, sizeof token->hash)};
	struct rows rows = rows_ask_in(writing, SQL_TOKEN_TAKEN, values, COUNT_OF(values), err);
	int64_t count;

	if (rows_next(&rows, err))
		err_set(err, ERR_TAKEN,
		        "there is a token called '%s' already; choose another name, or revoke it first",
		        db_column_text(rows.row, 0));
	switch (rows_end(&rows)) {
	case ROW_FAILED:
		return CHORE_FAILED;
	case ROW_FOUND:
		return CHORE_REFUSED;
	case ROW_NONE:
		break;
	}
	if (!db_number(writing->db, SQL_TOKENS_COUNT, &count, err))
		return CHORE_FAILED;
	if (count < TOKENS_MAX)
		return CHORE_WRITTEN;
	err_set(err, ERR_LIMIT, "there are %lld tokens already; revoke one that is not used any more",
	        (long long)count);
	return CHORE_REFUSED;
}

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct token_row *token = ((struct token_change *)chore)->token;
	const struct value values[] = {value_text(token->name), value_bytes(token->hash, sizeof token->hash),
	        value_number(token->rights), value_number(token->created_at_ms),
	        value_number(token->expires_at_ms), value_number(token->used_at_ms)};
	enum chore_result result = check_new(writing, token, err);

	if (result != CHORE_WRITTEN)
		return result;
	return rows_write(writing, SQL_TOKEN_ADD, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                         : CHORE_FAILED;
}

bool
token_row_add(struct index *index, const struct token_row *token, struct err *err)
{
	struct token_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_add}, .token = token};

	return index_write(index, &change.chore, err);
}

static enum chore_result
run_remove(struct chore *chore, struct writing *writing, struct err *err)
{
	struct token_change *change = (struct token_change *)chore;
	const struct value values[] = {value_text(change->name)};

	if (!rows_write(writing, SQL_TOKEN_REMOVE, values, COUNT_OF(values), err))
		return CHORE_FAILED;
	change->removed = db_changes(writing->db) > 0;
	return CHORE_WRITTEN;
}

enum row_answer
token_row_remove(struct index *index, const char *name, struct err *err)
{
	struct token_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_remove}, .name = name};

	if (!index_write(index, &change.chore, err))
		return ROW_FAILED;
	return change.removed ? ROW_FOUND : ROW_NONE;
}

/* The next tokens behind a name; their number, or -1. */
static int
read_step(struct index *index, const char *after, struct token_row *tokens, struct err *err)
{
	const struct value values[] = {value_text(after), value_number(WALK_STEP)};
	struct rows rows = rows_ask(index, SQL_TOKENS_AFTER, values, COUNT_OF(values), err);
	bool whole = true;
	int count = 0;

	while (whole && rows_next(&rows, err))
		whole = read_token(rows.row, &tokens[count++], err);
	if (!whole)
		index_failed(index, err);
	return rows_end(&rows) != ROW_FAILED && whole ? count : -1;
}

bool
token_rows_walk(struct index *index, token_row_visit_fn *visit, void *context, struct err *err)
{
	AUTO_FREE struct token_row *tokens = xcalloc(WALK_STEP, sizeof *tokens);
	char after[TOKEN_NAME_MAX] = "";
	int count = WALK_STEP;

	while (count == WALK_STEP) {
		count = read_step(index, after, tokens, err);
		for (int i = 0; i < count; i++) {
			if (!visit(context, &tokens[i]))
				return true;
		}
		if (count > 0)
			memcpy(after, tokens[count - 1].name, sizeof after);
	}
	return count >= 0;
}

struct token_use {
	struct chore chore;
	int64_t id, now_ms;
};

/* Many may have noticed at once that a note is due: one of them writes it. */
static enum chore_result
run_use(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct token_use *use = (struct token_use *)chore;
	const struct value values[] = {
	        value_number(use->id), value_number(use->now_ms), value_number(use->now_ms - TOKEN_USED_MS)};

	return rows_write(writing, SQL_TOKEN_USED, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                          : CHORE_FAILED;
}

static void
forget_use(struct chore *chore, const struct err *err)
{
	if (err != NULL && err->code != ERR_STOPPING)
		log_warning("when a token was used is not noted, which is tried again at its next use: %s",
		        err->text);
	free(chore);
}

void
token_row_used(struct index *index, const struct token_row *token, int64_t now_ms)
{
	struct writer *writer = index_writer(index);
	struct token_use *use;

	if (writer == NULL || now_ms - token->used_at_ms < TOKEN_USED_MS)
		return;
	use = xmalloc(sizeof *use);
	*use = (struct token_use){
	        .chore = {.kind = CHORE_LAZY, .run = run_use, .done = forget_use},
	        .id = token->id,
	        .now_ms = now_ms,
	};
	writer_post(writer, &use->chore);
}
