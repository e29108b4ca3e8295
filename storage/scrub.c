/*
 * The scrub. Its own thread, at the lowest priority that the system gives it; blocks on the disk and the index. Must never hold a lock or
 * a claim while it reads, nor take anything for wrong that was removed or replaced meanwhile.
 */
#include "storage/scrub.h"

#include <linux/ioprio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage/base/log.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"
#include "storage/reread.h"
#include "storage/store_parts.h"

#define LOWEST_NICENESS 19

struct scrub {
	struct scrub_options options;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	struct mailbox mailbox; /* nothing comes; closing it ends the thread's waiting */

	struct scrub_round round;
	bool loaded; /* the round, from the index */
	struct reread *reread;
	int64_t next_ran_ms; /* when the next piece is due, by round.ran_ms */
	int64_t turned_ms;   /* these three by clock_ms; 0: never */
	int64_t saved_ms;
	int64_t trouble_until_ms;
	uint8_t doubted[32]; /* the archive that the disk refused last, where it has refused one */

	pthread_mutex_t mutex; /* over the rest; a leaf */
	struct scrub_round shown;
};

struct scrub *
scrub_create(const struct scrub_options *options)
{
	struct scrub *scrub;

	if (options->interval_ms == 0)
		return NULL;
	scrub = xcalloc(1, sizeof *scrub);
	scrub->options = *options;
	if (options->interval_ms < SCRUB_INTERVAL_MIN_MS)
		scrub->options.interval_ms = SCRUB_INTERVAL_MIN_MS;
	scrub->reread = reread_create();
	mailbox_init(&scrub->mailbox);
	pthread_mutex_init(&scrub->mutex, NULL);
	return scrub;
}

static void
save(struct scrub *scrub, struct moment now)
{
	scrub_round_post(scrub->options.store->index, &scrub->round);
	scrub->saved_ms = now.ms;
}

/* --- pace --- */

static double
cost_of(uint64_t archives, uint64_t bytes)
{
	return (double)bytes + (double)archives * SCRUB_OPEN_COST;
}

/* The share of all archives that lies behind where the round is: a sha256 is as good as chance. */
static double
share_left(const struct scrub_round *round)
{
	double reached = 0;

	for (int i = 7; i >= 0; i--)
		reached = (reached + round->reached[i]) / 256;
	return round->has_reached ? 1 - reached : 1;
}

/*
 * What is left to be read, as a cost: all there is less what was read. Where much of that was evicted since, it
 * would be too little, and the share that is left tells better; too much only makes the round end early.
 */
static double
cost_left(const struct scrub *scrub, const struct index_figures *all)
{
	const struct scrub_round *round = &scrub->round;
	double total = cost_of(all->archives, all->bytes);
	double by_bytes = total - cost_of(round->archives, round->bytes),
	       by_share = total * share_left(round);

	return (by_bytes > by_share ? by_bytes : by_share) - (double)reread_offset(scrub->reread);
}

/* Before a piece of this cost: it takes the part of the time left that it is of the cost left. */
static bool
plan_next(struct scrub *scrub, double cost, struct err *err)
{
	double interval_ms = (double)scrub->options.interval_ms, ran_ms = (double)scrub->round.ran_ms;
	double time_left_ms = interval_ms - ran_ms, left;
	struct index_state state;

	if (!index_state(scrub->options.store->index, &state, err))
		return false;
	left = cost_left(scrub, &state.figures);
	if (time_left_ms < interval_ms / SCRUB_HURRY)
		time_left_ms = interval_ms / SCRUB_HURRY;
	scrub->next_ran_ms = scrub->round.ran_ms + (int64_t)(time_left_ms * (left > cost ? cost / left : 1));
	return true;
}

/* --- an archive --- */

/* It is done with, whatever it was: the round is behind it. */
static void
pass_on(struct scrub *scrub, const uint8_t sha256[32])
{
	reread_close(scrub->reread);
	memcpy(scrub->round.reached, sha256, sizeof scrub->round.reached);
	scrub->round.has_reached = true;
	memset(scrub->doubted, 0, sizeof scrub->doubted);
}

