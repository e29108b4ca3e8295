/*
 * The desk. Workers hand requests over and park them; clerks answer and wake them. A clerk must never touch what
 * the worker owns of a request before the wake, and nothing of it after.
 */
#include "server/http/desk.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "server/admin/metrics.h"
#include "server/http/reply.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"

struct desk_work {
	struct letter letter;
	struct request *request;
	api_fn *api;
	/* the clerk's until the wake, then the worker's */
	bool good;
	struct api_answer answer;
	struct err err;
};

struct desk {
	struct metrics *metrics;
	struct mailbox mailbox;
	_Atomic int64_t waiting; /* posted, and no clerk has them yet */
	_Atomic size_t text_bytes;
	pthread_t clerks[DESK_CLERKS];
	size_t n_clerks;
};

static void *clerk(void *context);

struct desk *
desk_create(struct metrics *metrics, struct err *err)
{
	struct desk *desk = xcalloc(1, sizeof *desk);

	desk->metrics = metrics;
	mailbox_init(&desk->mailbox);
	while (desk->n_clerks < DESK_CLERKS) {
		errno = pthread_create(&desk->clerks[desk->n_clerks], NULL, clerk, desk);
		if (errno != 0) {
			err_errno(err, "starting a thread for the API");
			desk_destroy(desk);
			return NULL;
		}
		desk->n_clerks++;
	}
	return desk;
}

void
desk_close(struct desk *desk)
{
	if (desk == NULL)
		return;
	mailbox_close(&desk->mailbox);
	while (desk->n_clerks > 0)
		pthread_join(desk->clerks[--desk->n_clerks], NULL);
}

void
desk_destroy(struct desk *desk)
{
	if (desk == NULL)
		return;
	desk_close(desk);
	mailbox_finish(&desk->mailbox);
	free(desk);
}

/* --- a clerk --- */

static void *
clerk(void *context)
{
	struct desk *desk = context;
	struct letter *letter;

	pthread_setname_np(pthread_self(), "clerk");
	for (letter = mailbox_take(&desk->mailbox, -1); letter != NULL;
	        letter = mailbox_take(&desk->mailbox, -1)) {
		struct desk_work *work = (struct desk_work *)(void *)letter;
		struct waiter *waiter = &work->request->waiter;

		atomic_fetch_sub(&desk->waiting, 1);
		work->good = work->api(work->request, &work->answer, &work->err);
		/* The request may be over and freed as soon as it is woken. */
		waiter->wake(waiter);
	}
	return NULL;
}

/* --- the worker's side --- */

static bool
has_room(struct desk *desk, struct err *err)
{
	if (atomic_fetch_add(&desk->waiting, 1) < DESK_WAITING_MAX)
		return true;
	atomic_fetch_sub(&desk->waiting, 1);
	metrics_add(desk->metrics, METRIC_LIMIT_DESK, 1);
	return err_set(err, ERR_OVERLOADED, "too many requests wait already; try again in a moment");
}

/* Parked before it is posted, since a clerk may wake it at once. */
static enum outcome
hand_over(struct desk *desk, struct request *request, api_fn *api)
{
	struct desk_work *work = xcalloc(1, sizeof *work);

	work->request = request;
	work->api = api;
	request->desk = work;
	request->waiter.park(&request->waiter);
	if (mailbox_post(&desk->mailbox, &work->letter))
		return PARKED;
	atomic_fetch_sub(&desk->waiting, 1);
	err_set(&work->err, ERR_STOPPING, "larder is stopping");
	request->waiter.wake(&request->waiter);
	return PARKED;
}

static enum outcome
answer(struct request *request, struct desk_work *work)
{
	json_t *json = work->answer.json;

	if (!work->good)
		return reply_error(request, &work->err);
	assert(work->answer.status != 0);
	request->location = work->answer.location;
	if (json == NULL)
		return reply_empty(request, work->answer.status);
	work->answer.json = NULL;
	return reply_json(request, work->answer.status, json);
}

enum outcome
desk_take(struct desk *desk, struct request *request, api_fn *api)
{
	struct err err = ERR_NONE;

	if (request->desk != NULL)
		return answer(request, request->desk);
	if (!has_room(desk, &err))
		return reply_error(request, &err);
	return hand_over(desk, request, api);
}

void
desk_forget(struct request *request)
{
	if (request->desk == NULL)
		return;
	json_decref(request->desk->answer.json);
	free(request->desk->answer.location);
	free(request->desk);
	request->desk = NULL;
}

/* --- memory for bodies --- */

bool
desk_hold_text(struct desk *desk, size_t bytes, struct err *err)
{
	if (atomic_fetch_add(&desk->text_bytes, bytes) + bytes <= DESK_TEXT_MAX)
		return true;
	atomic_fetch_sub(&desk->text_bytes, bytes);
	metrics_add(desk->metrics, METRIC_LIMIT_BODY_MEMORY, 1);
	return err_set(err, ERR_OVERLOADED, "too many requests with bodies at once; try again in a moment");
}

void
desk_release_text(struct desk *desk, size_t bytes)
{
	atomic_fetch_sub(&desk->text_bytes, bytes);
}
