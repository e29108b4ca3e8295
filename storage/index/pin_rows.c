/*
 * The rows of pins. Questions run on any thread, changes as chores on the index writer's.
 */
#include "storage/index/pin_rows.h"

#include <stdio.h>
#include <string.h>

#include "storage/index/rows.h"

static enum row_answer
read_pin(struct rows *rows, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	if (rows_next(rows, err)) {
		memcpy(ret->sha256, sha256, sizeof ret->sha256);
		snprintf(ret->who, sizeof ret->who, "%s", db_column_text(rows->row, 1));
		ret->at_ms = sqlite3_column_int64(rows->row, 2);
	}
	return rows_end(rows);
}

enum row_answer
pin_row_find(struct index *index, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	const struct value values[] = {value_bytes(sha256, 32)};
	struct rows rows = rows_ask(index, SQL_PIN_FIND, values, COUNT_OF(values), err);

	return read_pin(&rows, sha256, ret, err);
}

enum row_answer
pin_rows_have(struct writing *writing, const uint8_t sha256[32], struct pin *ret, struct err *err)
{
	const struct value values[] = {value_bytes(sha256, 32)};
	struct rows rows = rows_ask_in(writing, SQL_PIN_FIND, values, COUNT_OF(values), err);

	return read_pin(&rows, sha256, ret, err);
}

struct pin_change {
	struct chore chore;
	const struct pin *pin; /* to be added */
	const uint8_t *sha256; /* to be removed */
	bool removed;          /* the answer */
};

static enum chore_result
run_add(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct pin *pin = ((struct pin_change *)chore)->pin;
	const struct value values[] = {
	        value_bytes(pin->sha256, sizeof pin->sha256), value_text(pin->who), value_number(pin->at_ms)};

	return rows_write(writing, SQL_PIN_ADD, values, COUNT_OF(values), err) ? CHORE_WRITTEN : CHORE_FAILED;
}

bool
pin_row_add(struct index *index, const struct pin *pin, struct err *err)
{
	struct pin_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_add}, .pin = pin};

	return index_write(index, &change.chore, err);
}

bool
pin_rows_delete(struct writing *writing, const uint8_t sha256[32], struct err *err)
{
	const struct value values[] = {value_bytes(sha256, 32)};

	return rows_write(writing, SQL_PIN_REMOVE, values, COUNT_OF(values), err);
}

static enum chore_result
run_remove(struct chore *chore, struct writing *writing, struct err *err)
{
	struct pin_change *change = (struct pin_change *)chore;

	if (!pin_rows_delete(writing, change->sha256, err))
		return CHORE_FAILED;
	change->removed = db_changes(writing->db) > 0;
	return CHORE_WRITTEN;
}

enum row_answer
pin_row_remove(struct index *index, const uint8_t sha256[32], struct err *err)
{
	struct pin_change change = {.chore = {.kind = CHORE_PROMPT, .run = run_remove}, .sha256 = sha256};

	if (!index_write(index, &change.chore, err))
		return ROW_FAILED;
	return change.removed ? ROW_FOUND : ROW_NONE;
}