static void
tell_wrong(struct scrub *scrub, const struct digests *digests)
{
	scrub->round.wrong++;
	if (scrub->options.wrong != NULL)
		scrub->options.wrong(scrub->options.context, digests);
}

static void
put_away(struct scrub *scrub, const struct blob *blob, const char *why)
{
	if (store_quarantine_blob(scrub->options.store, blob, why))
		tell_wrong(scrub, &blob->digests);
}

/* A row without a file, unless both went a moment ago. */
static bool
drop_row(struct scrub *scrub, const struct archive_row *row, struct err *err)
{
	struct archive_change change;

	archive_change_init(&change, ARCHIVE_DROP, row, NULL);
	change.chore.kind = CHORE_PROMPT; /* whoever is told looks into the index */
	if (!index_write(scrub->options.store->index, &change.chore, err))
		return false;
	if (change.changed != ARCHIVE_REMOVED)
		return true;
	store_say_gone(&row->archive.digests);
	tell_wrong(scrub, &row->archive.digests);
	return true;
}

/* False: the index gives no answer. What cannot be opened for now is passed over. */
static bool
open_archive(struct scrub *scrub, const struct archive_row *row, struct err *err)
{
	const struct archive *archive = &row->archive;
	const uint8_t *sha256 = archive->digests.sha256;
	struct err why = ERR_NONE;
	struct blob_file file;
	char hex[65];
	int fd = blobs_open_file(scrub->options.store->blobs, sha256, &file, &why);

	if (fd >= 0) {
		bool is_known =
		        stamp_equal(&file.stamp, &row->stamp) && file.size_bytes == archive->size_bytes;
		struct blob blob = {.fd = fd,
		        .size_bytes = file.size_bytes,
		        .stored_at_ms = archive->stored_at_ms,
		        .digests = archive->digests,
		        .trust = is_known ? BLOB_PROVEN : BLOB_UNPROVEN,
		        .stamp = file.stamp};

		reread_begin(scrub->reread, &blob);
		return true;
	}
	if (why.code == ERR_NOT_FOUND && !drop_row(scrub, row, err))
		return false;
	if (why.code != ERR_NOT_FOUND) {
		text_hex(sha256, sizeof archive->digests.sha256, hex);
		log_warning("the archive sha256:%s cannot be read again, which the next round tries: %s", hex,
		        why.text);
	}
	pass_on(scrub, sha256);
	return true;
}

/* For the next piece. Where the file is another by now, or gone, the round looks again what comes next. */
static void
open_again(struct scrub *scrub)
{
	struct blob_file file;
	struct err unimportant = ERR_NONE;
	int fd = blobs_open_file(
	        scrub->options.store->blobs, reread_blob(scrub->reread)->digests.sha256, &file, &unimportant);

	if (fd >= 0 && reread_resume(scrub->reread, fd, &file.stamp))
		return;
	reread_close(scrub->reread);
	scrub->next_ran_ms = scrub->round.ran_ms;
}

static void
take_news(struct scrub *scrub, enum reread_news news, const struct err *why)
{
	const struct blob *blob = reread_blob(scrub->reread);
	char hex[65];

	switch (news) {
	case REREAD_MORE:
		reread_pause(scrub->reread);
		return;
	case REREAD_RIGHT:
		if (blob->trust == BLOB_UNPROVEN)
			store_proven(scrub->options.store, blob);
		break;
	case REREAD_WRONG:
	case REREAD_REFUSED:
		put_away(scrub, blob, why->text);
		break;
	case REREAD_FAILED:
		text_hex(blob->digests.sha256, sizeof blob->digests.sha256, hex);
		log_warning("the archive sha256:%s cannot be read again, which the next round tries: %s", hex,
		        why->text);
		break;
	case REREAD_GONE:
		break;
	}
	if (news == REREAD_RIGHT || news == REREAD_WRONG || news == REREAD_REFUSED) {
		scrub->round.archives++;
		scrub->round.bytes += reread_offset(scrub->reread);
	}
	pass_on(scrub, blob->digests.sha256);
}

/*
 * A cable or a controller that is away for a moment must not cost the archives that were being read then: what the disk refuses is read
 * once more after the pause, and is wrong when it refuses that, too.
 */
