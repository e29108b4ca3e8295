/*
 * Eviction: a thread that sleeps until something is stored. Nothing is evicted that might be nowhere else: when
 * in doubt it stays. Walks the archives in pages, the least recently used first.
 */
#include "storage/evict.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"
#include "storage/index/origin_rows.h"
#include "storage/store_parts.h"

#define PAGE 64 /* archives looked at in one step */

#define DAY_MS 86400000ll

struct evictor {
	struct store *store;
	uint64_t max_bytes;
	pthread_t thread;
	struct mailbox mailbox;
	struct letter wake;
	atomic_bool woken, stopping, full;
	pthread_mutex_t round; /* one at a time; taken by nobody who holds another lock */
};

/* --- whether one may go --- */

/* What is known of an archive elsewhere. */
struct prospects {
	const struct archive *archive;
	int64_t seen_since_ms;
	bool seen;       /* somebody served it since then */
	bool listed;     /* the catalog has the place that it came from, and so the newer word on it */
	unsigned places; /* providers that have not said that it is gone: 0, 1, or 2 for more */
	char provider[SITE_MAX]; /* the first of them */
};

/* The hosts of one provider lose an archive together, so they are one place; as catalog_copies counts. */
static void
add_place(struct prospects *prospects, const char *url)
{
	char provider[SITE_MAX];
	struct site site;

	if (!site_of(url, &site))
		return;
	site_provider(site.host, provider);
	if (prospects->places == 0) {
		prospects->places = 1;
		memcpy(prospects->provider, provider, sizeof provider);
	} else if (strcmp(prospects->provider, provider) != 0) {
		prospects->places = 2;
	}
}

static void
weigh_origin(void *context, const struct origin_row *origin)
{
	struct prospects *prospects = context;

	if (origin->result != ORIGIN_UNTRIED &&
	        strncmp(origin->url, prospects->archive->came_from, ARCHIVE_CAME_FROM_MAX - 1) == 0)
		prospects->listed = true;
	if (origin->result == ORIGIN_GONE || origin->result == ORIGIN_CHANGED ||
	        origin->memory.state == ORIGIN_IS_VANISHED || origin->memory.state == ORIGIN_IS_CHANGED)
		return;
	if ((origin->result == ORIGIN_SERVED || origin->result == ORIGIN_PRESENT) &&
	        origin->memory.served_at_ms >= prospects->seen_since_ms)
		prospects->seen = true;
	add_place(prospects, origin->url);
}

/* A mirror is in no catalog: that the archive came from it is all that is known, and it gets old. */
static void
weigh_source(struct prospects *prospects)
{
	const struct archive *archive = prospects->archive;
	struct site site;

	if (prospects->listed || archive->stored_at_ms < prospects->seen_since_ms ||
	        !site_of(archive->came_from, &site))
		return;
	prospects->seen = true;
	add_place(prospects, archive->came_from);
}

enum verdict { VERDICT_GO, VERDICT_STAY, VERDICT_UNKNOWN };

static enum verdict
judge(struct evictor *evictor, const struct archive *archive, unsigned min_places, struct err *err)
{
	struct prospects prospects = {
	        .archive = archive, .seen_since_ms = clock_wall_ms() - EVICT_SEEN_DAYS * DAY_MS};

	if (!origin_rows_of_archive(evictor->store->index, &archive->digests, weigh_origin, &prospects, err))
		return VERDICT_UNKNOWN;
	weigh_source(&prospects);
	return prospects.seen && prospects.places >= min_places ? VERDICT_GO : VERDICT_STAY;
}

/* --- a round --- */

/* ENOUGH: it is small again, or larder stops. */
enum progress { PROGRESS_ON, PROGRESS_ENOUGH, PROGRESS_FAILED };

static bool
stored_bytes(struct evictor *evictor, uint64_t *ret, struct err *err)
{
	struct index_state state;

	if (!index_state(evictor->store->index, &state, err))
		return false;
	*ret = state.figures.bytes;
	return true;
}

static enum progress
check_progress(struct evictor *evictor, struct err *err)
{
	uint64_t low = evictor->max_bytes - evictor->max_bytes / 100 * (100 - EVICT_LOW_SHARE), stored;

	if (!stored_bytes(evictor, &stored, err))
		return PROGRESS_FAILED;
	return stored <= low || atomic_load(&evictor->stopping) ? PROGRESS_ENOUGH : PROGRESS_ON;
}

/* One archive, if it may go. */
static enum progress
consider(struct evictor *evictor, const struct archive *archive, unsigned min_places, uint64_t *evicted,
        struct err *err)
{
	enum progress progress = check_progress(evictor, err);

	if (progress != PROGRESS_ON)
		return progress;
	switch (judge(evictor, archive, min_places, err)) {
	case VERDICT_STAY:
		return PROGRESS_ON;
	case VERDICT_UNKNOWN:
		return PROGRESS_FAILED;
	case VERDICT_GO:
		break;
	}
	if (store_evict(evictor->store, archive->digests.sha256, err)) {
		(*evicted)++;
		return PROGRESS_ON;
	}
	/* It went, or was pinned, a moment ago. */
	return err->code == ERR_UNKNOWN || err->code == ERR_TAKEN ? PROGRESS_ON : PROGRESS_FAILED;
}

