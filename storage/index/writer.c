/*
 * The index writer's thread. It alone writes and checkpoints: SQLite's WAL is safe with one such connection.
 * It must never wait for anything but its mailbox and the disk.
 */
#include "storage/index/writer.h"

#include <assert.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/db.h"
#include "storage/index/row_cache.h"

struct writer {
	struct db *db;
	struct row_cache *rows;
	struct mailbox mailbox;
	pthread_t thread;
	struct chore *held; /* taken from the mailbox, but does not belong into the batch at hand */

	pthread_mutex_t mutex; /* over state; a leaf */
	struct writer_state state;
};

struct batch {
	struct chore *chores[WRITER_BATCH_MAX];
	size_t count;
};

static struct chore *
take_job(struct writer *writer, int64_t timeout_ms)
{
	struct chore *chore = writer->held;

	writer->held = NULL;
	return chore != NULL ? chore : (struct chore *)mailbox_take(&writer->mailbox, timeout_ms);
}

/*
 * Waits for a first chore, then takes what is there; lazy ones alone wait a little for company. False: closed
 * and empty.
 */
static bool
collect(struct writer *writer, struct batch *batch)
{
	struct chore *chore = take_job(writer, -1);
	int64_t until = clock_ms() + WRITER_LAZY_MS;
	bool lazy = true;

	batch->count = 0;
	while (chore != NULL) {
		int64_t left;

		if (chore->kind == CHORE_ALONE && batch->count > 0) {
			writer->held = chore;
			return true;
		}
		batch->chores[batch->count++] = chore;
		lazy = lazy && chore->kind == CHORE_LAZY;
		if (chore->kind == CHORE_ALONE || batch->count == WRITER_BATCH_MAX)
			return true;
		left = until - clock_ms();
		chore = take_job(writer, lazy && left > 0 ? left : 0);
	}
	return batch->count > 0;
}

static bool
put_figures(struct writing *writing, struct err *err)
{
	const struct index_figures *figures = &writing->figures;
	const uint64_t values[] = {figures->archives, figures->bytes, figures->entries, figures->digests,
	        figures->origins, figures->packages};
	sqlite3_stmt *statement = db_statement(writing->db, SQL_FIGURES_SET, err);

	if (statement == NULL)
		return false;
	for (size_t i = 0; i < COUNT_OF(values); i++)
		sqlite3_bind_int64(statement, (int)i + 1, (int64_t)values[i]);
	return db_finish(writing->db, statement, err);
}

/* One transaction with every chore of the batch in it. */
static bool
write_batch(struct batch *batch, struct writing *writing, struct err *err)
{
	if (!db_run(writing->db, SQL_BEGIN, err))
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		struct chore *chore = batch->chores[i];

		chore->result = chore->run(chore, writing, &chore->err);
		if (chore->result == CHORE_FAILED) {
			*err = chore->err;
			return false;
		}
	}
	return put_figures(writing, err) && db_run(writing->db, SQL_COMMIT, err);
}

static void
roll_back(struct db *db)
{
	struct err ignored; /* what failed before is what counts; SQLite may have undone it by itself */

	if (!db_run(db, SQL_ROLLBACK, &ignored))
		log_debug("nothing to undo: %s", ignored.text);
}

static void
publish_state(struct writer *writer, const struct index_figures *figures, const struct err *trouble)
{
	pthread_mutex_lock(&writer->mutex);
	writer->state.transactions++;
	writer->state.trouble = *trouble;
	writer->state.trouble_ms = clock_ms();
	if (trouble->code == ERR_OK)
		writer->state.figures = *figures;
	pthread_mutex_unlock(&writer->mutex);
}

/* Also of what was undone: the disk may have refused what it has done. */
static void
forget_changed(const struct writer *writer, const struct writing *writing)
{
	if (writing->n_changed > WRITER_CHANGED_MAX) {
		row_cache_forget_all(writer->rows);
		return;
	}
	for (size_t i = 0; i < writing->n_changed; i++)
		row_cache_forget(writer->rows, &writing->changed[i]);
}