static bool
doubt(struct scrub *scrub, const struct err *why, struct err *err)
{
	const uint8_t *sha256 = reread_blob(scrub->reread)->digests.sha256;
	char hex[65];

	text_hex(sha256, sizeof scrub->doubted, hex);
	memcpy(scrub->doubted, sha256, sizeof scrub->doubted);
	reread_close(scrub->reread);
	return err_set(
	        err, ERR_IO, "the archive sha256:%s, which is read once more then: %s", hex, why->text);
}

/* One piece of this archive, which is opened first if it is not yet. False: the index gives no answer, or the disk no bytes. */
static bool
read_on(struct scrub *scrub, const struct archive_row *row, struct err *err)
{
	bool opens = !reread_is_open(scrub->reread);
	struct err why = ERR_NONE;
	enum reread_news news;
	uint64_t left;

	if (opens && !open_archive(scrub, row, err))
		return false;
	if (!opens)
		open_again(scrub);
	if (!reread_is_open(scrub->reread))
		return true;
	left = reread_blob(scrub->reread)->size_bytes - reread_offset(scrub->reread);
	if (!plan_next(scrub, cost_of(opens, left < REREAD_PIECE ? left : REREAD_PIECE), err)) {
		reread_close(scrub->reread);
		return false;
	}
	news = reread_next(scrub->reread, &why);
	if (news == REREAD_REFUSED &&
	        memcmp(scrub->doubted, reread_blob(scrub->reread)->digests.sha256, 32) != 0)
		return doubt(scrub, &why, err);
	take_news(scrub, news, &why);
	return true;
}

/* --- a round --- */

static void
begin_round(struct scrub *scrub, struct moment now)
{
	const struct scrub_round *last = &scrub->round;

	scrub->round = (struct scrub_round){.under_way = true,
	        .began_at_ms = now.wall_ms > 0 ? now.wall_ms : 1,
	        .ended_at_ms = last->ended_at_ms,
	        .ended_wrong = last->ended_wrong};
	scrub->next_ran_ms = 0;
	save(scrub, now);
}

static void
end_round(struct scrub *scrub, struct moment now)
{
	struct scrub_round *round = &scrub->round;
	char size[TEXT_SIZE_MAX];

	round->under_way = false;
	round->ended_at_ms = now.wall_ms > 0 ? now.wall_ms : 1;
	round->ended_wrong = round->wrong;
	text_size(round->bytes, size);
	log_info("all %llu archives, %s, were read again; %llu were wrong or gone",
	        (unsigned long long)round->archives, size, (unsigned long long)round->wrong);
	save(scrub, now);
}

/* What time it is for the round. */
static void
pass_time(struct scrub *scrub, struct moment now)
{
	int64_t passed_ms = scrub->turned_ms != 0 ? now.ms - scrub->turned_ms : 0;

	if (passed_ms > SCRUB_GAP_MS)
		passed_ms = SCRUB_GAP_MS;
	if (passed_ms > 0)
		scrub->round.ran_ms += passed_ms;
}

static bool
load(struct scrub *scrub, struct moment now, struct err *err)
{
	if (scrub->loaded)
		return true;
	scrub->loaded = scrub_round_find(scrub->options.store->index, &scrub->round, err);
	scrub->saved_ms = now.ms;
	return scrub->loaded;
}

/* ret: what there is to wait for, by the round's time. False: as read_on. */
static bool
step(struct scrub *scrub, struct moment now, int64_t *ret_wait_ms, struct err *err)
{
	struct scrub_round *round = &scrub->round;
	struct archive_row row;

	*ret_wait_ms = scrub->options.interval_ms - round->ran_ms;
	if (!round->under_way && round->began_at_ms != 0 && *ret_wait_ms > 0)
		return true;
	if (!round->under_way)
		begin_round(scrub, now);
	if (!reread_is_open(scrub->reread)) {
		switch (archive_row_after(
		        scrub->options.store->index, round->has_reached ? round->reached : NULL, &row, err)) {
		case ROW_FAILED:
			return false;
		case ROW_NONE:
			end_round(scrub, now);
			*ret_wait_ms = scrub->options.interval_ms - round->ran_ms;
			return true;
		case ROW_FOUND:
			break;
		}
	}
	if (scrub->next_ran_ms <= round->ran_ms && !read_on(scrub, &row, err))
		return false;
	*ret_wait_ms = scrub->next_ran_ms - round->ran_ms;
	return true;
}

