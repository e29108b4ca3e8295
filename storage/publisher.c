/*
 * The publisher's threads: what an intake has them do before, then fdatasync, rename, fsync of the shard; then the
 * row, by the index writer, and the answer on its thread. Blob before row, always. Must never acknowledge before the row is committed, nor
 * flush the same data again after an error.
 */
#include "storage/publisher.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/drift/provenance.h"
#include "storage/store_parts.h"

#define FLUSHER_NICENESS 5 /* more than others have */

struct publisher {
	struct store *store;
	struct mailbox mailbox;
	pthread_t threads[PUBLISHER_THREADS];

	pthread_mutex_t mutex; /* over the rest; a leaf */
	pthread_cond_t idle;
	unsigned active; /* posted and not done */
	bool stopping;
};

static struct publication *
of_letter(struct letter *letter)
{
	return (struct publication *)((char *)letter - offsetof(struct publication, letter));
}

static struct publication *
of_job(struct chore *chore)
{
	return (struct publication *)((char *)chore - offsetof(struct publication, change));
}

/* One less that publisher_destroy waits for. */
static void
leave(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->mutex);
	publisher->active--;
	if (publisher->active == 0)
		pthread_cond_signal(&publisher->idle);
	pthread_mutex_unlock(&publisher->mutex);
}

/* The last that is done with a publication. */
static void
finish(struct publication *publication, enum intake_result result, const struct err *err)
{
	struct store *store = publication->store;
	struct publisher *publisher = store->publisher;

	if (result == INTAKE_STORED) {
		atomic_fetch_add(&store->commits, 1);
		evictor_wake(store->evictor);
	}
	/* cppcheck-suppress nullPointer ; NULL comes with INTAKE_STORED alone, a refusal has its reason */
	if (result == INTAKE_REFUSED && err->code == ERR_COLLISION)
		atomic_fetch_add(&store->collisions, 1);
	publication->done(publication, result, err);
	leave(publisher);
}

/* The temporary file goes, nothing has become visible. */
static void
give_up(struct publication *publication, enum intake_result result, const struct err *err)
{
	blobs_remove_temp(publication->store->blobs, publication->temp);
	store_unclaim(publication->store, &publication->claim);
	finish(publication, result, err);
}

/* On the index writer, after the commit. */
static void
row_written(struct chore *chore, const struct err *err)
{
	struct publication *publication = of_job(chore);
	struct store *store = publication->store;

	/*
	 * Still claimed, and refused for want of a row: no row refers to this file, nobody else is about to
	 * write one.
	 */
	if (err != NULL && (err->code == ERR_COLLISION || err->code == ERR_REMOVED))
		blobs_remove(store->blobs, publication->archive.digests.sha256);
	else if (err != NULL)
		atomic_store(&store->untidy, true);
	store_unclaim(store, &publication->claim);
	if (err != NULL)
		finish(publication, INTAKE_REFUSED, err);
	else
		finish(publication,
		        publication->change.changed == ARCHIVE_ADDED || publication->replaces ? INTAKE_STORED
		                                                                              : INTAKE_KNOWN,
		        NULL);
}

enum standing { STANDS_NEW, STANDS_KNOWN, STANDS_REPLACED, STANDS_REFUSED };

/* A row is there: whether its file still is what it was when it was known to be right. */
static enum standing
compare_file(const struct publication *publication, const struct archive_row *row)
{
	struct blob_file file;
	struct err unimportant; /* whatever it is, the new file replaces it */
	AUTO_FD fd = blobs_open_file(
	        publication->store->blobs, publication->archive.digests.sha256, &file, &unimportant);

	if (fd >= 0 && file.size_bytes == row->archive.size_bytes && stamp_equal(&file.stamp, &row->stamp) &&
	        !outcasts_have(&publication->store->outcasts, &file.stamp))
		return STANDS_KNOWN;
	return STANDS_REPLACED;
}

/*
 * Asks before anything is flushed whether the same bytes are known. Whether one of the names is another archive's, which happens to
 * nobody who means well, the index writer asks, inside its transaction.
 */
static enum standing
ask_index(const struct publication *publication, struct err *err)
{
	const struct digests *digests = &publication->archive.digests;
	struct digest sha256;
	struct archive_row row;

	if (!digests_get(digests, DIGEST_SHA256, &sha256))
		return STANDS_NEW;
	switch (archive_row_find(publication->store->index, &sha256, &row, err)) {
	case ROW_FAILED:
		return STANDS_REFUSED;
	case ROW_NONE:
		return STANDS_NEW;
	case ROW_FOUND:
		break;
	}
	if (!digests_agree(&row.archive.digests, digests))
		return STANDS_REPLACED; /* the row is wrong: these digests were just computed */
	return compare_file(publication, &row);
}

/* Steps 4 to 6 of the writing protocol. */
static bool
make_durable(struct publication *publication, struct blob_file *ret, struct err *err)
{
	struct blobs *blobs = publication->store->blobs;

	if (fdatasync(publication->fd) != 0) {
		err_errno(
		        err, "making an archive durable in %s, which is not stored", blobs_directory(blobs));
		blobs_remove_temp(blobs, publication->temp);
		return false;
	}
	if (!blobs_publish(blobs, publication->temp, publication->archive.digests.sha256, err)) {
		atomic_store(&publication->store->untidy, true);
		return false;
	}
	return blob_file_now(publication->fd, ret, err); /* after the rename, which changes the change time */
}