static void
process(struct writer *writer, struct batch *batch)
{
	struct writing writing;
	struct err trouble = ERR_NONE;
	bool written;

	writing.db = writer->db;
	writing.figures = writer->state.figures;
	writing.n_changed = 0;
	written = write_batch(batch, &writing, &trouble);
	if (!written)
		roll_back(writer->db);
	forget_changed(writer, &writing);
	publish_state(writer, &writing.figures, &trouble);
	for (size_t i = 0; i < batch->count; i++) {
		struct chore *chore = batch->chores[i];

		if (!written)
			chore->done(chore, &trouble);
		else
			chore->done(chore, chore->result == CHORE_REFUSED ? &chore->err : NULL);
	}
}

static void *
writer_main(void *argument)
{
	struct writer *writer = argument;
	struct batch batch;

	while (collect(writer, &batch))
		process(writer, &batch);
	return NULL;
}

struct writer *
writer_create(struct db *db, const struct index_figures *figures, struct row_cache *rows)
{
	struct writer *writer = xcalloc(1, sizeof *writer);

	writer->db = db;
	writer->rows = rows;
	writer->state.figures = *figures;
	mailbox_init(&writer->mailbox);
	pthread_mutex_init(&writer->mutex, NULL);
	if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0) {
		log_error("the index writer's thread cannot be started; stopping");
		abort();
	}
	pthread_setname_np(writer->thread, "index writer");
	return writer;
}

static void
leave_clean_mark(struct db *db)
{
	struct err err = ERR_NONE;
	sqlite3_stmt *statement = db_statement(db, SQL_CLEAN_SET, &err);

	if (statement != NULL) {
		sqlite3_bind_int64(statement, 1, 1);
		if (db_finish(db, statement, &err))
			return;
	}
	log_warning("the clean stop cannot be noted, so the next start compares the index with the files: %s",
	        err.text);
}

void
writer_destroy(struct writer *writer, enum writer_ending ending)
{
	if (writer == NULL)
		return;
	mailbox_close(&writer->mailbox);
	pthread_join(writer->thread, NULL);
	if (ending == WRITER_ENDS_CLEAN && writer->state.trouble.code == ERR_OK)
		leave_clean_mark(writer->db);
	db_close(writer->db);
	mailbox_finish(&writer->mailbox);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

void
writer_post(struct writer *writer, struct chore *chore)
{
	struct err err = ERR_NONE;

	chore->err = ERR_NONE;
	if (mailbox_post(&writer->mailbox, &chore->letter))
		return;
	err_set(&err, ERR_STOPPING, "larder is stopping; nothing more is written to the index");
	chore->done(chore, &err);
}

/* Stands in for the done of a chore that somebody waits for. */
struct waiting {
	struct chore chore;
	struct chore *inner;
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool done;
	struct err err;
};

static enum chore_result
run_inner(struct chore *chore, struct writing *writing, struct err *err)
{
	struct chore *inner = ((struct waiting *)chore)->inner;

	return inner->run(inner, writing, err);
}

static void
wake(struct chore *chore, const struct err *err)
{
	struct waiting *waiting = (struct waiting *)chore;

	pthread_mutex_lock(&waiting->mutex);
	waiting->done = true;
	waiting->err = err != NULL ? *err : ERR_NONE;
	pthread_cond_signal(&waiting->answered);
	pthread_mutex_unlock(&waiting->mutex);
}

bool
writer_run(struct writer *writer, struct chore *chore, struct err *err)
{
	struct waiting waiting = {
	        .chore = {.kind = chore->kind, .run = run_inner, .done = wake},
	        .inner = chore,
	        .mutex = PTHREAD_MUTEX_INITIALIZER,
	        .answered = PTHREAD_COND_INITIALIZER,
	};

	assert(!pthread_equal(pthread_self(), writer->thread));
	writer_post(writer, &waiting.chore);
	pthread_mutex_lock(&waiting.mutex);
	while (!waiting.done)
		pthread_cond_wait(&waiting.answered, &waiting.mutex);
	pthread_mutex_unlock(&waiting.mutex);
	if (waiting.err.code == ERR_OK)
		return true;
	*err = waiting.err;
	return false;
}

void
writer_state(struct writer *writer, struct writer_state *ret)
{
	pthread_mutex_lock(&writer->mutex);
	*ret = writer->state;
	pthread_mutex_unlock(&writer->mutex);
}
