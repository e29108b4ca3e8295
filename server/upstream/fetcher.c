/*
 * The fetcher's thread: takes errands from its mailbox, keeps as many transfers going as the configuration
 * allows, drives libcurl, and looks at the clock for all who wait. Errands that find no free transfer, or
 * whose host has its share, wait in a queue; the crowds of some hosts do not hold up another's, and who has waited for
 * one host for long asks another that has room.
 *
 * Must never wait for anything but curl_multi_poll and the disk it writes to.
 */
#include "server/upstream/fetcher.h"

#include <assert.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/upstream/errand.h"
#include "server/upstream/errand_document.h"
#include "server/upstream/queue.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/store.h"

#define IDLE_POLL_MS   1000 /* nothing under way: still often enough to be seen alive */
#define ERRANDS_A_TURN 16   /* that are begun before the network is looked at again */

struct fetcher {
	struct mailbox mailbox;
	pthread_t thread;
	bool joined; /* by the one thread that stops it */
	atomic_bool stopping;

	/* the thread's own */
	struct upstream upstream;
	struct errands live; /* all that are not over */
	struct queue queue;  /* those that want a transfer */
	bool look_again;     /* something came or ended: the queue may move */
	int64_t ticked_at_ms;

	/* what others may see */
	_Atomic uint64_t figure_transfers, figure_queued, figure_resting;
	_Atomic int64_t figure_rests_over;
	_Atomic int64_t last_turn_ms;
};

static void *run(void *context);
static void free_parts(struct fetcher *fetcher);

/* --- other threads --- */

/*
 * Signals are the main thread's: this one and the resolver's threads, which inherit the mask, never see one
 * (nor SIGPIPE).
 */
static int
start_thread(struct fetcher *fetcher)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&fetcher->thread, NULL, run, fetcher);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

static CURLM *
make_multi(const struct config *config)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		abort(); /* as xmalloc: small memory that cannot be had */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)config->fetch.transfers);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return multi;
}

struct fetcher *
fetcher_create(const struct config *config, struct store *store, struct metrics *metrics, struct err *err)
{
	struct policy *policy = policy_create(&config->fetch, err);
	struct fetcher *fetcher;
	int failed;

	if (policy == NULL)
		return NULL;
	/* Without memory curl would leave a transfer lying, and whoever waits for it waiting. */
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup, xcalloc);
	fetcher = xcalloc(1, sizeof *fetcher);
	mailbox_init(&fetcher->mailbox);
	TAILQ_INIT(&fetcher->live);
	fetcher->upstream = (struct upstream){.config = config,
	        .policy = policy,
	        .breaker = breaker_create(),
	        .rests = rests_create(),
	        .store = store,
	        .catalog = store_catalog(store),
	        .metrics = metrics,
	        .multi = make_multi(config)};
	queue_init(&fetcher->queue, fetcher->upstream.breaker, config->fetch.per_host);
	TAILQ_INIT(&fetcher->upstream.running);
	proofs_init(&fetcher->upstream.proofs, fetcher->upstream.multi);
	fetcher->last_turn_ms = clock_ms();
	failed = start_thread(fetcher);
	if (failed != 0) {
		err_set(err, ERR_IO, "starting the fetcher's thread: %s", strerror(failed));
		free_parts(fetcher);
		return NULL;
	}
	return fetcher;
}

void
fetcher_on_drift(struct fetcher *fetcher, fetcher_drifted_fn *drifted, void *context)
{
	/* The thread looks at it with the first flight, which comes through the mailbox's lock. */
	fetcher->upstream.drifted = drifted;
	fetcher->upstream.drift_context = context;
}

static bool
submit(struct fetcher *fetcher, struct errand *errand, struct err *err)
{
	if (!mailbox_post(&fetcher->mailbox, &errand->letter))
		return err_set(err, ERR_STOPPING, "larder is stopping");
	curl_multi_wakeup(fetcher->upstream.multi);
	return true;
}