static void
show(struct scrub *scrub)
{
	pthread_mutex_lock(&scrub->mutex);
	scrub->shown = scrub->round;
	if (reread_is_open(scrub->reread))
		scrub->shown.bytes += reread_offset(scrub->reread);
	pthread_mutex_unlock(&scrub->mutex);
}

static int64_t
pause_for(struct scrub *scrub, struct moment now, const struct err *err)
{
	log_warning("the archives are not read again for %d s: %s", SCRUB_TROUBLE_MS / 1000, err->text);
	scrub->trouble_until_ms = now.ms + SCRUB_TROUBLE_MS;
	return SCRUB_LOOK_MS;
}

/* Recovery reads and compares as well, and the disk is one: the round's time stands still meanwhile. */
int64_t
scrub_turn(struct scrub *scrub, struct moment now)
{
	struct err err = ERR_NONE;
	int64_t wait_ms;

	if (scrub == NULL)
		return SCRUB_LOOK_MS;
	if (now.ms < scrub->trouble_until_ms || recovery_is_running(scrub->options.store->recovery)) {
		scrub->turned_ms = now.ms;
		return SCRUB_INTERVAL_MIN_MS;
	}
	if (!load(scrub, now, &err))
		return pause_for(scrub, now, &err);
	pass_time(scrub, now);
	scrub->turned_ms = now.ms;
	if (!step(scrub, now, &wait_ms, &err))
		return pause_for(scrub, now, &err);
	show(scrub);
	if (now.ms - scrub->saved_ms >= SCRUB_SAVE_MS)
		save(scrub, now);
	return wait_ms < 0 ? 0 : wait_ms < SCRUB_LOOK_MS ? wait_ms : SCRUB_LOOK_MS;
}

void
scrub_figures(struct scrub *scrub, struct scrub_round *ret)
{
	*ret = (struct scrub_round){0};
	if (scrub == NULL)
		return;
	pthread_mutex_lock(&scrub->mutex);
	*ret = scrub->shown;
	pthread_mutex_unlock(&scrub->mutex);
}

/* --- the thread --- */

/* Of this thread alone. Where the system refuses it, pauses have to do. */
static void
give_way(void)
{
	long disk = syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
	int processor = setpriority(PRIO_PROCESS, (id_t)gettid(), LOWEST_NICENESS);

	if (disk != 0 || processor != 0)
		log_debug("archives are read again at no lower priority than all else, since the system "
		          "refuses it");
}

static void *
run(void *context)
{
	struct scrub *scrub = context;

	pthread_setname_np(pthread_self(), "scrub");
	give_way();
	while (!atomic_load(&scrub->stopping)) {
		struct moment now = {.wall_ms = clock_wall_ms(), .ms = clock_ms()};

		(void)mailbox_take(&scrub->mailbox, scrub_turn(scrub, now));
	}
	return NULL;
}

/* Signals are the main thread's. */
bool
scrub_start(struct scrub *scrub, struct err *err)
{
	sigset_t all, before;
	int cause;

	if (scrub == NULL)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	cause = pthread_create(&scrub->thread, NULL, run, scrub);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (cause != 0)
		return err_set(err, ERR_IO, "the scrub's thread cannot be started: %s", strerror(cause));
	scrub->started = true;
	return true;
}

void
scrub_stop(struct scrub *scrub)
{
	if (scrub == NULL || atomic_exchange(&scrub->stopping, true))
		return;
	mailbox_close(&scrub->mailbox);
	if (scrub->started)
		pthread_join(scrub->thread, NULL);
	if (scrub->loaded)
		scrub_round_post(scrub->options.store->index, &scrub->round);
}

void
scrub_destroy(struct scrub *scrub)
{
	if (scrub == NULL)
		return;
	scrub_stop(scrub);
	reread_destroy(scrub->reread);
	mailbox_finish(&scrub->mailbox);
	pthread_mutex_destroy(&scrub->mutex);
	free(scrub);
}
