/*
 * The row of the scrub. The question runs on any thread, the change as a chore on the index writer's.
 */
#include "storage/index/scrub_rows.h"

#include <string.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/rows.h"

static void
read_round(sqlite3_stmt *row, struct scrub_round *ret)
{
	*ret = (struct scrub_round){
	        .under_way = sqlite3_column_int(row, 0) != 0,
	        .has_reached = sqlite3_column_bytes(row, 1) == (int)sizeof ret->reached,
	        .began_at_ms = sqlite3_column_int64(row, 2),
	        .ran_ms = sqlite3_column_int64(row, 3),
	        .archives = (uint64_t)sqlite3_column_int64(row, 4),
	        .bytes = (uint64_t)sqlite3_column_int64(row, 5),
	        .wrong = (uint64_t)sqlite3_column_int64(row, 6),
	        .ended_at_ms = sqlite3_column_int64(row, 7),
	        .ended_wrong = (uint64_t)sqlite3_column_int64(row, 8),
	};
	if (ret->has_reached)
		memcpy(ret->reached, sqlite3_column_blob(row, 1), sizeof ret->reached);
}

bool
scrub_round_find(struct index *index, struct scrub_round *ret, struct err *err)
{
	struct rows rows = rows_ask(index, SQL_SCRUB_FIND, NULL, 0, err);

	if (rows_next(&rows, err))
		read_round(rows.row, ret);
	switch (rows_end(&rows)) {
	case ROW_FOUND:
		return true;
	case ROW_NONE:
		err_set(err, ERR_CORRUPT, "the index lacks the row of the scrub");
		break;
	case ROW_FAILED:
		break;
	}
	return index_failed(index, err);
}

/* A round on its way to the index. */
struct scrub_change {
	struct chore chore;
	struct scrub_round round;
};

static enum chore_result
run_change(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct scrub_round *round = &((struct scrub_change *)chore)->round;
	const struct value values[] = {value_number(round->under_way),
	        value_bytes(round->reached, round->has_reached ? sizeof round->reached : 0),
	        value_number(round->began_at_ms), value_number(round->ran_ms),
	        value_number((int64_t)round->archives), value_number((int64_t)round->bytes),
	        value_number((int64_t)round->wrong), value_number(round->ended_at_ms),
	        value_number((int64_t)round->ended_wrong)};

	return rows_write(writing, SQL_SCRUB_SET, values, COUNT_OF(values), err) ? CHORE_WRITTEN
	                                                                         : CHORE_FAILED;
}

static void
forget(struct chore *chore, const struct err *err)
{
	if (err != NULL && err->code != ERR_STOPPING)
		log_warning(
		        "where the scrub is cannot be noted, which is tried again later; a restart before "
		        "then reads some archives twice: %s",
		        err->text);
	free(chore);
}

void
scrub_round_post(struct index *index, const struct scrub_round *round)
{
	struct writer *writer = index_writer(index);
	struct scrub_change *change;

	if (writer == NULL)
		return;
	change = xcalloc(1, sizeof *change);
	change->chore = (struct chore){.kind = CHORE_LAZY, .run = run_change, .done = forget};
	change->round = *round;
	writer_post(writer, &change->chore);
}
