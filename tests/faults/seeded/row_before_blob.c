/*
 * Seeded bug: the row of an archive is committed first, and only then gets its file the name that the row
 * speaks of. What the publisher asks for is kept until the index writer has answered.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/blobs.h"
#include "storage/index/archive_rows.h"

struct put_off {
	struct put_off *next;
	struct blobs *blobs;
	char temp[BLOBS_TEMP_MAX];
	uint8_t sha256[32];
	chore_done_fn *done; /* the publisher's */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct put_off *all; /* under the mutex */

bool __real_blobs_publish(struct blobs *blobs, const char *temp, const uint8_t sha256[32], struct err *err);
bool __wrap_blobs_publish(struct blobs *blobs, const char *temp, const uint8_t sha256[32], struct err *err);
void __real_archive_change_init(struct archive_change *change, enum archive_change_kind kind,
        const struct archive_row *row, chore_done_fn *done);
void __wrap_archive_change_init(struct archive_change *change, enum archive_change_kind kind,
        const struct archive_row *row, chore_done_fn *done);

bool
__wrap_blobs_publish(struct blobs *blobs, const char *temp, const uint8_t sha256[32], struct err *err)
{
	struct put_off *one = xcalloc(1, sizeof *one);

	(void)err;
	one->blobs = blobs;
	strcpy(one->temp, temp);
	memcpy(one->sha256, sha256, sizeof one->sha256);
	pthread_mutex_lock(&mutex);
	one->next = all;
	all = one;
	pthread_mutex_unlock(&mutex);
	return true;
}

/* Under the mutex: where the one is linked that has this name; NULL: nothing was put off. */
static struct put_off **
find(const uint8_t sha256[32])
{
	for (struct put_off **at = &all; *at != NULL; at = &(*at)->next)
		if (memcmp((*at)->sha256, sha256, sizeof(*at)->sha256) == 0)
			return at;
	return NULL;
}

static void
publish_at_last(struct chore *chore, const struct err *err)
{
	struct archive_change *change = (struct archive_change *)chore;
	struct err why = ERR_NONE;
	struct put_off *one, **at;

	pthread_mutex_lock(&mutex);
	at = find(change->row.archive.digests.sha256);
	one = *at;
	*at = one->next;
	pthread_mutex_unlock(&mutex);
	if (__real_blobs_publish(one->blobs, one->temp, one->sha256, &why))
		one->done(chore, err);
	else
		one->done(chore, &why);
	free(one);
}

void
__wrap_archive_change_init(struct archive_change *change, enum archive_change_kind kind,
        const struct archive_row *row, chore_done_fn *done)
{
	struct put_off **at;

	pthread_mutex_lock(&mutex);
	at = find(row->archive.digests.sha256);
	if (at != NULL) {
		(*at)->done = done;
		done = publish_at_last;
	}
	pthread_mutex_unlock(&mutex);
	__real_archive_change_init(change, kind, row, done);
}