bool
fetcher_submit(struct fetcher *fetcher, struct flight *flight, struct err *err)
{
	struct errand *errand = errand_for_flight(flight);

	if (submit(fetcher, errand, err))
		return true;
	errand->flight = NULL; /* stays the caller's */
	errand_close(errand);
	return false;
}

bool
fetcher_document(struct fetcher *fetcher, const struct fetch_document *wanted, struct err *err)
{
	struct document document = {
	        .wanted = wanted, .mutex = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	struct errand *errand = errand_for_document(&document);

	if (!submit(fetcher, errand, err)) {
		errand_close(errand);
		return false;
	}
	pthread_mutex_lock(&document.mutex);
	while (!document.over)
		pthread_cond_wait(&document.ended, &document.mutex);
	pthread_mutex_unlock(&document.mutex);
	pthread_cond_destroy(&document.ended);
	pthread_mutex_destroy(&document.mutex);
	if (!document.fetched)
		*err = document.err;
	return document.fetched;
}

bool
fetcher_probe(struct fetcher *fetcher, const struct probe_plan *plan, probe_done_fn *done, void *context,
        struct err *err)
{
	struct errand *errand = errand_for_probe(plan, done, context);

	if (submit(fetcher, errand, err))
		return true;
	errand_close(errand);
	return false;
}

void
fetcher_figures(struct fetcher *fetcher, struct fetcher_figures *ret)
{
	ret->transfers = fetcher->figure_transfers;
	ret->queued = fetcher->figure_queued;
	ret->resting_hosts = fetcher->figure_resting;
	ret->rests_over_at_ms = fetcher->figure_rests_over;
	ret->last_turn_ms = fetcher->last_turn_ms;
}

void
fetcher_stop(struct fetcher *fetcher)
{
	if (fetcher->joined)
		return;
	mailbox_close(&fetcher->mailbox);
	fetcher->stopping = true;
	curl_multi_wakeup(fetcher->upstream.multi);
	pthread_join(fetcher->thread, NULL);
	fetcher->joined = true;
}

static void
free_parts(struct fetcher *fetcher)
{
	proofs_finish(&fetcher->upstream.proofs);
	curl_multi_cleanup(fetcher->upstream.multi);
	mailbox_finish(&fetcher->mailbox);
	breaker_destroy(fetcher->upstream.breaker);
	rests_destroy(fetcher->upstream.rests);
	policy_destroy(fetcher->upstream.policy);
	free(fetcher);
	curl_global_cleanup();
}

void
fetcher_destroy(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	fetcher_stop(fetcher);
	free_parts(fetcher);
}

/* --- the thread --- */

static void
enter_queue(struct fetcher *fetcher, struct errand *errand, enum queue_end where, int64_t now_ms)
{
	fetcher->look_again = true;
	queue_enter(&fetcher->queue, errand, where, now_ms);
}

static void
close_errand(struct fetcher *fetcher, struct errand *errand)
{
	queue_leave(&fetcher->queue, errand);
	TAILQ_REMOVE(&fetcher->live, errand, link);
	errand_close(errand);
}

/* To where the errand stands now: the queue, out of it, or away. Who cannot be helped does not wait for his answer. */
static void
follow(struct fetcher *fetcher, struct errand *errand, enum queue_end where, int64_t now_ms)
{
	if (errand->state == ERRAND_WAITING)
		errand_next(errand, now_ms);
	if (errand->state == ERRAND_OVER)
		close_errand(fetcher, errand);
	else if (errand_wants_transfer(errand))
		enter_queue(fetcher, errand, where, now_ms);
	else
		queue_leave(&fetcher->queue, errand);
}

/* Each costs a look into the index, and who is being served is not to wait for hundreds of them. False: there may be more. */
static bool
take_letters(struct fetcher *fetcher)
{
	for (int i = 0; i < ERRANDS_A_TURN; i++) {
		struct letter *letter = mailbox_take(&fetcher->mailbox, 0);
		struct errand *errand = (struct errand *)letter;

		if (letter == NULL)
			return true;
		errand_open(errand, &fetcher->upstream);
		TAILQ_INSERT_TAIL(&fetcher->live, errand, link);
		follow(fetcher, errand, QUEUE_BACK, clock_ms());
	}
	return false;
}

/* Asked again, since hosts may have gone to rest while it waited. */
static void
begin_one(struct fetcher *fetcher, struct errand *errand, int64_t now_ms)
{
	const struct origin *origin = errand_next(errand, now_ms);

	if (origin != NULL && queue_must_wait(&fetcher->queue, errand))
		return;
	if (origin != NULL)
		errand_begin(errand, now_ms);
	follow(fetcher, errand, QUEUE_FRONT, now_ms);
}

/* Everyone for whom there is a transfer. Who is not begun asks another later, or waits for a host that has its share. */
static void
begin_queue(struct fetcher *fetcher, struct errands *errands, enum queue_way way, int64_t now_ms)
{
	uint64_t most = (uint64_t)fetcher->upstream.config->fetch.transfers;

	while (fetcher->upstream.n_running < most) {
		struct errand *errand = queue_fairest(&fetcher->queue, errands, way, now_ms);
		if (errand == NULL)
			return;
		if (way == QUEUE_IN_ORDER) {
			begin_one(fetcher, errand, now_ms);
			continue;
		}
		errand_begin_elsewhere(errand, now_ms);
		queue_leave(&fetcher->queue, errand);
	}
}

static void
begin_waiting(struct fetcher *fetcher, int64_t now_ms)
{
	struct queue *queue = &fetcher->queue;

	fetcher->look_again = false;
	begin_queue(fetcher, &queue->waited_for, QUEUE_IN_ORDER, now_ms);
	begin_queue(fetcher, &queue->waited_for, QUEUE_ELSEWHERE, now_ms);
	begin_queue(fetcher, &queue->yielding, QUEUE_IN_ORDER, now_ms);
}

static void
end(struct fetcher *fetcher, struct visit *visit, CURLcode code, int64_t now_ms)
{
	struct errand *errand = visit->errand;

	fetcher->look_again = true;
	errand_ended(visit, code, now_ms);
	follow(fetcher, errand, QUEUE_FRONT, now_ms);
}

/* Whether the bytes of these are right is known. */
static void
take_proofs(struct fetcher *fetcher, int64_t now_ms)
{
	struct letter *letter = proofs_take(&fetcher->upstream.proofs);

	for (; letter != NULL; letter = proofs_take(&fetcher->upstream.proofs)) {
		struct errand *errand = (struct errand *)letter;

		errand_proved(errand, now_ms);
		follow(fetcher, errand, QUEUE_FRONT, now_ms);
	}
}

/* First bytes have come: whoever was not quick enough is broken off, whoever need not be overtaken leaves the queue. */
static void
settle_races(struct fetcher *fetcher, int64_t now_ms)
{
	struct errand *errand, *next;

	if (!fetcher->upstream.raced)
		return;
	fetcher->upstream.raced = false;
	fetcher->look_again = true;
	for (errand = TAILQ_FIRST(&fetcher->live); errand != NULL; errand = next) {
		next = TAILQ_NEXT(errand, link);
		errand_drop_lost(errand, now_ms);
		if (errand->is_queued && !errand_wants_transfer(errand))
			follow(fetcher, errand, QUEUE_FRONT, now_ms);
	}
}

static void
take_messages(struct fetcher *fetcher, int64_t now_ms)
{
	CURLMsg *message;
	int left;

	for (;;) {
		message = curl_multi_info_read(fetcher->upstream.multi, &left);
		if (message == NULL)
			return;
		if (message->msg == CURLMSG_DONE)
			end(fetcher, transfer_context(transfer_of(message->easy_handle)),
			        message->data.result, now_ms);
	}
}

/* The first that overstayed, or whose archive is not needed any more; NULL: there is none. */
static struct visit *
find_overdue(struct fetcher *fetcher, int64_t now_ms)
{
	struct visit *visit;

	TAILQ_FOREACH (visit, &fetcher->upstream.running, run)
		if (errand_is_moot(visit->errand) || transfer_is_overdue(visit->transfer, now_ms))
			return visit;
	return NULL;
}

/* From the start each time: the end of one may end another. */
static void
break_off(struct fetcher *fetcher, int64_t now_ms)
{
	struct visit *visit;

	for (;;) {
		visit = find_overdue(fetcher, now_ms);
		if (visit == NULL)
			return;
		end(fetcher, visit, CURLE_ABORTED_BY_CALLBACK, now_ms);
	}
}

static void
tick_one(struct fetcher *fetcher, struct errand *errand, int64_t now_ms)
{
	errand_tick(errand, now_ms);
	if (errand->state == ERRAND_OVER)
		close_errand(fetcher, errand);
	else if (errand_is_overtaken(errand, now_ms))
		enter_queue(fetcher, errand, QUEUE_FRONT, now_ms);
}

static void
tick(struct fetcher *fetcher, int64_t now_ms)
{
	struct errand *errand, *next;
	struct breaker_resting resting;

	if (now_ms - fetcher->ticked_at_ms < FLIGHT_WAKE_MS)
		return;
	fetcher->ticked_at_ms = now_ms;
	break_off(fetcher, now_ms);
	for (errand = TAILQ_FIRST(&fetcher->live); errand != NULL; errand = next) {
		next = TAILQ_NEXT(errand, link);
		tick_one(fetcher, errand, now_ms);
	}
	if (!TAILQ_EMPTY(&fetcher->queue.waited_for))
		fetcher->look_again = true; /* some may have waited long enough to ask elsewhere */
	resting = breaker_resting(fetcher->upstream.breaker, now_ms, FETCHER_SHORT_REST_MS);
	fetcher->figure_resting = resting.hosts;
	fetcher->figure_rests_over = resting.soon_over_at_ms;
}

/* What the next turn waits for at most, in milliseconds. */
static int
patience(const struct fetcher *fetcher, bool took_all)
{
	if (!took_all)
		return 0;
	return TAILQ_EMPTY(&fetcher->live) ? IDLE_POLL_MS : FLIGHT_WAKE_MS;
}

/* What can be done now, but for letters that are many; then waits for the network, the mailbox or the clock. */
static void
turn(struct fetcher *fetcher)
{
	int64_t now_ms = clock_ms();
	bool took_all = take_letters(fetcher);
	int handles;

	take_proofs(fetcher, now_ms);
	if (fetcher->look_again)
		begin_waiting(fetcher, now_ms);
	curl_multi_perform(fetcher->upstream.multi, &handles);
	now_ms = clock_ms();
	settle_races(fetcher, now_ms);
	take_messages(fetcher, now_ms);
	tick(fetcher, now_ms);
	if (fetcher->look_again)
		begin_waiting(fetcher, now_ms);

	fetcher->figure_transfers = fetcher->upstream.n_running;
	fetcher->figure_queued = fetcher->queue.n_waited_for;
	fetcher->last_turn_ms = now_ms;
	curl_multi_poll(fetcher->upstream.multi, NULL, 0, patience(fetcher, took_all), NULL);
}

/* What is under way and what is still in the mailbox, which takes nothing new any more. */
static void
fail_all(struct fetcher *fetcher)
{
	struct errand *errand;
	struct letter *letter;

	proofs_await(&fetcher->upstream.proofs);
	take_proofs(fetcher, clock_ms());
	while (!TAILQ_EMPTY(&fetcher->live)) {
		errand = TAILQ_FIRST(&fetcher->live);
		errand_break(errand);
		close_errand(fetcher, errand);
	}
	for (;;) {
		letter = mailbox_take(&fetcher->mailbox, 0);
		if (letter == NULL)
			return;
		errand = (struct errand *)letter;
		errand_break(errand);
		errand_close(errand);
	}
}

static void *
run(void *context)
{
	struct fetcher *fetcher = context;

	pthread_setname_np(pthread_self(), "fetcher");
	while (!fetcher->stopping)
		turn(fetcher);
	fail_all(fetcher);
	return NULL;
}