/* Of the archives that at least as many places are known for, the least recently used, until it is enough. */
static enum progress
pass(struct evictor *evictor, unsigned min_places, uint64_t *evicted, struct err *err)
{
	AUTO_FREE struct archive_row *rows = xcalloc(PAGE, sizeof *rows);
	enum progress progress = check_progress(evictor, err);
	struct archive_use place = {0};
	size_t count = PAGE;

	while (progress == PROGRESS_ON && count == PAGE) {
		if (!archive_rows_by_use(evictor->store->index, &place, rows, PAGE, &count, err))
			return PROGRESS_FAILED;
		for (size_t i = 0; i < count && progress == PROGRESS_ON; i++)
			progress = consider(evictor, &rows[i].archive, min_places, evicted, err);
	}
	return progress;
}

static void
tell(const struct evictor *evictor, uint64_t evicted, uint64_t stored, bool was_full)
{
	char is[TEXT_SIZE_MAX], allowed[TEXT_SIZE_MAX];

	text_size(stored, is);
	text_size(evictor->max_bytes, allowed);
	if (evicted > 0)
		log_info("%llu archives that others have as well are evicted; %s are stored, of the %s of "
		         "space.max_size",
		        (unsigned long long)evicted, is, allowed);
	if (!was_full && atomic_load(&evictor->full))
		log_warning("the archives take %s, more than the %s of space.max_size, and none of them may "
		            "go: nothing new is kept until there is room or others are seen to have them",
		        is, allowed);
	if (was_full && !atomic_load(&evictor->full))
		log_info("the archives take %s of the %s of space.max_size: new ones are kept again", is,
		        allowed);
}

/* Under the round's mutex. */
static bool
go_round(struct evictor *evictor, uint64_t *evicted, struct err *err)
{
	bool was_full = atomic_load(&evictor->full);
	uint64_t stored;

	for (unsigned places = 2; places > 0; places--) {
		if (!stored_bytes(evictor, &stored, err))
			return false;
		if (stored > evictor->max_bytes && pass(evictor, places, evicted, err) == PROGRESS_FAILED)
			return false;
	}
	if (!stored_bytes(evictor, &stored, err))
		return false;
	if (!atomic_load(&evictor->stopping)) {
		atomic_store(&evictor->full, stored > evictor->max_bytes);
		tell(evictor, *evicted, stored, was_full);
	}
	return true;
}

uint64_t
evictor_round(struct evictor *evictor)
{
	struct err err = ERR_NONE;
	uint64_t evicted = 0;

	pthread_mutex_lock(&evictor->round);
	if (!go_round(evictor, &evicted, &err))
		log_warning("nothing more is evicted now, which is tried again with the next archive that is "
		            "stored: %s",
		        err.text);
	pthread_mutex_unlock(&evictor->round);
	return evicted;
}

/* --- the thread --- */

static void *
evictor_main(void *argument)
{
	struct evictor *evictor = argument;

	while (!atomic_load(&evictor->stopping)) {
		int64_t wait_ms;

		evictor_round(evictor);
		wait_ms = atomic_load(&evictor->full) ? EVICT_AGAIN_MS : -1;
		if (mailbox_take(&evictor->mailbox, wait_ms) != NULL)
			atomic_store(&evictor->woken, false);
	}
	return NULL;
}

struct evictor *
evictor_create(struct store *store, uint64_t max_bytes)
{
	struct evictor *evictor = xcalloc(1, sizeof *evictor);

	evictor->store = store;
	evictor->max_bytes = max_bytes;
	mailbox_init(&evictor->mailbox);
	pthread_mutex_init(&evictor->round, NULL);
	if (pthread_create(&evictor->thread, NULL, evictor_main, evictor) != 0) {
		log_error("the thread that keeps the store within space.max_size cannot be started; "
		          "stopping");
		abort();
	}
	pthread_setname_np(evictor->thread, "evictor");
	return evictor;
}

void
evictor_destroy(struct evictor *evictor)
{
	if (evictor == NULL)
		return;
	atomic_store(&evictor->stopping, true);
	mailbox_close(&evictor->mailbox);
	pthread_join(evictor->thread, NULL);
	(void)mailbox_take(&evictor->mailbox, 0); /* a wake that came too late */
	mailbox_finish(&evictor->mailbox);
	pthread_mutex_destroy(&evictor->round);
	free(evictor);
}

void
evictor_wake(struct evictor *evictor)
{
	if (evictor != NULL && !atomic_exchange(&evictor->woken, true))
		mailbox_post(&evictor->mailbox, &evictor->wake);
}

bool
evictor_is_full(const struct evictor *evictor)
{
	return evictor != NULL && atomic_load(&evictor->full);
}