static void
write_row(struct publication *publication, const struct stamp *stamp)
{
	static const enum archive_change_kind kinds[] = {
	        [INTAKE_FETCHED] = ARCHIVE_ADD, [INTAKE_GIVEN] = ARCHIVE_GIVE};
	struct archive_row row = {.archive = publication->archive, .stamp = *stamp};

	(void)provenance_commit(publication->fd, row.archive.git_commit); /* most say none */
	archive_change_init(&publication->change, kinds[publication->source], &row, row_written);
	writer_post(index_writer(publication->store->index), &publication->change.chore);
}

static void
publish(struct publication *publication)
{
	struct store *store = publication->store;
	struct err err = ERR_NONE;
	struct blob_file file;

	if (publication->temp[0] == '\0') {
		err_set(&err, ERR_NO_SPACE,
		        "the archive was held in memory only, for want of space, and is not stored");
		finish(publication, INTAKE_REFUSED, &err);
		return;
	}
	if (!claims_try(&store->claims, &publication->claim, publication->archive.digests.sha256,
	            &publication->letter))
		return; /* comes back when the other one is through */
	switch (ask_index(publication, &err)) {
	case STANDS_REFUSED:
		give_up(publication, INTAKE_REFUSED, &err);
		return;
	case STANDS_KNOWN:
		give_up(publication, INTAKE_KNOWN, NULL);
		return;
	case STANDS_REPLACED:
		publication->replaces = true;
		break;
	case STANDS_NEW:
		break;
	}
	if (make_durable(publication, &file, &err))
		write_row(publication, &file.stamp);
	else
		give_up(publication, INTAKE_REFUSED, &err);
}

/*
 * Where processors are short, whoever answers or receives comes first: what is not hashed yet waits, and clients and origins are waited
 * for. That a thread has a niceness of its own is Linux's (sched(7)).
 */
static void
give_way(void)
{
	id_t id = (id_t)gettid();

	if (setpriority(PRIO_PROCESS, id, getpriority(PRIO_PROCESS, id) + FLUSHER_NICENESS) != 0)
		log_debug("a flusher keeps its niceness: %m");
}

static void *
flusher_main(void *argument)
{
	struct publisher *publisher = argument;
	struct letter *letter;

	give_way();
	letter = mailbox_take(&publisher->mailbox, -1);
	for (; letter != NULL; letter = mailbox_take(&publisher->mailbox, -1)) {
		struct publication *publication = of_letter(letter);

		publication->step(publication);
	}
	return NULL;
}

struct publisher *
publisher_create(struct store *store)
{
	struct publisher *publisher = xcalloc(1, sizeof *publisher);

	publisher->store = store;
	mailbox_init(&publisher->mailbox);
	pthread_mutex_init(&publisher->mutex, NULL);
	pthread_cond_init(&publisher->idle, NULL);
	for (size_t i = 0; i < PUBLISHER_THREADS; i++) {
		if (pthread_create(&publisher->threads[i], NULL, flusher_main, publisher) != 0) {
			log_error("the threads that make archives durable cannot be started; stopping");
			abort();
		}
		pthread_setname_np(publisher->threads[i], "flusher");
	}
	return publisher;
}

void
publisher_destroy(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	pthread_mutex_lock(&publisher->mutex);
	publisher->stopping = true;
	while (publisher->active > 0)
		pthread_cond_wait(&publisher->idle, &publisher->mutex);
	pthread_mutex_unlock(&publisher->mutex);
	mailbox_close(&publisher->mailbox);
	for (size_t i = 0; i < PUBLISHER_THREADS; i++)
		pthread_join(publisher->threads[i], NULL);
	mailbox_finish(&publisher->mailbox);
	pthread_cond_destroy(&publisher->idle);
	pthread_mutex_destroy(&publisher->mutex);
	free(publisher);
}

/* False: the publisher is being destroyed. */
static bool
hand_over(struct publisher *publisher, struct publication *publication, publication_step_fn *step)
{
	bool accepted;

	publication->store = publisher->store;
	publication->step = step;
	pthread_mutex_lock(&publisher->mutex);
	accepted = !publisher->stopping;
	publisher->active += accepted;
	pthread_mutex_unlock(&publisher->mutex);
	return accepted && mailbox_post(&publisher->mailbox, &publication->letter);
}

void
publisher_post(struct publisher *publisher, struct publication *publication)
{
	struct err err = ERR_NONE;

	if (hand_over(publisher, publication, publish))
		return;
	blobs_remove_temp(publisher->store->blobs, publication->temp);
	err_set(&err, ERR_STOPPING, "larder is stopping; the archive is not stored");
	publication->done(publication, INTAKE_REFUSED, &err);
}

static void
run_lent(struct publication *publication)
{
	struct publisher *publisher = publication->store->publisher;

	publication->lent(publication);
	leave(publisher);
}

bool
publisher_lend(struct publisher *publisher, struct publication *publication, publication_step_fn *lent,
        struct err *err)
{
	publication->lent = lent;
	return hand_over(publisher, publication, run_lent) ||
	       err_set(err, ERR_STOPPING, "larder is stopping; the archive is not stored");
}

void
publisher_retry(struct publisher *publisher, struct letters *letters)
{
	/* They are counted as active, so the mailbox is open. */
	while (!STAILQ_EMPTY(letters)) {
		struct letter *letter = STAILQ_FIRST(letters);

		STAILQ_REMOVE_HEAD(letters, link);
		mailbox_post(&publisher->mailbox, letter);
	}
}
